package codeid

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

var (
	mutations = flag.Int("mutations", 0, "how many changes to try over all programs; 0 for a sample")
	public    = flag.Bool("public", false, "also over public programs, from the module proxy")
	tables    = flag.String("tables", "", "write the precision tables to this file")
)

// subject is a program whose cached functions are run by a test of its own.
type subject struct {
	name      string
	dir       string
	functions []string // by their names without the package
	files     []string // that may be changed, relative to dir
	env       []string

	baseline *Record
	graph    *graph
	results  map[string]string          // by function: what its sample printed
	executed map[string]map[string]bool // by function: "file:line" of the functions that its sample ran
}

// outcome counts what became of pairs of a change and a function.
type outcome struct {
	mutants                             int
	executedChanged, executedFallback   int
	untouchedKept, untouchedChanged     int
	untouchedFallback, resultsConfirmed int
}

// prepare runs the samples of the unchanged program.
func (s *subject) prepare(t *testing.T) {
	t.Helper()
	a, err := analyzeDir(t.Context(), s.dir)
	if err != nil || a.Problem != "" {
		t.Fatal(err, a)
	}
	s.baseline = a
	s.results, s.executed = map[string]string{}, map[string]map[string]bool{}
	binary := filepath.Join(t.TempDir(), "sample.test")
	s.goRun(t, "test", "-c", "-cover", "-coverpkg=./...", "-o", binary, ".")
	for _, fn := range s.functions {
		profile := filepath.Join(t.TempDir(), "profile")
		out, err := s.sample(t.Context(), binary, fn, "-test.coverprofile="+profile)
		if err != nil {
			t.Fatalf("%s: %v\n%s", fn, err, out)
		}
		s.results[fn] = out
		if s.executed[fn], err = s.ran(profile); err != nil {
			t.Fatal(err)
		}
	}
}

func (s *subject) environ() []string {
	return append(append(os.Environ(), "GOWORK=off", "GOFLAGS=-mod=mod -buildvcs=false"), s.env...)
}

func (s *subject) goRun(t *testing.T, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", args...)
	cmd.Dir, cmd.Env = s.dir, s.environ()
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("go %s: %v\n%s", args[0], err, out)
	}
}

// sample runs one function's sample and returns what it printed. A program that hangs has another result, too.
func (s *subject) sample(ctx context.Context, binary, fn string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, binary, append([]string{"-test.run=^TestSample$/^" + fn + "$", "-test.v"}, args...)...)
	cmd.Dir = s.dir
	out, err := cmd.CombinedOutput()
	var lines []string
	for line := range strings.Lines(string(out)) {
		if strings.HasPrefix(line, "SAMPLE ") {
			lines = append(lines, line)
		}
	}
	if err == nil && len(lines) == 0 {
		err = fmt.Errorf("no sample of %s ran", fn)
	}
	if err != nil {
		lines = append(lines, "failed\n")
	}
	return strings.Join(lines, ""), err
}

// ran returns where the functions begin of which a profile counts a statement.
func (s *subject) ran(profile string) (map[string]bool, error) {
	data, err := os.ReadFile(profile)
	if err != nil {
		return nil, err
	}
	begins, err := functionLines(s.dir, s.files)
	if err != nil {
		return nil, err
	}
	ran := map[string]bool{}
	for line := range strings.Lines(string(data)) {
		name, rest, ok := strings.Cut(line, ".go:")
		if !ok || strings.HasSuffix(strings.TrimSpace(rest), " 0") {
			continue
		}
		from, _ := strconv.Atoi(rest[:strings.IndexByte(rest, '.')])
		for _, b := range begins {
			if strings.HasSuffix(name+".go", "/"+b.file) && b.from <= from && from <= b.to {
				ran[fmt.Sprintf("%s:%d", b.file, b.from)] = true
			}
		}
	}
	return ran, nil
}

// try applies a mutant, analyses and, where an identity is kept, runs. It returns what it found wrong.
func (s *subject) try(t *testing.T, m mutant, analyze func(context.Context) (*Record, error), count *outcome) (wrong []string, compiled bool) {
	path := filepath.Join(s.dir, m.file)
	original, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := os.WriteFile(path, original, 0o600); err != nil {
			t.Fatal(err)
		}
	}()
	if err := os.WriteFile(path, []byte(m.text), 0o600); err != nil {
		t.Fatal(err)
	}
	after, err := analyze(t.Context())
	if err != nil {
		return nil, false // it does not compile
	}
	if after.Problem != "" {
		t.Fatal(after.Problem)
	}
	count.mutants++
	return s.judge(t, m, after, count), true
}

func (s *subject) judge(t *testing.T, m mutant, after *Record, count *outcome) (wrong []string) {
	binary := ""
	for _, fn := range s.functions {
		was, is := find(s.baseline, fn), find(after, fn)
		if was == nil || is == nil {
			t.Fatalf("%s is not cached", fn)
		}
		touched := !m.neutral && s.touches(m, fn)
		switch {
		case is.Identity == "" && touched:
			count.executedFallback++
		case is.Identity == "":
			count.untouchedFallback++
		case is.Identity != was.Identity && touched:
			count.executedChanged++
		case is.Identity != was.Identity:
			count.untouchedChanged++
			if m.neutral {
				wrong = append(wrong, fmt.Sprintf("%s: %s invalidates it", m, fn))
			}
		default:
			count.untouchedKept++
			if touched {
				wrong = append(wrong, fmt.Sprintf("%s: %s runs it and keeps its identity", m, fn))
				continue
			}
			if m.neutral {
				continue
			}
			if binary == "" {
				if binary = s.compile(t); !s.starts(t.Context(), binary) {
					return wrong // it panics before any function is called: no entry is ever asked for
				}
			}
			if result, _ := s.sample(t.Context(), binary, fn); result != s.results[fn] {
				wrong = append(wrong, fmt.Sprintf("%s: %s keeps its identity and has another result:\n%s%s", m, fn, s.results[fn], result))
			} else {
				count.resultsConfirmed++
			}
		}
	}
	return wrong
}

func (s *subject) compile(t *testing.T) string {
	binary := filepath.Join(t.TempDir(), "mutant.test")
	s.goRun(t, "test", "-c", "-vet=off", "-ldflags=-s -w", "-o", binary, ".")
	return binary
}

// starts reports whether the program gets through its initialisation.
func (s *subject) starts(ctx context.Context, binary string) bool {
	cmd := exec.CommandContext(ctx, binary, "-test.run=^$")
	cmd.Dir = s.dir
	return cmd.Run() == nil
}

// touches reports whether the function's sample executes what the mutant changes: the function by the profile; a
// variable, constant or type if a function that ran mentions it.
func (s *subject) touches(m mutant, fn string) bool {
	if m.function != "" {
		return s.executed[fn][m.function]
	}
	if m.object == "embedded" {
		return false // the results tell
	}
	for _, n := range s.graph.nodes {
		if n.kind == kindFunc && s.executed[fn][s.rel(n.place)] {
			for to := range reach([]*node{n}, func(_ *node, e edge) bool { return e.to.kind != kindFunc }) {
				if to.kind != kindFunc && filepath.Dir(s.rel(to.place))+"."+short(to.id)[strings.LastIndexByte(short(to.id), '.')+1:] == m.object {
					return true
				}
			}
		}
	}
	return false
}

// rel is a place relative to the subject's folder: places are relative to their module's.
func (s *subject) rel(place string) string {
	for _, f := range s.files {
		name, _, _ := strings.Cut(place, ":")
		if f == name {
			return place
		}
	}
	for _, prefix := range []string{"lib/"} {
		name, _, _ := strings.Cut(prefix+place, ":")
		if slices.Contains(s.files, name) {
			return prefix + place
		}
	}
	return place
}

// load keeps the baseline's graph, for touches.
func (s *subject) loadGraph(t *testing.T) {
	c := s.config()
	p, err := newProgram(t.Context(), &c)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.load(); err != nil {
		t.Fatal(err)
	}
	s.graph = p.build()
}

func (s *subject) config() Config {
	return Config{Dir: s.dir, Package: []string{"."}, Env: s.environ()}
}

// analyze is the analysis as it is.
func (s *subject) analyze(ctx context.Context) (*Record, error) {
	a, err := Analyze(ctx, s.config())
	if err != nil {
		return nil, err
	}
	return a.Record, nil
}

// with is the analysis with a hole: change takes something out of the graph.
func (s *subject) with(change func(*graph)) func(context.Context) (*Record, error) {
	return func(ctx context.Context) (*Record, error) {
		c := s.config()
		p, err := newProgram(ctx, &c)
		if err != nil {
			return nil, err
		}
		if err := p.load(); err != nil {
			return nil, err
		}
		r := &Record{Nodes: map[string]Node{}}
		g := p.build()
		change(g)
		p.fill(r, g)
		return r, nil
	}
}

func TestSoundness(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles and runs mutated programs")
	}
	n := *mutations
	if n == 0 {
		n = 24
	}
	subjects := subjectsInTree(t)
	if *public {
		subjects = append(subjects, publicSubjects(t)...)
	}
	report := map[string]map[string]*outcome{}
	for i, s := range subjects {
		share := n / len(subjects)
		report[s.name] = map[string]*outcome{}
		t.Run("K2 "+s.name, func(t *testing.T) { s.examine(t, share, uint64(i), report[s.name]) })
	}
	if *tables != "" {
		if err := os.WriteFile(*tables, precision(subjects, report), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("\n%s", precision(subjects, report))
}

func (s *subject) examine(t *testing.T, n int, seed uint64, report map[string]*outcome) {
	s.prepare(t)
	s.loadGraph(t)
	all, err := mutants(s.dir, s.files)
	if err != nil {
		t.Fatal(err)
	}
	done := 0
	for _, m := range pick(all, 3*n, seed) {
		if done == n {
			break
		}
		kind := strings.TrimPrefix(strings.TrimPrefix(m.kind, "function: "), "method: ")
		if report[kind] == nil {
			report[kind] = &outcome{}
		}
		wrong, compiled := s.try(t, m, s.analyze, report[kind])
		for _, w := range wrong {
			t.Error(w)
		}
		if compiled {
			done++
		}
	}
	if done < n/2 {
		t.Errorf("only %d of %d changes compiled", done, n)
	}
}

// precision writes the tables of docs/code-identity.md.
func precision(subjects []*subject, report map[string]map[string]*outcome) []byte {
	var b bytes.Buffer
	total := map[string]*outcome{}
	for _, kinds := range report {
		for kind, o := range kinds {
			if total[kind] == nil {
				total[kind] = &outcome{}
			}
			total[kind].add(o)
		}
	}
	row := func(name string, o *outcome) {
		fmt.Fprintf(&b, "| %s | %d | %d | %d | %s |\n", name, o.mutants, o.executedChanged+o.executedFallback, o.resultsConfirmed,
			percent(o.untouchedKept, o.untouchedKept+o.untouchedChanged+o.untouchedFallback))
	}
	head := "| changes | identity replaced where the sample runs what changed | results compared where it is kept | kept where the sample does not run it |\n|---|---:|---:|---:|---:|\n"
	b.WriteString("| kind of change " + head)
	sum := &outcome{}
	for _, kind := range slices.Sorted(maps.Keys(total)) {
		row(kind, total[kind])
		sum.add(total[kind])
	}
	row("**all**", sum)
	b.WriteString("\n| program " + head)
	for _, s := range subjects {
		own := &outcome{}
		for _, o := range report[s.name] {
			own.add(o)
		}
		row(s.name, own)
	}
	return b.Bytes()
}

func (o *outcome) add(other *outcome) {
	o.mutants += other.mutants
	o.executedChanged += other.executedChanged
	o.executedFallback += other.executedFallback
	o.untouchedKept += other.untouchedKept
	o.untouchedChanged += other.untouchedChanged
	o.untouchedFallback += other.untouchedFallback
	o.resultsConfirmed += other.resultsConfirmed
}

func percent(part, whole int) string {
	if whole == 0 {
		return "-"
	}
	return fmt.Sprintf("%d %%", (100*part+whole/2)/whole)
}

// TestPlantedHoles takes parts of the analysis away: the mutations have to find that.
func TestPlantedHoles(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles and runs mutated programs")
	}
	s := subjectsInTree(t)[1]
	s.prepare(t)
	s.loadGraph(t)
	all, err := mutants(s.dir, s.files)
	if err != nil {
		t.Fatal(err)
	}
	for _, hole := range []struct {
		name   string
		kinds  string
		change func(*graph)
	}{
		{"no initialisers", "initialiser's ", func(g *graph) { leaveOut(g, func(n *node) bool { return n.kind == kindVar }) }},
		{"no methods", "method: ", func(g *graph) {
			leaveOut(g, func(n *node) bool { return n.obj != nil && isMember(n.obj) })
		}},
		{"no constants", "constant's ", func(g *graph) { leaveOut(g, func(n *node) bool { return n.kind == kindConst }) }},
	} {
		t.Run(hole.name, func(t *testing.T) {
			analyze := s.with(hole.change)
			whole := s.baseline
			defer func() { s.baseline = whole }()
			if s.baseline, err = analyze(t.Context()); err != nil {
				t.Fatal(err)
			}
			var some []mutant
			for _, m := range all {
				if strings.HasPrefix(m.kind, hole.kinds) {
					some = append(some, m)
				}
			}
			for _, m := range pick(some, 12, 1) {
				if wrong, _ := s.try(t, m, analyze, &outcome{}); len(wrong) > 0 {
					return
				}
			}
			t.Error("no mutation found the hole")
		})
	}
}

// leaveOut takes what declarations say, and mention, out of the graph.
func leaveOut(g *graph, which func(*node) bool) {
	for _, n := range g.nodes {
		if which(n) {
			n.full, n.setup, n.edges = digest{}, digest{}, nil
		}
	}
	// A constant's value is also part of those who use it.
	for _, n := range g.nodes {
		if slices.ContainsFunc(n.edges, func(e edge) bool { return e.to.kind == kindConst && which(e.to) }) {
			n.full, n.setup = digest{}, digest{}
		}
	}
}
