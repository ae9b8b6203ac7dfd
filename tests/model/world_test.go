// Package model tries schedules of operations of several containers over one backend, with faults, against an oracle of
// what may be returned.
//
// rapid draws a plan. The plan runs in a bubble of virtual time, in which every operation of the backend and every run of
// the function waits at a gate; the plan's numbers say which gate opens next. So a schedule is a list of numbers, and
// shrinks. Every run returns the number of the event that began it, so that a value says when it was computed; verdicts
// fall when the bubble is over.
package model

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
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

const nearTTL = 5 * time.Second

// privateKey is a key whose results are for their callers only.
const privateKey = "private"

var keys = []string{"a", "b", privateKey}

// world is what the containers of one plan share.
type world struct {
	m   backends.PersistenceManager
	seq atomic.Int64 // numbers events

	mu    sync.Mutex
	gates []*gate
	runs  map[int64]run // by the value they return
	ops   []*op
	live  int // operations that have not returned
	// stepped are the containers whose clock was set.
	stepped map[int]bool
}

type gate struct {
	name string
	open chan struct{}
}

type run struct {
	op  int
	key string
}

// op is one operation and what became of it.
type op struct {
	id          int
	kind        string
	box         int
	key         string
	start, end  int64
	began, done time.Time
	values      map[string]int64 // by key
	err         error
	cancel      context.CancelFunc
	cancelled   bool
	disturbed   bool // an outage was on at some time while it ran
}

type box struct {
	w      *world
	n      int
	env    *engine.Env
	f      *engine.Function
	down   atomic.Bool
	offset atomic.Int64 // of its wall clock
}

func newWorld() *world {
	m, err := memory.New(memory.Options{Clock: time.Now})
	if err != nil {
		panic(err)
	}
	return &world{m: m, runs: map[int64]run{}, stepped: map[int]bool{}}
}

// pass waits at a gate.
func (w *world) pass(ctx context.Context, name string) error {
	g := &gate{name: name, open: make(chan struct{})}
	w.mu.Lock()
	w.gates = append(w.gates, g)
	w.mu.Unlock()
	select {
	case <-g.open:
		return nil
	case <-ctx.Done():
		w.remove(g)
		return ctx.Err()
	}
}

func (w *world) remove(g *gate) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	for i, other := range w.gates {
		if other == g {
			w.gates = append(w.gates[:i:i], w.gates[i+1:]...)
			return true
		}
	}
	return false
}

// release opens one of the gates and reports whether there was one.
func (w *world) release(n int) bool {
	w.mu.Lock()
	if len(w.gates) == 0 {
		w.mu.Unlock()
		return false
	}
	slices.SortStableFunc(w.gates, func(a, b *gate) int { return strings.Compare(a.name, b.name) })
	g := w.gates[n%len(w.gates)]
	w.mu.Unlock()
	if w.remove(g) {
		close(g.open)
	}
	return true
}

func (w *world) container(n int) *box {
	b := &box{w: w, n: n}
	sealer, err := serialize.NewSealer(serialize.Options{})
	if err != nil {
		panic(err)
	}
	told := func(context.Context, error) {}
	b.env = &engine.Env{
		Now:      func() int64 { return time.Now().UnixNano() + b.offset.Load() },
		Log:      func(context.Context, slog.Level, string, ...any) {},
		LogOnce:  func(context.Context, string, slog.Level, string, ...any) {},
		Emit:     func(context.Context, engine.Event) {},
		Observed: func(context.Context) bool { return false },
		Defer:    deferWork, DeferRefresh: func(ctx context.Context, job func(context.Context), _ func()) { deferWork(ctx, job) },
		Defers: func(context.Context) bool { return true }, Closed: func() bool { return false },
		Reads: breaker.New(time.Second, told), Writes: breaker.New(10*time.Second, told), Sealer: sealer,
		LeaseTTL: 10 * time.Second, BackendTimeout: time.Second, MaxWait: time.Minute, MemoryMax: 1 << 20,
		Spread: func(n int64) int64 { return n / 2 },
	}
	b.env.Init()
	spec := engine.Spec{
		Name: "f", Code: func() (string, error) { return "1", nil }, Manager: gated{w.m, b}, NearTTL: nearTTL,
		Owner:  memtier.New(1<<20, func(any) {}, memtier.WithClock(b.env.Now)).Owner(nil, 0, 0),
		Policy: freshness.Policy{TTL: time.Minute, Stale: time.Minute},
	}
	spec.Many = b.many
	b.f = engine.New(b.env, spec)
	return b
}

func deferWork(ctx context.Context, job func(context.Context)) {
	if !invocation.From(ctx).After(job) {
		go job(context.WithoutCancel(ctx))
	}
}

type opKey struct{}

// lookup is one call of the function.
type lookup struct {
	engine.Lookup
	b   *box
	key string
}

func (b *box) lookup(key string) *engine.Lookup {
	l := &lookup{b: b, key: key}
	l.Ops, l.Key, l.Enc, l.Codec, l.Arg, l.Tags = l, key, []byte(key), 1, engine.Own, []string{"tag"}
	return &l.Lookup
}

// Run is a run of the function: it returns the number of the event that it begins with.
func (l *lookup) Run(ctx context.Context) engine.Result {
	o, _ := ctx.Value(opKey{}).(*op)
	v := l.b.w.begin(o, l.key)
	if err := l.b.w.pass(ctx, fmt.Sprintf("run %s in %d", l.key, l.b.n)); err != nil {
		return engine.Result{Err: err, Terms: engine.Terms{TTL: -1}}
	}
	return engine.Result{Value: &v, Terms: engine.Terms{TTL: -1, Private: l.key == privateKey}}
}

func (w *world) begin(o *op, key string) int64 {
	v := w.seq.Add(1)
	w.mu.Lock()
	defer w.mu.Unlock()
	id := -1
	if o != nil {
		id = o.id
	}
	w.runs[v] = run{id, key}
	return v
}

func (b *box) many(ctx context.Context, ls []*engine.Lookup) []engine.Result {
	results := make([]engine.Result, len(ls))
	for i, l := range ls {
		results[i] = l.Ops.(*lookup).Run(ctx)
	}
	return results
}

func (l *lookup) Decode(p []byte, _ bool) (any, error) {
	if len(p) != 8 {
		return nil, errors.New("not a value")
	}
	v := int64(binary.BigEndian.Uint64(p))
	return &v, nil
}

func (l *lookup) Encode(dst []byte, v any) ([]byte, error) {
	return binary.BigEndian.AppendUint64(dst, uint64(*v.(*int64))), nil
}

func (l *lookup) Size(any) int64 { return 8 }

// do begins an operation in its own goroutine.
func (b *box) do(kind, key string) *op {
	w := b.w
	ctx, cancel := context.WithCancel(context.Background())
	o := &op{kind: kind, box: b.n, key: key, start: w.seq.Add(1), began: time.Now(), cancel: cancel, values: map[string]int64{}, disturbed: b.down.Load()}
	w.mu.Lock()
	o.id = len(w.ops)
	w.ops = append(w.ops, o)
	w.live++
	w.mu.Unlock()
	ctx = context.WithValue(ctx, opKey{}, o)
	go func() {
		ctx, inv := invocation.Begin(ctx, invocation.Options{AfterResponse: true})
		o.err = b.perform(ctx, o)
		o.end, o.done = w.seq.Add(1), time.Now()
		inv.Finish(context.WithoutCancel(ctx))
		cancel()
		w.mu.Lock()
		w.live--
		w.mu.Unlock()
	}()
	return o
}

func (b *box) perform(ctx context.Context, o *op) error {
	took := func(key string, r *engine.Reply, err error) error {
		if err == nil {
			o.values[key] = *r.Value.(*int64)
		}
		return err
	}
	switch o.kind {
	case "get", "probe":
		r, err := b.f.Get(ctx, b.lookup(o.key))
		return took(o.key, r, err)
	case "getall":
		ls := []*engine.Lookup{b.lookup("a"), b.lookup("b")}
		var errs []error
		for i, a := range b.f.GetAll(ctx, ls) {
			errs = append(errs, took(ls[i].Key, a.Reply, a.Err))
		}
		return errors.Join(errs...)
	case "refresh":
		r, err := b.f.Refresh(ctx, b.lookup(o.key))
		return took(o.key, r, err)
	case "set":
		v := b.w.begin(o, o.key)
		err := b.f.Set(ctx, b.lookup(o.key), engine.Result{Value: &v, Terms: engine.Terms{TTL: -1}})
		o.values[o.key] = v
		return err
	case "clearfor":
		return b.f.ClearFor(ctx, b.lookup(o.key))
	case "invalidate":
		return engine.InvalidateTags(ctx, []*engine.Function{b.f}, []string{"tag"})
	default:
		return b.f.Clear(ctx)
	}
}

// inBubble runs f in virtual time and returns what it returns.
func inBubble(t *testing.T, f func() string) (verdict string) {
	synctest.Test(t, func(*testing.T) { verdict = f() })
	return verdict
}
