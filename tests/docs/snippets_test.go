package docs_test

import (
	"errors"
	"fmt"
	"go/ast"
	"go/format"
	"go/parser"
	"go/token"
	"go/types"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/tools/go/packages"
)

// Each block of Go on each page compiles: whole files as they are, fragments with the prelude of their page.
func TestGoBlocksCompile(t *testing.T) {
	var blocks []block
	for _, p := range repositoryPages(t) {
		for _, b := range p.blocks {
			if b.lang == "go" {
				blocks = append(blocks, b)
			}
		}
	}
	if len(blocks) < 30 {
		t.Fatalf("only %d blocks of Go were found", len(blocks))
	}
	c, err := newCompiler(blocks)
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range blocks {
		if err := c.compile(b); err != nil {
			t.Errorf("%s: %v", b, err)
		}
	}
}

// wellKnown are the packages that a fragment need not import.
var wellKnown = func() map[string]string {
	names := map[string]string{}
	for _, p := range []string{
		"context", "errors", "fmt", "log", "log/slog", "net", "net/http", "os", "database/sql", "testing", "time", "encoding/json", "sync",
	} {
		names[path.Base(p)] = p
	}
	for _, p := range []string{"adapter", "adapter/adaptertest", "lambda", "httpcache", "telemetry/emf", "telemetry/otel", "localdev/runner", "backends/s3"} {
		names[path.Base(p)] = "github.com/stillwarm/stillwarm/" + p
	}
	names["events"] = "github.com/aws/aws-lambda-go/events"
	return names
}()

// A compiler type-checks blocks against the packages that they import.
type compiler struct {
	fset     *token.FileSet
	packages map[string]*types.Package
}

// newCompiler loads what the blocks import. Blocks that cannot be parsed are left to compile.
func newCompiler(blocks []block) (*compiler, error) {
	c := &compiler{fset: token.NewFileSet(), packages: map[string]*types.Package{"unsafe": types.Unsafe}}
	var paths []string
	for _, b := range blocks {
		files, _, err := c.parse(b)
		if err != nil {
			continue
		}
		for _, i := range files.Imports {
			p, _ := strconv.Unquote(i.Path.Value)
			paths = append(paths, p)
		}
	}
	slices.Sort(paths)
	loaded, err := packages.Load(&packages.Config{Mode: packages.NeedName | packages.NeedTypes, Dir: root + "/tests"}, slices.Compact(paths)...)
	if err != nil {
		return nil, err
	}
	for _, p := range loaded {
		if len(p.Errors) == 0 && p.Types != nil {
			c.packages[p.PkgPath] = p.Types
		}
	}
	return c, nil
}

// Import implements types.Importer.
func (c *compiler) Import(path string) (*types.Package, error) {
	if p := c.packages[path]; p != nil {
		return p, nil
	}
	return nil, fmt.Errorf("package %s is not to be had by the module of the tests", path)
}

// compile returns what a compiler would say. A fragment may declare what it does not use.
func (c *compiler) compile(b block) error {
	file, whole, err := c.parse(b)
	if err != nil {
		return err
	}
	if whole && (b.page == "docs/start.md" || strings.HasPrefix(b.page, "docs/recipes/")) {
		return formatted(b.text) // compiled where it is run, with the file above it: TestRecipes, TestFromAnEmptyFolder
	}
	if whole {
		if err := formatted(b.text); err != nil {
			return err
		}
	}
	var errs []error
	conf := types.Config{Importer: c, Error: func(err error) {
		var e types.Error
		if errors.As(err, &e) && e.Soft && !whole {
			return
		}
		errs = append(errs, err)
	}}
	_, _ = conf.Check("example.com/"+file.Name.Name, c.fset, []*ast.File{file}, nil)
	return errors.Join(errs...)
}

// formatted returns an error for a file that is not as gofmt writes it.
func formatted(file string) error {
	if f, err := format.Source([]byte(file)); err != nil || string(f) != file {
		return errors.New("it is not formatted: gofmt")
	}
	return nil
}

var (
	wholeFile   = regexp.MustCompile(`(?m)^package \w+`)
	importBlock = regexp.MustCompile(`(?ms)^import (?:\(.*?^\)|[^(\n]*)$`)
)

// parse returns the block as a file, and whether it is one as it stands.
func (c *compiler) parse(b block) (*ast.File, bool, error) {
	if wholeFile.MatchString(b.text) {
		f, err := parser.ParseFile(c.fset, b.String(), b.text, parser.SkipObjectResolution)
		return f, true, err
	}
	given := b.prelude + "\n" + b.text
	imports := strings.Join(importBlock.FindAllString(given, -1), "\n")
	prelude, body := importBlock.ReplaceAllString(b.prelude, ""), importBlock.ReplaceAllString(b.text, "")
	head := "package page\n" + imports
	declarations := "\n" + prelude + "\n" + body
	f, err := parser.ParseFile(c.fset, b.String(), head+declarations, 0)
	if err != nil {
		declarations = "\n" + prelude + "\n" + separate(body)
		if f, err = parser.ParseFile(c.fset, b.String(), head+declarations, 0); err != nil {
			return nil, false, err
		}
	}
	for name, p := range wellKnown {
		if usesPackage(f, name) {
			head += "\nimport " + strconv.Quote(p)
		}
	}
	f, err = parser.ParseFile(c.fset, b.String(), head+declarations, parser.SkipObjectResolution)
	return f, false, err
}

// separate puts the statements of a fragment into a function that has a ctx. Statements and declarations are told apart
// where blank lines divide them.
func separate(body string) string {
	var declarations, statements []string
	for part := range strings.SplitSeq(body, "\n\n") {
		if f, err := parser.ParseFile(token.NewFileSet(), "", "package p\n"+part, 0); err == nil && !onlyVariables(f) {
			declarations = append(declarations, part)
		} else {
			statements = append(statements, part)
		}
	}
	return strings.Join(declarations, "\n\n") + "\nfunc _(ctx context.Context) {\n" + strings.Join(statements, "\n\n") + "\n}\n"
}

// onlyVariables reports whether the file could be statements as well.
func onlyVariables(f *ast.File) bool {
	return !slices.ContainsFunc(f.Decls, func(d ast.Decl) bool {
		g, ok := d.(*ast.GenDecl)
		return !ok || g.Tok != token.VAR && g.Tok != token.CONST
	})
}

// usesPackage reports whether the file selects from a name that it neither declares nor imports.
func usesPackage(f *ast.File, name string) bool {
	for _, i := range f.Imports {
		p, _ := strconv.Unquote(i.Path.Value)
		if i.Name == nil && path.Base(p) == name || i.Name != nil && i.Name.Name == name {
			return false
		}
	}
	return slices.ContainsFunc(f.Unresolved, func(id *ast.Ident) bool { return id.Name == name })
}
