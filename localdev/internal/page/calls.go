package page

import (
	"slices"
	"time"

	"github.com/stillwarm/stillwarm/devchannel"
	"github.com/stillwarm/stillwarm/localdev/internal/journal"
)

// call is one cached call of an invocation, put together of its events. Times are milliseconds from the invocation's start.
type call struct {
	ID       uint64  `json:"id"`
	Parent   uint64  `json:"parent"`
	Depth    int     `json:"depth"`
	Function string  `json:"function"`
	Key      string  `json:"key"`
	Arg      string  `json:"arg"`
	Result   string  `json:"result"` // hit, stale, miss, wait, refresh, store, evict, release, validate, outage
	Tier     string  `json:"tier"`
	Reason   string  `json:"reason"`
	Start    float64 `json:"start"`
	Duration float64 `json:"duration"`
	Run      float64 `json:"run"`  // of which the function
	Wait     float64 `json:"wait"` // of which for another's run
	Size     int64   `json:"size"`
	Age      float64 `json:"age"`
	TTL      float64 `json:"ttl"`
	Expires  bool    `json:"expires"`
	Stored   string  `json:"stored"` // "stored after 3 ms", or why not
	After    bool    `json:"after"`  // it came after the response
	Err      string  `json:"err"`
	open     bool    // its run or wait has not ended
}

// Events adds what cached functions did to their invocations and to the functions' counts.
func (p *Page) Events(slot int, events []devchannel.Event) {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := p.touch()
	p.revs.functions = n
	for _, e := range events {
		p.note(slot, e)
		inv := p.byID[e.Request]
		if inv == nil {
			continue
		}
		inv.Rev = n
		inv.Cached = true
		if e.Function != "" && !slices.Contains(inv.Functions, e.Function) && len(inv.Functions) < 20 {
			inv.Functions = append(inv.Functions, e.Function)
		}
		inv.add(e)
	}
}

// add puts an event where it belongs.
func (inv *invocation) add(e devchannel.Event) {
	at := ms(time.Unix(0, e.At).Sub(inv.began))
	start := max(0, at-ms(e.Duration))
	c := inv.openCall(e)
	switch e.Kind {
	case "running":
		return
	case "hit", "stale":
		if c != nil && c.Result == "miss" && e.Kind == "hit" { // found while it waited
			c.Tier, c.Age, c.TTL, c.Expires, c.open = e.Tier, ms(e.Age), ms(e.TTL), e.Expires, false
			c.Duration = at - c.Start
			return
		}
		c = inv.begin(e, start)
		c.open = false
	case "miss":
		c = inv.begin(e, start)
	case "run":
		if c == nil {
			c = inv.begin(e, start)
		}
		c.Run, c.Err, c.open = ms(e.Duration), e.Err, false
		c.Duration = max(c.Duration, at-c.Start)
	case "wait":
		if c == nil {
			c = inv.begin(e, start)
		}
		c.Wait += ms(e.Duration)
		c.Duration, c.Err = max(c.Duration, at-c.Start), e.Err
	case "store":
		if c = inv.lastCall(e); c == nil {
			c = inv.begin(e, start)
			c.open = false
		}
		c.Stored = "stored"
		if e.Err != "" {
			c.Stored = "not stored: " + e.Err
		}
		if e.Size > 0 {
			c.Size = e.Size
		}
	default:
		c = inv.begin(e, start)
		c.Duration, c.open = ms(e.Duration), false
	}
	if c != nil && e.Size > 0 {
		c.Size = e.Size
	}
}

// begin adds a call.
func (inv *invocation) begin(e devchannel.Event, start float64) *call {
	c := &call{
		ID: e.Call, Parent: e.Parent, Function: e.Function, Key: e.Key, Arg: e.Arg, Result: e.Kind, Tier: e.Tier, Reason: e.Reason,
		Start: start, Duration: ms(e.Duration), Wait: ms(e.Wait), Size: e.Size, Age: ms(e.Age), TTL: ms(e.TTL), Expires: e.Expires,
		Err: e.Err, open: true,
	}
	for _, other := range inv.calls {
		if other.ID != 0 && other.ID == e.Parent {
			c.Depth = other.Depth + 1
		}
	}
	if len(inv.calls) < keptCalls {
		inv.calls = append(inv.calls, c)
	}
	return c
}

// openCall returns the call that an event goes on with, or nil.
func (inv *invocation) openCall(e devchannel.Event) *call {
	for _, c := range slices.Backward(inv.calls) {
		if c.open && c.Function == e.Function && c.matches(e) {
			return c
		}
	}
	return nil
}

// lastCall returns the newest call of the event's key that ran its function.
func (inv *invocation) lastCall(e devchannel.Event) *call {
	for _, c := range slices.Backward(inv.calls) {
		if c.Function == e.Function && c.matches(e) && (c.Result == "miss" || c.Result == "refresh" || c.Result == "run") {
			return c
		}
	}
	return nil
}

func (c *call) matches(e devchannel.Event) bool {
	if c.ID != 0 && e.Call != 0 {
		return c.ID == e.Call
	}
	return c.Key == e.Key || e.Key == "" || c.Key == ""
}

// finishCalls marks what came after the response.
func finishCalls(shown *invocation, inv journal.Invocation) {
	for _, c := range shown.calls {
		c.After = inv.After > 0 && c.Start >= shown.Duration
		c.open = false
	}
	slices.SortStableFunc(shown.calls, func(a, b *call) int {
		switch {
		case a.Start < b.Start:
			return -1
		case a.Start > b.Start:
			return 1
		}
		return a.Depth - b.Depth
	})
}
