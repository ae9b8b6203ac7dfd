package codeid

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"
)

type lines struct {
	file     string
	from, to int
}

// functionLines returns where the functions of the files begin and end.
func functionLines(dir string, files []string) ([]lines, error) {
	var all []lines
	for _, name := range files {
		if filepath.Ext(name) != ".go" {
			continue
		}
		fset := token.NewFileSet()
		f, err := parser.ParseFile(fset, filepath.Join(dir, name), nil, 0)
		if err != nil {
			return nil, err
		}
		for _, d := range f.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok {
				all = append(all, lines{name, fset.Position(fn.Pos()).Line, fset.Position(fn.End()).Line})
			}
		}
	}
	return all, nil
}

// subjectsInTree are the demo and the programs of testdata/soundness.
func subjectsInTree(t *testing.T) []*subject {
	t.Helper()
	subjects := []*subject{demoSubject(t)}
	names, err := filepath.Glob("testdata/soundness/*.txtar")
	if err != nil || len(names) == 0 {
		t.Fatal("no programs", err)
	}
	for _, name := range names {
		a, err := txtar.ParseFile(name)
		if err != nil {
			t.Fatal(err)
		}
		s := &subject{name: strings.TrimSuffix(filepath.Base(name), ".txtar"), dir: t.TempDir(), env: []string{"GOPROXY=off"}}
		lay(t, s.dir, a.Files)
		s.functions = strings.Fields(string(a.Comment)[strings.Index(string(a.Comment), "functions:")+len("functions:"):])
		s.files = filesOf(t, s.dir)
		subjects = append(subjects, s)
	}
	return subjects
}

const demoSample = `package main

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/stillwarm/stillwarm/adapter"
)

func TestSample(t *testing.T) {
	resamples = 1000
	say := func(name string, v any, err error) {
		data, _ := json.Marshal(v)
		fmt.Println("SAMPLE", name, string(data), err)
	}
	t.Run("summarize", func(t *testing.T) { v, err := summaries.Get(t.Context(), monthOfYear{2014, 7}); say("summarize", v, err) })
	t.Run("makeUpMonths", func(t *testing.T) {
		v, err := rainyDays.Get(t.Context(), 7)
		v.ComputedAt, v.ComputedIn = time.Time{}, 0
		say("makeUpMonths", v, err)
	})
	t.Run("askStation", func(t *testing.T) { v, err := failing.Get(t.Context(), adapter.None{}); say("askStation", v, err) })
}
`

// demoSubject is a copy of the demo, as a module of its own.
func demoSubject(t *testing.T) *subject {
	t.Helper()
	s := &subject{name: "demo", dir: t.TempDir(), env: []string{"GOPROXY=off"}, functions: []string{"summarize", "makeUpMonths", "askStation"}}
	from := "../../../../lambda/demo"
	entries, err := os.ReadDir(from)
	if err != nil {
		t.Fatal(err)
	}
	files := []txtar.File{{Name: "sample_test.go", Data: []byte(demoSample)}}
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), "_test.go") || e.IsDir() || filepath.Ext(e.Name()) == ".md" {
			continue
		}
		data, err := os.ReadFile(filepath.Join(from, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		// Without the clients of Redis and S3, which take most of the time to link and run no code of the samples.
		text := strings.ReplaceAll(string(data), `_ "github.com/stillwarm/stillwarm/backends/all" // every`, "// every")
		files = append(files, txtar.File{Name: e.Name(), Data: []byte(text)})
	}
	lay(t, s.dir, files)
	s.files = filesOf(t, s.dir)
	return s
}

// filesOf lists the files of a program that may be changed.
func filesOf(t *testing.T, dir string) []string {
	t.Helper()
	var files []string
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(dir, path)
		switch ext := filepath.Ext(path); {
		case d.IsDir() && (d.Name() == "testdata" || d.Name() == "cmd" || d.Name() == "internal" && strings.HasPrefix(rel, "lib")):
			return filepath.SkipDir
		case d.IsDir() || strings.HasSuffix(path, "_test.go"):
		case ext == ".go" || !strings.HasPrefix(rel, "lib") && (ext == ".txt" || ext == ".csv" || ext == ".html" || ext == ".tmpl"):
			files = append(files, filepath.ToSlash(rel))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// publicModule is a module from the proxy whose functions are wrapped by a program that is made for it.
type publicModule struct {
	path, version string
	driver        string // main.go, without its package line
	samples       map[string]string
}

// publicSubjects downloads the modules and lays them out as code of the user's.
func publicSubjects(t *testing.T) []*subject {
	t.Helper()
	var subjects []*subject
	for _, m := range publicModules {
		out, err := exec.CommandContext(t.Context(), "go", "mod", "download", "-json", m.path+"@"+m.version).Output()
		var info struct{ Dir string }
		if err == nil {
			err = json.Unmarshal(out, &info)
		}
		if err != nil {
			t.Fatalf("%s: %v: %s", m.path, err, out)
		}
		subjects = append(subjects, m.subject(t, info.Dir))
	}
	return subjects
}

func (m publicModule) subject(t *testing.T, from string) *subject {
	t.Helper()
	s := &subject{name: m.path, dir: t.TempDir()}
	sample := "package main\n\nimport (\n\t\"encoding/json\"\n\t\"fmt\"\n\t\"testing\"\n)\n\nfunc TestSample(t *testing.T) {\n"
	for name, call := range m.samples {
		s.functions = append(s.functions, name)
		sample += "\tt.Run(\"" + name + "\", func(t *testing.T) {\n\t\tv, err := " + call + "\n\t\tdata, _ := json.Marshal(v)\n" +
			"\t\tfmt.Println(\"SAMPLE\", string(data), err)\n\t})\n"
	}
	files := []txtar.File{{Name: "main.go", Data: []byte("package main\n" + m.driver)}, {Name: "sample_test.go", Data: []byte(sample + "}\n")}}
	files = append(files, txtar.File{
		Name: "append go.mod", Data: []byte("\nrequire " + m.path + " " + m.version + "\n\nreplace " + m.path + " => ./lib\n"),
	})
	lay(t, s.dir, files)
	if err := os.CopyFS(filepath.Join(s.dir, "lib"), os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
	makeWritable(t, s.dir)
	if _, err := os.Stat(filepath.Join(s.dir, "lib", "go.mod")); err != nil { // from before modules
		if err := writeFile(filepath.Join(s.dir, "lib", "go.mod"), "module "+m.path+"\n\ngo 1.21\n"); err != nil {
			t.Fatal(err)
		}
	}
	s.files = s.linkedFiles(t)
	return s
}

func makeWritable(t *testing.T, dir string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			return os.Chmod(path, 0o700)
		}
		return os.Chmod(path, 0o600)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// linkedFiles lists the source files that the program is made of.
func (s *subject) linkedFiles(t *testing.T) []string {
	t.Helper()
	c := s.config()
	all, err := c.list(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var files []string
	for _, p := range all {
		for _, f := range p.GoFiles {
			if rel, err := filepath.Rel(s.dir, filepath.Join(p.Dir, f)); err == nil && !strings.HasPrefix(rel, "..") {
				files = append(files, filepath.ToSlash(rel))
			}
		}
	}
	return files
}

const driverHead = `
import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/stillwarm/stillwarm/adapter"
	"github.com/stillwarm/stillwarm/lambda"
`

const driverTail = `
var (
	_ = fmt.Sprint
	_ = strings.ToUpper
	_ = time.Now
)
`

// publicModules are small public libraries that many functions use.
var publicModules = []publicModule{
	{
		path: "github.com/Masterminds/semver/v3", version: "v3.5.0",
		driver: driverHead + `	"github.com/Masterminds/semver/v3"
)
` + driverTail + `
var (
	satisfied = adapter.CacheData(satisfy)
	bumped    = adapter.CacheData(bump)
)

type question struct{ Constraint, Version string }

func satisfy(ctx context.Context, q question) (bool, error) {
	c, err := semver.NewConstraint(q.Constraint)
	if err != nil {
		return false, err
	}
	v, err := semver.NewVersion(q.Version)
	if err != nil {
		return false, err
	}
	return c.Check(v), nil
}

func bump(ctx context.Context, s string) (string, error) {
	v, err := semver.StrictNewVersion(s)
	if err != nil {
		return "", err
	}
	next := v.IncMinor()
	return next.String(), nil
}

func main() { lambda.Start(satisfied.Get) }
`,
		samples: map[string]string{
			"satisfy": `satisfied.Get(t.Context(), question{"^1.2 || >= 3.1, < 4", "3.4.5-beta.1"})`,
			"bump":    `bumped.Get(t.Context(), "1.2.3")`,
		},
	},
	{
		path: "github.com/BurntSushi/toml", version: "v1.6.0",
		driver: driverHead + `	"github.com/BurntSushi/toml"
)
` + driverTail + `
var (
	read    = adapter.CacheData(decode)
	written = adapter.CacheData(encode)
)

type document struct {
	Title string
	Owner struct {
		Name string
		Born time.Time
	}
	Ports []int
}

func decode(ctx context.Context, text string) (document, error) {
	var d document
	_, err := toml.Decode(text, &d)
	return d, err
}

func encode(ctx context.Context, ports []int) (string, error) {
	var b strings.Builder
	err := toml.NewEncoder(&b).Encode(document{Title: "ports", Ports: ports})
	return b.String(), err
}

func main() { lambda.Start(read.Get) }
`,
		samples: map[string]string{
			"decode": "read.Get(t.Context(), \"Title = 'x'\\nPorts = [1, 0x2]\\n[Owner]\\nName = \\\"n\\\\u00e9\\\"\\nBorn = 1979-05-27T07:32:00Z\\n\")",
			"encode": "written.Get(t.Context(), []int{80, 443})",
		},
	},
	{
		path: "github.com/dustin/go-humanize", version: "v1.1.0",
		driver: driverHead + `	"github.com/dustin/go-humanize"
)
` + driverTail + `
var (
	sizes   = adapter.CacheData(size)
	numbers = adapter.CacheData(number)
	ages    = adapter.CacheData(age)
)

func size(ctx context.Context, s string) (string, error) {
	n, err := humanize.ParseBytes(s)
	return humanize.IBytes(n), err
}

func number(ctx context.Context, f float64) (string, error) {
	return humanize.FormatFloat("#,###.##", f) + humanize.Ordinal(int(f)) + humanize.SI(f, "B"), nil
}

func age(ctx context.Context, seconds int) (string, error) {
	then := time.Unix(0, 0)
	return humanize.RelTime(then, then.Add(time.Duration(seconds)*time.Second), "earlier", "later"), nil
}

func main() { lambda.Start(sizes.Get) }
`,
		samples: map[string]string{
			"size": `sizes.Get(t.Context(), "42.5 MB")`, "number": `numbers.Get(t.Context(), 12345.678)`, "age": `ages.Get(t.Context(), 100000)`,
		},
	},
	{
		path: "github.com/russross/blackfriday/v2", version: "v2.1.0",
		driver: driverHead + `	blackfriday "github.com/russross/blackfriday/v2"
)
` + driverTail + `
var (
	pages    = adapter.CacheData(page)
	outlines = adapter.CacheData(outline)
)

func page(ctx context.Context, text string) (string, error) { return string(blackfriday.Run([]byte(text))), nil }

func outline(ctx context.Context, text string) ([]string, error) {
	var kinds []string
	blackfriday.New().Parse([]byte(text)).Walk(func(n *blackfriday.Node, entering bool) blackfriday.WalkStatus {
		kinds = append(kinds, n.Type.String())
		return blackfriday.GoToNext
	})
	return kinds, nil
}

func main() { lambda.Start(pages.Get) }
`,
		samples: map[string]string{
			"page":    "pages.Get(t.Context(), \"# Title\\n\\nSome *text* with `code`, [a link](http://x.y) and\\n\\n* one\\n* two\\n\\n| a | b |\\n|---|---|\\n| 1 | 2 |\\n\")",
			"outline": "outlines.Get(t.Context(), \"# Title\\n\\n1. one\\n2. two\\n\")",
		},
	},
	{
		path: "github.com/robfig/cron/v3", version: "v3.0.1",
		driver: driverHead + `	"github.com/robfig/cron/v3"
)
` + driverTail + `
var nexts = adapter.CacheData(next)

func next(ctx context.Context, spec string) (time.Time, error) {
	s, err := cron.ParseStandard(spec)
	if err != nil {
		return time.Time{}, err
	}
	return s.Next(time.Unix(1700000000, 0).UTC()), nil
}

func main() { lambda.Start(nexts.Get) }
`,
		samples: map[string]string{"next": `nexts.Get(t.Context(), "*/15 3-5 * * MON")`},
	},
	{
		path: "github.com/expr-lang/expr", version: "v1.17.8",
		driver: driverHead + `	"github.com/expr-lang/expr"
)
` + driverTail + `
var values = adapter.CacheData(evaluate)

func evaluate(ctx context.Context, text string) (string, error) {
	p, err := expr.Compile(text, expr.Env(map[string]any{"xs": []int{1, 2, 3}}))
	if err != nil {
		return "", err
	}
	v, err := expr.Run(p, map[string]any{"xs": []int{1, 2, 3}})
	return fmt.Sprint(v), err
}

func main() { lambda.Start(values.Get) }
`,
		samples: map[string]string{"evaluate": `values.Get(t.Context(), "sum(filter(xs, # > 1)) + len('abc') * 2")`},
	},
}
