package codeid

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"golang.org/x/tools/go/gcexportdata"
)

// unit is an analysed package.
type unit struct {
	*listed
	path    string // without the suffix of a build for a profile
	files   []*ast.File
	names   []string // the files' paths
	pkg     *types.Package
	info    *types.Info
	foreign string // what of it is no Go, or ""
	unsafe  string // the place where it imports unsafe, or ""
}

// program is everything that is linked, the analysed packages with their syntax and types.
type program struct {
	config   *Config
	env      map[string]string
	all      []*listed
	byPath   map[string]*listed
	fset     *token.FileSet
	units    []*unit // in the order of their dependence
	unitOf   map[*types.Package]*unit
	packages map[string]*types.Package
	main     *listed
}

// cleanPath removes what go list appends to the path of a package that is built once more for a profile.
func cleanPath(path string) string {
	path, _, _ = strings.Cut(path, " ")
	return path
}

// load type-checks the analysed packages from source and the others from what the compiler exported.
func (p *program) load() error {
	user := partition(p.all)
	for _, l := range p.all {
		p.byPath[l.ImportPath] = l
		if user[l.ImportPath] {
			u := &unit{listed: l, path: cleanPath(l.ImportPath), foreign: l.foreign()}
			p.units = append(p.units, u)
		}
		if !l.DepOnly {
			if p.main != nil {
				return errors.New("several packages are named; build one at a time")
			}
			p.main = l
		}
	}
	if p.main == nil || p.main.Name != "main" {
		return errors.New("the package is no program: it must be package main")
	}
	if err := p.parse(); err != nil {
		return err
	}
	for _, u := range p.units {
		if err := p.check(u); err != nil {
			return err
		}
	}
	return nil
}

// parse reads the syntax of all analysed packages side by side.
func (p *program) parse() error {
	var wait sync.WaitGroup
	errs := make([]error, len(p.units))
	for i, u := range p.units {
		u.names = u.parsed()
		u.files = make([]*ast.File, len(u.names))
		wait.Go(func() {
			for j, name := range u.names {
				f, err := parser.ParseFile(p.fset, name, nil, parser.ParseComments|parser.SkipObjectResolution)
				if err != nil {
					errs[i] = err
					return
				}
				u.files[j] = f
			}
		})
	}
	wait.Wait()
	return errors.Join(errs...)
}

func (p *program) check(u *unit) error {
	u.info = &types.Info{
		Types: map[ast.Expr]types.TypeAndValue{}, Instances: map[*ast.Ident]types.Instance{},
		Defs: map[*ast.Ident]types.Object{}, Uses: map[*ast.Ident]types.Object{},
		Implicits: map[ast.Node]types.Object{}, Selections: map[*ast.SelectorExpr]*types.Selection{},
		FileVersions: map[*ast.File]string{},
	}
	version := "go1.21" // what the toolchain assumes of a module without a go line is older; no module that imports ours is
	if u.Module != nil && u.Module.GoVersion != "" {
		version = "go" + u.Module.GoVersion
	} else if u.Module == nil {
		version = ""
	}
	conf := types.Config{
		GoVersion: version, Sizes: types.SizesFor("gc", p.env["GOARCH"]),
		Importer: importer(func(path string) (*types.Package, error) { return p.load1(u.listed, path) }),
	}
	var err error
	if u.pkg, err = conf.Check(u.path, p.fset, u.files, u.info); err != nil {
		return fmt.Errorf("type-check %s: %w", u.path, err)
	}
	p.packages[u.path], p.unitOf[u.pkg] = u.pkg, u
	for _, f := range u.files {
		for _, spec := range f.Imports {
			if spec.Path.Value == `"unsafe"` && u.unsafe == "" {
				u.unsafe = p.place(spec.Pos())
			}
		}
	}
	return nil
}

type importer func(path string) (*types.Package, error)

func (f importer) Import(path string) (*types.Package, error) { return f(path) }

// load1 returns the types of a package as the importing one sees it.
func (p *program) load1(from *listed, path string) (*types.Package, error) {
	if path == "unsafe" {
		return types.Unsafe, nil
	}
	if mapped := from.ImportMap[path]; mapped != "" {
		path = mapped
	}
	clean := cleanPath(path)
	if pkg := p.packages[clean]; pkg != nil && pkg.Complete() {
		return pkg, nil
	}
	l := p.byPath[path]
	if l == nil || l.Export == "" {
		return nil, fmt.Errorf("no compiled package %s", path)
	}
	f, err := os.Open(l.Export)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	//nolint:staticcheck // Read alone understands only what Go 1.29 and later export; this finds either.
	r, err := gcexportdata.NewReader(f)
	if err != nil {
		return nil, err
	}
	return gcexportdata.Read(r, p.fset, p.packages, clean)
}

// place returns where something is: the file's path within its module, and the line.
func (p *program) place(pos token.Pos) string {
	at := p.fset.Position(pos)
	name := at.Filename
	for _, u := range p.units {
		if filepath.Dir(name) != u.Dir {
			continue
		}
		if u.Module != nil && u.Module.Dir != "" {
			if rel, err := filepath.Rel(u.Module.Dir, name); err == nil {
				return fmt.Sprintf("%s:%d", filepath.ToSlash(rel), at.Line)
			}
		}
	}
	return fmt.Sprintf("%s:%d", filepath.Base(name), at.Line)
}
