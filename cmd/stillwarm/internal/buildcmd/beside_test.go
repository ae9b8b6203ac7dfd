package buildcmd

import (
	"context"
	"errors"
	"io/fs"
	"maps"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stillwarm/stillwarm/cmd/stillwarm/internal/codeid"
)

// TestMain lets this program run the go command's tools, as the command itself does.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == LinkTool {
		os.Exit(RunTool(os.Args[2:]))
	}
	os.Exit(m.Run())
}

// arguments are those of a build that may compile while the identities are computed.
func arguments(t *testing.T, dir string, args ...string) *Arguments {
	t.Helper()
	a, err := Parse(append([]string{"-C", dir}, args...))
	if err != nil {
		t.Fatal(err)
	}
	if a.Self, err = os.Executable(); err != nil {
		t.Fatal(err)
	}
	return a
}

func prepared(t *testing.T, dir string, args ...string) *Arguments {
	t.Helper()
	a := arguments(t, dir, args...)
	if err := a.Prepare(t.Context()); err != nil {
		t.Fatal(err)
	}
	return a
}

func TestBuildBeside(t *testing.T) {
	settings(t)
	t.Setenv("GOFLAGS", "-buildvcs=false '-ldflags=-X main.value=flagged'")
	dir := module(t, program)
	stepByStep := arguments(t, dir, "-o", "steps")
	stepByStep.Self = ""
	steps, err := stepByStep.Build(t.Context(), os.Stderr)
	if err != nil {
		t.Fatal(err)
	}
	a := prepared(t, dir, "-o", "beside")
	if !a.linksAnew() {
		t.Fatal("a build into a new place is not built beside")
	}
	beside, same, err := a.buildBeside(t.Context(), os.Stderr, a.Analyze)
	if err != nil || !same {
		t.Fatal(same, err)
	}
	t.Run("K2 the identities are those of a build step by step", func(t *testing.T) {
		if !maps.Equal(beside.Record.Table(), steps.Record.Table()) || len(beside.Record.Table()) != 2 {
			t.Errorf("%v, want %v", beside.Record.Table(), steps.Record.Table())
		}
	})
	t.Run("K2 the programs share entries, and the user's linker flags hold", func(t *testing.T) {
		store := t.TempDir()
		if out := run(t, steps.at(dir), store); !strings.Contains(out, "load runs") || !strings.Contains(out, "flagged") {
			t.Error(out)
		}
		if out := run(t, beside.at(dir), store); strings.Contains(out, "load runs") || !strings.Contains(out, "flagged") {
			t.Error(out)
		}
	})
	t.Run("where a program is already it is built step by step", func(t *testing.T) {
		if prepared(t, dir, "-o", "beside").linksAnew() || prepared(t, dir).linksAnew() || prepared(t, dir, "-o", "./").linksAnew() {
			t.Error("it might be taken for the one that is asked for")
		}
	})
}

func TestBuildBesideFails(t *testing.T) {
	settings(t)
	t.Run("where the program does not compile", func(t *testing.T) {
		var said strings.Builder
		a := arguments(t, module(t, strings.Replace(program, "n + 1", "n + x", 1)), "-o", "bad")
		_, err := a.Build(t.Context(), &said)
		if _, ok := errors.AsType[*GoError](err); !ok || strings.Count(said.String(), "undefined: x") != 1 {
			t.Errorf("%v\n%s", err, said.String())
		}
	})
	t.Run("not where only the analysis does", func(t *testing.T) {
		dir := module(t, program)
		a := prepared(t, dir, "-o", "plain")
		_, same, err := a.buildBeside(t.Context(), os.Stderr, func(context.Context) (*codeid.Analysis, error) { return nil, fs.ErrInvalid })
		if err != nil || !same {
			t.Fatal(same, err)
		}
		if out := run(t, filepath.Join(dir, "plain"), t.TempDir()); !strings.Contains(out, "load runs") {
			t.Error(out)
		}
	})
}

// The go command may have read what the analysis has not, and the other way round.
func TestSourcesThatChangeBesideTheBuild(t *testing.T) {
	settings(t)
	for name, change := range map[string]func(dir string){
		"K2 a file": func(dir string) {
			write(t, filepath.Join(dir, "main.go"), strings.Replace(program, "n + 1", "n + 5", 1))
		},
		"K2 a new file":     func(dir string) { write(t, filepath.Join(dir, "more.go"), "package main\n") },
		"K2 a removed file": func(dir string) { os.Remove(filepath.Join(dir, "gone.go")) },
	} {
		t.Run(name, func(t *testing.T) {
			dir := module(t, program)
			write(t, filepath.Join(dir, "gone.go"), "package main\n")
			a := prepared(t, dir, "-o", "late")
			_, same, err := a.buildBeside(t.Context(), os.Stderr, func(ctx context.Context) (*codeid.Analysis, error) {
				change(dir) // what the go command has read of it nobody knows
				return a.Analyze(ctx)
			})
			if same || err != nil {
				t.Fatalf("taken for the same sources: %v %v", same, err)
			}
			if !a.linksAnew() {
				t.Error("the program was left")
			}
		})
	}
}

func TestTreeState(t *testing.T) {
	dir, other := t.TempDir(), t.TempDir()
	write(t, filepath.Join(dir, "go.mod"), "module example.com/a\n\nreplace example.com/b => "+other+"\n\nreplace example.com/c => ./c\n")
	write(t, filepath.Join(dir, "c", "c.go"), "package c\n")
	write(t, filepath.Join(other, "b.go"), "package b\n")
	s := stateOf(map[string]string{"GOMOD": filepath.Join(dir, "go.mod")})
	for _, name := range []string{dir, filepath.Join(dir, "go.mod"), filepath.Join(dir, "c", "c.go"), other, filepath.Join(other, "b.go")} {
		if s[name] == nil {
			t.Errorf("does not know %s", name)
		}
	}
	write(t, filepath.Join(dir, "go.work"), "go 1.26\n\nuse ./c\n\nreplace example.com/d => "+other+"\n")
	write(t, filepath.Join(dir, "c", "go.mod"), "module example.com/c\n\nreplace example.com/e => ../e\n")
	write(t, filepath.Join(dir, "e", "e.go"), "package e\n")
	roots, err := moduleFolders(map[string]string{"GOWORK": filepath.Join(dir, "go.work"), "GOMOD": filepath.Join(dir, "c", "go.mod")})
	if want := strings.Join([]string{dir, other, filepath.Join(dir, "c"), other, filepath.Join(dir, "c"), filepath.Join(dir, "e")}, "\n"); err != nil ||
		strings.Join(roots, "\n") != want {
		t.Errorf("%v, %v, want\n%s", roots, err, want)
	}
	write(t, filepath.Join(dir, "go.mod"), "no module file")
	if s := stateOf(map[string]string{"GOMOD": filepath.Join(dir, "go.mod")}); s != nil {
		t.Error("knows a module that cannot be read")
	}
}

func TestALinkerWhoseBuildHasEnded(t *testing.T) {
	g, err := newGate()
	if err != nil {
		t.Fatal(err)
	}
	waiting := make(chan error, 1)
	c, err := net.Dial("unix", g.address)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	go func() {
		_, err := waitForTable(g.address)
		waiting <- err
	}()
	g.close()
	select {
	case err := <-waiting:
		if err == nil {
			t.Error("links without its table")
		}
	case <-time.After(time.Minute):
		t.Error("waits for ever")
	}
	if code := RunTool([]string{g.address, "/tools/link", "main.a"}); code != 1 {
		t.Errorf("status %d where there is no gate", code)
	}
	if code := RunTool([]string{g.address}); code != 2 {
		t.Errorf("status %d without a tool", code)
	}
}
