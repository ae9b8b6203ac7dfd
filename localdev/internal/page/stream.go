package page

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// patch is what has changed. Parts that are nil have not; an empty list is not nil.
type patch struct {
	Rev         uint64          `json:"rev"`
	Now         int64           `json:"now"`
	About       *About          `json:"about,omitempty"`
	Build       *Build          `json:"build,omitempty"`
	Top         *topState       `json:"top,omitempty"`
	Totals      *totals         `json:"totals,omitempty"`
	Containers  []Container     `json:"containers"`
	Progress    []*running      `json:"progress"`
	Functions   []shownFunction `json:"functions"`
	Advice      []advice        `json:"advice"`
	Invocations []*invocation   `json:"invocations,omitempty"`
	Oldest      int             `json:"oldest"` // the number of the oldest invocation that is kept
}

// patch returns what has changed since a revision, 0 for everything, and the revision that it brings a client to.
func (p *Page) patch(since uint64) ([]byte, uint64) {
	about, build, containers := p.controls.About(), p.controls.Build(), p.controls.Containers()
	p.mu.Lock()
	defer p.mu.Unlock()
	out := patch{Rev: p.rev, Now: time.Now().UnixMilli(), About: &about, Build: &build}
	if p.revs.top >= since {
		top := p.top
		top.Warnings, top.Outages = slices.Clone(top.Warnings), slices.Clone(top.Outages)
		out.Top, out.Totals = &top, &p.totals
		if top.Outages == nil {
			top.Outages = []outage{}
		}
		if top.Warnings == nil {
			top.Warnings = []shownWarning{}
		}
	}
	// Containers come always: what they work on and how much memory they have changes without a notice.
	if out.Containers = containers; containers == nil {
		out.Containers = []Container{}
	}
	if p.revs.progress >= since {
		out.Progress = []*running{}
		for _, x := range p.progress {
			out.Progress = append(out.Progress, x)
		}
		slices.SortFunc(out.Progress, func(a, b *running) int { return a.Slot - b.Slot })
	}
	if p.revs.functions >= since || p.revs.top >= since {
		out.Functions = []shownFunction{}
		for _, f := range p.functions {
			out.Functions = append(out.Functions, f.shown())
		}
		slices.SortFunc(out.Functions, func(a, b shownFunction) int { return strings.Compare(a.Name, b.Name) })
		out.Advice = p.advise()
	}
	for _, inv := range p.invocations {
		if inv.Rev >= since {
			out.Invocations = append(out.Invocations, inv)
		}
	}
	if len(p.invocations) > 0 {
		out.Oldest = p.invocations[0].Number
	}
	b, err := json.Marshal(out)
	if err != nil { // strings and finite numbers always encode
		return []byte("{}"), p.rev
	}
	return b, p.rev
}

// quiet is how long a client waits for a change before it is sent the state of the containers all the same.
const quiet = 2 * time.Second

// stream sends everything at once and then what changes, at most ten times a second.
func (p *Page) stream(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/event-stream")
	out := http.NewResponseController(w)
	since := uint64(0)
	for {
		p.mu.Lock()
		changed := p.changed
		p.mu.Unlock()
		b, rev := p.patch(since)
		since = rev + 1
		_ = out.SetWriteDeadline(time.Now().Add(30 * time.Second)) // a client that does not read is no client
		if _, err := fmt.Fprintf(w, "data: %s\n\n", b); err != nil {
			return
		}
		if out.Flush() != nil {
			return
		}
		select {
		case <-changed:
		case <-time.After(quiet):
		case <-r.Context().Done():
			return
		case <-p.closed:
			return
		}
		select {
		case <-time.After(100 * time.Millisecond):
		case <-r.Context().Done():
			return
		case <-p.closed:
			return
		}
	}
}
