package codeid

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/pprof"
	"strings"
	"testing"
	"time"

	"golang.org/x/tools/txtar"
)

// layout is a program whose parts lie elsewhere than in one module, or are not all Go: what a trap's archive cannot say.
type layout struct {
	t     *testing.T
	dir   string // the program's
	env   []string
	flags []string
	base  *Record
}

const layoutMain = `package main

import (
	"context"

	"example.com/dep"

	"github.com/stillwarm/stillwarm/adapter"
	"github.com/stillwarm/stillwarm/lambda"
)

var load = adapter.CacheData(find)

func find(ctx context.Context, in int) (int, error) { return dep.Double(in), nil }

func handle(ctx context.Context, in int) (int, error) { return 2 * in, nil }

func main() { lambda.Start(handle) }
`

const layoutDep = "// Package dep doubles.\npackage dep\n\n// Double doubles.\nfunc Double(n int) int { return 2 * n }\n"

const replaceDep = "\nrequire example.com/dep v0.0.0\n\nreplace example.com/dep => ./dep\n"

// depFiles is the program of layoutMain with its dependency in a folder of its own.
func depFiles(more ...txtar.File) []txtar.File {
	return append([]txtar.File{
		{Name: "main.go", Data: []byte(layoutMain)},
		{Name: "dep/go.mod", Data: []byte("module example.com/dep\n\ngo 1.25\n")},
		{Name: "dep/dep.go", Data: []byte(layoutDep)},
	}, more...)
}

func newLayout(t *testing.T, files []txtar.File) *layout {
	t.Helper()
	l := &layout{t: t, dir: t.TempDir(), env: []string{"GOWORK=off", "GOFLAGS=-mod=mod -buildvcs=false", "GOPROXY=off"}}
	lay(t, l.dir, files)
	return l
}

func (l *layout) run(args ...string) {
	l.t.Helper()
	cmd := exec.CommandContext(l.t.Context(), args[0], args[1:]...)
	cmd.Dir, cmd.Env = l.dir, append(os.Environ(), l.env...)
	if out, err := cmd.CombinedOutput(); err != nil {
		l.t.Fatalf("%s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

func (l *layout) analyze(ctx context.Context, flags ...string) *Record {
	l.t.Helper()
	a, err := Analyze(ctx, Config{
		Dir: l.dir, Package: []string{"."}, Env: append(os.Environ(), l.env...), Flags: append(append([]string{}, l.flags...), flags...),
	})
	if err != nil || a.Record.Problem != "" {
		l.t.Fatal(err, a)
	}
	return a.Record
}

// edit changes a file, asks what becomes of find, and puts the file back.
func (l *layout) edit(name, want, file, from, to string) {
	l.t.Run(name, func(t *testing.T) {
		if l.base == nil {
			l.base = l.analyze(t.Context())
		}
		path := filepath.Join(l.dir, file)
		before, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := replaceIn(path, from, to); err != nil {
			t.Fatal(err)
		}
		defer func() {
			if err := os.WriteFile(path, before, 0o600); err != nil {
				t.Error(err)
			}
		}()
		edit{want: map[string]string{"find": want}}.check(t, l.base, l.analyze(t.Context()))
	})
}

func TestVendored(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("compiles programs")
	}
	l := newLayout(t, depFiles(txtar.File{Name: "append go.mod", Data: []byte(replaceDep)}))
	l.run("go", "mod", "vendor")
	makeWritable(t, l.dir)
	l.flags = []string{"-mod=vendor", "-trimpath"} // with -trimpath the build cache knows what was vendored elsewhere
	l.edit("K2 nothing", "kept", "main.go", "2 * in", "2 * in")
	l.edit("K2 the handler", "kept", "main.go", "2 * in", "3 * in")
	l.edit("K2 the function", "changed", "main.go", "dep.Double(in)", "dep.Double(in) + 1")
	l.edit("K2 a vendored package", "changed", "vendor/example.com/dep/dep.go", "2 * n", "n + n")
	l.edit("K2 the source that is not what is built", "kept", "dep/dep.go", "2 * n", "n + n")
	l.edit("K2 Stillwarm, vendored", "changed", "vendor/github.com/stillwarm/stillwarm/adapter/data.go", "package adapter\n", "package adapter // vendored\n")
}

func TestVendoredC(t *testing.T) {
	needC(t)
	l := newLayout(t, depFiles(
		txtar.File{Name: "append go.mod", Data: []byte(replaceDep)},
		txtar.File{Name: "dep/dep.go", Data: []byte("package dep\n\n// int twice(int n);\nimport \"C\"\n\n" +
			"// Double doubles.\nfunc Double(n int) int { return int(C.twice(C.int(n))) }\n")},
		txtar.File{Name: "dep/twice.c", Data: []byte("#include \"factor.h\"\nint twice(int n) { return n * FACTOR; }\n")},
		txtar.File{Name: "dep/factor.h", Data: []byte("#define FACTOR 2\n")},
	))
	l.run("go", "mod", "vendor")
	makeWritable(t, l.dir)
	l.flags = []string{"-mod=vendor", "-trimpath"} // with -trimpath the build cache knows what was vendored elsewhere
	l.edit("K2 the handler", "kept", "main.go", "2 * in", "3 * in")
	l.edit("K2 C of a vendored package", "changed", "vendor/example.com/dep/twice.c", "n * FACTOR", "n * FACTOR + 1")
	l.edit("K2 a header of a vendored package", "changed", "vendor/example.com/dep/factor.h", "FACTOR 2", "FACTOR 3")
}

// C of the user's own is not read.
func TestC(t *testing.T) {
	needC(t)
	l := newLayout(t, []txtar.File{
		{Name: "main.go", Data: []byte(strings.Replace(layoutMain, "example.com/dep", "example.com/trap/dep", 1))},
		{Name: "dep/dep.go", Data: []byte("package dep\n\n// int twice(int n) { return 2 * n; }\nimport \"C\"\n\n" +
			"// Double doubles.\nfunc Double(n int) int { return int(C.twice(C.int(n))) }\n")},
	})
	l.edit("K2 nothing", "doubt", "dep/dep.go", "2 * n", "2 * n")
	l.edit("K2 C that it calls", "doubt", "dep/dep.go", "2 * n", "3 * n")
}

func needC(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("compiles programs")
	}
	if _, err := exec.LookPath("gcc"); err != nil {
		t.Skip("there is no C compiler")
	}
	t.Setenv("CGO_ENABLED", "1")
}

// The modules of a workspace are code of the user's, and its file decides which they are.
func TestWorkspace(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("compiles programs")
	}
	top, err := filepath.Abs("../../../..")
	if err != nil {
		t.Fatal(err)
	}
	l := newLayout(t, depFiles(
		txtar.File{Name: "other/go.mod", Data: []byte("module example.com/dep\n\ngo 1.25\n")},
		txtar.File{Name: "other/dep.go", Data: []byte(strings.ReplaceAll(layoutDep, "2 * n", "3 * n"))},
		txtar.File{Name: "go.work", Data: []byte("go 1.26.0\n\nuse (\n\t.\n\t./dep\n\t" + top + "\n)\n")},
	))
	l.env = []string{"GOWORK=" + filepath.Join(l.dir, "go.work"), "GOFLAGS=-buildvcs=false", "GOPROXY=off"}
	l.edit("K2 the handler", "kept", "main.go", "2 * in", "3 * in")
	l.edit("K2 a function of another module", "changed", "dep/dep.go", "2 * n", "n + n")
	l.edit("K2 a comment of another module", "kept", "dep/dep.go", "// Double doubles.", "// Double returns twice its argument.")
	l.edit("K2 another module in its place", "changed", "go.work", "./dep", "./other")
	l.edit("K2 a debug setting", "changed", "go.work", "go 1.26.0\n", "go 1.26.0\n\ngodebug default=go1.23\n")
}

// A profile decides what is inlined and how floating-point code is fused, so it counts whole.
func TestProfile(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("lists programs")
	}
	l := newLayout(t, depFiles(txtar.File{Name: "append go.mod", Data: []byte(replaceDep)}))
	facts := func(profile string) string {
		c := Config{Dir: l.dir, Package: []string{"."}, Env: append(os.Environ(), l.env...), Profile: profile, Flags: []string{"-pgo=off"}}
		p, err := listProgram(t.Context(), &c, c.listOnly) // with a profile every package would be compiled once more
		if err != nil {
			t.Fatal(err)
		}
		p.main = p.all[len(p.all)-1]
		env, err := p.environment()
		if err != nil {
			t.Fatal(err)
		}
		return fmt.Sprint(env)
	}
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(l.dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	without := facts("")
	write("default.pgo", "one")
	one := facts("")
	t.Run("K2 a profile appears", func(t *testing.T) {
		if one == without || one != facts("auto") {
			t.Error(one)
		}
	})
	t.Run("K2 a named profile", func(t *testing.T) {
		write("other.pgo", "two")
		if two := facts("other.pgo"); two == one || two == without || two != facts(filepath.Join(l.dir, "other.pgo")) {
			t.Error(two)
		}
	})
	t.Run("K2 the profile is off", func(t *testing.T) {
		if facts("off") != without {
			t.Error(facts("off"))
		}
	})
	t.Run("K2 another profile", func(t *testing.T) {
		write("default.pgo", "two")
		if two := facts(""); two == one || two == without {
			t.Error(two)
		}
	})
}

// Every package is compiled once more for the profile, those of the standard library, too.
func TestProfiledProgram(t *testing.T) {
	if !*public {
		t.Skip("compiles everything: run by make soundness")
	}
	l := newLayout(t, depFiles(txtar.File{Name: "append go.mod", Data: []byte(replaceDep)}))
	var profile bytes.Buffer
	if err := pprof.StartCPUProfile(&profile); err != nil {
		t.Skip("another profile is taken:", err)
	}
	for busy, until := 1, time.Now().Add(300*time.Millisecond); time.Now().Before(until); busy *= 3 {
	}
	pprof.StopCPUProfile()
	if err := os.WriteFile(filepath.Join(l.dir, "default.pgo"), profile.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	l.edit("K2 the handler", "kept", "main.go", "2 * in", "3 * in")
	l.edit("K2 the function", "changed", "dep/dep.go", "2 * n", "n + n")
}
