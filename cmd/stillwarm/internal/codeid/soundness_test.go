package codeid

import (
	"context"
	"fmt"
	"go/types"
	"maps"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// subject is a program whose cached functions are run by a test of its own.
type subject struct {
	name      string
	dir       string
	functions []string // by their names without the package
	files     []string // that may be changed, relative to dir
	callers   []string // functions that only call cached ones for the samples: they are not changed
	env       []string
	covered   string // more packages than the program's own module has, as -coverpkg takes them

	left     []mutant // that are to be tried
	tried    int
	loaded   *program // the unchanged program: no change adds an import, so what go list says of it holds for all
	baseline *Record
	graph    *graph
	results  map[string]string          // by function: what its sample printed
	executed map[string]map[string]bool // by function: "file:line" of the functions that its sample ran
}

// prepare runs the samples of the unchanged program.
func (s *subject) prepare(t *testing.T) {
	t.Helper()
	s.load(t)
	results := map[string]string{}
	s.executed = map[string]map[string]bool{}
	binary := filepath.Join(t.TempDir(), "sample.test")
	s.goRun(t, "test", "-c", "-cover", "-coverpkg=./..."+s.covered, "-o", binary, ".")
	for _, fn := range s.functions {
		profile := filepath.Join(t.TempDir(), "profile")
		out, err := s.sample(t.Context(), binary, fn, "-test.coverprofile="+profile)
		if err != nil {
			t.Fatalf("%s: %v\n%s", fn, err, out)
		}
		results[fn] = out
		if s.executed[fn], err = s.ran(profile); err != nil {
			t.Fatal(err)
		}
	}
	s.results = results
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
	folders := map[string]string{} // by import path, relative to the program's
	for _, u := range s.graph.units {
		folders[u.path] = s.relative(u.Dir)
	}
	ran := map[string]bool{}
	for line := range strings.Lines(string(data)) {
		name, rest, ok := strings.Cut(line, ".go:")
		if !ok || strings.HasSuffix(strings.TrimSpace(rest), " 0") {
			continue
		}
		from, _ := strconv.Atoi(rest[:strings.IndexByte(rest, '.')])
		file := path.Join(folders[path.Dir(name)], path.Base(name)+".go")
		for _, b := range begins {
			if b.file == file && b.from <= from && from <= b.to {
				ran[fmt.Sprintf("%s:%d", b.file, b.from)] = true
			}
		}
	}
	return ran, nil
}

// try applies a mutant, analyses and, where an identity is kept, runs. It returns what it found wrong.
func (s *subject) try(t *testing.T, m mutant, analyze func(context.Context) (*Record, error), count *outcome) (wrong []string, compiled bool) {
	name := filepath.Join(s.dir, m.file)
	original, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := os.WriteFile(name, original, 0o600); err != nil {
			t.Fatal(err)
		}
	}()
	if err := os.WriteFile(name, []byte(m.text), 0o600); err != nil {
		t.Fatal(err)
	}
	after, err := analyze(t.Context())
	if err != nil {
		return nil, false // it does not compile
	}
	if after.Problem != "" {
		t.Fatal(after.Problem)
	}
	count.Mutants++
	return s.judge(t, m, after, count), true
}

func (s *subject) judge(t *testing.T, m mutant, after *Record, count *outcome) (wrong []string) {
	binary := ""
	for _, fn := range s.functions {
		was, is := find(s.baseline, fn), find(after, fn)
		if was == nil {
			t.Fatalf("%s is not cached", fn)
		}
		if is == nil { // the change wraps another function: nothing asks for entries of this name
			count.ExecutedChanged++
			continue
		}
		if was.Identity == "" { // no change can be missed: every build invalidates it
			count.OwnNone++
			continue
		}
		touched := !m.neutral && s.touches(m, fn)
		switch {
		case is.Identity == "" && touched:
			count.ExecutedFallback++
		case is.Identity == "":
			count.UntouchedFallback++
		case is.Identity != was.Identity && touched:
			count.ExecutedChanged++
		case is.Identity != was.Identity:
			count.UntouchedChanged++
			if m.neutral {
				wrong = append(wrong, fmt.Sprintf("%s: %s invalidates it", m, fn))
			}
		default:
			count.UntouchedKept++
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
				count.ResultsConfirmed++
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
	if m.object == unseen {
		return false
	}
	for _, n := range s.graph.nodes {
		if n.kind == kindFunc && s.executed[fn][s.rel(n)] {
			for to := range reach([]*node{n}, func(_ *node, e edge) bool { return e.to.kind != kindFunc }) {
				if to.kind != kindFunc && s.relative(to.unit.Dir)+"."+short(to.id)[strings.LastIndexByte(short(to.id), '.')+1:] == m.object {
					return true
				}
			}
		}
	}
	return false
}

// rel is where a declaration is, "file:line", relative to the subject's folder.
func (s *subject) rel(n *node) string {
	return path.Join(s.relative(n.unit.Dir), path.Base(n.place))
}

func (s *subject) relative(dir string) string {
	rel, err := filepath.Rel(s.dir, dir)
	if err != nil {
		return dir
	}
	return filepath.ToSlash(rel)
}

// load analyses the unchanged program and keeps what touches and analyze need.
func (s *subject) load(t *testing.T) {
	t.Helper()
	a, err := Analyze(t.Context(), s.config())
	if err != nil || a.Record.Problem != "" {
		t.Fatal(err, a)
	}
	s.baseline = a.Record
	c := s.config()
	if s.loaded, err = newProgram(t.Context(), &c); err != nil {
		t.Fatal(err)
	}
	if err := s.loaded.load(); err != nil {
		t.Fatal(err)
	}
	s.graph = s.loaded.build()
}

func (s *subject) config() Config {
	return Config{Dir: s.dir, Package: []string{"."}, Env: s.environ()}
}

// reload reads the changed program. What go list says and the types of packages that are taken whole are those of the
// unchanged one. An error says that it does not compile.
func (s *subject) reload() (*program, error) {
	p := &program{
		config: s.loaded.config, env: s.loaded.env, all: s.loaded.all, byPath: map[string]*listed{}, fset: s.loaded.fset,
		unitOf: map[*types.Package]*unit{}, packages: maps.Clone(s.loaded.packages),
	}
	for _, u := range s.loaded.units {
		delete(p.packages, u.path)
	}
	return p, p.load()
}

// analyze is the analysis as it is, but for the listing.
func (s *subject) analyze(context.Context) (*Record, error) {
	p, err := s.reload()
	if err != nil {
		return nil, err
	}
	sources, err := p.sources()
	if err != nil {
		return nil, err
	}
	a, err := p.finish(sources, nil)
	if err != nil {
		return nil, err
	}
	return a.Record, nil
}

// whole is the analysis as it is.
func (s *subject) whole(ctx context.Context) (*Record, error) {
	a, err := Analyze(ctx, s.config())
	if err != nil {
		return nil, err
	}
	return a.Record, nil
}

// with is the analysis with a hole: change takes something out of the graph.
func (s *subject) with(change func(*graph)) func(context.Context) (*Record, error) {
	return func(context.Context) (*Record, error) {
		p, err := s.reload()
		if err != nil {
			return nil, err
		}
		r := &Record{Nodes: map[string]Node{}}
		g := p.build()
		change(g)
		p.fill(r, g)
		return r, nil
	}
}
