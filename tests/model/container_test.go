package model

import (
	"context"
	"encoding/binary"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/stillwarm/stillwarm/internal/breaker"
	"github.com/stillwarm/stillwarm/internal/engine"
	"github.com/stillwarm/stillwarm/internal/engine/freshness"
	memtier "github.com/stillwarm/stillwarm/internal/engine/memory"
	"github.com/stillwarm/stillwarm/internal/engine/resource"
	"github.com/stillwarm/stillwarm/internal/invocation"
	"github.com/stillwarm/stillwarm/serialize"
)

// box is one container.
type box struct {
	w      *world
	n      int
	env    *engine.Env
	f      *engine.Function
	pool   *resource.Pool
	down   atomic.Bool
	failed atomic.Bool // an operation of its backend did, at some time
	frozen atomic.Bool
	since  time.Time // when it was frozen
	dead   atomic.Bool
	closed atomic.Bool
	offset atomic.Int64 // of its wall clock
}

func (w *world) container() *box {
	b := &box{w: w, n: len(w.boxes)}
	w.boxes = append(w.boxes, b)
	sealer, err := serialize.NewSealer(serialize.Options{})
	if err != nil {
		panic(err)
	}
	told := func(context.Context, error) {}
	b.env = &engine.Env{
		Now:      func() int64 { return time.Now().UnixNano() + b.offset.Load() },
		Log:      func(context.Context, slog.Level, string, ...any) {},
		LogOnce:  func(context.Context, string, slog.Level, string, ...any) {},
		Emit:     b.hear,
		Observed: func(context.Context) bool { return true },
		Defer:    deferWork, DeferRefresh: func(ctx context.Context, job func(context.Context), _ func()) { deferWork(ctx, job) },
		Defers: func(context.Context) bool { return true }, Closed: b.closed.Load,
		Reads: breaker.New(timeout, told), Writes: breaker.New(10*time.Second, told), Sealer: sealer,
		LeaseTTL: leaseTTL, BackendTimeout: timeout, MaxWait: time.Minute, MemoryMax: 1 << 20,
		Spread: func(n int64) int64 { return n / 2 },
	}
	b.env.Init()
	spec := engine.Spec{
		Name: "f", Code: func() (string, error) { return "1", nil }, Manager: gated{w.m, b}, NearTTL: nearTTL,
		Owner:  memtier.New(memoryMax, func(any) {}, memtier.WithClock(b.env.Now)).Owner(nil, 0, 0),
		Policy: freshness.Policy{TTL: ttl, Stale: stale}, Coherent: w.settings.Coherent,
	}
	if w.settings.Soft {
		spec.SoftTimeout = 2 * time.Second
	}
	if w.settings.FailSafe {
		spec.Policy.FailSafe = failSafe
	}
	if w.settings.Ahead {
		spec.Policy.Ahead = 0.5
	}
	spec.TagsOf = w.settings.TagsOf
	if !w.settings.Single {
		spec.Many = b.many
	}
	b.f = engine.New(b.env, spec)
	b.pool = b.newPool()
	return b
}

func deferWork(ctx context.Context, job func(context.Context)) {
	if !invocation.From(ctx).After(job) {
		go job(context.WithoutCancel(ctx))
	}
}

type opKey struct{}

func opOf(ctx context.Context) *op {
	o, _ := ctx.Value(opKey{}).(*op)
	return o
}

// hear notes what the engine says of an operation.
func (b *box) hear(ctx context.Context, e engine.Event) {
	if o := opOf(ctx); o != nil && e.Reason == "soft timeout" {
		b.w.mu.Lock()
		o.soft = true
		b.w.mu.Unlock()
	}
}

// lookup is one call of the function.
type lookup struct {
	engine.Lookup
	b   *box
	key string
}

func (b *box) lookup(key string) *engine.Lookup {
	l := &lookup{b: b, key: key}
	l.Ops, l.Key, l.Enc, l.Codec, l.Arg, l.Tags = l, key, []byte(key), 1, engine.Own, b.w.tags(key)
	return &l.Lookup
}

// getAll asks for several keys at once. A lookup that is over is used again, so what still held on to it would be seen.
func (b *box) getAll(ctx context.Context, took func(key string, r *engine.Reply, err error) error, keys ...string) error {
	elements := make([]engine.Element, len(keys))
	for i, key := range keys {
		elements[i] = engine.Element{Key: key, Enc: []byte(key), Tags: b.w.tags(key)}
	}
	var mu sync.Mutex
	var errs []error
	b.f.GetAll(ctx, engine.Batch{
		Elements: elements,
		Lookup: func(n int, room *engine.Lookup) *engine.Lookup {
			l := b.lookup(keys[n])
			if room != nil {
				used := room.Ops.(*lookup)
				*used = lookup{b: b, key: keys[n]}
				used.Ops, used.Codec, used.Arg = used, l.Codec, l.Arg
				return room
			}
			return l
		},
		Answer: func(n int, r *engine.Reply, err error) {
			mu.Lock()
			defer mu.Unlock()
			errs = append(errs, took(keys[n], r, err))
		},
	})
	return errors.Join(errs...)
}

// Run is a run of the function: it returns the number of the event that it begins with.
func (l *lookup) Run(ctx context.Context) engine.Result {
	v, r := l.b.begin(opOf(ctx), l.key)
	if l.key == deafKey {
		ctx = context.WithoutCancel(ctx)
	}
	err := l.b.pass(ctx, "run "+l.key, false)
	if l.b.w.end(r, err); err != nil {
		return engine.Result{Err: err, Terms: engine.Terms{TTL: -1}}
	}
	return engine.Result{Value: &v, Terms: l.b.w.terms(l.key)}
}

// many is one run for several keys.
func (b *box) many(ctx context.Context, ls []*engine.Lookup) []engine.Result {
	results, runs := make([]engine.Result, len(ls)), make([]*run, len(ls))
	for i, l := range ls {
		var v int64
		v, runs[i] = b.begin(opOf(ctx), l.Ops.(*lookup).key)
		results[i] = engine.Result{Value: &v, Terms: b.w.terms(ls[i].Ops.(*lookup).key)}
	}
	err := b.pass(ctx, "run many", false)
	for i, r := range runs {
		if b.w.end(r, err); err != nil {
			results[i] = engine.Result{Err: err, Terms: engine.Terms{TTL: -1}}
		}
	}
	return results
}

func (l *lookup) Decode(p []byte, _ bool) (any, error) {
	if len(p) < 8 {
		return nil, errors.New("not a value")
	}
	v := int64(binary.BigEndian.Uint64(p[:8]))
	return &v, nil
}

func (l *lookup) Encode(dst []byte, v any) ([]byte, error) {
	dst = binary.BigEndian.AppendUint64(dst, uint64(*v.(*int64)))
	return append(dst, make([]byte, l.Size(v)-8)...), nil
}

// memoryMax is what a container's memory holds.
const memoryMax = 1 << 14

// Size is more than memory holds for some of the values.
func (l *lookup) Size(v any) int64 {
	if l.b.w.settings.Large && *v.(*int64)%3 == 0 {
		return 2 * memoryMax
	}
	return 8
}

// do begins an operation in its own goroutine.
func (b *box) do(kind, key string) *op {
	w := b.w
	ctx, cancel := context.WithCancel(context.Background())
	o := &op{
		kind: kind, box: b.n, key: key, start: w.seq.Add(1), began: time.Now(), cancel: cancel, values: map[string]int64{},
		blind: b.env.Reads.Down() || b.env.Writes.Down(), disturbed: b.down.Load(), waits: map[string]bool{},
	}
	w.mu.Lock()
	o.id = len(w.ops)
	w.ops = append(w.ops, o)
	w.live++
	w.mu.Unlock()
	ctx = context.WithValue(ctx, opKey{}, o)
	go func() {
		ctx, inv := invocation.Begin(ctx, invocation.Options{AfterResponse: true})
		err := b.perform(ctx, o)
		w.mu.Lock()
		if o.err = err; !o.dead {
			o.end, o.done = w.seq.Add(1), time.Now()
		}
		w.mu.Unlock()
		b.letGo(o)
		inv.Finish(context.WithoutCancel(ctx))
		cancel()
		w.mu.Lock()
		o.finished = true
		w.live--
		w.mu.Unlock()
	}()
	return o
}

// short answers with what memory has fresh, as callers of the engine do before they ask it.
func (b *box) short(o *op, key string) bool {
	e := b.f.Fresh([]byte(key))
	if e != nil {
		o.values[key] = *e.Value.(*int64)
	}
	return e != nil
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
		if b.short(o, o.key) {
			return nil
		}
		r, err := b.f.Get(ctx, b.lookup(o.key))
		return took(o.key, r, err)
	case "getall":
		var rest []string
		for _, key := range keys {
			if !b.short(o, key) {
				rest = append(rest, key)
			}
		}
		return b.getAll(ctx, took, rest...)
	case "refresh":
		r, err := b.f.Refresh(ctx, b.lookup(o.key))
		return took(o.key, r, err)
	case "set":
		v, r := b.begin(o, o.key)
		b.w.end(r, nil)
		o.values[o.key] = v
		return b.f.Set(ctx, b.lookup(o.key), engine.Result{Value: &v, Terms: b.w.terms(o.key)})
	case "clearfor":
		return b.f.ClearFor(ctx, b.lookup(o.key))
	case "invalidate":
		return engine.InvalidateTags(ctx, []*engine.Function{b.f}, []string{b.w.invalidates(o.key)})
	case "clear":
		return b.f.Clear(ctx)
	default:
		return b.performOnPool(ctx, o)
	}
}

// tags are those of a key that are known before the run: one of all, one of its own.
func (w *world) tags(key string) []string {
	if w.settings.TagsOf {
		return []string{"tag"}
	}
	return []string{"tag", "tag " + key}
}

// terms are those of a result.
func (w *world) terms(key string) engine.Terms {
	t := engine.Terms{TTL: -1, Private: key == privateKey}
	if w.settings.TagsOf {
		t.Tags = []string{"tag " + key}
	}
	return t
}

// invalidates returns the tag that is invalidated: of b that of all.
func (w *world) invalidates(key string) string {
	if key == deafKey {
		return "tag"
	}
	return "tag " + key
}
