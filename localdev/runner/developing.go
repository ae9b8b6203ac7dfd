package runner

import (
	"context"
	"fmt"
	"time"

	"github.com/stillwarm/stillwarm/devchannel"
	"github.com/stillwarm/stillwarm/localdev/internal/channel"
	"github.com/stillwarm/stillwarm/localdev/internal/container"
	"github.com/stillwarm/stillwarm/localdev/internal/handler"
)

// openChannel listens for the function's processes.
func (r *Runner) openChannel() (err error) {
	r.channel, err = channel.Listen(r.temp, channel.Hooks{
		Connected: func(slot int, hello devchannel.Hello) {
			r.page.Known(hello.Functions)
			r.page.Changed()
			if offset := time.Duration(r.clock.Load()); offset != 0 {
				r.async.Go(func() {
					_ = r.channel.Ask(r.ctx, slot, devchannel.Ask{Verb: devchannel.VerbClock, Offset: offset}, nil)
				})
			}
		},
		Functions: func(_ int, functions []devchannel.Function) { r.page.Known(functions) },
		Events:    r.told,
		Lost: func(slot int, events uint64) {
			r.journal.Warn(slot, fmt.Sprintf("container %d had more to tell than the page could take; some events are missing", slot))
		},
	})
	return err
}

// told takes what cached functions did.
func (r *Runner) told(slot int, events []devchannel.Event) {
	r.journal.Events(slot, events)
	for _, e := range events {
		if e.Kind != "outage" {
			continue
		}
		what := "backend"
		r.page.Outage(what, e.Err, "Functions run without it, and every call computes. It is tried again by itself; check that the server runs, and its address.")
	}
}

// settleWithin bounds how long the end of an invocation waits for its events.
const settleWithin = time.Second

// settle returns when what a container has told is known, so that an invocation is complete with its events.
func (r *Runner) settle(c *container.Container) {
	ctx, cancel := context.WithTimeout(r.ctx, settleWithin)
	defer cancel()
	r.channel.Settle(ctx, c.Slot)
	r.mu.Lock()
	debts := r.debts[c.Slot]
	delete(r.debts, c.Slot)
	r.mu.Unlock()
	for _, ask := range debts {
		_ = r.channel.Ask(ctx, c.Slot, ask, nil)
	}
}

// owe keeps what a frozen container could not be told until it can be.
func (r *Runner) owe(slot int, a devchannel.Ask) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.debts == nil {
		r.debts = map[int][]devchannel.Ask{}
	}
	r.debts[slot] = append(r.debts[slot], a)
}

// probeEvery is how often the backend's servers are asked whether they take connections.
const probeEvery = 2 * time.Second

// probe watches the backend's servers: the page says at once that one is gone, and what to do.
func (r *Runner) probe() {
	tick := time.NewTicker(probeEvery)
	defer tick.Stop()
	for {
		for _, s := range r.backend.Probe(r.ctx) {
			if r.ctx.Err() == nil {
				r.page.Outage(s.What, s.Problem, s.Do)
			}
		}
		select {
		case <-r.ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// input is Input, read again only when the function was built again.
func (r *Runner) input() handler.Input {
	serving := r.Build().Serving
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.inputOf != serving+1 {
		r.inputKnown, r.inputOf = r.Input(), serving+1
	}
	return r.inputKnown
}

// withTag adds the build tag of the development channel.
func withTag(tags string) string {
	if tags == "" {
		return devchannel.Tag
	}
	return tags + "," + devchannel.Tag
}
