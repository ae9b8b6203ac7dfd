package termlog

import (
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/stillwarm/stillwarm/devchannel"
	"github.com/stillwarm/stillwarm/localdev/internal/journal"
)

// patience is how long an invocation's log lines are held back so that they stand beneath its line. One that takes
// longer is announced, and its lines are written as they come: a developer who waits wants to see why.
const patience = time.Second

// Log writes to one writer. It is a journal.Sink and safe for concurrent use.
type Log struct {
	colours palette

	mu   sync.Mutex
	w    io.Writer
	open map[string]*pending
	runs map[string]string // functions whose progress was shown, by container and name: the request id
}

type pending struct {
	inv   journal.Invocation
	lines []string
	live  bool // announced: lines are written at once
	timer *time.Timer
}

// New returns a log that writes to w.
func New(w io.Writer, colours bool) *Log {
	return &Log{colours: palette(colours), w: w, open: map[string]*pending{}, runs: map[string]string{}}
}

// Write writes text as it is, between the lines of the log.
func (l *Log) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(b)
}

func (l *Log) line(s string) { _, _ = fmt.Fprintln(l.w, s) } // a terminal that is gone is no reason to stop

// Began starts to hold back the invocation's lines.
func (l *Log) Began(inv journal.Invocation) {
	l.mu.Lock()
	defer l.mu.Unlock()
	p := &pending{inv: inv}
	l.open[inv.RequestID] = p
	p.timer = time.AfterFunc(patience, func() { l.announce(p) })
}

func (l *Log) announce(p *pending) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.open[p.inv.RequestID] != p || p.live {
		return
	}
	p.live = true
	l.line(fmt.Sprintf("%s  --        %-32s ...", l.colours.dim(p.inv.Started.Format("15:04:05")), printable(shortened(label(p.inv)))))
	l.flush(p)
}

func (l *Log) flush(p *pending) {
	for _, s := range p.lines {
		l.line(s)
	}
	p.lines = nil
}

// Finished writes the invocation's line and what it logged.
func (l *Log) Finished(inv journal.Invocation) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.line(l.colours.invocation(inv))
	for run, id := range l.runs {
		if id == inv.RequestID {
			delete(l.runs, run)
		}
	}
	if p := l.open[inv.RequestID]; p != nil {
		p.timer.Stop()
		l.flush(p)
		delete(l.open, inv.RequestID)
	}
}

// Log writes a function's line, or keeps it for its invocation's line.
func (l *Log) Log(line journal.Log) {
	l.mu.Lock()
	defer l.mu.Unlock()
	text := l.colours.log(line)
	if p := l.open[line.RequestID]; p != nil && !p.live {
		p.lines = append(p.lines, text)
		return
	}
	l.line(text)
}

// Progress writes at once, since it is about now, and once for a run.
func (l *Log) Progress(line journal.Log) {
	l.mu.Lock()
	defer l.mu.Unlock()
	run := fmt.Sprintf("%d %s", line.Slot, line.Line.Function)
	if id, shown := l.runs[run]; shown && id == line.RequestID {
		return
	}
	l.runs[run] = line.RequestID
	l.line(l.colours.progress(line))
}

// Warning writes at once.
func (l *Log) Warning(w journal.Warning) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.line(l.colours.warning(w))
}

// Events says nothing: the counts stand in the invocation's line.
func (l *Log) Events(int, []devchannel.Event) {}
