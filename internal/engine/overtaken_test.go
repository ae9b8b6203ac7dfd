package engine_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stillwarm/stillwarm/backends"
	"github.com/stillwarm/stillwarm/internal/engine"
	"github.com/stillwarm/stillwarm/internal/engine/freshness"
	"github.com/stillwarm/stillwarm/internal/invocation"
)

// setFor puts a value in, with a ttl of its own; negative: none.
func (b *box) setFor(in string, v int64, ttl time.Duration) {
	b.t.Helper()
	b.invoke(func(ctx context.Context) {
		if err := b.f.Set(ctx, b.lookup(in), engine.Result{Value: &v, Terms: engine.Terms{TTL: ttl}}); err != nil {
			b.t.Error(err)
		}
	})
}

// always is a function that returns one value.
func always(v int64) func(context.Context, string) (int64, error) {
	return func(context.Context, string) (int64, error) { return v, nil }
}

func TestEntriesThatExpireMeanwhile(t *testing.T) {
	one := func(ctx context.Context, ls []*engine.Lookup) []engine.Result {
		rs := make([]engine.Result, len(ls))
		for i, l := range ls {
			rs[i] = l.Run(ctx)
		}
		return rs
	}
	for name, many := range map[string]func(context.Context, []*engine.Lookup) []engine.Result{"Get": nil, "GetAll": one} {
		t.Run("T4 B1 what the run before has left, and expires before it is handed out, is computed anew: "+name, func(t *testing.T) {
			now := clockNow()
			b := newBox(t, nil, now, func(s *engine.Spec) {
				s.Policy, s.Many = freshness.Policy{TTL: time.Minute}, many
			})
			asked, other := 0, false
			b.env.Now = func() int64 {
				switch asked++; {
				case other:
				case asked == 2: // after memory was asked, and before the call begins its run
					other = true
					b.getIn(context.Background(), "x")
					other = false
				case asked > 2:
					now.Add(int64(40 * time.Second)) // fresh when it is found, and no longer when it is handed out
				}
				return now.Load()
			}
			var got answer
			if many != nil {
				got = b.getAll(t.Context(), "x")[0]
			} else {
				got.reply, got.err = b.f.Get(t.Context(), b.lookup("x"))
			}
			if got.reply == nil || got.err != nil || *got.reply.Value.(*int64) != 2 {
				t.Error(got)
			}
		})
	}
}

func TestOvertakenSets(t *testing.T) {
	failing := func(context.Context, string) (int64, error) { return 0, errors.New("down") }
	for name, overtake := range map[string]func(b *box){
		"a Refresh that fails": func(b *box) {
			b.run = failing
			b.invoke(func(ctx context.Context) {
				if _, err := b.f.Refresh(ctx, b.lookup("x")); err == nil {
					b.t.Error("no error")
				}
			})
		},
		"a Refresh": func(b *box) {
			b.run = always(8)
			b.invoke(func(ctx context.Context) { _, _ = b.f.Refresh(ctx, b.lookup("x")) })
		},
		"a Set": func(b *box) { b.setFor("x", 8, -1) },
	} {
		t.Run("C6 C7 what a Set should have replaced is gone where the Set was overtaken by "+name, func(t *testing.T) {
			m, now := newFaulty(backend(t)), clockNow()
			b := newBox(t, m, now)
			b.run = always(1)
			b.get("x")
			var begun atomic.Bool
			m.read = func(*backends.Reading) { // while the Set looks at the slot
				if begun.CompareAndSwap(false, true) {
					overtake(b)
					b.run = always(8)
				}
			}
			b.setFor("x", 7, -1)
			elsewhere := newBox(t, m, now)
			elsewhere.run = always(8)
			for _, c := range []*box{b, elsewhere} {
				if v := c.get("x"); v != 8 {
					t.Error("got", v)
				}
			}
		})
	}
}

// setWhileAnotherGoesOn sets x to 7. A Set to 8 begins while that looks at the slot, and ends after it; meanwhile is called once
// it has begun. Between the two nobody may get the 1 of before.
func (b *box) setWhileAnotherGoesOn(m *faulty, meanwhile func()) {
	b.t.Helper()
	var looks atomic.Int64
	var newer sync.WaitGroup
	goOn := make(chan struct{})
	m.read = func(*backends.Reading) {
		switch looks.Add(1) {
		case 1: // while the Set looks at the slot
			newer.Go(func() { b.setFor("x", 8, -1) })
			synctest.Wait()
			meanwhile()
		case 2: // and while the newer one does
			<-goOn
		}
	}
	b.setFor("x", 7, -1)
	b.run = always(9)
	if v := b.get("x"); v == 1 {
		b.t.Error("got what the Set that is over has replaced")
	}
	close(goOn)
	newer.Wait()
}

func TestASetThatIsOverByOneThatGoesOn(t *testing.T) {
	for name, store := range map[string]func(s *engine.Spec){"in memory": func(*engine.Spec) {}, "in the backend": noMemory} {
		t.Run("C7 what a Set should have replaced is gone when it returns, also where a newer one is still under way: "+name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m, now := newFaulty(backend(t)), clockNow()
				b := newBox(t, m, now, store)
				b.run = always(1)
				b.get("x")
				b.setWhileAnotherGoesOn(m, func() {})
				if v := b.get("x"); v == 1 || v == 7 {
					t.Error("after both:", v)
				}
			})
		})
	}
}

func TestASetDuringWhichAnOlderResultIsRead(t *testing.T) {
	t.Run("C7 what is read of before a Set, while it goes on, is gone when it returns", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			m, now := newFaulty(backend(t)), clockNow()
			first, b := newBox(t, m, now), newBox(t, m, now)
			first.run = always(1)
			first.get("x")
			now.Add(int64(time.Second))
			b.setWhileAnotherGoesOn(m, func() { b.get("x") })
		})
	})
}

func TestARunBesideARefresh(t *testing.T) {
	t.Run("C6 one that began before the Refresh's own and ends after it does not replace that", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			m := newFaulty(backend(t))
			b := newBox(t, m, clockNow())
			b.terms.Private = true
			b.get("x") // from now on nobody joins the key's runs
			b.terms.Private = false
			ctx, inv := invocation.Begin(t.Context(), invocation.Options{AfterResponse: true})
			var beside sync.WaitGroup
			goOn := make(chan struct{})
			b.run = func(context.Context, string) (int64, error) { <-goOn; return 1, nil }
			var looked atomic.Bool
			m.read = func(*backends.Reading) { // while the Refresh looks at the slot
				if looked.CompareAndSwap(false, true) {
					beside.Go(func() { b.getIn(ctx, "x") })
					synctest.Wait()
					b.run = always(2)
				}
			}
			b.invoke(func(ctx context.Context) { _, _ = b.f.Refresh(ctx, b.lookup("x")) })
			close(goOn)
			beside.Wait()
			for _, c := range []*box{b, newBox(t, m, b.now)} {
				if v := c.get("x"); v != 2 {
					t.Errorf("%d, want the Refresh's", v)
				}
			}
			inv.Finish(ctx)
		})
	})
}

// noted is a backend that does something before its first record is made, and before it reads.
type noted struct {
	backends.PersistenceManager
	making, reading func()
	deaf            bool // to a Clear
}

func (m *noted) Store(ctx context.Context, fn backends.Function) (backends.Store, error) {
	s, err := m.PersistenceManager.Store(ctx, fn)
	if err != nil {
		return nil, err
	}
	return notedStore{s.(everything), m}, nil
}

type notedStore struct {
	everything
	m *noted
}

func (s notedStore) WriteRecord(ctx context.Context, name string, value []byte, expires time.Time, seen backends.Version) (backends.Record, error) {
	if do := s.m.making; do != nil {
		s.m.making = nil
		do()
	}
	return s.everything.WriteRecord(ctx, name, value, expires, seen)
}

func (s notedStore) Clear(ctx context.Context) (uint64, error) {
	if s.m.deaf {
		return 0, errLost
	}
	return s.everything.Clear(ctx)
}

func (s notedStore) Read(ctx context.Context, key string, o backends.ReadOptions) (backends.Reading, error) {
	s.m.reading()
	return s.everything.Read(ctx, key, o)
}

func TestASetThatReplacesWhatIsBeingWritten(t *testing.T) {
	t.Run("C7 C8 what it should have replaced is gone, also where that gets its tags meanwhile", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			m := &noted{PersistenceManager: backend(t), reading: func() {}}
			b := newBox(t, m, clockNow(), func(s *engine.Spec) { s.TagsOf = true })
			b.terms.Tags = []string{"t"}
			b.run = always(1)
			var set sync.WaitGroup
			goOn := make(chan struct{})
			m.making = func() { // while the first result is written
				m.reading = func() { <-goOn }
				set.Go(func() { b.setFor("x", 7, -1) })
				synctest.Wait()
				m.reading = func() {}
			}
			b.get("x")
			b.run = func(context.Context, string) (int64, error) { return 0, errors.New("down") }
			b.invoke(func(ctx context.Context) { _, _ = b.f.Refresh(ctx, b.lookup("x")) })
			close(goOn)
			set.Wait()
			b.run = always(9)
			if v := b.get("x"); v == 1 {
				t.Error("got what the Set that is over has replaced")
			}
		})
	})
}

func TestAClearOfWhatIsBeingWritten(t *testing.T) {
	t.Run("C2 C3 C8 what was cleared while it got its tags does not come back, also where the backend was not told", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			m := &noted{PersistenceManager: backend(t), reading: func() {}}
			b := newBox(t, m, clockNow(), func(s *engine.Spec) { s.TagsOf = true })
			b.terms.Tags = []string{"t"}
			m.making = func() {
				m.deaf = true
				ctx, inv := invocation.Begin(t.Context(), invocation.Options{AfterResponse: true}) // memory is swept when it ends
				t.Cleanup(func() { inv.Finish(t.Context()) })
				if b.f.Clear(ctx) == nil {
					t.Error("the backend was told")
				}
			}
			b.get("x")
			if v := b.get("x"); v != 2 {
				t.Errorf("%d, want a run of after the clear", v)
			}
		})
	})
}

// forgetful is a backend that keeps nothing of an entry once it has expired, not even its version, as Redis does.
type forgetful struct{ backends.PersistenceManager }

func (m forgetful) Store(ctx context.Context, fn backends.Function) (backends.Store, error) {
	s, err := m.PersistenceManager.Store(ctx, fn)
	if err != nil {
		return nil, err
	}
	return &forgetfulStore{everything: s.(everything)}, nil
}

type forgetfulStore struct{ everything }

func (s *forgetfulStore) Put(ctx context.Context, key string, entry []byte, expires time.Time, seen backends.Version) (backends.Version, error) {
	v, err := s.everything.Put(ctx, key, entry, expires, seen)
	if err == nil && !expires.IsZero() {
		time.AfterFunc(time.Until(expires), func() { _ = s.Delete(context.Background(), key, v) })
	}
	return v, err
}

func TestSlotsThatEmpty(t *testing.T) {
	const short = 5 * time.Second
	for name, replace := range map[string]func(b *box){
		"C7 a Set":     func(b *box) { b.setFor("x", 2, short) },
		"C6 a Refresh": func(b *box) { b.invoke(func(ctx context.Context) { _, _ = b.f.Refresh(ctx, b.lookup("x")) }) },
		"C10 a ClearFor and a run": func(b *box) {
			b.do(func(ctx context.Context) error { return b.f.ClearFor(ctx, b.lookup("x")) })
			if v, _, err := b.call("x", 20*time.Second); v != 2 || err != nil {
				b.t.Error(v, err)
			}
		},
	} {
		t.Run(name+" whose result expires early keeps the result of an older run out of the backend", func(t *testing.T) {
			bubble(t, func(t *testing.T, fl *fleet) {
				fl.m = forgetful{fl.m}
				a, b := fl.container(), fl.container()
				a.terms.TTL, b.terms.TTL = time.Hour, short
				a.run = func(context.Context, string) (int64, error) {
					time.Sleep(2 * time.Minute)
					return 1, nil
				}
				b.run = always(2)
				var wg sync.WaitGroup
				wg.Go(func() { a.get("x") })
				synctest.Wait()
				time.Sleep(time.Second)
				replace(b)
				wg.Wait()
				c := fl.container()
				c.run = always(3)
				if v := c.get("x"); v != 3 {
					t.Error("got", v)
				}
				time.Sleep(time.Hour) // what the entries left
			})
		})
	}
}
