package engine_test

import (
	"bytes"
	"context"
	"slices"
	"testing"

	"github.com/stillwarm/stillwarm/backends"
	"github.com/stillwarm/stillwarm/internal/engine"
	"github.com/stillwarm/stillwarm/internal/engine/invalidation"
)

func TestEntriesOfOthers(t *testing.T) {
	t.Run("W4 an entry in another encoding is a miss, and is replaced", func(t *testing.T) {
		bubble(t, func(t *testing.T, fl *fleet) {
			fl.container().get("x")
			b := fl.container()
			other := func(b *box) (v int64) {
				l := b.lookup("x")
				l.Codec = 2
				b.invoke(func(ctx context.Context) {
					r, err := b.f.Get(ctx, l)
					if err != nil {
						t.Fatal(err)
					}
					v = *r.Value.(*int64)
				})
				return v
			}
			if v := other(b); v != 2 {
				t.Errorf("%d: what the other encoding meant was believed", v)
			}
			if v := other(fl.container()); v != 2 {
				t.Errorf("%d: the entry was not replaced", v)
			}
		})
	})
	t.Run("W4 C1 an entry of before a clear is a miss, also where the store returns it with the generation of now", func(t *testing.T) {
		m := newFaulty(backend(t))
		a := newBox(t, m, clockNow())
		a.get("x")
		var old []byte
		m.read = func(r *backends.Reading) { old = slices.Clone(r.Entry) }
		if newBox(t, m, a.now).get("x") != 1 || len(old) == 0 {
			t.Fatal("no hit in the backend")
		}
		a.invoke(func(ctx context.Context) {
			if err := a.f.Clear(ctx); err != nil {
				t.Error(err)
			}
		})
		m.read = func(r *backends.Reading) { r.Entry = old }
		b := newBox(t, m, a.now)
		b.runs.Store(10)
		if v := b.get("x"); v != 11 {
			t.Errorf("%d, which Clear cleared", v)
		}
	})
}

func TestKeysOfStores(t *testing.T) {
	for name, is := range map[string]struct{ namespace, code string }{
		"another namespace": {"other", "1"}, "other code": {"", "2"},
	} {
		t.Run("K2 "+name+" has keys of its own, also where a backend leaves that to the keys", func(t *testing.T) {
			m, now := mixing{backend(t)}, clockNow()
			for i, tt := range []struct {
				namespace, code string
				want            int64
			}{{"", "1", 1}, {is.namespace, is.code, 11}, {"", "1", 1}, {is.namespace, is.code, 11}} {
				b := newBox(t, m, now, func(s *engine.Spec) { s.Code = func() (string, error) { return tt.code, nil } })
				b.env.Namespace = tt.namespace
				b.runs.Store(int64(10 * i))
				if v := b.get("x"); v != tt.want {
					t.Errorf("namespace %q, code %s: %d, want %d", tt.namespace, tt.code, v, tt.want)
				}
			}
		})
	}
}

func TestIDsOfRecords(t *testing.T) {
	value := invalidation.NewRecord(true)
	first := engine.IDOf(backends.Record{Value: value, Version: "1"})
	t.Run("C8 a late try of the same write has another id", func(t *testing.T) {
		if again := engine.IDOf(backends.Record{Value: value, Version: "2"}); first == 0 || again == 0 || again == first {
			t.Errorf("%x and %x", first, again)
		}
	})
	t.Run("C8 a record that is read again has the same id", func(t *testing.T) {
		if again := engine.IDOf(backends.Record{Value: bytes.Clone(value), Version: "1"}); again != first {
			t.Errorf("%x and %x", first, again)
		}
	})
	t.Run("C8 no record and a damaged one have none", func(t *testing.T) {
		if engine.IDOf(backends.Record{}) != 0 || engine.IDOf(backends.Record{Value: value[1:], Version: "1"}) != 0 {
			t.Error("an id")
		}
	})
}

// FuzzRecordsOfEntries feeds what is read before a payload with anything, and holds what is written there.
func FuzzRecordsOfEntries(f *testing.F) {
	f.Add([]byte{}, "tag/1", uint64(7))
	f.Add([]byte{0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0}, "", uint64(0))
	f.Add([]byte{0, 1, 200, 1, 2, 3}, "epoch", uint64(1))
	f.Add(append([]byte{0, 1, 200}, make([]byte, 20)...), "tag/1", uint64(1)) // a name that is longer than what follows
	f.Fuzz(func(t *testing.T, hostile []byte, name string, id uint64) {
		if refs, rest, err := engine.CutRefs(hostile); err == nil && !bytes.Equal(engine.AppendRefs(nil, refs), hostile[:len(hostile)-len(rest)]) {
			t.Errorf("%x was read as %v", hostile, refs)
		}
		if len(name) > 255 {
			return
		}
		want := []invalidation.Ref{{Name: name, ID: id}, {Name: "tag/2", ID: id + 1}}
		refs, rest, err := engine.CutRefs(append(engine.AppendRefs(nil, want), hostile...))
		if err != nil || !slices.Equal(refs, want) || !bytes.Equal(rest, hostile) {
			t.Errorf("%v came back as %v, %v", want, refs, err)
		}
	})
}
