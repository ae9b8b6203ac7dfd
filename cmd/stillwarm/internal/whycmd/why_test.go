package whycmd

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stillwarm/stillwarm/cmd/stillwarm/internal/buildcmd"
	"github.com/stillwarm/stillwarm/cmd/stillwarm/internal/codeid"
)

const program = `package main

import (
	"context"

	"github.com/stillwarm/stillwarm/adapter"
	"github.com/stillwarm/stillwarm/lambda"
)

var (
	loads = adapter.CacheData(load)
	sums  = adapter.CacheData(sum)
)

func load(ctx context.Context, n int) (int, error) { return n + more(), nil }

func more() int { return 1 }

func sum(ctx context.Context, n int) (int, error) { return n + 2, nil }

func main() { lambda.Start(loads.Get) }
`

func write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func why(t *testing.T, args ...string) (string, error) {
	t.Helper()
	var out bytes.Buffer
	err := Run(t.Context(), &out, args)
	return out.String(), err
}

func TestRevisionsAndFolders(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles programs")
	}
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("git is not installed")
	}
	t.Setenv("GOWORK", "off")
	t.Setenv("GOFLAGS", "-mod=mod -buildvcs=false")
	t.Setenv("GOPROXY", "off")
	dir := t.TempDir()
	top, err := filepath.Abs("../../../..")
	if err != nil {
		t.Fatal(err)
	}
	mod, err := os.ReadFile(filepath.Join(top, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	sum, err := os.ReadFile(filepath.Join(top, "go.sum"))
	if err != nil {
		t.Fatal(err)
	}
	_, requires, _ := strings.Cut(string(mod), "\n")
	const root = "github.com/stillwarm/stillwarm"
	write(t, filepath.Join(dir, "go.mod"), "module example.com/shop\n"+requires+"\nrequire "+root+" v0.0.0\n\nreplace "+root+" => "+top+"\n")
	write(t, filepath.Join(dir, "go.sum"), string(sum))
	write(t, filepath.Join(dir, "main.go"), program)
	run := func(args ...string) {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), "git", args...)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("git %v: %s", args, out)
		}
	}
	run("init", "-q")
	run("add", ".")
	run("-c", "user.name=t", "-c", "user.email=t@example.com", "commit", "-q", "-m", "one")
	write(t, filepath.Join(dir, "main.go"), strings.Replace(program, "return 1 }", "return 7 }", 1))

	t.Run("K2 a revision and a folder", func(t *testing.T) {
		out, err := why(t, "-C", dir, "HEAD", dir)
		if err != nil || !strings.Contains(out, "invalidated  shop.load: shop.more changed") || !strings.Contains(out, "kept         shop.sum") ||
			!strings.Contains(out, "shop.more  main.go:17") {
			t.Errorf("%v\n%s", err, out)
		}
	})
	t.Run("as JSON", func(t *testing.T) {
		out, err := why(t, "--json", "-C", dir, "HEAD", "HEAD")
		var changes []codeid.Change
		if err == nil {
			err = json.Unmarshal([]byte(out), &changes)
		}
		if err != nil || len(changes) != 2 || !changes[0].Kept || !changes[1].Kept {
			t.Errorf("%v\n%s", err, out)
		}
	})
	t.Run("what is neither", func(t *testing.T) {
		if out, err := why(t, "-C", dir, "HEAD", "nowhere"); err == nil || !strings.Contains(err.Error(), "nowhere: no file") {
			t.Errorf("%v\n%s", err, out)
		}
	})
}

func TestRecords(t *testing.T) {
	dir := t.TempDir()
	record := func(name, identity, version string) string {
		t.Helper()
		data, err := json.Marshal(codeid.Record{
			Version: codeid.RecordVersion, Functions: []codeid.Function{{Name: "shop.load", Identity: identity}},
			Environment: []codeid.Fact{{Name: "module example.com/dep", Value: "example.com/dep@" + version + " h1:x"}},
		})
		if err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(dir, name+buildcmd.RecordSuffix), string(data))
		write(t, filepath.Join(dir, name), "a binary")
		return filepath.Join(dir, name)
	}
	one, two := record("one", "a", "v1.0.0"), record("two", "b", "v1.1.0")
	t.Run("beside binaries, and by name", func(t *testing.T) {
		for _, args := range [][]string{{one, two}, {one + buildcmd.RecordSuffix, two + buildcmd.RecordSuffix}} {
			out, err := why(t, args...)
			if err != nil || !strings.Contains(out, "module example.com/dep changed from v1.0.0 to v1.1.0") {
				t.Errorf("%v\n%s", err, out)
			}
		}
	})
	t.Run("a binary without one", func(t *testing.T) {
		bare := filepath.Join(dir, "bare")
		write(t, bare, "x")
		if _, err := why(t, bare, two); err == nil || !strings.Contains(err.Error(), "stillwarm build") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("one of another version", func(t *testing.T) {
		old := filepath.Join(dir, "old.json")
		write(t, old, `{"version": 99}`)
		if _, err := why(t, old, two); err == nil || !strings.Contains(err.Error(), "build again") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("one side only", func(t *testing.T) {
		if _, err := why(t, one); err == nil || !strings.Contains(err.Error(), "name two builds") {
			t.Errorf("got %v", err)
		}
	})
}
