package engine_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stillwarm/stillwarm/backends"
	"github.com/stillwarm/stillwarm/backends/memory"
	"github.com/stillwarm/stillwarm/internal/breaker"
	"github.com/stillwarm/stillwarm/internal/engine"
	"github.com/stillwarm/stillwarm/internal/engine/freshness"
	memtier "github.com/stillwarm/stillwarm/internal/engine/memory"
	"github.com/stillwarm/stillwarm/internal/invocation"
	"github.com/stillwarm/stillwarm/serialize"
)

// box is one container over a backend that it may share.
type box struct {
	t   *testing.T
	env *engine.Env
	f   *engine.Function
	run func(ctx context.Context, in string) (int64, error)
	// decoding, where it is set, is called before something that the backend has is decoded.
	decoding func(in string)

	runs  atomic.Int64
	terms engine.Terms
	now   *atomic.Int64
}

func newBox(t *testing.T, m backends.PersistenceManager, now *atomic.Int64, change ...func(*engine.Spec)) *box {
	t.Helper()
	b := &box{t: t, now: now, terms: engine.Terms{TTL: -1}}
	b.run = func(context.Context, string) (int64, error) { return b.runs.Add(1), nil }
	sealer, err := serialize.NewSealer(serialize.Options{})
	if err != nil {
		t.Fatal(err)
	}
	b.env = &engine.Env{
		Now:      now.Load,
		Log:      func(_ context.Context, l slog.Level, msg string, args ...any) { t.Log(l, msg, args) },
		LogOnce:  func(_ context.Context, _ string, l slog.Level, msg string, args ...any) { t.Log(l, msg, args) },
		Emit:     func(context.Context, engine.Event) {},
		Observed: func(context.Context) bool { return false },
		Defer: func(ctx context.Context, job func(context.Context)) {
			if !invocation.From(ctx).After(job) {
				job(context.WithoutCancel(ctx))
			}
		},
		DeferRefresh: func(ctx context.Context, job func(context.Context), _ func()) {
			if !invocation.From(ctx).After(job) {
				job(context.WithoutCancel(ctx))
			}
		},
		Defers: func(ctx context.Context) bool { return invocation.From(ctx).Holds() },
		Closed: func() bool { return false },
		Reads:  breaker.New(time.Second, func(context.Context, error) {}), Writes: breaker.New(time.Second, func(context.Context, error) {}),
		Sealer: sealer, LeaseTTL: 10 * time.Second, BackendTimeout: time.Second, MaxWait: time.Minute, MemoryMax: 1 << 20,
	}
	b.env.Init()
	spec := engine.Spec{
		Name: "f", Code: func() (string, error) { return "1", nil }, Manager: m, NearTTL: 5 * time.Second,
		Owner: memtier.New(1<<20, func(any) {}).Owner(nil, 0, 0),
	}
	for _, c := range change {
		c(&spec)
	}
	b.f = engine.New(b.env, spec)
	return b
}

type ops struct {
	b  *box
	in string
}

func (o *ops) Run(ctx context.Context) engine.Result {
	v, err := o.b.run(ctx, o.in)
	return engine.Result{Value: &v, Err: err, Terms: o.b.terms}
}

func (o *ops) Decode(p []byte, _ bool) (any, error) {
	if o.b.decoding != nil {
		o.b.decoding(o.in)
	}
	if len(p) != 8 {
		return nil, errors.New("eight bytes expected")
	}
	v := int64(binary.BigEndian.Uint64(p))
	return &v, nil
}

func (o *ops) Encode(dst []byte, v any) ([]byte, error) {
	return binary.BigEndian.AppendUint64(dst, uint64(*v.(*int64))), nil
}

func (o *ops) Size(any) int64 { return 8 }

func (b *box) lookup(in string) *engine.Lookup {
	return &engine.Lookup{Ops: &ops{b, in}, Key: in, Enc: []byte(in), Codec: 1, Arg: engine.Own}
}

// answer is what one element of a batch came to.
type answer struct {
	reply *engine.Reply
	err   error
}

// getAll asks for several keys at once. Lookups that are over are used again, as the callers of the engine do.
func (b *box) getAll(ctx context.Context, keys ...string) []answer {
	answers, elements := make([]answer, len(keys)), make([]engine.Element, len(keys))
	for i, key := range keys {
		elements[i] = engine.Element{Key: key, Enc: []byte(key)}
	}
	b.f.GetAll(ctx, engine.Batch{
		Elements: elements,
		Lookup: func(n int, room *engine.Lookup) *engine.Lookup {
			l := b.lookup(keys[n])
			if room == nil {
				return l
			}
			o := room.Ops.(*ops)
			*o = *l.Ops.(*ops)
			*room = engine.Lookup{Ops: o, Codec: l.Codec, Arg: l.Arg}
			return room
		},
		Answer: func(n int, r *engine.Reply, err error) {
			if r != nil {
				kept := *r
				r = &kept
			}
			answers[n] = answer{r, err}
		},
	})
	return answers
}

// invoke runs fn as one invocation.
func (b *box) invoke(fn func(ctx context.Context)) {
	ctx, inv := invocation.Begin(context.Background(), invocation.Options{AfterResponse: true})
	fn(ctx)
	inv.Finish(context.WithoutCancel(ctx))
}

func (b *box) get(in string) (v int64) {
	b.t.Helper()
	b.invoke(func(ctx context.Context) { v = b.getIn(ctx, in) })
	return v
}

func (b *box) getIn(ctx context.Context, in string) int64 {
	b.t.Helper()
	r, err := b.f.Get(ctx, b.lookup(in))
	if err != nil {
		b.t.Fatalf("Get(%s): %v", in, err)
	}
	return *r.Value.(*int64)
}

var names atomic.Int64

func backend(t *testing.T) backends.PersistenceManager {
	t.Helper()
	m, err := memory.OpenURL(t.Context(), mustParse(fmt.Sprintf("memory:engine-%d", names.Add(1))))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func clockNow() *atomic.Int64 {
	var n atomic.Int64
	n.Store(time.Now().UnixNano())
	return &n
}

func TestHitsAndClears(t *testing.T) {
	m, now := backend(t), clockNow()
	a, b := newBox(t, m, now), newBox(t, m, now)
	for _, c := range []*box{a, a, b} {
		if c.get("x") != 1 || b.runs.Load() != 0 {
			t.Fatal("not a hit", a.runs.Load(), b.runs.Load())
		}
	}
	a.invoke(func(ctx context.Context) {
		if err := a.f.ClearFor(ctx, a.lookup("x")); err != nil {
			t.Error(err)
		}
	})
	if a.get("x") != 2 {
		t.Fatal("C2 ClearFor is lost")
	}
	a.invoke(func(ctx context.Context) {
		if err := a.f.Clear(ctx); err != nil {
			t.Error(err)
		}
	})
	if a.get("x") != 3 {
		t.Fatal("C2 Clear is lost")
	}
	now.Add(int64(6 * time.Second))
	if b.get("x") != 3 {
		t.Fatal("C4 the other container does not see the clear")
	}
	a.invoke(func(ctx context.Context) {
		if r, err := a.f.Refresh(ctx, a.lookup("x")); err != nil || *r.Value.(*int64) != 4 {
			t.Error(r, err)
		}
	})
	if c := newBox(t, m, now); c.get("x") != 4 {
		t.Fatal("C6 the refreshed value is not in the backend")
	}
	a.invoke(func(ctx context.Context) {
		v := int64(77)
		if err := a.f.Set(ctx, a.lookup("x"), engine.Result{Value: &v, Terms: engine.Terms{TTL: -1}}); err != nil {
			t.Error(err)
		}
	})
	if c := newBox(t, m, now); a.get("x") != 77 || c.get("x") != 77 {
		t.Fatal("C7 Set is lost")
	}
}

func TestStampede(t *testing.T) {
	m, now := backend(t), clockNow()
	var runs atomic.Int64
	var wg sync.WaitGroup
	for range 8 {
		b := newBox(t, m, now)
		b.run = func(context.Context, string) (int64, error) {
			time.Sleep(50 * time.Millisecond)
			return runs.Add(1), nil
		}
		for range 8 {
			wg.Go(func() {
				if b.get("x") != 1 {
					t.Error("another value")
				}
			})
		}
	}
	wg.Wait()
	if runs.Load() != 1 {
		t.Fatal("S4: runs", runs.Load())
	}
}

func TestStaleAndAhead(t *testing.T) {
	m, now := backend(t), clockNow()
	a := newBox(t, m, now, func(s *engine.Spec) {
		s.Policy = freshness.Policy{TTL: time.Minute, Stale: time.Minute, FailSafe: time.Hour, Ahead: 0.8}
	})
	a.get("x")
	now.Add(int64(50 * time.Second))
	if a.get("x") != 1 || a.get("x") != 2 {
		t.Fatal("T8", a.runs.Load())
	}
	now.Add(int64(70 * time.Second))
	if a.get("x") != 2 || a.get("x") != 3 {
		t.Fatal("T5", a.runs.Load())
	}
	a.run = func(context.Context, string) (int64, error) { return 0, errors.New("down") }
	now.Add(int64(10 * time.Minute))
	if a.get("x") != 3 {
		t.Fatal("T6")
	}
}

func TestTagsAcrossContainers(t *testing.T) {
	m, now := backend(t), clockNow()
	a, b := newBox(t, m, now), newBox(t, m, now)
	tagged := func(b *box) (v int64) {
		b.invoke(func(ctx context.Context) {
			l := b.lookup("x")
			l.Tags = []string{"customer:1"}
			r, err := b.f.Get(ctx, l)
			if err != nil {
				t.Fatal(err)
			}
			v = *r.Value.(*int64)
		})
		return v
	}
	for _, c := range []*box{a, a, b, b} {
		if tagged(c) != 1 {
			t.Fatal("not a hit", a.runs.Load(), b.runs.Load())
		}
	}
	if err := engine.InvalidateTags(t.Context(), []*engine.Function{a.f}, []string{"customer:1"}); err != nil {
		t.Fatal(err)
	}
	b.runs.Store(10)
	if tagged(a) != 2 {
		t.Fatal("C8 here")
	}
	now.Add(int64(6 * time.Second))
	if v := tagged(b); v != 2 {
		t.Fatal("C8 elsewhere:", v)
	}
	t.Run("C8 a tag that only the result names was invalidated elsewhere during the run: nothing is stored", func(t *testing.T) {
		m, now := backend(t), clockNow()
		own := func(s *engine.Spec) { s.TagsOf = true }
		a, b := newBox(t, m, now, own), newBox(t, m, now, own)
		a.terms.Tags, b.terms.Tags = []string{"customer:1"}, []string{"customer:1"}
		b.get("opens the store")
		compute := a.run
		a.run = func(ctx context.Context, in string) (int64, error) {
			if err := engine.InvalidateTags(ctx, []*engine.Function{b.f}, a.terms.Tags); err != nil {
				t.Error(err)
			}
			return compute(ctx, in)
		}
		if v := a.get("x"); v != 1 {
			t.Fatal(v)
		}
		c := newBox(t, m, now, own)
		c.terms.Tags = a.terms.Tags
		c.runs.Store(10)
		if v := c.get("x"); v != 11 {
			t.Errorf("%d, made of what the invalidation has outdated", v)
		}
	})
}

func mustParse(raw string) *url.URL {
	u, err := url.Parse(raw)
	if err != nil {
		panic(err)
	}
	return u
}
