package disk

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stillwarm/stillwarm/backends"
	"github.com/stillwarm/stillwarm/backends/backendstest"
	"github.com/stillwarm/stillwarm/backends/internal/version"
)

func wantError(t *testing.T, err error, op, hint string, permanent bool) {
	t.Helper()
	e, ok := errors.AsType[*backends.Error](err)
	if !ok {
		t.Fatalf("error %v (%T), want *backends.Error", err, err)
	}
	if e.Op != op || !strings.Contains(e.Hint, hint) || e.Permanent != permanent || !strings.HasPrefix(e.Backend, "disk:///") {
		t.Fatalf("error %+v, want op %q, a hint about %q, permanent %v", *e, op, hint, permanent)
	}
}

func TestAPathBelowAFileIsAnErrorWithAHint(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := storeOf(t, open(t, Options{Dir: filepath.Join(file, "cache")}), "f")
	_, _, err := backendstest.Get(t.Context(), s, "k")
	wantError(t, err, "generation", "is a file", true)
	_, err = s.Put(t.Context(), "k", []byte("v"), time.Time{}, backends.Absent)
	wantError(t, err, "put", "is a file", true)
	wantError(t, backendstest.Clear(t.Context(), s), "clear", "is a file", true)
	_, err = backendstest.Lease(t.Context(), s, "k", time.Minute)
	wantError(t, err, "lease", "is a file", true)
}

func TestDamagedFilesAreMissesAndAreRemoved(t *testing.T) {
	m := open(t, Options{Dir: t.TempDir(), NoSync: true})
	s := storeOf(t, m, "f")
	const value = "the value of the entry"
	_, path := s.locate("k")
	put := func(t *testing.T) []byte {
		t.Helper()
		if err := backendstest.Put(t.Context(), s, "k", []byte(value), time.Time{}); err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	wantMissAndGone := func(t *testing.T, b []byte) {
		t.Helper()
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		if got, g, err := backendstest.Get(t.Context(), s, "k"); !errors.Is(err, backendstest.ErrNone) || g == 0 {
			t.Fatalf("Get = %q, %x, %v; want ErrNotFound and the generation", got, g, err)
		}
		if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
			t.Fatalf("the file is still there: %v", err)
		}
	}
	t.Run("cut at any length", func(t *testing.T) {
		whole := put(t)
		for n := range len(whole) {
			wantMissAndGone(t, whole[:n])
		}
	})
	t.Run("with any bit changed", func(t *testing.T) {
		whole := put(t)
		for i := range whole {
			b := append([]byte(nil), whole...)
			b[i] ^= 1 << (i % 8)
			wantMissAndGone(t, b)
		}
	})
	t.Run("longer than it says", func(t *testing.T) { wantMissAndGone(t, append(put(t), 0)) })
	t.Run("full of zeros, as after a loss of power", func(t *testing.T) { wantMissAndGone(t, make([]byte, len(put(t)))) })
	t.Run("foreign", func(t *testing.T) { wantMissAndGone(t, []byte("hello\n")) })
	t.Run("claiming more than memory holds", func(t *testing.T) {
		b := encodeHeader(kindEntry, version.New(time.Time{}), time.Time{}, s.address("k"), nil)
		for i := 41; i < 49; i++ {
			b[i] = 0xff
		}
		const sumAt = headerSize - 4
		binary.BigEndian.PutUint32(b[sumAt:], crc32.Checksum(b[:sumAt], castagnoli))
		wantMissAndGone(t, b)
	})
}

func TestAFileUnderTheWrongNameIsAMiss(t *testing.T) {
	m := open(t, Options{Dir: t.TempDir(), NoSync: true})
	s, other := storeOf(t, m, "f"), storeOf(t, m, "other")
	for _, from := range []struct {
		s   *store
		key string
	}{{s, "another key"}, {other, "k"}} {
		if err := backendstest.Put(t.Context(), from.s, from.key, []byte("v"), time.Time{}); err != nil {
			t.Fatal(err)
		}
		_, src := from.s.locate(from.key)
		_, dst := s.locate("k")
		b, err := os.ReadFile(src)
		if err == nil {
			err = os.MkdirAll(filepath.Dir(dst), dirMode)
		}
		if err == nil {
			err = os.WriteFile(dst, b, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
		if got, _, err := backendstest.Get(t.Context(), s, "k"); !errors.Is(err, backendstest.ErrNone) {
			t.Fatalf("Get = %q, %v; want ErrNotFound, as for a collision of hashes", got, err)
		}
	}
}

func TestADamagedGenerationIsReplacedByANewOne(t *testing.T) {
	m := open(t, Options{Dir: t.TempDir(), NoSync: true})
	s := storeOf(t, m, "f")
	seen := map[uint64]bool{}
	for _, path := range []string{s.generationFile(), m.epochFile()} {
		for _, damage := range []string{"", "x", "SWg1", strings.Repeat("\x00", 16), "SWg1AAAAAAAA\x00\x00\x00\x00"} {
			g, err := s.Generation(t.Context())
			if err != nil || seen[g] {
				t.Fatalf("generation %x, %v; seen before: %v", g, err, seen[g])
			}
			seen[g] = true
			if err := os.WriteFile(path, []byte(damage), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func TestForeignFilesAreLeftAlone(t *testing.T) {
	dir := t.TempDir()
	m := open(t, Options{Dir: dir, NoSync: true, Max: 100 * block})
	s := storeOf(t, m, "f")
	if err := backendstest.Put(t.Context(), s, "k", []byte("v"), time.Time{}); err != nil {
		t.Fatal(err)
	}
	_, path := s.locate("k")
	foreign := []string{filepath.Join(dir, "notes.txt"), filepath.Join(s.dir, "notes.txt"), filepath.Join(filepath.Dir(path), "notes.txt")}
	for _, f := range foreign {
		if err := os.WriteFile(f, make([]byte, 1000), 0o600); err != nil {
			t.Fatal(err)
		}
		old := time.Now().Add(-100 * time.Hour)
		_ = os.Chtimes(f, old, old)
	}
	m.sweep(t.Context(), 0, 0)
	if _, err := m.Prune(t.Context(), func([]byte) (uint64, bool) { return 0, false }); err != nil {
		t.Fatal(err)
	}
	for _, f := range foreign {
		if _, err := os.Stat(f); err != nil {
			t.Errorf("%s: %v", f, err)
		}
	}
}

func TestTheFolderCanBeRemovedAtAnyTime(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "cache")
	s := storeOf(t, open(t, Options{Dir: dir}), "f")
	var last uint64
	for range 3 {
		if err := backendstest.Put(t.Context(), s, "k", []byte("v"), time.Time{}); err != nil {
			t.Fatal(err)
		}
		if _, _, err := backendstest.Get(t.Context(), s, "k"); err != nil {
			t.Fatal(err)
		}
		g, err := s.Generation(t.Context())
		if err != nil || g == last {
			t.Fatalf("generation %x, %v: want a new one, so that nothing old comes back", g, err)
		}
		if err := os.RemoveAll(dir); err != nil {
			t.Fatal(err)
		}
		if _, _, err := backendstest.Get(t.Context(), s, "k"); !errors.Is(err, backendstest.ErrNone) {
			t.Fatalf("Get: %v, want ErrNotFound", err)
		}
		if last, err = s.Generation(t.Context()); err != nil {
			t.Fatal(err)
		}
		_ = os.RemoveAll(dir)
	}
}

func TestOptions(t *testing.T) {
	for _, o := range []Options{{}, {Dir: "x", Max: -1}} {
		if _, err := New(o); err == nil {
			t.Errorf("New(%+v) has no error", o)
		}
	}
	for url, want := range map[string]string{
		"disk://tmp/x":          "disk:///tmp/x",
		"disk:///tmp/x?max=0":   `"max"`,
		"disk:///tmp/x?size=1":  "known: fsync, max, max-entry, owner",
		"disk:":                 "no folder",
		"disk:///tmp/x?fsync=2": "true or false",
	} {
		if _, err := backends.Open(t.Context(), url); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Open(%s): %v, want an error that says %s", url, err, want)
		}
	}
	pm, err := backends.Open(t.Context(), "disk:some%20where/below?fsync=false&max=1GiB")
	if err != nil {
		t.Fatal(err)
	}
	m := pm.(*Manager)
	wd, _ := os.Getwd()
	if m.dir != filepath.Join(wd, "some where", "below") || m.sync || m.max != 1<<30 {
		t.Fatalf("opened %+v", m)
	}
}

func TestStamp(t *testing.T) {
	for _, want := range []time.Time{{}, time.Unix(1, 0), time.Date(2026, 1, 2, 3, 4, 5, 6000, time.UTC), time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC),
		time.UnixMicro(-5), time.UnixMicro(math.MaxInt64 / 4)} {
		t.Run(fmt.Sprint("keeps ", want), func(t *testing.T) {
			if got := unstamp(stamp(want)); !got.Equal(want) {
				t.Fatalf("came back as %v", got)
			}
		})
	}
	t.Run("1970 is not taken for never", func(t *testing.T) {
		if unstamp(stamp(time.Unix(0, 0))).IsZero() {
			t.Fatal("an entry that expired long ago would stay for ever")
		}
	})
}
