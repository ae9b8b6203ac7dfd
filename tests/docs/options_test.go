package docs_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Each function of a package that returns an option has an example, which the package's documentation shows.
func TestEachOptionHasAnExample(t *testing.T) {
	for _, c := range []struct {
		dir     string
		returns *regexp.Regexp
		without map[string]string // and why
	}{
		{"adapter", regexp.MustCompile(`^(Option|DataOption|ResourceOption)$`), map[string]string{"WithRuntime": "most examples use it"}},
		{"httpcache", regexp.MustCompile(`^Option$`), map[string]string{"WithRuntime": "most examples use it", "Name": "ExamplePersist has it"}},
		{"lambda", regexp.MustCompile(`^(HTTPOption|httpcache\.Option)$`), nil},
	} {
		t.Run(c.dir, func(t *testing.T) {
			options, examples := functionsOf(t, c.dir, c.returns)
			if len(options) < 3 {
				t.Fatalf("only %d options were found", len(options))
			}
			for _, name := range options {
				if c.without[name] == "" && !examples["Example"+name] {
					t.Errorf("%s.%s has no Example%[2]s", c.dir, name)
				}
			}
		})
	}
}

// functionsOf returns the package's exported functions with such a result, and the names of its examples.
func functionsOf(t *testing.T, dir string, returns *regexp.Regexp) (options []string, examples map[string]bool) {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(root, dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	examples = map[string]bool{}
	for _, path := range paths {
		src, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, src, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range file.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok || f.Recv != nil || !f.Name.IsExported() {
				continue
			}
			if strings.HasSuffix(path, "_test.go") {
				examples[f.Name.Name] = true
			} else if r := f.Type.Results; r != nil && len(r.List) == 1 {
				result := r.List[0].Type
				if returns.Match(src[result.Pos()-file.FileStart : result.End()-file.FileStart]) {
					options = append(options, f.Name.Name)
				}
			}
		}
	}
	return options, examples
}
