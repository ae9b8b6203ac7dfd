package codeid

import (
	"context"
	"os"
	"path/filepath"
	"strings"
)

// compiledFields are what only compiling tells of a package.
const compiledFields = "-json=Export,CompiledGoFiles,"

// list returns the same as listOnly, and compiles what go build needs to compile except package main: nothing imports it,
// and the build that links the identities compiles it again, since the linker's flags are a part of it.
func (c *Config) list(ctx context.Context) ([]*listed, error) {
	if all, err := c.listOnly(ctx); err != nil {
		return nil, err
	} else if c.exports(ctx, all) {
		return all, nil
	}
	return c.listWhole(ctx)
}

// listWhole compiles package main, too.
func (c *Config) listWhole(ctx context.Context) ([]*listed, error) {
	return c.goList(ctx, c.Package, "-export", "-compiled", compiledFields+listFields)
}

// exports compiles what the program imports, and adds what only compiling tells. It reports false where packages that are
// named themselves would be compiled in another way than for the program, or main needs it, too.
func (c *Config) exports(ctx context.Context, all []*listed) bool {
	var main *listed
	for _, l := range all {
		if !l.DepOnly {
			if main != nil {
				return false
			}
			main = l
		}
	}
	if main == nil || len(main.Imports) == 0 || main.foreign() == "cgo" || !c.sameWithout(main) {
		return false
	}
	compiled, err := c.goList(ctx, main.Imports, "-export", "-compiled", compiledFields+"ImportPath,Error")
	if err != nil {
		return false
	}
	byPath := map[string]*listed{}
	for _, l := range compiled {
		byPath[l.ImportPath] = l
	}
	for _, l := range all {
		if l == main || l.ImportPath == "unsafe" {
			continue
		}
		with := byPath[l.ImportPath]
		if with == nil { // only the program itself depends on it: the runtime's part for cgo
			continue
		}
		l.Export, l.CompiledGoFiles = with.Export, with.CompiledGoFiles
	}
	return true
}

// sameWithout reports whether the packages that the program imports are compiled in the same way when they are named
// instead of the program: no flag is meant for the named package alone, and there is no profile of the program's.
func (c *Config) sameWithout(main *listed) bool {
	flags := append(strings.Fields(c.GoEnv["GOFLAGS"]), c.Flags...)
	for _, f := range flags {
		name, value, _ := strings.Cut(strings.TrimLeft(f, "'\"-"), "=")
		switch {
		case strings.HasPrefix(name, "cover"), name == "buildmode", name == "pgo" && value != "off":
			return false
		case (name == "gcflags" || name == "asmflags" || name == "gccgoflags") && !strings.Contains(before(value, "-"), "="):
			return false
		}
	}
	if c.Profile == "off" {
		return true
	}
	_, err := os.Stat(filepath.Join(main.Dir, "default.pgo"))
	return c.Profile == "" && os.IsNotExist(err)
}

func before(s, sep string) string {
	s, _, _ = strings.Cut(s, sep)
	return s
}
