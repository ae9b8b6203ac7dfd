// Package journal puts together what is known of each invocation from the two sides that know it, the container and
// whoever asked, and tells the terminal and the status page.
package journal

import (
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/stillwarm/stillwarm/devchannel"
	"github.com/stillwarm/stillwarm/localdev/internal/logline"
)

// Invocation is what the log says of one invocation.
type Invocation struct {
	RequestID string
	Number    int    // counted from 1
	Method    string // "" for an event
	Path      string // with the query; "" for an event
	Started   time.Time
	Slot      int           // the container, 0 if none was reached
	Cold      bool          // it waited for a container's start
	Init      time.Duration // of which this long
	Status    int           // what the client got
	Duration  time.Duration // until the answer was there
	After     time.Duration // work after the response
	Fault     string        // "timeout", "panic", an error type, or why it could not be served; "" if all went well
	Cache     logline.CacheCounts
	Cached    bool // Cache was reported
	Complete  bool // both sides are done

	Payload   []byte        // the event as the function got it
	Response  *Response     // what the client got; nil where nobody waited for it
	Assigned  time.Duration // until a container took it; the start of a cold one comes after
	Delivered time.Duration // until the function got it
	Done      time.Duration // until the container was free again
	PeakBytes int64         // the most memory that the container's process has had, or 0
}

// Response is what a client got.
type Response struct {
	Header    http.Header
	Body      []byte // the beginning of it
	Size      int64
	FirstByte time.Duration // until the client was sent the first byte, and the last
	LastByte  time.Duration
}

// Log is one line of a function.
type Log struct {
	Slot      int
	RequestID string // the invocation during which it was written, or ""
	At        time.Time
	Line      logline.Line
}

// Warning is something that the developer should know.
type Warning struct {
	Slot int // 0 for the runner itself
	At   time.Time
	Text string
}

// Sink shows what happens. Its methods are called one at a time and must not block for long.
type Sink interface {
	Began(Invocation)
	Finished(Invocation)
	Log(Log)
	Progress(Log) // a line of the kind logline.Progress
	Warning(Warning)
	// Events are what cached functions did in a container, as the development channel tells it.
	Events(slot int, events []devchannel.Event)
}

// Journal collects and tells. It is safe for concurrent use.
type Journal struct {
	mu    sync.Mutex
	sinks []Sink
	open  map[string]*entry
	count int
	seen  []string // warnings told already
}

type entry struct {
	inv            Invocation
	served, worked bool // the client's side and the container's side are done
}

// New returns a journal that tells the given sinks.
func New(sinks ...Sink) *Journal {
	return &Journal{sinks: sinks, open: map[string]*entry{}}
}

func (j *Journal) tell(f func(Sink)) {
	for _, s := range j.sinks {
		f(s)
	}
}

// Begin opens an invocation.
func (j *Journal) Begin(inv Invocation) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.count++
	inv.Number = j.count
	j.open[inv.RequestID] = &entry{inv: inv}
	j.tell(func(s Sink) { s.Began(inv) })
}

// Served says what the client got. It is the client's half of the invocation. Where no container took it there is no
// other half: reached is false.
func (j *Journal) Served(requestID string, status int, fault string, reached bool) {
	j.update(requestID, func(e *entry) {
		e.inv.Status = status
		e.inv.Fault = joined(fault, e.inv.Fault)
		if !reached {
			e.worked = true
			e.inv.Duration = time.Since(e.inv.Started)
		}
		e.served = true
	})
}

// Payload says what the function gets.
func (j *Journal) Payload(requestID string, payload []byte) {
	j.update(requestID, func(e *entry) { e.inv.Payload = payload })
}

// Responded says what the client got; Served follows.
func (j *Journal) Responded(requestID string, r Response) {
	j.update(requestID, func(e *entry) { e.inv.Response = &r })
}

// Work is the container's half of an invocation.
type Work struct {
	Slot      int
	Cold      bool
	Init      time.Duration
	Assigned  time.Time
	Delivered time.Time // zero if the function never got it
	Answered  time.Time
	Done      time.Time
	PeakBytes int64
	Fault     string
}

// Worked says that the container is done with the invocation.
func (j *Journal) Worked(requestID string, w Work) {
	j.update(requestID, func(e *entry) {
		e.inv.Slot, e.inv.Cold, e.inv.Init = w.Slot, w.Cold, w.Init
		e.inv.Fault = joined(e.inv.Fault, w.Fault)
		e.inv.Duration = w.Done.Sub(e.inv.Started)
		e.inv.Done, e.inv.Assigned = e.inv.Duration, w.Assigned.Sub(e.inv.Started)
		e.inv.PeakBytes = w.PeakBytes
		if !w.Delivered.IsZero() {
			e.inv.Delivered = w.Delivered.Sub(e.inv.Started)
		}
		if !w.Answered.IsZero() {
			e.inv.Duration = w.Answered.Sub(e.inv.Started)
			e.inv.After = w.Done.Sub(w.Answered)
		}
		e.worked = true
	})
}

// joined puts the client's side of a fault before the container's.
func joined(client, container string) string {
	if client == "" || container == "" {
		return client + container
	}
	return client + ", " + container
}

func (j *Journal) update(requestID string, change func(*entry)) {
	j.mu.Lock()
	defer j.mu.Unlock()
	e := j.open[requestID]
	if e == nil {
		return
	}
	change(e)
	if e.served && e.worked {
		delete(j.open, requestID)
		e.inv.Complete = true
		j.tell(func(s Sink) { s.Finished(e.inv) })
	}
}

// Output takes a line that a function wrote during an invocation, or outside one ("").
func (j *Journal) Output(slot int, requestID string, b []byte) {
	l := Log{Slot: slot, RequestID: requestID, At: time.Now(), Line: logline.Parse(b)}
	j.mu.Lock()
	defer j.mu.Unlock()
	switch l.Line.Kind {
	case logline.Counts:
		if e := j.open[l.Line.RequestID]; e != nil {
			e.inv.Cache, e.inv.Cached = l.Line.Cache, true
		}
	case logline.Progress:
		j.tell(func(s Sink) { s.Progress(l) })
	case logline.Deprecation:
		j.warn(Warning{Slot: slot, At: l.At, Text: l.Line.Message})
	default:
		j.tell(func(s Sink) { s.Log(l) })
	}
}

// Events takes what cached functions did.
func (j *Journal) Events(slot int, events []devchannel.Event) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, x := range events {
		e := j.open[x.Request]
		if e == nil {
			continue
		}
		e.inv.Cached = true
		switch x.Kind {
		case "hit":
			e.inv.Cache.Hits++
		case "miss":
			e.inv.Cache.Misses++
		case "stale":
			e.inv.Cache.Stale++
		case "wait":
			e.inv.Cache.Waits++
		}
	}
	j.tell(func(s Sink) { s.Events(slot, events) })
}

// Warn tells a warning, once for each text: a library may repeat it in every container.
func (j *Journal) Warn(slot int, text string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.warn(Warning{Slot: slot, At: time.Now(), Text: text})
}

func (j *Journal) warn(w Warning) {
	if slices.Contains(j.seen, w.Text) {
		return
	}
	if len(j.seen) < 1000 { // a text that differs each time must not fill the memory
		j.seen = append(j.seen, w.Text)
	}
	j.tell(func(s Sink) { s.Warning(w) })
}
