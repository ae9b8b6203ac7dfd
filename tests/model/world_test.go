// Package model tries schedules of operations of several containers over one backend, with faults, against an oracle of
// what may be returned.
//
// rapid draws a plan. The plan runs in a bubble of virtual time, in which every operation of the backend, every run of
// the function and everything that opens or uses a resource waits at a gate; the plan's numbers say which gate opens next.
// So a schedule is a list of numbers, and shrinks. Every run returns the number of the event that began it, so that a value
// says when it was computed; verdicts fall when the bubble is over.
package model

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stillwarm/stillwarm/backends/memory"
)

const (
	nearTTL  = 5 * time.Second
	ttl      = time.Minute
	stale    = time.Minute
	failSafe = 3 * time.Minute
	leaseTTL = 10 * time.Second
)

// The keys. The results of one are for their callers only; the runs of another one do not hear when they are cancelled.
const (
	privateKey = "private"
	deafKey    = "b"
)

var keys = []string{"a", deafKey, privateKey}

// settings are the options of a plan's function, and what its plan has.
type settings struct {
	Soft, FailSafe, Ahead, Coherent, Single bool
	Large, TagsOf, Leases                   bool
	Long                                    bool // one container, for which minutes pass often
	Near                                    bool // NearTTL passes often

	Kinds, Keys []string
	Faults      [faults]bool
}

// world is what the containers of one plan share.
type world struct {
	settings settings
	seq      atomic.Int64 // numbers events

	mu     sync.Mutex
	m      *memory.Manager
	older  *memory.Manager // a snapshot, which a failover goes back to
	gates  []*gate
	runs   map[int64]*run // by the value they return
	ops    []*op
	boxes  []*box
	things []*thing
	live   int // operations that have not returned
	jumped time.Duration
	// stepped are the containers whose clock was set.
	stepped map[int]bool
	lost    []interval // what failovers went back over
	olderAt int64
	tokens  map[string]*box // who tries to take leases
	faults  []string        // found while the plan went on
	notes   []string
}

// interval is a time in events.
type interval struct{ from, to int64 }

type gate struct {
	name string
	b    *box
	wire bool // on the way to the backend, or back
	open chan struct{}
	err  error // what the gate opens with
}

type run struct {
	op    int
	box   int
	key   string
	at    time.Time
	ended time.Time // zero: not yet
	fails int64     // the event that it failed with
	cut   bool      // its context ended
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
	thing       *thing
	err         error
	cancel      context.CancelFunc
	cancelled   bool
	disturbed   bool // an outage was on at some time while it ran
	dead        bool // its container died
	blind       bool // its container did not ask the backend when it began: too much had failed
	finished    bool // what it left for after its response is done, too
	soft        bool // it got an older value, since the run took too long
	waits       map[string]bool
}

func newWorld(s settings) *world {
	m, err := memory.New(memory.Options{Clock: time.Now})
	if err != nil {
		panic(err)
	}
	return &world{settings: s, m: m, runs: map[int64]*run{}, stepped: map[int]bool{}, tokens: map[string]*box{}}
}

// fault notes what must not happen.
func (w *world) fault(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.faults = append(w.faults, fmt.Sprintf(format, args...))
}

func (w *world) note(format string, args ...any) {
	n := w.seq.Add(1)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.notes = append(w.notes, fmt.Sprintf("%d: %s", n, fmt.Sprintf(format, args...)))
}

// pass waits at a gate.
func (b *box) pass(ctx context.Context, name string, wire bool) error {
	w := b.w
	g := &gate{name: fmt.Sprintf("%s in %d", name, b.n), b: b, wire: wire, open: make(chan struct{})}
	w.mu.Lock()
	w.gates = append(w.gates, g)
	w.mu.Unlock()
	select {
	case <-g.open:
		return g.err
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

// choose returns one of the gates that match, or nil. Those of a frozen container stay closed.
func (w *world) choose(n int, match func(*gate) bool) *gate {
	w.mu.Lock()
	defer w.mu.Unlock()
	slices.SortStableFunc(w.gates, func(a, b *gate) int { return strings.Compare(a.name, b.name) })
	var open []*gate
	for _, g := range w.gates {
		if !g.b.frozen.Load() && match(g) {
			open = append(open, g)
		}
	}
	if len(open) == 0 {
		return nil
	}
	return open[n%len(open)]
}

// release opens one of the gates and reports whether there was one.
func (w *world) release(n int) bool {
	g := w.choose(n, func(*gate) bool { return true })
	if g == nil {
		return false
	}
	w.opens(g, nil)
	return true
}

func (w *world) opens(g *gate, err error) {
	if w.remove(g) {
		g.err = err
		close(g.open)
	}
}

// each opens every gate that matches.
func (w *world) each(err error, match func(*gate) bool) {
	for g := w.choose(0, match); g != nil; g = w.choose(0, match) {
		w.opens(g, err)
	}
}

// errRun is what a run fails with.
var errRun = errors.New("the run fails")

// begin enters a run for an operation, which is nil for a refresh that nobody asked for.
func (b *box) begin(o *op, key string) (int64, *run) {
	v := b.w.seq.Add(1)
	b.w.mu.Lock()
	defer b.w.mu.Unlock()
	r := &run{op: -1, box: b.n, key: key, at: time.Now()}
	if o != nil {
		r.op = o.id
		clear(o.waits)
	}
	b.w.runs[v] = r
	return v, r
}

// end notes how a run ended.
func (w *world) end(r *run, err error) {
	at := w.seq.Add(1)
	w.mu.Lock()
	defer w.mu.Unlock()
	r.ended = time.Now()
	switch {
	case errors.Is(err, errRun):
		r.fails = at
	case err != nil:
		r.cut = true
	}
}

// inBubble runs f in virtual time and returns what it returns.
func inBubble(t *testing.T, f func() string) (verdict string) {
	synctest.Test(t, func(*testing.T) { verdict = f() })
	return verdict
}

func (g *gate) isRun() bool {
	return strings.HasPrefix(g.name, "run ") || strings.HasPrefix(g.name, "open ")
}
