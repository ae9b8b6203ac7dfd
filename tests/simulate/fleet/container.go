package fleet

import (
	"context"
	"log/slog"
	"strconv"
	"sync"
	"time"

	"github.com/stillwarm/stillwarm/adapter"
	"github.com/stillwarm/stillwarm/internal/invocation"
)

// value is the function's result: enough to see whether it is the right one.
type value struct {
	Key  int
	Made time.Time
}

// container is one execution environment: it takes one invocation at a time and stands still in between.
type container struct {
	fleet     *fleet
	idleSince time.Time
	quotes    *adapter.Data[int, value] // nil until the cold start
}

type runTime struct{}

// start is the cold start: a Runtime of its own, as each process has one.
func (c *container) start() error {
	time.Sleep(c.fleet.sc.Cold)
	config := adapter.Config{
		Mode: adapter.Deployed, Logger: slog.New(slog.DiscardHandler), Clock: time.Now, MemoryMax: 128 << 20,
		Backend: "none",
	}
	if m := c.fleet.client(); m != nil {
		config.Backend, config.Manager = "", m
	}
	rt, err := adapter.New(config)
	if err != nil {
		return err
	}
	opts := []adapter.DataOption{
		adapter.Name("simulate.quotes"), adapter.Version("1"), adapter.TTL(c.fleet.sc.TTL), adapter.WithRuntime(rt),
		adapter.Spinner(false),
	}
	if stale := c.fleet.sc.StaleFor; stale > 0 {
		opts = append(opts, adapter.StaleFor(stale))
	}
	if ahead := c.fleet.sc.Ahead; ahead > 0 {
		opts = append(opts, adapter.RefreshAhead(ahead))
	}
	c.quotes, err = adapter.NewData(c.fleet.function, opts...)
	return err
}

// serve is one invocation, from its arrival to the moment when the container asks for the next.
func (c *container) serve(call Call) error {
	if c.quotes == nil {
		if err := c.start(); err != nil {
			return err
		}
	}
	base := context.WithValue(context.Background(), runTime{}, call.Run)
	base, cancel := context.WithDeadline(base, time.Now().Add(c.fleet.sc.Deadline))
	defer cancel()
	ctx, inv := invocation.Begin(base, invocation.Options{RequestID: strconv.Itoa(call.Key), AfterResponse: true})
	time.Sleep(call.Before)
	var seen events
	asked := time.Now()
	keys := c.fleet.sc.Asked(call)
	values, err := c.ask(adapter.Observe(ctx, seen.note), keys)
	answered := time.Now()
	time.Sleep(call.After)
	responded := time.Now()
	inv.Finish(base)
	o := outcome{ending: seen.ending(), failed: err != nil, inGet: answered.Sub(asked), afterwards: time.Since(responded)}
	for i, v := range values {
		o.wrong = o.wrong || v.Key != keys[i] || asked.Sub(v.Made) >= c.fleet.sc.TTL+c.fleet.sc.StaleFor
		o.age = max(o.age, answered.Sub(v.Made))
	}
	c.fleet.record(o)
	return nil
}

// ask asks the cached function for all keys of a call.
func (c *container) ask(ctx context.Context, keys []int) ([]value, error) {
	if len(keys) > 1 && !c.fleet.sc.OneByOne {
		return c.quotes.GetAll(ctx, keys)
	}
	var values []value
	for _, key := range keys {
		v, err := c.quotes.Get(ctx, key)
		if err != nil {
			return values, err
		}
		values = append(values, v)
	}
	return values, nil
}

// outcome is how a call ended.
type outcome struct {
	ending
	failed, wrong          bool
	inGet, afterwards, age time.Duration
}

// ending is what the adapter's events tell of a call.
type ending struct {
	tier               string
	stale, waited, ran bool
}

// events collects them. A run that its caller has left may still tell of itself.
type events struct {
	mu  sync.Mutex
	end ending
}

func (s *events) ending() ending {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.end
}

func (s *events) note(e adapter.Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	tier := e.Tier
	if s.end.tier == adapter.TierBackend {
		tier = adapter.TierBackend // of a batch the slowest counts
	}
	switch e.Kind {
	case adapter.EventHit:
		s.end.tier = tier
	case adapter.EventStale:
		s.end.tier, s.end.stale = tier, true
	case adapter.EventMiss:
		s.end.ran = true
	case adapter.EventWait:
		s.end.waited = true
	}
}
