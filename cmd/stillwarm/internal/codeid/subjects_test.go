package codeid

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"
)

type lines struct {
	file, name string
	from, to   int
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
				all = append(all, lines{name, fn.Name.Name, fset.Position(fn.Pos()).Line, fset.Position(fn.End()).Line})
			}
		}
	}
	return all, nil
}

// subjectsInTree are the demo, the examples and the programs of testdata/soundness.
func subjectsInTree(t *testing.T) []*subject {
	t.Helper()
	subjects := []*subject{demoSubject(t), exampleSubject(t)}
	names, err := filepath.Glob("testdata/soundness/*.txtar")
	if err != nil || len(names) == 0 {
		t.Fatal("no programs", err)
	}
	for _, name := range names {
		subjects = append(subjects, subjectIn(t, strings.TrimSuffix(filepath.Base(name), ".txtar")))
	}
	return subjects
}

// subjectIn is a program of testdata/soundness.
func subjectIn(t *testing.T, name string) *subject {
	t.Helper()
	a, err := txtar.ParseFile(filepath.Join("testdata/soundness", name+".txtar"))
	if err != nil {
		t.Fatal(err)
	}
	s := &subject{name: name, dir: t.TempDir(), env: []string{"GOPROXY=off"}}
	lay(t, s.dir, a.Files)
	s.functions = strings.Fields(string(a.Comment)[strings.Index(string(a.Comment), "functions:")+len("functions:"):])
	s.files = filesOf(t, s.dir)
	return s
}

const exampleMain = `package main

import (
	"example.com/trap/handlers"
	"example.com/trap/prices"
	"example.com/trap/shop"

	"github.com/stillwarm/stillwarm/lambda"
)

var _ = prices.ExampleCacheData

var _ = handlers.ExampleCacheHandler

func main() { lambda.Start(shop.Label) }
`

const exampleSample = `package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"

	"example.com/trap/handlers"
	"example.com/trap/prices"
	"example.com/trap/shop"
)

type upstream struct{}

func (upstream) Price(_ context.Context, item string) (int, error) { return 100 * len(item), nil }

func printed(t *testing.T, example func()) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout := os.Stdout
	os.Stdout = w
	example()
	os.Stdout = stdout
	w.Close()
	text, _ := io.ReadAll(r)
	fmt.Println("SAMPLE", strings.ReplaceAll(string(text), "\n", " / "))
}

func TestSample(t *testing.T) {
	t.Run("fetchPrice", func(t *testing.T) {
		label, err := shop.Label(shop.WithUpstream(t.Context(), upstream{}), "pear")
		fmt.Println("SAMPLE", label, err)
	})
	t.Run("fetchQuote", func(t *testing.T) { printed(t, prices.ExampleCacheData) })
	t.Run("example.handler", func(t *testing.T) { printed(t, handlers.ExampleCacheHandler) })
}
`

// exampleSubject is a program of the examples: those of package adapter, of package lambda, and examples/testing.
func exampleSubject(t *testing.T) *subject {
	t.Helper()
	s := &subject{
		name: "examples", dir: t.TempDir(), env: []string{"GOPROXY=off"},
		functions: []string{"fetchPrice", "fetchQuote", "example.handler"},
		callers:   []string{"Label", "ExampleCacheData", "ExampleCacheHandler"},
	}
	files := []txtar.File{{Name: "main.go", Data: []byte(exampleMain)}, {Name: "sample_test.go", Data: []byte(exampleSample)}}
	for name, from := range map[string]string{
		"prices/prices.go": "adapter/example_test.go", "handlers/handlers.go": "lambda/example_test.go", "shop/shop.go": "examples/testing/shop/shop.go",
	} {
		data, err := os.ReadFile(filepath.Join("../../../..", from))
		if err != nil {
			t.Fatal(err)
		}
		_, rest, _ := strings.Cut("\n"+string(data), "\npackage ")
		_, rest, _ = strings.Cut(rest, "\n")
		files = append(files, txtar.File{Name: name, Data: []byte("package " + filepath.Dir(name) + "\n" + rest)})
	}
	lay(t, s.dir, files)
	s.files = filesOf(t, s.dir)
	return s
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
