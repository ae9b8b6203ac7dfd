package release

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
)

// checkImports refuses a module that imports an internal package of another module. Go allows it, since it goes by the
// path alone; but internal packages promise nothing between versions, and a user's go.mod may pair any two of them. A
// module of commands only is exempt: nobody can require it, so it is built with the versions that its own go.mod names.
func (r *run) checkImports(ctx context.Context) error {
	var errs []error
	for _, m := range r.result.Modules {
		found, err := foreignInternals(ctx, r.tree, m)
		if err != nil {
			return err
		}
		for _, f := range found {
			errs = append(errs, fmt.Errorf("module %s: %s; export what it needs, or move it there", m.Path, f))
		}
	}
	return errors.Join(errs...)
}

// foreignInternals returns what of the module, tests included, imports internal packages of other modules of the repository.
func foreignInternals(ctx context.Context, tree string, m Module) ([]string, error) {
	out, err := command(ctx, filepath.Join(tree, filepath.FromSlash(m.Dir)), nil, "go", "list", "-e",
		"-json=ImportPath,Name,Imports,TestImports,XTestImports", "./...")
	if err != nil {
		return nil, err
	}
	var found []string
	importable := false
	for d := json.NewDecoder(strings.NewReader(out)); ; {
		var p struct {
			ImportPath, Name                   string
			Imports, TestImports, XTestImports []string
		}
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			if !importable {
				return nil, nil
			}
			return found, nil
		} else if err != nil {
			return nil, err
		}
		importable = importable || p.Name != "main" && !slices.Contains(strings.Split(p.ImportPath, "/"), "internal")
		for _, imported := range slices.Concat(p.Imports, p.TestImports, p.XTestImports) {
			if isInternalElsewhere(imported, m) {
				found = append(found, p.ImportPath+" imports "+imported)
			}
		}
	}
}

func isInternalElsewhere(imported string, m Module) bool {
	if m.Dir == "" || strings.HasPrefix(imported, m.Path+"/") {
		return false // the root's own packages, or the module's
	}
	root := strings.TrimSuffix(m.Path, "/"+m.Dir)
	return strings.HasPrefix(imported, root+"/") && slices.Contains(strings.Split(imported, "/"), "internal")
}
