package redis_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stillwarm/stillwarm/backends"
	"github.com/stillwarm/stillwarm/backends/backendstest"
	"github.com/stillwarm/stillwarm/tests/servers"
)

func TestAGenerationThatWasLostNeverComesBack(t *testing.T) {
	r := servers.SharedRedis(t)
	for _, name := range []string{"the function's was evicted", "the epoch was evicted", "both were evicted"} {
		t.Run(name, func(t *testing.T) {
			at := prefix()
			s := store(t, open(t, r.URL("prefix="+at)))
			put(t, s, "k", "v")
			seen := map[uint64]bool{want(t, s, "k", "v"): true}
			must(t, backendstest.Clear(t.Context(), s))
			seen[want(t, s, "k", "v")] = true
			for range 5 {
				for _, k := range r.Keys(t) {
					if strings.HasPrefix(k, at+":g:") && loses(name, k, at) {
						r.Do(t, "del", k)
					}
				}
				g := want(t, s, "k", "v")
				if seen[g] {
					t.Fatalf("generation %d came back", g)
				}
				if again, err := s.Generation(t.Context()); err != nil || again != g {
					t.Errorf("Generation: %d, %v, but Get said %d", again, err, g)
				}
				seen[g] = true
			}
		})
	}
}

// loses reports whether a key of generations is one of those that the case loses.
func loses(name, key, at string) bool {
	epoch := key == at+":g:{"+at+"}"
	return strings.HasPrefix(name, "both") || epoch == strings.Contains(name, "epoch")
}

func TestFlushLeavesNothingThatHits(t *testing.T) {
	r := servers.Redis(t)
	s := store(t, open(t, r.URL()))
	put(t, s, "k", "v")
	before := want(t, s, "k", "v")
	r.Do(t, "flushall")
	if _, after, err := backendstest.Get(t.Context(), s, "k"); !errors.Is(err, backendstest.ErrNone) || after == before || after == 0 {
		t.Errorf("after FLUSHALL: generation %d then %d, %v", before, after, err)
	}
}

func TestClearAllReachesEveryNamespaceByOneWrite(t *testing.T) {
	r := servers.Redis(t)
	m := open(t, r.URL())
	var stores []backends.Store
	var before []uint64
	for _, f := range []backends.Function{{Name: "a"}, {Namespace: "n", Name: "a"}, {Namespace: "m", Name: "b"}} {
		s, err := m.Store(t.Context(), f)
		must(t, err)
		put(t, s, "k", "v")
		stores, before = append(stores, s), append(before, want(t, s, "k", "v"))
	}
	r.ResetCommands(t)
	must(t, m.ClearAll(t.Context()))
	if got := r.Commands(t); len(got) != 1 || got["set"] != 1 {
		t.Errorf("ClearAll sent %v, want one SET", got)
	}
	for i, s := range stores {
		if g := want(t, s, "k", "v"); g == before[i] {
			t.Errorf("function %d kept its generation", i)
		}
	}
}

func TestWhatOthersWroteUnderOurKeysIsAMiss(t *testing.T) {
	r := servers.SharedRedis(t)
	at := prefix()
	s := store(t, open(t, r.URL("prefix="+at, "max-entry=1MiB")))
	key := at + ":e:shop:example.com/shop.quotes:{k}"
	for name, spoil := range map[string]func(){
		"nothing":          func() { r.Do(t, "set", key, "") },
		"garbage":          func() { r.Do(t, "set", key, strings.Repeat("\xff\x00", 500)) },
		"a false trailer":  func() { r.Do(t, "set", key, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01") },
		"a list":           func() { r.Do(t, "rpush", key, "a", "b") },
		"more than we may": func() { r.Do(t, "setrange", key, 3<<20, "x") },
		"a cut entry":      func() { r.Do(t, "set", key, r.Do(t, "getrange", key, 0, -5)) },
	} {
		t.Run(name, func(t *testing.T) {
			put(t, s, "k", "v")
			if name != "a cut entry" {
				r.Do(t, "del", key)
			}
			spoil()
			if b, g, err := backendstest.Get(t.Context(), s, "k"); !errors.Is(err, backendstest.ErrNone) || g == 0 {
				t.Errorf("Get = %q, %d, %v; want a miss with a generation", b, g, err)
			}
			put(t, s, "k", "again")
			want(t, s, "k", "again")
		})
	}
}

func TestAGenerationOfAnotherTypeIsAnErrorThatSaysSo(t *testing.T) {
	r := servers.SharedRedis(t)
	at := prefix()
	s := store(t, open(t, r.URL("prefix="+at)))
	r.Do(t, "rpush", at+":g:{"+at+"}", "a")
	_, _, err := backendstest.Get(t.Context(), s, "k")
	if e := failure(t, err); !e.Permanent || !strings.Contains(e.Hint, "prefix") {
		t.Errorf("error %+v, want a permanent one that names the prefix", e)
	}
}

func TestKeysShowFunctionsButNoneOfTheirSeparators(t *testing.T) {
	r := servers.Redis(t)
	m := open(t, r.URL())
	s, err := m.Store(t.Context(), backends.Function{Namespace: "a:b {c}", Name: "f*?[x]\r\n\x00\xff"})
	must(t, err)
	put(t, s, "key {with} * everything\r\n\x00", "v")
	want(t, s, "key {with} * everything\r\n\x00", "v")
	must(t, s.(backends.Lister).List(t.Context(), func(i backends.Info) bool {
		if i.Key != "key {with} * everything\r\n\x00" || i.Size != 1 || time.Until(i.Expires) < time.Minute {
			t.Errorf("listed %+v", i)
		}
		return true
	}))
	for _, k := range r.Keys(t) {
		if strings.ContainsAny(k, " *?[]\r\n\x00") || strings.Contains(k, "\xff") {
			t.Errorf("key %q", k)
		}
	}
}

func TestEntriesAreGoneFromTheServerAfterTheirTime(t *testing.T) {
	r := servers.SharedRedis(t)
	at := prefix()
	s := store(t, open(t, r.URL("prefix="+at)))
	must(t, backendstest.Put(t.Context(), s, "k", []byte("v"), time.Now().Add(100*time.Millisecond)))
	must(t, backendstest.Put(t.Context(), s, "far", []byte("v"), time.Now().Add(290*365*24*time.Hour)))
	key := at + ":e:shop:example.com/shop.quotes:{k}"
	eventually(t, "the entry expires", func() bool { return r.Do(t, "exists", key).(int64) == 0 })
	want(t, s, "far", "v")
}

func TestAnEntryIsNotReturnedAfterItsTimeEvenIfTheServerStillHasIt(t *testing.T) {
	r := servers.SharedRedis(t)
	c := newClock()
	s := store(t, with(t, r.URL("prefix="+prefix()), c.use))
	at := c.now().Add(time.Minute)
	must(t, backendstest.Put(t.Context(), s, "k", []byte("v"), at))
	reading, err := s.Read(t.Context(), "k", backends.ReadOptions{})
	must(t, err)
	if reading.Expires.UnixMilli() != at.UnixMilli() {
		t.Errorf("expires %v, want %v", reading.Expires, at)
	}
	c.advance(time.Minute)
	if _, _, err := backendstest.Get(t.Context(), s, "k"); !errors.Is(err, backendstest.ErrNone) {
		t.Errorf("Get: %v, want a miss", err)
	}
}

func TestC10ATombstoneStaysOnTheServerForAnHour(t *testing.T) {
	r := servers.SharedRedis(t)
	at := prefix()
	s := store(t, open(t, r.URL("prefix="+at)))
	must(t, s.Invalidate(t.Context(), "k"))
	left := r.Do(t, "pttl", at+":e:shop:example.com/shop.quotes:{k}").(int64)
	if want := backends.TombstoneTTL.Milliseconds(); left <= want-60_000 || left > want {
		t.Errorf("C10 the tombstone stays for %d ms, want %d", left, want)
	}
}
