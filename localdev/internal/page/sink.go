package page

import (
	"fmt"

	"github.com/stillwarm/stillwarm/localdev/internal/journal"
	"github.com/stillwarm/stillwarm/localdev/internal/logline"
)

var _ journal.Sink = (*Page)(nil)

// Began shows an invocation as running.
func (p *Page) Began(inv journal.Invocation) {
	p.mu.Lock()
	defer p.mu.Unlock()
	shown := &shownInvocation{ID: inv.RequestID, Number: inv.Number, At: inv.Started.UnixMilli(), Label: "event"}
	if inv.Method != "" {
		shown.Label = inv.Method + " " + inv.Path
	}
	p.open[inv.RequestID] = shown
	p.invocations = append(p.invocations, shown)
	if drop := len(p.invocations) - keptInvocations; drop > 0 {
		p.invocations = append(p.invocations[:0:0], p.invocations[drop:]...)
	}
	p.touch()
}

// Finished shows how an invocation went.
func (p *Page) Finished(inv journal.Invocation) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.totals.Invocations++
	if inv.Cold {
		p.totals.Cold++
	}
	if inv.Fault != "" {
		p.totals.Faults++
	}
	p.totals.Hits += inv.Cache.Hits
	p.totals.Misses += inv.Cache.Misses
	if shown := p.open[inv.RequestID]; shown != nil {
		delete(p.open, inv.RequestID)
		shown.Slot, shown.Cold, shown.Init = inv.Slot, inv.Cold, ms(inv.Init)
		shown.Status, shown.Duration, shown.After, shown.Fault = inv.Status, ms(inv.Duration), ms(inv.After), inv.Fault
		shown.Cached, shown.Complete = inv.Cached, true
		if inv.Cached {
			shown.Cache = &inv.Cache
		}
	}
	for key, x := range p.progress {
		if x.requestID == inv.RequestID {
			delete(p.progress, key)
		}
	}
	p.touch()
}

// Log shows a line with its invocation.
func (p *Page) Log(l journal.Log) {
	p.mu.Lock()
	defer p.mu.Unlock()
	shown := p.open[l.RequestID]
	if shown == nil || len(shown.Logs) >= keptLogs {
		return
	}
	attrs := l.Line.Attrs
	if attrs == nil {
		attrs = []logline.Attr{}
	}
	shown.Logs = append(shown.Logs, shownLog{l.Line.Level, l.Line.Message, attrs})
	p.touch()
}

// Progress shows that a cached function has been running for a while.
func (p *Page) Progress(l journal.Log) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.progress[fmt.Sprintf("%d %s", l.Slot, l.Line.Function)] = shownProgress{
		Slot: l.Slot, Function: l.Line.Function, Text: l.Line.Message, Elapsed: ms(l.Line.Elapsed),
		Since: l.At.Add(-l.Line.Elapsed).UnixMilli(), requestID: l.RequestID,
	}
	p.touch()
}

// Warning shows a warning for as long as the runner runs, or until many others came.
func (p *Page) Warning(w journal.Warning) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.warnings = append(p.warnings, shownWarning{w.At.UnixMilli(), w.Slot, w.Text})
	if drop := len(p.warnings) - keptWarnings; drop > 0 {
		p.warnings = append(p.warnings[:0:0], p.warnings[drop:]...)
	}
	p.touch()
}
