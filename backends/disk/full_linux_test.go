package disk

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stillwarm/stillwarm/backends/backendstest"
)

// tiny mounts a file system of a size for the test, or skips where this process may not mount.
func tiny(t *testing.T, size string) string {
	t.Helper()
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size="+size); err != nil {
		t.Skipf("this process may not mount a small file system: %v", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(dir, syscall.MNT_DETACH) })
	return dir
}

func TestAFullDisk(t *testing.T) {
	dir := tiny(t, "1m")
	s := storeOf(t, open(t, Options{Dir: filepath.Join(dir, "cache")}), "f")
	value := bytes.Repeat([]byte("x"), 100_000)
	t.Run("W7 makes room by its oldest entries although the bound is not reached", func(t *testing.T) {
		for i := range 30 {
			if err := backendstest.Put(t.Context(), s, fmt.Sprint("k", i), value, time.Time{}); err != nil {
				t.Fatalf("entry %d: %v", i, err)
			}
		}
		if got, _, err := backendstest.Get(t.Context(), s, "k29"); err != nil || !bytes.Equal(got, value) {
			t.Fatalf("the newest entry: %d bytes, %v", len(got), err)
		}
		if left := temps(dir); len(left) != 0 {
			t.Fatalf("failed writes left %v", left)
		}
	})
	t.Run("W7 that others have filled is an error with a hint, and the old entry stays", func(t *testing.T) {
		if err := backendstest.Put(t.Context(), s, "small", []byte("old"), time.Time{}); err != nil {
			t.Fatal(err)
		}
		g, err := s.Generation(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		_ = os.WriteFile(filepath.Join(dir, "ballast"), make([]byte, 1<<20), 0o600)
		err = backendstest.Put(t.Context(), s, "small", bytes.Repeat([]byte("y"), 1<<20), time.Time{})
		wantError(t, err, "put", "disk is full", false)
		got, now, err := backendstest.Get(t.Context(), s, "small")
		if err != nil && !errors.Is(err, backendstest.ErrNone) || err == nil && string(got) != "old" || now != g {
			t.Fatalf("Get = %d bytes, %x, %v; want the old entry or none, generation %x", len(got), now, err, g)
		}
		if left := temps(dir); len(left) != 0 {
			t.Fatalf("failed writes left %v", left)
		}
	})
}

func TestAReadOnlyFileSystem(t *testing.T) {
	dir := tiny(t, "1m")
	s := storeOf(t, open(t, Options{Dir: filepath.Join(dir, "cache")}), "f")
	if err := backendstest.Put(t.Context(), s, "k", []byte("v"), time.Time{}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Generation(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("", dir, "", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""); err != nil {
		t.Skipf("this process may not remount: %v", err)
	}
	if got, _, err := backendstest.Get(t.Context(), s, "k"); err != nil || string(got) != "v" {
		t.Errorf("Get = %q, %v: what is there can still be read", got, err)
	}
	wantError(t, backendstest.Put(t.Context(), s, "k", []byte("w"), time.Time{}), "put", "/tmp", true)
	wantError(t, backendstest.Delete(t.Context(), s, "k"), "delete", "/tmp", true)
	wantError(t, backendstest.Clear(t.Context(), s), "clear", "/tmp", true)
	_, err := backendstest.Lease(t.Context(), s, "k", time.Minute)
	wantError(t, err, "lease", "/tmp", true)
}
