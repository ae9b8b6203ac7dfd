package buildcmd

import (
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/mod/modfile"

	"github.com/stillwarm/stillwarm/cmd/stillwarm/internal/codeid"
)

// treeState is what the file system says of the files and folders of the modules that are built, from before the go
// command began to read them.
type treeState map[string]fs.FileInfo

// maxTree bounds the files that are looked at, which takes some milliseconds. A program with more is built step by step.
const maxTree = 10_000

// stateOf looks at the folders of the modules whose source may change. It is nil where they hold too much, or cannot be
// told.
func stateOf(goenv map[string]string) treeState {
	roots, err := moduleFolders(goenv)
	if err != nil {
		return nil
	}
	s := treeState{}
	for _, root := range roots {
		if s[root] != nil {
			continue
		}
		err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			switch {
			case err != nil:
				return nil //nolint:nilerr // what cannot be read is not known then
			case d.IsDir() && d.Name() == ".git":
				return fs.SkipDir
			case len(s) >= maxTree:
				return fs.SkipAll
			}
			if info, err := os.Stat(path); err == nil {
				s[path] = info
			}
			return nil
		})
		if err != nil || len(s) >= maxTree {
			return nil
		}
	}
	return s
}

// moduleFolders returns the folders of the main modules and of those that replace others.
func moduleFolders(goenv map[string]string) ([]string, error) {
	var roots []string
	replaced := func(dir string, replaces []*modfile.Replace) {
		for _, r := range replaces {
			if r.New.Version == "" {
				roots = append(roots, under(dir, r.New.Path))
			}
		}
	}
	if name := goenv["GOWORK"]; isFile(name) {
		work, err := readModFile(name, modfile.ParseWork)
		if err != nil {
			return nil, err
		}
		dir := filepath.Dir(name)
		roots = append(roots, dir)
		replaced(dir, work.Replace)
		for _, use := range work.Use {
			roots = append(roots, under(dir, use.Path))
		}
	} else if name := goenv["GOMOD"]; isFile(name) {
		roots = append(roots, filepath.Dir(name))
	}
	for _, dir := range roots[:len(roots):len(roots)] {
		name := filepath.Join(dir, "go.mod")
		if !isFile(name) {
			continue
		}
		mod, err := readModFile(name, modfile.Parse)
		if err != nil {
			return nil, err
		}
		replaced(dir, mod.Replace)
	}
	return roots, nil
}

func readModFile[T any](name string, parse func(string, []byte, modfile.VersionFixer) (T, error)) (T, error) {
	data, err := os.ReadFile(name)
	if err != nil {
		var none T
		return none, err
	}
	return parse(name, data, nil)
}

func isFile(name string) bool {
	info, err := os.Stat(name)
	return err == nil && info.Mode().IsRegular()
}

// under is a path of a module's file, which may be relative to that.
func under(dir, path string) string {
	if filepath.IsAbs(path) {
		return filepath.Clean(path)
	}
	return filepath.Join(dir, path)
}

// holds reports whether the files that an analysis has read have been the same since, and no other is gone.
func (s treeState) holds(sources *codeid.Sources) bool {
	now := make(treeState, len(s))
	for name := range s {
		info, err := os.Stat(name)
		if err != nil {
			return false
		}
		now[name] = info
	}
	for _, name := range sources.Files() {
		was, is := s[name], now[name]
		switch {
		case was == nil && s[filepath.Dir(name)] != nil && !isFile(name): // still absent
		case was == nil, !os.SameFile(was, is), was.Size() != is.Size(), !was.ModTime().Equal(is.ModTime()):
			return false
		}
	}
	return true
}
