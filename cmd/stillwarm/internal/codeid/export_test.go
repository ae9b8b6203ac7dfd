package codeid

import (
	"os"
	"testing"

	"golang.org/x/tools/txtar"
)

// The packages that a program imports are compiled once, for the analysis and for the program; package main is left to the
// program's build, unless flags are meant for the package that is named.
func TestExports(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles programs")
	}
	t.Parallel()
	l := newLayout(t, depFiles(txtar.File{Name: "append go.mod", Data: []byte(replaceDep)}))
	for _, c := range []struct {
		flag, goflags string
		alone         bool // main is left out
	}{
		{"-tags=special", "", true},
		{"-gcflags=example.com/dep=-N -l", "", true},
		{"-gcflags=-N", "", false},
		{"-tags=special", " -gcflags=-N", false},
	} {
		t.Run(c.flag+c.goflags, func(t *testing.T) {
			env := append(append(os.Environ(), l.env...), "GOFLAGS=-mod=mod -buildvcs=false"+c.goflags)
			config := Config{Dir: l.dir, Package: []string{"."}, Env: env, Flags: []string{c.flag}}
			p, err := newProgram(t.Context(), &config)
			if err != nil {
				t.Fatal(err)
			}
			whole, err := config.listWhole(t.Context())
			if err != nil || len(whole) != len(p.all) {
				t.Fatalf("%d packages, want %d: %v", len(p.all), len(whole), err)
			}
			for i, got := range p.all {
				want := whole[i].Export
				if whole[i].Name == "main" && c.alone {
					want = ""
				}
				if got.ImportPath != whole[i].ImportPath || got.Export != want {
					t.Errorf("%s: %q, want %s: %q", got.ImportPath, got.Export, whole[i].ImportPath, want)
				}
			}
		})
	}
}
