package tools

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestLookupOfAnUnknownNameListsTheKnownOnes(t *testing.T) {
	_, err := Lookup("memcached")
	if err == nil {
		t.Fatal("no error")
	}
	for _, tool := range All() {
		if !strings.Contains(err.Error(), tool.Name) {
			t.Errorf("error %q does not name %s", err, tool.Name)
		}
	}
}

func TestEveryToolHasOneWayToBeInstalled(t *testing.T) {
	for _, tool := range All() {
		built := tool.Package != "" && tool.Version != ""
		system := tool.Debian != ""
		if built == system {
			t.Errorf("%s: built by Go %v, of the system %v: exactly one must hold", tool.Name, built, system)
		}
	}
}

func TestFindSaysHowToInstallWhatIsMissing(t *testing.T) {
	t.Setenv("STILLWARM_TOOLS", t.TempDir())
	t.Setenv("PATH", t.TempDir())
	for _, tool := range All() {
		t.Run(tool.Name, func(t *testing.T) {
			_, err := Find(tool.Name)
			missing, ok := errors.AsType[*NotFoundError](err)
			if !ok {
				t.Fatalf("Find: %v, want a NotFoundError", err)
			}
			if missing.Tool.Name != tool.Name || !strings.Contains(err.Error(), "install-tools "+tool.Name) {
				t.Errorf("error %q does not say how to install %s", err, tool.Name)
			}
		})
	}
}

func TestFindAndInstallUseWhatIsThere(t *testing.T) {
	root := t.TempDir()
	t.Setenv("STILLWARM_TOOLS", root)
	tool, err := Lookup("versitygw")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(root, tool.Name+"@"+tool.Version, tool.executable())
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("x"), 0o755); err != nil {
		t.Fatal(err)
	}
	if got, err := Find(tool.Name); err != nil || got != path {
		t.Errorf("Find: %q, %v, want %q", got, err, path)
	}
	if got, err := Install(t.Context(), tool.Name, nil); err != nil || got != path {
		t.Errorf("Install: %q, %v, want %q", got, err, path)
	}
}

func TestLockIsExclusiveAndEndsWithTheContext(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	unlock, err := lock(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := lock(ctx, path); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("second lock: %v, want the context's error", err)
	}
	unlock()
	again, err := lock(t.Context(), path)
	if err != nil {
		t.Fatalf("lock after unlock: %v", err)
	}
	again()
}

func TestTailKeepsTheEnd(t *testing.T) {
	var tl tail
	for range 100 {
		if _, err := tl.Write([]byte(strings.Repeat("a", 99) + "\n")); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := tl.Write([]byte("the end")); err != nil {
		t.Fatal(err)
	}
	if s := tl.String(); len(s) > tailSize || !strings.HasSuffix(s, "the end") {
		t.Errorf("kept %d bytes ending in %q", len(s), s[max(0, len(s)-20):])
	}
}
