package page

import (
	"fmt"
	"math"

	"github.com/stillwarm/stillwarm/localdev/internal/journal"
	"github.com/stillwarm/stillwarm/localdev/internal/logline"
)

var _ journal.Sink = (*Page)(nil)

// Began shows an invocation as running.
func (p *Page) Began(inv journal.Invocation) {
	p.mu.Lock()
	defer p.mu.Unlock()
	shown := &invocation{
		ID: inv.RequestID, Number: inv.Number, At: inv.Started.UnixMilli(), Label: "event", Kind: "event", Functions: []string{},
		began: inv.Started,
	}
	if inv.Method != "" {
		shown.Label, shown.Kind = inv.Method+" "+cut(inv.Path, 300), "http"
	}
	p.byID[shown.ID] = shown
	p.invocations = append(p.invocations, shown)
	if drop := len(p.invocations) - keptInvocations; drop > 0 {
		for _, old := range p.invocations[:drop] {
			p.details -= old.kept
			delete(p.byID, old.ID)
		}
		p.invocations = append(p.invocations[:0:0], p.invocations[drop:]...)
	}
	shown.Rev = p.touch()
}

func cut(s string, most int) string {
	if r := []rune(s); len(r) > most {
		return string(r[:most]) + "…"
	}
	return s
}

// Finished shows how an invocation went.
func (p *Page) Finished(inv journal.Invocation) {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := p.touch()
	p.revs.top = n
	p.count(inv)
	for key, x := range p.progress {
		if x.requestID == inv.RequestID {
			delete(p.progress, key)
			p.revs.progress = n
		}
	}
	shown := p.byID[inv.RequestID]
	if shown == nil {
		p.countCache(inv.Cache)
		return
	}
	shown.Slot, shown.Cold, shown.Init = inv.Slot, inv.Cold, ms(inv.Init)
	shown.Assigned, shown.Delivered, shown.Done = ms(inv.Assigned), ms(inv.Delivered), ms(inv.Done)
	shown.Status, shown.Duration, shown.After, shown.Fault = inv.Status, ms(inv.Duration), ms(inv.After), inv.Fault
	shown.Billed, shown.Peak = billed(inv), inv.PeakBytes
	shown.Cached, shown.Cache, shown.Complete, shown.Rev = inv.Cached, inv.Cache, true, n
	shown.event, shown.response, shown.EventSize = inv.Payload, inv.Response, len(inv.Payload)
	if label := httpLabel(inv.Payload); shown.Kind == "event" && label != "" {
		shown.Label = label // a request that is sent again is one
	}
	if r := inv.Response; r != nil {
		shown.FirstByte, shown.LastByte = ms(r.FirstByte), ms(r.LastByte)
	}
	if r := inv.Response; r != nil && !p.toldOfHTTP(shown) {
		calls := httpCalls(r.Header, shown.Delivered, max(0, shown.Duration-shown.Delivered))
		shown.calls = append(calls, shown.calls...)
		for _, c := range calls {
			shown.http(c)
		}
	}
	p.countCache(shown.Cache) // what the row says, with what only response headers told
	finishCalls(shown, inv)
	p.weigh(shown)
}

// billed is what the service would bill: each started millisecond from the delivery until the container was free, and
// the start of a cold one.
func billed(inv journal.Invocation) float64 {
	if inv.Delivered == 0 {
		return 0
	}
	return math.Ceil(ms(inv.Done-inv.Delivered) + ms(inv.Init))
}

// count adds to the totals, and finds out whether containers crash again and again. The lock is held.
func (p *Page) count(inv journal.Invocation) {
	p.totals.Invocations++
	if inv.Cold {
		p.totals.Cold++
	}
	if inv.Fault != "" {
		p.totals.Faults++
	}
	p.top.crash(inv)
}

// countCache adds how an invocation's calls were answered to the totals. The lock is held.
func (p *Page) countCache(c logline.CacheCounts) {
	p.totals.Hits += c.Hits
	p.totals.Misses += c.Misses
}

// Log shows a line with its invocation.
func (p *Page) Log(l journal.Log) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.top.last(l)
	shown := p.byID[l.RequestID]
	if shown == nil {
		return
	}
	if shown.LogCount++; len(shown.logs) >= keptLogs {
		return
	}
	attrs := l.Line.Attrs
	if attrs == nil {
		attrs = []logline.Attr{}
	}
	shown.logs = append(shown.logs, shownLog{l.Line.Level, cut(l.Line.Message, 4000), attrs, ms(l.At.Sub(shown.began))})
	shown.Rev = p.touch()
}

// Progress shows that a cached function has been running for a while.
func (p *Page) Progress(l journal.Log) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.progress[fmt.Sprintf("%d %s", l.Slot, l.Line.Function)] = &running{
		Slot: l.Slot, Function: l.Line.Function, Text: l.Line.Message, Elapsed: ms(l.Line.Elapsed),
		Since: l.At.Add(-l.Line.Elapsed).UnixMilli(), requestID: l.RequestID,
	}
	p.revs.progress = p.touch()
}

// Warning shows a warning for as long as the runner runs, or until many others came.
func (p *Page) Warning(w journal.Warning) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.top.Warnings = append(p.top.Warnings, shownWarning{w.At.UnixMilli(), w.Slot, w.Text})
	if drop := len(p.top.Warnings) - keptWarnings; drop > 0 {
		p.top.Warnings = append(p.top.Warnings[:0:0], p.top.Warnings[drop:]...)
	}
	p.revs.top = p.touch()
}
