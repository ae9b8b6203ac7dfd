package buildid

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

const program = "package main\n\nfunc main() { println(\"MESSAGE\") }\n"

// build compiles a program that prints the message, in a folder of its own, and returns the identity of the executable.
func build(t *testing.T, message string, env []string, args ...string) string {
	t.Helper()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "go.mod"), "module example.com/program\n\ngo 1.26\n")
	write(t, filepath.Join(dir, "main.go"), strings.Replace(program, "MESSAGE", message, 1))
	out := filepath.Join(dir, "program")
	cmd := exec.CommandContext(t.Context(), "go", append(append([]string{"build", "-trimpath", "-o", out}, args...), ".")...)
	cmd.Dir = dir
	cmd.Env = append(append(os.Environ(), "GOWORK=off", "GOFLAGS=-buildvcs=false", "CGO_ENABLED=0"), env...)
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, text)
	}
	id, err := of(out)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestIdentityOfBuilds(t *testing.T) {
	if testing.Short() {
		t.Skip("builds programs")
	}
	for _, target := range []struct{ name, os, arch string }{
		{"ELF", "linux", "amd64"}, {"ELF for Graviton", "linux", "arm64"}, {"Mach-O", "darwin", "arm64"}, {"PE", "windows", "amd64"},
	} {
		t.Run(target.name, func(t *testing.T) {
			env := []string{"GOOS=" + target.os, "GOARCH=" + target.arch}
			one := build(t, "one", env)
			if !strings.HasPrefix(one, "go:") {
				t.Errorf("the build ID was not found: %s", one)
			}
			if again := build(t, "one", env); again != one {
				t.Errorf("the same code has two identities, %s and %s", one, again)
			}
			if two := build(t, "two", env); two == one {
				t.Error("changed code has the same identity")
			}
		})
	}
	for name, flags := range map[string]string{
		"without a build ID": "-buildid=", "with a constant build ID": "-buildid=redacted", "stripped, without a build ID": "-s -w -buildid=",
	} {
		t.Run(name+" the content of the file decides", func(t *testing.T) {
			one := build(t, "one", nil, "-ldflags="+flags)
			if !strings.HasPrefix(one, "sha256:") {
				t.Errorf("identity %s", one)
			}
			if again := build(t, "one", nil, "-ldflags="+flags); again != one {
				t.Errorf("the same code has two identities, %s and %s", one, again)
			}
			if two := build(t, "two", nil, "-ldflags="+flags); two == one {
				t.Error("changed code has the same identity")
			}
		})
	}
	t.Run("stripped symbols leave the build ID", func(t *testing.T) {
		if id := build(t, "one", nil, "-ldflags=-s -w"); !strings.HasPrefix(id, "go:") {
			t.Errorf("identity %s", id)
		}
	})
}

func TestReadFindsTheRunningExecutable(t *testing.T) {
	id, err := Read()
	if err != nil || len(id) < 20 {
		t.Fatalf("got %q, %v", id, err)
	}
	if again, _ := Read(); again != id {
		t.Fatalf("two identities: %q, %q", id, again)
	}
}

func TestOtherFiles(t *testing.T) {
	t.Run("one that is missing is an error", func(t *testing.T) {
		if id, err := of(filepath.Join(t.TempDir(), "none")); err == nil {
			t.Fatalf("got %q", id)
		}
	})
	t.Run("any content is hashed", func(t *testing.T) {
		for _, text := range []string{"", "\x7fELF", "#!/bin/sh\n", strings.Repeat("x", head+1)} {
			path := filepath.Join(t.TempDir(), "file")
			write(t, path, text)
			if id, err := of(path); err != nil || !strings.HasPrefix(id, "sha256:") {
				t.Errorf("%.10q: got %q, %v", text, id, err)
			}
		}
	})
}

func FuzzFind(f *testing.F) {
	self, err := os.ReadFile("/proc/self/exe")
	if err == nil {
		f.Add(self[:4096])
	}
	f.Add([]byte("\xff Go build ID: \"a/b/c/d\"\n \xff"))
	f.Fuzz(func(_ *testing.T, b []byte) { contentID(find(b)) })
}
