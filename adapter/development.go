//go:build stillwarm_dev

package adapter

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/stillwarm/stillwarm/devchannel"
	"github.com/stillwarm/stillwarm/internal/engine"
	"github.com/stillwarm/stillwarm/internal/engine/freshness"
)

// workbench is what a Runtime keeps while a local runner listens: nil everywhere else.
type workbench struct {
	rt     *Runtime
	client *devchannel.Client
	offset atomic.Int64 // of the clock, in nanoseconds

	mu    sync.Mutex
	seen  map[devchannel.Ref]seenCall
	order []devchannel.Ref
	known int // functions that were announced
}

// seenCall is how the runner's questions about a digest reach the call that had it.
type seenCall struct {
	s      *dataState
	lookup func() *engine.Lookup
}

// keptCalls bounds the calls that can be asked about.
const keptCalls = 5000

// connectWorkbench tells a local runner of the Runtime, if one listens.
func (rt *Runtime) connectWorkbench() {
	w := &workbench{rt: rt, seen: map[devchannel.Ref]seenCall{}}
	if w.client = devchannel.Connect(w); w.client == nil {
		return
	}
	clock := rt.config.Clock
	rt.config.Clock = func() time.Time { return clock().Add(time.Duration(w.offset.Load())) }
	rt.dev = w
}

type devCallKey struct{}

// devCall is one cached call, for the events that it causes.
type devCall struct {
	id, parent uint64
	began      time.Time
	arg        string
	s          *dataState
	lookup     func() *engine.Lookup // nil for resources
}

// enter notes that a cached call begins. It is called only where there is a workbench.
func (w *workbench) enter(ctx context.Context, s *dataState, arg any, lookup func() *engine.Lookup) context.Context {
	c := &devCall{
		id: w.client.NextCall(), began: time.Now(), arg: devchannel.Render(arg, devchannel.MaxArg), s: s, lookup: lookup,
	}
	if outer, _ := ctx.Value(devCallKey{}).(*devCall); outer != nil {
		c.parent = outer.id
	}
	w.announce()
	return context.WithValue(ctx, devCallKey{}, c)
}

// announce sends the functions when there are more than were told.
func (w *workbench) announce() {
	n := len(w.rt.functions(kindData)) + len(w.rt.functions(kindResource))
	w.mu.Lock()
	more := n != w.known
	w.known = n
	w.mu.Unlock()
	if more {
		w.client.Announce()
	}
}

// request notes the address of a request to an HTTP cache, for the event about it.
func (w *workbench) request(ctx context.Context, address string) context.Context {
	return context.WithValue(ctx, devCallKey{}, &devCall{began: time.Now(), arg: address})
}

// tell passes an event on.
func (w *workbench) tell(ctx context.Context, e Event) {
	request, _ := caller(ctx)
	d := devchannel.Event{
		Kind: string(e.Kind), Function: e.Function, Request: request, Key: e.Key, Tier: e.Tier, Reason: e.Reason,
		Size: e.Size, Age: e.Age, TTL: e.TTL, Expires: e.Expires, Duration: e.Duration,
	}
	if e.Err != nil {
		d.Err = e.Err.Error()
	}
	c, _ := ctx.Value(devCallKey{}).(*devCall)
	if c != nil {
		d.Call, d.Parent = c.id, c.parent
		if c.s == nil || c.s.f.Name() == e.Function {
			d.Arg = c.arg
		}
	}
	switch e.Kind {
	case EventHit, EventStale: // their Duration is what the entry has saved
		d.Saved, d.Duration = e.Duration, 0
		if c != nil {
			d.Duration = time.Since(c.began)
		}
	case EventMiss: // until then it looked
		if c != nil {
			d.Duration = time.Since(c.began)
		}
	case EventWait:
		d.Wait = e.Duration
	}
	if c != nil && c.lookup != nil && e.Key != "" && c.s.f.Name() == e.Function {
		w.remember(devchannel.Ref{Function: e.Function, Key: e.Key}, seenCall{c.s, c.lookup})
	}
	w.client.Emit(d)
}

// remember keeps a call so that its entry can be asked about. The oldest goes where there are many.
func (w *workbench) remember(r devchannel.Ref, c seenCall) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, ok := w.seen[r]; !ok {
		w.order = append(w.order, r)
	}
	w.seen[r] = c
	if len(w.order) > keptCalls {
		delete(w.seen, w.order[0])
		w.order = w.order[1:]
	}
}

func (w *workbench) call(r devchannel.Ref) (seenCall, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	c, ok := w.seen[r]
	if !ok {
		return c, errors.New("this container has not seen a call with that key")
	}
	return c, nil
}

func (c seenCall) peek() (engine.Entry, bool) {
	l := c.lookup()
	if l == nil {
		return engine.Entry{}, false
	}
	return c.s.f.Peek(l)
}

// validating tells that a resource was validated before its use.
func (w *workbench) validating(function string, valid func(context.Context, any) error) func(context.Context, any) error {
	return func(ctx context.Context, v any) error {
		began := time.Now()
		err := valid(ctx, v)
		w.tell(ctx, Event{Kind: "validate", Function: function, Duration: time.Since(began), Err: err})
		return err
	}
}

// Functions describes what was wrapped.
func (w *workbench) Functions() []devchannel.Function {
	var list []devchannel.Function
	for _, kind := range []string{kindData, kindResource} {
		for _, r := range w.rt.functions(kind) {
			list = append(list, describeFunction(r.b))
		}
	}
	slices.SortFunc(list, func(a, b devchannel.Function) int { return strings.Compare(a.Name, b.Name) })
	return list
}

func describeFunction(b *binding) devchannel.Function {
	f := devchannel.Function{
		Name: b.id.name, Kind: "data", Place: b.id.place, Options: givenOptions(b.opts), In: devchannel.TreeOf(b.in), Out: devchannel.TreeOf(b.out),
		Persists: !b.opts.persist.set || b.opts.persist.on || b.opts.persist.name != "",
	}
	if b.kind == kindResource {
		f.Kind, f.Persists = "resource", false
		return f
	}
	if f.Identity = "version " + b.opts.version; b.opts.version == "" {
		if id, err := codeIdentity(b.id.name); err == nil {
			f.Identity = id
		}
	}
	return f
}

// givenOptions names the options that are set, with their values where these can be shown.
func givenOptions(o *options) []devchannel.Option {
	list := []devchannel.Option{}
	v := reflect.ValueOf(o).Elem()
	for i := range v.NumField() {
		name := v.Type().Field(i).Tag.Get("option")
		if name == "" || v.Field(i).IsZero() {
			continue
		}
		list = append(list, devchannel.Option{Name: name, Value: optionText(v.Field(i))})
	}
	return list
}

func optionText(v reflect.Value) string {
	if v.Type() == reflect.TypeFor[time.Duration]() {
		return time.Duration(v.Int()).String()
	}
	switch v.Kind() {
	case reflect.Bool, reflect.Int, reflect.Int64, reflect.Float64, reflect.String:
		return fmt.Sprint(v)
	}
	return "set"
}

// Entries lists what memory holds of the calls that were seen.
func (w *workbench) Entries(limit int) []devchannel.Entry {
	w.mu.Lock()
	order := slices.Clone(w.order)
	w.mu.Unlock()
	list := []devchannel.Entry{}
	for _, r := range slices.Backward(order) {
		c, err := w.call(r)
		if err != nil || len(list) >= limit {
			continue
		}
		if e, ok := c.peek(); ok {
			list = append(list, devchannel.Entry{
				Ref: r, Tier: TierMemory, Created: e.Times.Created, Fresh: limited(e.Times.Fresh), Size: e.Cost, RunTime: int64(e.RunTime),
			})
		}
	}
	return append(list, w.rt.httpEntries(limit-len(list))...)
}

// httpEntries lists what memory holds of HTTP caches, for the workbench.
func (rt *Runtime) httpEntries(limit int) []devchannel.Entry {
	rt.mu.Lock()
	listings := rt.listings
	rt.mu.Unlock()
	var all []devchannel.Entry
	for _, list := range listings {
		for _, e := range list(limit - len(all)) {
			all = append(all, devchannel.Entry{
				Ref: devchannel.Ref{Function: e.Cache, Key: e.Key}, Tier: TierMemory, Created: e.Created, Fresh: e.Fresh, End: e.End,
				Size: e.Size, RunTime: e.RunTime, URL: e.URL, Variant: e.Variant,
			})
		}
	}
	return all
}

// limited returns 0 for a time that never comes.
func limited(t int64) int64 {
	if t == freshness.Never {
		return 0
	}
	return t
}

// Value returns an entry's value: from memory where the container holds it, else from the backend, also where another
// container saw the call.
func (w *workbench) Value(ctx context.Context, r devchannel.Ref) (devchannel.Value, error) {
	var l *engine.Lookup
	s := w.function(r.Function)
	if c, err := w.call(r); err == nil {
		if e, ok := c.peek(); ok {
			return devchannel.ValueOf(e.Value), nil
		}
		s, l = c.s, c.lookup()
	}
	if s == nil {
		return devchannel.Value{}, fmt.Errorf("this container has no function %q", r.Function)
	}
	if l == nil {
		l = s.bare()
		l.SetDigest(r.Key)
	}
	e, err := s.f.Find(ctx, l)
	if err != nil {
		return devchannel.Value{}, fmt.Errorf("memory does not hold it; %w", err)
	}
	return devchannel.ValueOf(e.Value), nil
}

// function returns the function of a name, nil where there is none.
func (w *workbench) function(name string) *dataState {
	w.rt.mu.Lock()
	defer w.rt.mu.Unlock()
	for _, s := range w.rt.data {
		if s.f.Name() == name {
			return s
		}
	}
	return nil
}

// Explain says what a call with the key would find.
func (w *workbench) Explain(ctx context.Context, r devchannel.Ref) (devchannel.Explanation, error) {
	c, err := w.call(r)
	if err != nil {
		return devchannel.Explanation{}, err
	}
	l := c.lookup()
	if l == nil {
		return devchannel.Explanation{Why: "a call with that argument is not cached now"}, nil
	}
	x := c.s.f.Explain(ctx, l)
	return devchannel.Explanation{
		Hit: x.Hit, Stale: x.Stale, Tier: x.Tier, Why: x.Why, Created: x.Times.Created, Fresh: limited(x.Times.Fresh), End: limited(x.End),
	}, nil
}

// Clear clears with the promises of the public methods.
func (w *workbench) Clear(ctx context.Context, t devchannel.Target) error {
	switch {
	case t.All:
		return errors.Join(w.rt.ClearData(ctx), w.rt.ClearResources(ctx))
	case t.Tag != "":
		return w.rt.InvalidateTags(ctx, t.Tag)
	case t.Key != "":
		c, err := w.call(devchannel.Ref{Function: t.Function, Key: t.Key})
		if err == nil {
			if l := c.lookup(); l != nil {
				return c.s.f.ClearFor(ctx, l)
			}
		}
		return nil // a container that has not seen the key does not hold it
	}
	w.rt.mu.Lock()
	data, pools := slices.Clone(w.rt.data), slices.Clone(w.rt.pools)
	w.rt.mu.Unlock()
	var errs []error
	for _, s := range data {
		if s.f.Name() == t.Function {
			errs = append(errs, s.clear(ctx))
		}
	}
	for _, p := range pools {
		if p.Name() == t.Function {
			p.Clear(ctx)
		}
	}
	return errors.Join(errs...)
}

// SetClockOffset moves the clock by which entries age.
func (w *workbench) SetClockOffset(d time.Duration) { w.offset.Store(int64(d)) }
