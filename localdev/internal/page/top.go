package page

import (
	"slices"
	"strings"
	"time"

	"github.com/stillwarm/stillwarm/localdev/internal/journal"
)

// topState is what stands at the top of the page: trouble, and what warns.
type topState struct {
	Warnings []shownWarning `json:"warnings"`
	Outages  []outage       `json:"outages"`
	Crash    *crashLoop     `json:"crash"`

	crashes   []time.Time
	lastLines []string // that the function wrote
}

// outage is a server, or a backend, that does not work.
type outage struct {
	What  string `json:"what"`
	Text  string `json:"text"` // what was said
	Do    string `json:"do"`   // what to do
	Since int64  `json:"since"`
}

// crashLoop says that containers end again and again.
type crashLoop struct {
	Count int      `json:"count"`
	Fault string   `json:"fault"`
	Lines []string `json:"lines"` // the last that the function wrote
	Since int64    `json:"since"`
}

// Three containers that ended within this time are a loop.
const (
	loopSize   = 3
	loopWithin = 30 * time.Second
)

// crash takes an invocation's end into account.
func (t *topState) crash(inv journal.Invocation) {
	if !crashed(inv.Fault) {
		if inv.Slot != 0 {
			t.crashes, t.Crash = nil, nil
		}
		return
	}
	now := time.Now()
	t.crashes = append(t.crashes, now)
	t.crashes = slices.DeleteFunc(t.crashes, func(at time.Time) bool { return now.Sub(at) > loopWithin })
	if len(t.crashes) >= loopSize {
		t.Crash = &crashLoop{Count: len(t.crashes), Fault: inv.Fault, Lines: slices.Clone(t.lastLines), Since: t.crashes[0].UnixMilli()}
	}
}

// crashed reports whether a fault is the end of a process.
func crashed(fault string) bool {
	for _, sign := range []string{"exit status", "signal:", "init error", "init timeout", "out of memory", "ended by itself"} {
		if strings.Contains(fault, sign) {
			return true
		}
	}
	return false
}

// last keeps the last lines of the function.
func (t *topState) last(l journal.Log) {
	t.lastLines = append(t.lastLines, cut(l.Line.Message, 300))
	if len(t.lastLines) > 12 {
		t.lastLines = slices.Delete(t.lastLines, 0, len(t.lastLines)-12)
	}
}

// Outage shows that something does not work, with what to do; an empty text says that it works again.
func (p *Page) Outage(what, text, do string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	i := slices.IndexFunc(p.top.Outages, func(o outage) bool { return o.What == what })
	switch {
	case text == "" && i < 0:
		return
	case text == "":
		p.top.Outages = slices.Delete(p.top.Outages, i, i+1)
	case i >= 0 && p.top.Outages[i].Text == text:
		return
	case i >= 0:
		p.top.Outages[i].Text, p.top.Outages[i].Do = text, do
	default:
		p.top.Outages = append(p.top.Outages, outage{What: what, Text: text, Do: do, Since: time.Now().UnixMilli()})
	}
	p.revs.top = p.touch()
}
