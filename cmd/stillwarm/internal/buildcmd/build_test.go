package buildcmd

import (
	"bytes"
	"errors"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stillwarm/stillwarm/cmd/stillwarm/internal/codeid"
)

const program = `package main

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"

	"github.com/stillwarm/stillwarm/adapter"
	_ "github.com/stillwarm/stillwarm/backends/disk"
)

var (
	loads = adapter.CacheData(load)
	sums  = adapter.CacheData(sum)
	value = "unset"
)

func load(ctx context.Context, n int) (string, error) {
	fmt.Println("load runs")
	return fmt.Sprint("loaded ", n), nil
}

func sum(ctx context.Context, n int) (int, error) {
	fmt.Println("sum runs")
	return n + 1, nil
}

func handle(w http.ResponseWriter, r *http.Request) {
	n := 1
	a, _ := loads.Get(context.Background(), n)
	b, _ := sums.Get(context.Background(), n)
	fmt.Println("answer", a, b, value, len(os.Args))
}

func main() {
	http.HandleFunc("/", handle)
	server := httptest.NewServer(nil)
	_, _ = http.Get(server.URL)
	server.Close()
	adapter.Default().Close(context.Background())
}
`

// module lays a program into a folder of its own that takes Stillwarm from this checkout.
func module(t *testing.T, source string) string {
	t.Helper()
	dir := t.TempDir()
	top, err := filepath.Abs("../../../..")
	if err != nil {
		t.Fatal(err)
	}
	mod, sum := read(t, filepath.Join(top, "go.mod")), read(t, filepath.Join(top, "go.sum"))
	_, requires, _ := strings.Cut(mod, "\n")
	const root = "github.com/stillwarm/stillwarm"
	write(t, filepath.Join(dir, "go.mod"), "module example.com/shop\n"+requires+"\nrequire "+root+" v0.0.0\n\nreplace "+root+" => "+top+"\n")
	write(t, filepath.Join(dir, "go.sum"), sum)
	write(t, filepath.Join(dir, "main.go"), source)
	return dir
}

func read(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// build runs the command in the folder.
func build(t *testing.T, dir string, args ...string) (*Result, string, error) {
	t.Helper()
	a := arguments(t, dir, args...)
	var stderr bytes.Buffer
	r, err := a.Build(t.Context(), &stderr)
	return r, stderr.String(), err
}

func mustBuild(t *testing.T, dir string, args ...string) *Result {
	t.Helper()
	r, stderr, err := build(t, dir, args...)
	if err != nil {
		t.Fatalf("%v\n%s", err, stderr)
	}
	return r
}

// run starts the program with a disk backend and returns its output.
func run(t *testing.T, binary, store string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), binary)
	cmd.Env = append(os.Environ(), "STILLWARM_BACKEND=disk://"+store, "STILLWARM_NAMESPACE=test")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return string(out)
}

func settings(t *testing.T) {
	t.Setenv("GOWORK", "off")
	t.Setenv("GOFLAGS", "-mod=mod -buildvcs=false")
	t.Setenv("GOPROXY", "off")
	if testing.Short() {
		t.Skip("builds programs")
	}
}

func TestDeploys(t *testing.T) {
	settings(t)
	dir, store := module(t, program), t.TempDir()
	deploy := func(old, now string) string {
		t.Helper()
		name := filepath.Join(dir, "main.go")
		text := read(t, name)
		if old != "" && !strings.Contains(text, old) {
			t.Fatalf("no %q", old)
		}
		write(t, name, strings.Replace(text, old, now, 1))
		return run(t, mustBuild(t, dir, "-o", "out/bootstrap").at(dir), store)
	}
	t.Run("K2 the first deploy is cold", func(t *testing.T) {
		if out := deploy("", ""); !strings.Contains(out, "load runs") || !strings.Contains(out, "sum runs") {
			t.Error(out)
		}
	})
	t.Run("K2 a changed handler leaves every entry", func(t *testing.T) {
		if out := deploy(`"answer"`, `"reply"`); !strings.Contains(out, "reply") || strings.Contains(out, "runs") {
			t.Error(out)
		}
	})
	t.Run("K2 a changed function misses, the other hits", func(t *testing.T) {
		if out := deploy("n + 1", "n + 2"); strings.Contains(out, "load runs") || !strings.Contains(out, "sum runs") || !strings.Contains(out, "loaded 1 3") {
			t.Error(out)
		}
	})
	t.Run("K2 a change of what runs at the start misses", func(t *testing.T) {
		if out := deploy("func main() {", "func main() {\n\tos.Setenv(\"A\", \"b\")"); !strings.Contains(out, "load runs") {
			t.Error(out)
		}
	})
	t.Run("K2 go build without the command has the identity of the build", func(t *testing.T) {
		out := filepath.Join(t.TempDir(), "plain")
		cmd := exec.CommandContext(t.Context(), "go", "build", "-o", out, ".")
		cmd.Dir = dir
		if text, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%s", text)
		}
		if got := run(t, out, store); !strings.Contains(got, "load runs") {
			t.Error(got)
		}
	})
}

// at is the binary's path as the test has it.
func (r *Result) at(dir string) string { return filepath.Join(dir, r.Output) }

func TestIdentitiesAreTheSameAnywhere(t *testing.T) {
	settings(t)
	one, two := module(t, program), module(t, program)
	first := mustBuild(t, one, "-o", "a")
	for name, r := range map[string]*Result{
		"in another folder": mustBuild(t, two, "-o", "b"), "with -trimpath": mustBuild(t, one, "-trimpath", "-o", "c"),
		"without symbols": mustBuild(t, one, "-ldflags=-s -w", "-o", "d"), "once more": mustBuild(t, one, "-o", "a"),
	} {
		t.Run("K2 "+name, func(t *testing.T) {
			if !maps.Equal(first.Record.Table(), r.Record.Table()) || len(r.Record.Table()) != 2 {
				t.Errorf("%v\n%v", first.Record.Table(), r.Record.Table())
			}
			if c := codeid.Compare(first.Record, r.Record); slices.ContainsFunc(c, func(c codeid.Change) bool { return !c.Kept }) {
				t.Errorf("%+v", c)
			}
		})
	}
	t.Run("K2 another architecture has other identities", func(t *testing.T) {
		t.Setenv("GOARCH", "arm64")
		r := mustBuild(t, one, "-o", "e")
		if r.Record.Table()["example.com/shop.load"] == first.Record.Table()["example.com/shop.load"] {
			t.Error("the same")
		}
	})
}

func TestBuild(t *testing.T) {
	settings(t)
	dir := module(t, program)
	t.Run("the user's own linker flags hold", func(t *testing.T) {
		r := mustBuild(t, dir, "-ldflags", "-X 'main.value=two words'", "-o", "user")
		if out := run(t, r.at(dir), t.TempDir()); !strings.Contains(out, "two words") {
			t.Error(out)
		}
	})
	t.Run("those of GOFLAGS hold, too", func(t *testing.T) {
		t.Setenv("GOFLAGS", "-mod=mod -buildvcs=false '-ldflags=-X main.value=flagged'")
		r := mustBuild(t, dir, "-o", "env")
		if out := run(t, r.at(dir), t.TempDir()); !strings.Contains(out, "flagged") {
			t.Error(out)
		}
	})
	t.Run("the record lies beside the binary and can be read", func(t *testing.T) {
		r := mustBuild(t, dir, "-o", "bin/")
		if want := filepath.Join("bin", "shop"); r.Output != want {
			t.Errorf("output %s, want %s", r.Output, want)
		}
		record, err := ReadRecord(r.RecordPath)
		if err != nil || r.RecordPath != filepath.Join(dir, "bin", "shop"+RecordSuffix) || record.Build == "" || !maps.Equal(record.Table(), r.Record.Table()) {
			t.Errorf("%s: %v %+v", r.RecordPath, err, record)
		}
	})
	t.Run("-table says where the record goes, or that there is none", func(t *testing.T) {
		name := filepath.Join(t.TempDir(), "record.json")
		if r := mustBuild(t, dir, "-o", "x", "-table", name); r.RecordPath != name {
			t.Error(r.RecordPath)
		}
		mustBuild(t, dir, "-o", "y", "-table=off")
		if _, err := os.Stat(filepath.Join(dir, "y"+RecordSuffix)); !errors.Is(err, fs.ErrNotExist) {
			t.Error(err)
		}
	})
	t.Run("K2 flags that change code otherwise leave the build's identity", func(t *testing.T) {
		overlay := filepath.Join(t.TempDir(), "overlay.json")
		write(t, overlay, `{"Replace":{}}`)
		r := mustBuild(t, dir, "-overlay", overlay, "-o", "over")
		if len(r.Record.Table()) != 0 || !strings.Contains(r.Record.Problem, "-overlay") {
			t.Errorf("%+v", r.Record)
		}
	})
	t.Run("a program that does not compile fails with the compiler's words", func(t *testing.T) {
		bad := module(t, strings.Replace(program, "n + 1", "n + x", 1))
		_, stderr, err := build(t, bad, "-o", "bad")
		if _, ok := errors.AsType[*GoError](err); !ok || !strings.Contains(stderr, "undefined: x") {
			t.Errorf("%v\n%s", err, stderr)
		}
	})
	t.Run("what is no program is built as go build builds it", func(t *testing.T) {
		lib := module(t, "package shop\n")
		if r, stderr, err := build(t, lib); err != nil || r.Record != nil {
			t.Errorf("%v %s", err, stderr)
		}
	})
	t.Run("a program without cached functions gets no table", func(t *testing.T) {
		plain := module(t, "package main\n\nfunc main() {}\n")
		if r := mustBuild(t, plain, "-o", "plain"); r.RecordPath != "" || len(r.Record.Functions) != 0 {
			t.Errorf("%+v", r)
		}
	})
}

func TestSourcesThatChangeDuringTheBuild(t *testing.T) {
	settings(t)
	dir := module(t, program)
	a, err := Parse([]string{"-C", dir, "-o", "late"})
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Prepare(t.Context()); err != nil {
		t.Fatal(err)
	}
	analysis, err := a.Analyze(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(){
		"a file":        func() { write(t, filepath.Join(dir, "main.go"), program+"\n// more\n") },
		"a new file":    func() { write(t, filepath.Join(dir, "more.go"), "package main\n\nfunc init() {}\n") },
		"go.mod itself": func() { write(t, filepath.Join(dir, "go.mod"), read(t, filepath.Join(dir, "go.mod"))+"\n// more\n") },
	} {
		t.Run(name, func(t *testing.T) {
			before := map[string]string{}
			for _, f := range []string{"main.go", "go.mod"} {
				before[f] = read(t, filepath.Join(dir, f))
			}
			change()
			err := a.link(t.Context(), os.Stderr, analysis, &Result{Output: "late", Record: analysis.Record})
			if err == nil || !strings.Contains(err.Error(), "changed while") {
				t.Errorf("got %v", err)
			}
			if _, err := os.Stat(filepath.Join(dir, "late")); !errors.Is(err, fs.ErrNotExist) {
				t.Error("the binary was left")
			}
			for f, text := range before {
				write(t, filepath.Join(dir, f), text)
			}
			os.Remove(filepath.Join(dir, "more.go"))
		})
	}
}

func TestTheBinaryMustHoldItsTable(t *testing.T) {
	name := filepath.Join(t.TempDir(), "binary")
	write(t, name, "some code")
	if err := checkTable(name, "1:AAAA"); err == nil || !strings.Contains(err.Error(), "go get") {
		t.Errorf("got %v", err)
	}
	write(t, name, "some code 1:AAAA and more")
	if err := checkTable(name, "1:AAAA"); err != nil {
		t.Error(err)
	}
}
