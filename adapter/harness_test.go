package adapter_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stillwarm/stillwarm/adapter"
	_ "github.com/stillwarm/stillwarm/backends/memory"
	"github.com/stillwarm/stillwarm/internal/invocation"
	"github.com/stillwarm/stillwarm/internal/panics"
)

// world is what the containers of a test share: a clock, and a backend by name.
type world struct {
	t       *testing.T
	clock   *clock
	backend string
}

// container is one Runtime, as a container has one.
type container struct {
	*adapter.Runtime
	t    *testing.T
	logs *logs
}

// worlds counts them, so that a test that is run again does not meet the entries of its last time.
var worlds atomic.Int64

func newWorld(t *testing.T) *world {
	return &world{t: t, clock: newClock(), backend: fmt.Sprintf("memory:world-%d", worlds.Add(1))}
}

func (w *world) container(change ...func(*adapter.Config)) *container {
	w.t.Helper()
	c := adapter.Config{Backend: w.backend, Clock: w.clock.Now, Mode: adapter.Deployed}
	return newContainer(w.t, c, change...)
}

// alone is a container without a backend.
func (w *world) alone(change ...func(*adapter.Config)) *container {
	w.t.Helper()
	c := adapter.Config{Backend: "none", Clock: w.clock.Now, Mode: adapter.Deployed}
	return newContainer(w.t, c, change...)
}

func newContainer(t *testing.T, c adapter.Config, change ...func(*adapter.Config)) *container {
	t.Helper()
	l := &logs{}
	c.Logger = slog.New(slog.NewJSONHandler(l, &slog.HandlerOptions{Level: slog.LevelDebug}))
	for _, f := range change {
		f(&c)
	}
	rt, err := adapter.New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := rt.Close(ctx); err != nil {
			t.Error("Close:", err)
		}
	})
	return &container{Runtime: rt, t: t, logs: l}
}

// invoke runs f as one invocation: what it leaves for after the response runs before invoke returns.
func (c *container) invoke(f func(ctx context.Context)) {
	ctx, inv := invocation.Begin(context.Background(), invocation.Options{RequestID: "req-1", AfterResponse: true})
	f(ctx)
	inv.Finish(context.WithoutCancel(ctx))
}

// settle waits until work that goes on in goroutines is done.
func (c *container) settle() { c.WaitIdle() }

// clock is a wall clock that only the test moves. It begins at the real time, by which the memory backend drops entries.
type clock struct{ at atomic.Int64 }

func newClock() *clock {
	c := &clock{}
	c.at.Store(time.Now().UnixNano())
	return c
}

func (c *clock) Now() time.Time          { return time.Unix(0, c.at.Load()) }
func (c *clock) Advance(d time.Duration) { c.at.Add(int64(d)) }

// logs collects JSON records.
type logs struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logs) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logs) records() []map[string]any {
	l.mu.Lock()
	defer l.mu.Unlock()
	var all []map[string]any
	for line := range strings.Lines(l.b.String()) {
		var r map[string]any
		if json.Unmarshal([]byte(line), &r) == nil {
			all = append(all, r)
		}
	}
	return all
}

// with returns the records of a level whose message contains text.
func (l *logs) with(level, text string) []map[string]any {
	var found []map[string]any
	for _, r := range l.records() {
		if r["level"] == level && strings.Contains(r["msg"].(string), text) {
			found = append(found, r)
		}
	}
	return found
}

func (l *logs) text() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// counter is a function to cache that counts its runs.
type counter struct {
	runs atomic.Int64
	fail atomic.Pointer[error]
}

type result struct {
	Run  int64
	List []int
	Tags map[string]string
}

func (c *counter) compute(_ context.Context, _ int) (result, error) {
	n := c.runs.Add(1)
	if err := c.fail.Load(); err != nil {
		return result{}, *err
	}
	return result{Run: n, List: []int{1, 2, 3}, Tags: map[string]string{"a": "b"}}, nil
}

func (c *counter) failWith(err error) { c.fail.Store(&err) }
func (c *counter) recover()           { c.fail.Store(nil) }

// get calls Get and fails the test on an error.
func get[In, Out any](t *testing.T, ctx context.Context, f interface {
	Get(context.Context, In) (Out, error)
}, in In) Out {
	t.Helper()
	out, err := f.Get(ctx, in)
	if err != nil {
		t.Fatalf("Get(%v): %v", in, err)
	}
	return out
}

func wantRuns(t *testing.T, c *counter, want int64) {
	t.Helper()
	if got := c.runs.Load(); got != want {
		t.Fatalf("the function ran %d times, want %d", got, want)
	}
}

// panicValue returns what was given to panic, of what recover returned from a cached call.
func panicValue(r any) any {
	if c, ok := r.(panics.Carrier); ok {
		return c.PanicValue()
	}
	return nil
}

// eventually polls until ok, with a deadline that only a broken build reaches.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for !ok() {
		if time.Now().After(deadline) {
			t.Fatal("never: " + what)
		}
		time.Sleep(time.Millisecond)
	}
}
