package page

import (
	"net/http"
	"time"
	"unicode/utf8"

	"github.com/stillwarm/stillwarm/localdev/internal/journal"
	"github.com/stillwarm/stillwarm/localdev/internal/logline"
)

// totals count over the whole session.
type totals struct {
	Invocations int `json:"invocations"`
	Cold        int `json:"cold"`
	Faults      int `json:"faults"`
	Hits        int `json:"hits"`
	Misses      int `json:"misses"`
}

// invocation is what the list shows of one, and what is kept of it. Durations are milliseconds from its start.
type invocation struct {
	ID        string              `json:"id"`
	Number    int                 `json:"number"`
	At        int64               `json:"at"`
	Label     string              `json:"label"`
	Kind      string              `json:"kind"` // "http" or "event"
	Slot      int                 `json:"slot"`
	Cold      bool                `json:"cold"`
	Assigned  float64             `json:"assigned"`
	Init      float64             `json:"init"`
	Delivered float64             `json:"delivered"`
	FirstByte float64             `json:"firstByte"`
	LastByte  float64             `json:"lastByte"`
	Duration  float64             `json:"duration"`
	After     float64             `json:"after"`
	Done      float64             `json:"done"`
	Billed    float64             `json:"billed"`
	Peak      int64               `json:"peak"`
	Status    int                 `json:"status"`
	Fault     string              `json:"fault"`
	Cached    bool                `json:"cached"`
	Cache     logline.CacheCounts `json:"cache"`
	Complete  bool                `json:"complete"`
	LogCount  int                 `json:"logs"`
	EventSize int                 `json:"eventSize"`
	Functions []string            `json:"functions"` // that it called, for the filter
	Rev       uint64              `json:"rev"`

	began    time.Time
	event    []byte
	response *journal.Response
	logs     []shownLog
	calls    []*call
	kept     int // bytes of the four
}

type shownLog struct {
	Level   string         `json:"level"`
	Message string         `json:"message"`
	Attrs   []logline.Attr `json:"attrs"`
	At      float64        `json:"at"` // ms since the start
}

type shownWarning struct {
	At   int64  `json:"at"`
	Slot int    `json:"slot"`
	Text string `json:"text"`
}

// running is a cached function that has been running for a while.
type running struct {
	Slot      int     `json:"slot"`
	Function  string  `json:"function"`
	Text      string  `json:"text"`
	Since     int64   `json:"since"`
	Elapsed   float64 `json:"elapsed"`
	requestID string
}

// detail is everything that is kept of an invocation.
type detail struct {
	*invocation
	Event    string          `json:"event"`
	Response *shownResponse  `json:"response"`
	Logs     []shownLog      `json:"logLines"`
	Calls    []*call         `json:"calls"`
	Dropped  bool            `json:"dropped"` // event and response are no longer kept
	Replay   bool            `json:"replay"`  // it can be sent again
	Links    map[string]bool `json:"-"`
}

type shownResponse struct {
	Header http.Header `json:"header"`
	Body   string      `json:"body"`
	Binary bool        `json:"binary"`
	Size   int64       `json:"size"`
	Cut    bool        `json:"cut"`
}

// shownEvent is the most of an event that is sent to the page.
const shownEvent = 1 << 20

func (inv *invocation) detail() detail {
	d := detail{invocation: inv, Logs: inv.logs, Calls: inv.calls, Replay: inv.event != nil}
	if d.Logs == nil {
		d.Logs = []shownLog{}
	}
	if d.Calls == nil {
		d.Calls = []*call{}
	}
	d.Dropped = inv.Complete && inv.event == nil && inv.EventSize > 0
	if len(inv.event) <= shownEvent {
		d.Event = string(inv.event)
	}
	if r := inv.response; r != nil {
		shown := &shownResponse{Header: r.Header, Size: r.Size, Cut: int64(len(r.Body)) < r.Size}
		if shown.Binary = !utf8.Valid(trimRune(r.Body)); !shown.Binary {
			shown.Body = string(r.Body)
		}
		d.Response = shown
	}
	return d
}

// trimRune takes off the part of a character that a cut has left.
func trimRune(b []byte) []byte {
	for i := 0; i < utf8.UTFMax && len(b) > 0; i++ {
		if r, size := utf8.DecodeLastRune(b); r != utf8.RuneError || size != 1 {
			return b
		}
		b = b[:len(b)-1]
	}
	return b
}

// forget drops the details of the oldest invocations that are complete until the rest fits. The lock is held.
func (p *Page) forget() {
	for _, inv := range p.invocations {
		if p.details <= keptDetails {
			return
		}
		if inv.Complete && inv.kept > 0 {
			p.details -= inv.kept
			inv.kept, inv.event, inv.response, inv.logs, inv.calls = 0, nil, nil, nil, nil
		}
	}
}

// weigh notes how much of an invocation is kept. The lock is held.
func (p *Page) weigh(inv *invocation) {
	n := len(inv.event) + 300*len(inv.calls)
	if inv.response != nil {
		n += len(inv.response.Body)
	}
	for _, l := range inv.logs {
		n += len(l.Message) + 100*len(l.Attrs)
	}
	p.details += n - inv.kept
	inv.kept = n
	p.forget()
}
