package invalidation

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/stillwarm/stillwarm/backends"
)

// written is what a backend was told.
type written struct {
	backends.Records
	names   []string
	values  [][]byte
	expires time.Time
	err     error
}

func (w *written) WriteRecords(_ context.Context, names []string, values [][]byte, expires time.Time) error {
	w.names, w.values, w.expires = names, values, expires
	return w.err
}

func TestTell(t *testing.T) {
	now := time.Date(2026, 11, 27, 0, 0, 0, 0, time.UTC)
	t.Run("C8 the epoch is the last record of one write, and each has an id of its own", func(t *testing.T) {
		var w written
		names := append(make([]string, 0, 8), TagRecord("a"), TagRecord("b")) // with room behind its end
		if err := Tell(t.Context(), &w, names, now); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(w.names, []string{TagRecord("a"), TagRecord("b"), EpochRecord}) || !w.expires.Equal(now.Add(Kept)) {
			t.Fatal(w.names, w.expires)
		}
		if names[:3][2] != "" {
			t.Error("the caller's slice was written to")
		}
		seen := map[string]bool{}
		for _, v := range w.values {
			id, invalidated := SplitRecord(v)
			if id == nil || !invalidated || seen[string(id)] {
				t.Errorf("%x", v)
			}
			seen[string(id)] = true
		}
	})
	t.Run("C8 an error is the caller's to repeat", func(t *testing.T) {
		w := written{err: errors.New("down")}
		if err := Tell(t.Context(), &w, nil, now); !errors.Is(err, w.err) {
			t.Fatal(err)
		}
	})
}

func FuzzSplitRecord(f *testing.F) {
	f.Add(NewRecord(true))
	f.Add(NewRecord(false))
	f.Add([]byte{})
	f.Add(make([]byte, recordSize+1))
	f.Fuzz(func(t *testing.T, value []byte) {
		id, invalidated := SplitRecord(value)
		if (id != nil) != (len(value) == recordSize) || invalidated && id == nil {
			t.Errorf("%x: %x, %v", value, id, invalidated)
		}
	})
}
