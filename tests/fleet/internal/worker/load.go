package main

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/stillwarm/stillwarm/adapter"
	"github.com/stillwarm/stillwarm/tests/fleet/internal/wire"
)

// enoughHits in a row say that the cache works again.
const enoughHits = 100

// load is callers that call all the time. Calls are counted in the phase in which they end.
type load struct {
	data *adapter.Data[string, wire.Answer]

	mu       sync.Mutex
	began    time.Time
	groups   map[string][]time.Duration
	out      wire.Summary
	streak   int
	byCaller []int
}

func startLoad(ctx context.Context, data *adapter.Data[string, wire.Answer], c wire.Command) *load {
	l := &load{data: data, byCaller: make([]int, c.Callers)}
	l.reset()
	for caller := range c.Callers {
		go l.loop(ctx, caller, c)
	}
	return l
}

// loop calls for the keys of one caller in turn. A caller whose load has a Key shares that one with all others.
func (l *load) loop(ctx context.Context, caller int, c wire.Command) {
	for i := 0; ; i++ {
		key := c.Key
		if key == "" {
			key = fmt.Sprintf("%d/%d", caller, i%max(1, c.Keys))
		}
		m := &mark{}
		l.add(caller, m, call(withMark(ctx, m), l.data, key))
		time.Sleep(c.Pause)
	}
}

func group(m *mark) string {
	switch {
	case m.failed.Load():
		return wire.Tried
	case m.asked.Load() && m.ran.Load():
		return wire.Miss
	case m.asked.Load():
		return wire.Hit
	case m.ran.Load():
		return wire.Spared
	}
	return wire.Memory
}

func (l *load) add(caller int, m *mark, c wire.Call) {
	l.mu.Lock()
	defer l.mu.Unlock()
	g := group(m)
	l.groups[g] = append(l.groups[g], c.Took)
	l.out.Calls++
	l.byCaller[caller]++
	if c.Err != "" {
		l.out.Failed++
	}
	if c.Bad {
		l.out.Wrong++
	}
	if len(l.out.Runs) < 10 || l.out.Runs[c.Run] > 0 {
		l.out.Runs[c.Run]++
	}
	if l.streak++; g != wire.Hit {
		l.streak = 0
	}
	if l.streak >= enoughHits && l.out.Recovered == 0 {
		l.out.Recovered = time.Since(l.began)
	}
}

// reset begins a phase. The caller holds l.mu, or nobody else knows the load yet.
func (l *load) reset() {
	l.began, l.streak = time.Now(), 0
	l.groups = map[string][]time.Duration{}
	l.out = wire.Summary{Runs: map[string]int{}}
	clear(l.byCaller)
}

// summary returns what happened in the phase so far, and ends it where asked to.
func (l *load) summary(end bool) *wire.Summary {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := l.out
	out.Length = time.Since(l.began)
	out.Least = slices.Min(l.byCaller)
	out.Groups = map[string]wire.Figures{}
	for name, took := range l.groups {
		slices.Sort(took)
		out.Groups[name] = wire.Figures{
			Count: len(took), P50: took[len(took)/2], P99: took[len(took)*99/100], Max: took[len(took)-1],
		}
	}
	// The copy is encoded while calls go on.
	runs := map[string]int{}
	for run, n := range out.Runs {
		runs[run] = n
	}
	out.Runs = runs
	if end {
		l.reset()
	}
	return &out
}
