//go:build unix

package disk

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stillwarm/stillwarm/backends"
	"github.com/stillwarm/stillwarm/backends/backendstest"
)

// planted is a folder that holds an entry.
func planted(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "cache")
	if err := backendstest.Put(t.Context(), storeOf(t, open(t, Options{Dir: dir}), "f"), "k", []byte("planted"), time.Time{}); err != nil {
		t.Fatal(err)
	}
	return dir
}

// refused checks that no operation uses the folder, and that the reason is said.
func refused(t *testing.T, o Options, say, hint string) {
	t.Helper()
	m := open(t, o)
	s := storeOf(t, m, "f")
	_, read := s.Read(t.Context(), "k", backends.ReadOptions{})
	_, put := s.Put(t.Context(), "k2", []byte("v"), time.Time{}, backends.Absent)
	_, lease := backendstest.Lease(t.Context(), s, "k", time.Minute)
	for _, err := range []error{read, put, lease, m.ClearAll(t.Context()), backendstest.Clear(t.Context(), s)} {
		e, ok := errors.AsType[*backends.Error](err)
		if !ok || !e.Permanent || e.Op != "open" || !strings.Contains(err.Error(), say) || !strings.Contains(e.Hint, hint) {
			t.Fatalf("error %v; want one about %q with a hint about %q", err, say, hint)
		}
	}
}

func used(t *testing.T, o Options) {
	t.Helper()
	s := storeOf(t, open(t, o), "f")
	if got, _, err := backendstest.Get(t.Context(), s, "k"); err != nil || string(got) != "planted" {
		t.Fatalf("%q, %v", got, err)
	}
}

func TestAFolderThatOthersMayWrite(t *testing.T) {
	t.Run("W7 one of mode 0777 is refused, also with the sticky bit", func(t *testing.T) {
		dir := planted(t)
		for _, mode := range []os.FileMode{0o777, 0o702, 0o777 | os.ModeSticky} {
			if err := os.Chmod(dir, mode); err != nil {
				t.Fatal(err)
			}
			refused(t, Options{Dir: dir}, "may be written by other users", "chmod go-w")
		}
	})
	t.Run("W7 it is used once its mode is mended", func(t *testing.T) {
		dir := planted(t)
		m := open(t, Options{Dir: dir})
		s := storeOf(t, m, "f")
		for _, c := range []struct {
			mode os.FileMode
			ok   bool
		}{{0o777, false}, {0o700, true}} {
			if err := os.Chmod(dir, c.mode); err != nil {
				t.Fatal(err)
			}
			if _, _, err := backendstest.Get(t.Context(), s, "k"); (err == nil) != c.ok {
				t.Fatalf("mode %o: %v", c.mode, err)
			}
		}
	})
	t.Run("W7 one that others may only read is used, and one that the process's own group may write", func(t *testing.T) {
		dir := planted(t)
		if err := os.Chown(dir, -1, os.Getegid()); err != nil {
			t.Fatal(err)
		}
		for _, mode := range []os.FileMode{0o755, 0o775} {
			if err := os.Chmod(dir, mode); err != nil {
				t.Fatal(err)
			}
			used(t, Options{Dir: dir})
		}
	})
	t.Run("W7 a folder that is missing is made for this user alone", func(t *testing.T) {
		dir := planted(t)
		if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 {
			t.Fatal(info.Mode(), err)
		}
	})
}

func TestAFolderOfAnotherUser(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can give a folder to another user")
	}
	const another = 12345
	t.Run("W7 is refused, and used where the URL names that user", func(t *testing.T) {
		dir := planted(t)
		if err := os.Chown(dir, another, -1); err != nil {
			t.Fatal(err)
		}
		refused(t, Options{Dir: dir}, "belongs to user 12345", "owner=12345")
		other, this := another+1, another
		refused(t, Options{Dir: dir, Owner: &other}, "belongs to user 12345", "owner=12345")
		used(t, Options{Dir: dir, Owner: &this})
	})
	t.Run("W7 a link of another user is refused, wherever it leads", func(t *testing.T) {
		dir := planted(t)
		link := filepath.Join(t.TempDir(), "link")
		if err := os.Symlink(dir, link); err != nil {
			t.Fatal(err)
		}
		used(t, Options{Dir: link})
		if err := os.Lchown(link, another, -1); err != nil {
			t.Fatal(err)
		}
		refused(t, Options{Dir: link}, "the link to the folder belongs to user 12345", "")
	})
	t.Run("W7 a group that may write there is no better", func(t *testing.T) {
		dir := planted(t)
		if err := errors.Join(os.Chown(dir, -1, another), os.Chmod(dir, 0o770)); err != nil {
			t.Fatal(err)
		}
		refused(t, Options{Dir: dir}, "may be written by other users: its mode is 0770", "")
	})
}

func TestTheOwnerParameter(t *testing.T) {
	m, err := backends.Open(t.Context(), "disk:///tmp/x?owner=1000")
	if err != nil || *m.(*Manager).owner != 1000 {
		t.Fatal(m, err)
	}
	for _, bad := range []string{"-1", "root", ""} {
		if _, err := backends.Open(t.Context(), "disk:///tmp/x?owner="+bad); err == nil || !strings.Contains(err.Error(), `"owner"`) {
			t.Errorf("owner=%s: %v", bad, err)
		}
	}
}
