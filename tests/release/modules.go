package release

import (
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/mod/modfile"
)

// Module is one module of the repository.
type Module struct {
	Path string
	Dir  string // below the repository's root, with slashes; empty for the root
	// Needs are the paths of the modules of this repository that it requires.
	Needs []string
}

// unpublished are the folders whose modules are not released: nobody outside imports them.
var unpublished = []string{"tests", "tools", "examples"}

// findModules returns the modules of the workspace that are released, each after those that it needs.
func findModules(tree string) ([]Module, error) {
	name := filepath.Join(tree, "go.work")
	content, err := os.ReadFile(name) //nolint:gosec // a file of the released commit
	if err != nil {
		return nil, err
	}
	work, err := modfile.ParseWork("go.work", content, nil)
	if err != nil {
		return nil, err
	}
	modules := map[string]Module{}
	for _, use := range work.Use {
		dir := strings.TrimPrefix(path.Clean(use.Path), ".")
		if top, _, _ := strings.Cut(dir, "/"); slices.Contains(unpublished, top) {
			continue
		}
		m, err := readModule(tree, dir)
		if err != nil {
			return nil, err
		}
		modules[m.Path] = m
	}
	return order(modules)
}

// readModule reads a go.mod file, and refuses one whose path is not what the folder makes it: go get would not find it.
func readModule(tree, dir string) (Module, error) {
	root, err := parseMod(tree, "")
	if err != nil {
		return Module{}, err
	}
	f, err := parseMod(tree, dir)
	if err != nil {
		return Module{}, err
	}
	m := Module{Path: f.Module.Mod.Path, Dir: dir}
	if want := path.Join(root.Module.Mod.Path, dir); m.Path != want {
		return Module{}, fmt.Errorf("%s/go.mod: module %s would have to be %s", dir, m.Path, want)
	}
	for _, require := range f.Require {
		if p := require.Mod.Path; p == root.Module.Mod.Path || strings.HasPrefix(p, root.Module.Mod.Path+"/") {
			m.Needs = append(m.Needs, p)
		}
	}
	return m, nil
}

func parseMod(tree, dir string) (*modfile.File, error) {
	content, err := os.ReadFile(filepath.Join(tree, filepath.FromSlash(dir), "go.mod")) //nolint:gosec // of the released commit
	if err != nil {
		return nil, err
	}
	return modfile.Parse(path.Join(dir, "go.mod"), content, nil)
}

// order sorts modules so that each comes after those that it needs, and by path where that leaves a choice.
func order(modules map[string]Module) ([]Module, error) {
	var sorted []Module
	for len(modules) > 0 {
		var ready []string
		for p, m := range modules {
			if !slices.ContainsFunc(m.Needs, func(n string) bool { _, waiting := modules[n]; return waiting }) {
				ready = append(ready, p)
			}
		}
		if len(ready) == 0 {
			return nil, errors.New("modules of the repository require each other in a circle")
		}
		slices.Sort(ready)
		for _, p := range ready {
			sorted = append(sorted, modules[p])
			delete(modules, p)
		}
	}
	// What a released module needs must be released too.
	for i, m := range sorted {
		for _, need := range m.Needs {
			if !slices.ContainsFunc(sorted[:i], func(e Module) bool { return e.Path == need }) {
				return nil, fmt.Errorf("%s requires %s, which is not released", m.Path, need)
			}
		}
	}
	return sorted, nil
}
