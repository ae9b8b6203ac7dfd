package engine_test

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stillwarm/stillwarm/backends/memory"
	"github.com/stillwarm/stillwarm/internal/engine"
	"github.com/stillwarm/stillwarm/internal/engine/freshness"
	memtier "github.com/stillwarm/stillwarm/internal/engine/memory"
	"github.com/stillwarm/stillwarm/internal/invocation"
)

// outcome is what an operation in another goroutine came to.
type outcome struct {
	v   int64
	err error
}

// begin begins a Get, which ctx cancels, as an invocation of its own, and returns when everything waits.
func (b *box) begin(ctx context.Context, in string) <-chan outcome {
	return b.beginWith(ctx, b.lookup(in))
}

func (b *box) beginWith(ctx context.Context, l *engine.Lookup) <-chan outcome {
	done := make(chan outcome, 1)
	go func() {
		ctx, inv := invocation.Begin(ctx, invocation.Options{AfterResponse: true})
		r, err := b.f.Get(ctx, l)
		o := outcome{err: err}
		if err == nil {
			o.v = *r.Value.(*int64)
		}
		done <- o
		inv.Finish(context.WithoutCancel(ctx))
	}()
	synctest.Wait()
	return done
}

func (o outcome) want(t *testing.T, what string, v int64) {
	t.Helper()
	if o.err != nil || o.v != v {
		t.Errorf("%s: %d, %v, want %d", what, o.v, o.err, v)
	}
}

// do is one invocation that does nothing else.
func (b *box) do(op func(context.Context) error) {
	b.t.Helper()
	b.invoke(func(ctx context.Context) {
		if err := op(ctx); err != nil {
			b.t.Error(err)
		}
	})
}

func (b *box) set(in string, v int64) {
	b.t.Helper()
	b.do(func(ctx context.Context) error {
		return b.f.Set(ctx, b.lookup(in), engine.Result{Value: &v, Terms: engine.Terms{TTL: -1}})
	})
}

func TestClearsDuringRuns(t *testing.T) {
	clears := map[string]func(*box) error{
		"ClearFor": func(b *box) error { return b.f.ClearFor(context.Background(), b.lookup("x")) },
		"Clear":    func(b *box) error { return b.f.Clear(context.Background()) },
	}
	for name, clear := range clears {
		for _, memoryOnly := range []bool{false, true} {
			tier := map[bool]string{false: "with a backend", true: "in memory only"}[memoryOnly]
			t.Run("C2 C5 a Get after "+name+" joins no run of before it, "+tier, func(t *testing.T) {
				bubble(t, func(t *testing.T, fl *fleet) {
					if fl.took = time.Second; memoryOnly {
						fl.m = nil
					}
					b := fl.container()
					before := b.begin(context.Background(), "x")
					if err := clear(b); err != nil {
						t.Fatal(err)
					}
					after := b.begin(context.Background(), "x")
					(<-before).want(t, "before", 1)
					(<-after).want(t, "after", 2)
					synctest.Wait()
					if got := b.get("x"); got != 2 {
						t.Errorf("kept is %d", got)
					}
				})
			})
		}
	}
	t.Run("F3 Clear ends a mark, here and in the backend: callers share a run again", func(t *testing.T) {
		bubble(t, func(t *testing.T, fl *fleet) {
			fl.took = time.Second
			b := fl.container()
			b.terms.Private = true
			b.get("x")
			b.terms.Private = false
			if err := clears["Clear"](b); err != nil {
				t.Fatal(err)
			}
			first, second := b.begin(context.Background(), "x"), b.begin(context.Background(), "x")
			(<-first).want(t, "first", 2)
			(<-second).want(t, "second", 2)
		})
	})
	t.Run("C5 C7 the result of a run that began before a Set replaces it nowhere", func(t *testing.T) {
		bubble(t, func(t *testing.T, fl *fleet) {
			fl.took = time.Second
			b := fl.container()
			ctx, inv := invocation.Begin(context.Background(), invocation.Options{AfterResponse: true})
			before := make(chan int64, 1)
			go func() { before <- b.getIn(ctx, "x") }()
			synctest.Wait()
			b.set("x", 77)
			if v := <-before; v != 1 {
				t.Errorf("the run's caller got %d", v)
			}
			if v := b.get("x"); v != 77 {
				t.Errorf("here %d, before the run's result could be written", v)
			}
			inv.Finish(ctx)
			if here, there := b.get("x"), fl.container().get("x"); here != 77 || there != 77 {
				t.Errorf("here %d, elsewhere %d", here, there)
			}
		})
	})
	for name, clear := range clears {
		t.Run("C5 what "+name+" has overtaken is not written", func(t *testing.T) {
			bubble(t, func(t *testing.T, fl *fleet) {
				m := newFaulty(fl.m)
				b := fl.container(func(s *engine.Spec) { s.Manager = m })
				b.invoke(func(ctx context.Context) {
					b.getIn(ctx, "x")
					if err := clear(b); err != nil {
						t.Error(err)
					}
				})
				if n := m.puts.Load(); n != 0 {
					t.Errorf("%d writes", n)
				}
			})
		})
	}
	t.Run("T5 a refresh that was queued before a clear does not run after it", func(t *testing.T) {
		for name, clear := range clears {
			bubble(t, func(t *testing.T, fl *fleet) {
				b := fl.container(func(s *engine.Spec) { s.Policy = freshness.Policy{TTL: time.Minute, Stale: time.Hour} })
				b.get("x")
				time.Sleep(2 * time.Minute)
				b.invoke(func(ctx context.Context) {
					b.getIn(ctx, "x")
					if err := clear(b); err != nil {
						t.Error(err)
					}
				})
				if n := fl.runs.Load(); n != 1 {
					t.Errorf("%s: %d runs", name, n)
				}
			})
		}
	})
}

func TestWhatTheBackendWasNotTold(t *testing.T) {
	t.Run("C3 ClearFor that the backend could not be told is told before the slot is believed again", func(t *testing.T) {
		bubble(t, func(t *testing.T, fl *fleet) {
			m := newFaulty(fl.m)
			b := fl.container(func(s *engine.Spec) { s.Manager = m })
			b.get("x")
			m.loseInvalidate.Store(true)
			b.invoke(func(ctx context.Context) {
				if b.f.ClearFor(ctx, b.lookup("x")) == nil {
					t.Error("no error")
				}
			})
			m.loseInvalidate.Store(false)
			time.Sleep(5 * time.Second) // the breaker probes
			if v := b.get("x"); v != 2 {
				t.Errorf("here %d: what was cleared is believed", v)
			}
			if n := m.invalidated.Load(); n != 1 {
				t.Errorf("the backend was told %d times once it could be", n)
			}
			if v := fl.container().get("x"); v != 2 {
				t.Errorf("elsewhere %d", v)
			}
		})
	})
	t.Run("C6 while what a Refresh came to waits to be written, what it replaces is not read", func(t *testing.T) {
		bubble(t, func(t *testing.T, fl *fleet) {
			fl.container().get("x")
			b := fl.container(func(s *engine.Spec) { s.Owner = memtier.New(1, func(any) {}).Owner(nil, 0, 0) }) // no room
			b.invoke(func(ctx context.Context) {
				if _, err := b.f.Refresh(ctx, b.lookup("x")); err != nil {
					t.Error(err)
				}
				if v := b.get("x"); v == 1 {
					t.Error("the replaced value is read")
				}
			})
		})
	})
	t.Run("T7 an expired value is not returned, however long the run takes", func(t *testing.T) {
		bubble(t, func(t *testing.T, fl *fleet) {
			fl.took = 10 * time.Second
			b := fl.container(func(s *engine.Spec) {
				s.Policy, s.SoftTimeout = freshness.Policy{TTL: time.Minute, FailSafe: time.Hour}, time.Second
			})
			b.get("x")
			time.Sleep(30 * time.Minute)
			if v, took, err := b.call("x", time.Minute); v != 1 || took != time.Second || err != nil {
				t.Errorf("within fail-safe: %d after %v, %v", v, took, err)
			}
			synctest.Wait()
			time.Sleep(2 * time.Hour)
			if v, took, err := b.call("x", time.Minute); v != 3 || took != fl.took || err != nil {
				t.Errorf("beyond it: %d after %v, %v", v, took, err)
			}
		})
	})
}

func TestAValueThatExpiresMeanwhile(t *testing.T) {
	for name, ask := range map[string]func(b *box, ctx context.Context) *engine.Reply{
		"Get": func(b *box, ctx context.Context) *engine.Reply {
			r, err := b.f.Get(ctx, b.lookup("x"))
			if err != nil {
				t.Error(err)
			}
			return r
		},
		"GetAll": func(b *box, ctx context.Context) *engine.Reply { return b.getAll(ctx, "x")[0].reply },
	} {
		t.Run("T6 T7 it does not stand in for a slow run when its time is over: "+name, func(t *testing.T) {
			bubble(t, func(t *testing.T, fl *fleet) {
				b := fl.container(func(s *engine.Spec) {
					s.Policy, s.SoftTimeout, s.Many = freshness.Policy{TTL: time.Minute, FailSafe: time.Hour}, 2*time.Second, one
				})
				b.get("x")
				fl.took = 10 * time.Second
				time.Sleep(time.Hour + 59*time.Second)
				b.invoke(func(ctx context.Context) {
					start := time.Now()
					if v := *ask(b, ctx).Value.(*int64); v != 2 {
						t.Errorf("after %v a value whose time was over", time.Since(start))
					}
				})
			})
		})
	}
}

func TestLateWrites(t *testing.T) {
	t.Run("C10 nothing is written later than 15 minutes after its run began", func(t *testing.T) {
		for _, tt := range []struct {
			late time.Duration
			want int64
		}{{14 * time.Minute, 1}, {16 * time.Minute, 2}} {
			bubble(t, func(t *testing.T, fl *fleet) {
				b := fl.container()
				b.invoke(func(ctx context.Context) {
					b.getIn(ctx, "x")
					time.Sleep(tt.late) // frozen before its work after the response
				})
				if got := fl.container().get("x"); got != tt.want {
					t.Errorf("after %v another container gets %d, want %d", tt.late, got, tt.want)
				}
			})
		}
	})
	t.Run("C5 C10 memory does not keep what the store refused for a clear elsewhere", func(t *testing.T) {
		bubble(t, func(t *testing.T, fl *fleet) {
			a, b := fl.container(), fl.container()
			a.invoke(func(ctx context.Context) {
				a.getIn(ctx, "x")
				b.do(func(ctx context.Context) error { return b.f.ClearFor(ctx, b.lookup("x")) })
			})
			if got := a.get("x"); got != 2 {
				t.Errorf("%d, want a run of after the clear", got)
			}
		})
	})
}

func TestRefreshes(t *testing.T) {
	t.Run("T5 stale hits of many invocations leave one refresh", func(t *testing.T) {
		bubble(t, func(t *testing.T, fl *fleet) {
			fl.m = nil
			b := fl.container(func(s *engine.Spec) { s.Policy = freshness.Policy{TTL: time.Minute, Stale: time.Hour} })
			b.get("x")
			time.Sleep(2 * time.Minute)
			var all []func()
			for range 5 {
				ctx, inv := invocation.Begin(context.Background(), invocation.Options{AfterResponse: true})
				b.getIn(ctx, "x")
				all = append(all, func() { inv.Finish(ctx) })
			}
			for _, finish := range all {
				finish()
			}
			if n := fl.runs.Load(); n != 2 {
				t.Errorf("%d runs, want the first one and one refresh", n)
			}
		})
	})
}

func TestArgumentsThatMayChange(t *testing.T) {
	t.Run("K18 a stale value is served and no refresh is left", func(t *testing.T) {
		bubble(t, func(t *testing.T, fl *fleet) {
			b := fl.container(func(s *engine.Spec) { s.Policy = freshness.Policy{TTL: time.Minute, Stale: time.Hour} })
			shared := func() *engine.Lookup {
				l := b.lookup("x")
				l.Arg = engine.Shared
				return l
			}
			(<-b.beginWith(context.Background(), shared())).want(t, "first", 1)
			time.Sleep(2 * time.Minute)
			(<-b.beginWith(context.Background(), shared())).want(t, "stale", 1)
			synctest.Wait()
			if n := fl.runs.Load(); n != 1 {
				t.Errorf("%d runs: one outlived its call", n)
			}
		})
	})
	t.Run("K18 a run ends before its call returns, also where the caller leaves", func(t *testing.T) {
		bubble(t, func(t *testing.T, fl *fleet) {
			b := fl.container()
			open, ended := make(chan struct{}), false
			b.run = func(context.Context, string) (int64, error) { <-open; ended = true; return 1, nil }
			ctx, cancel := context.WithCancel(context.Background())
			l := b.lookup("x")
			l.Arg = engine.Shared
			done := b.beginWith(ctx, l)
			cancel()
			synctest.Wait()
			select {
			case <-done:
				t.Error("the call returned before its run did")
			default:
			}
			close(open)
			if <-done; !ended {
				t.Error("the run has not ended")
			}
		})
	})
}

func TestGenerationsThatReturn(t *testing.T) {
	t.Run("C1 what a failover brings back is cleared, by whoever has cleared it before", func(t *testing.T) {
		bubble(t, func(t *testing.T, fl *fleet) {
			now := fl.m.(*memory.Manager)
			server := new(atomic.Pointer[memory.Manager])
			server.Store(now)
			b := fl.container(func(s *engine.Spec) { s.Manager = failing{server} })
			b.get("x")
			snapshot := now.Copy()
			b.do(b.f.Clear)
			if v := b.get("x"); v != 2 {
				t.Fatal(v)
			}
			server.Store(snapshot)
			time.Sleep(6 * time.Second)
			if v := b.get("x"); v == 1 {
				t.Error("what was cleared is back")
			}
			b.get("y") // the backend is told before anything there is believed
			if v := fl.container(func(s *engine.Spec) { s.Manager = failing{server} }).get("x"); v == 1 {
				t.Error("another container gets what was cleared: the backend was not told")
			}
		})
	})
}

func TestCoherent(t *testing.T) {
	t.Run("C4 an entry is compared with the backend's within NearTTL, also where other keys are read all the time", func(t *testing.T) {
		bubble(t, func(t *testing.T, fl *fleet) {
			coherent := func(s *engine.Spec) { s.Coherent = true }
			a, b := fl.container(coherent), fl.container(coherent)
			b.get("x")
			a.set("x", 77)
			for i := range 3 {
				time.Sleep(3 * time.Second)
				b.get(string(rune('a' + i))) // so that the generation is always known
			}
			if v := b.get("x"); v != 77 {
				t.Errorf("%d, 9 s after a Set elsewhere", v)
			}
		})
	})
}
