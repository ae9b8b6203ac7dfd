// Package page is the runner's status page: what the containers do, how the last invocations went, and what warns. It
// is one file without outside resources, kept up to date by server-sent events.
package page

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/stillwarm/stillwarm/localdev/internal/container"
	"github.com/stillwarm/stillwarm/localdev/internal/guard"
	"github.com/stillwarm/stillwarm/localdev/internal/logline"
)

//go:embed page.html
var html []byte

const (
	keptInvocations = 100
	keptWarnings    = 50
	keptLogs        = 50 // of one invocation
)

// About is what does not change while the runner runs.
type About struct {
	Function   string `json:"function"`
	Address    string `json:"address"`
	Backend    string `json:"backend"`
	Containers int    `json:"containers"` // at most
	MemoryMB   int    `json:"memoryMB"`
	Timeout    string `json:"timeout"`
}

// Page is the handler for everything below its path, and a journal.Sink. It is safe for concurrent use.
type Page struct {
	about      func() About
	containers func() []container.Status

	closed chan struct{}

	mu          sync.Mutex
	changed     chan struct{} // closed at the next change
	invocations []*shownInvocation
	open        map[string]*shownInvocation
	warnings    []shownWarning
	progress    map[string]shownProgress // by container and function
	totals      totals
}

type totals struct {
	Invocations int `json:"invocations"`
	Cold        int `json:"cold"`
	Faults      int `json:"faults"`
	Hits        int `json:"hits"`
	Misses      int `json:"misses"`
}

type shownInvocation struct {
	ID       string               `json:"id"`
	Number   int                  `json:"number"`
	At       int64                `json:"at"` // ms since 1970
	Label    string               `json:"label"`
	Slot     int                  `json:"slot"`
	Cold     bool                 `json:"cold"`
	Init     float64              `json:"init"` // ms
	Status   int                  `json:"status"`
	Duration float64              `json:"duration"` // ms
	After    float64              `json:"after"`    // ms
	Fault    string               `json:"fault"`
	Cached   bool                 `json:"cached"`
	Cache    *logline.CacheCounts `json:"cache"`
	Complete bool                 `json:"complete"`
	Logs     []shownLog           `json:"logs"`
}

type shownLog struct {
	Level   string         `json:"level"`
	Message string         `json:"message"`
	Attrs   []logline.Attr `json:"attrs"`
}

type shownWarning struct {
	At   int64  `json:"at"`
	Slot int    `json:"slot"`
	Text string `json:"text"`
}

type shownProgress struct {
	Slot      int     `json:"slot"`
	Function  string  `json:"function"`
	Text      string  `json:"text"`
	Since     int64   `json:"since"` // ms since 1970, so that the page can count on
	Elapsed   float64 `json:"elapsed"`
	requestID string
}

type shownContainer struct {
	Slot    int     `json:"slot"`
	PID     int     `json:"pid"`
	State   string  `json:"state"`
	Started int64   `json:"started"`
	Init    float64 `json:"init"`
	Served  int     `json:"served"`
	Path    string  `json:"path"`
}

type state struct {
	About       About              `json:"about"`
	Now         int64              `json:"now"`
	Totals      totals             `json:"totals"`
	Containers  []shownContainer   `json:"containers"`
	Invocations []*shownInvocation `json:"invocations"` // the last one first
	Warnings    []shownWarning     `json:"warnings"`    // the last one first
	Progress    []shownProgress    `json:"progress"`
}

// New returns a page. about and containers are called for every picture of the state, never under a lock.
func New(about func() About, containers func() []container.Status) *Page {
	return &Page{
		about: about, containers: containers, changed: make(chan struct{}), closed: make(chan struct{}),
		open: map[string]*shownInvocation{}, progress: map[string]shownProgress{},
	}
}

// ServeHTTP serves the page, its state and its events to clients on this machine only.
func (p *Page) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !guard.FromHere(r) {
		http.Error(w, "the status page answers only to this machine, by a loopback name", http.StatusForbidden)
		return
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		http.Error(w, "the status page can only be read", http.StatusMethodNotAllowed)
		return
	}
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	switch r.URL.Path {
	case "/_stillwarm/":
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Content-Security-Policy",
			"default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'; img-src data:")
		_, _ = w.Write(html)
	case "/_stillwarm/state":
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(p.picture())
	case "/_stillwarm/events":
		p.events(w, r)
	default:
		http.NotFound(w, r)
	}
}

// events sends the state at once and after every change, at most ten times a second.
func (p *Page) events(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/event-stream")
	out := http.NewResponseController(w)
	for {
		p.mu.Lock()
		changed := p.changed
		p.mu.Unlock()
		if _, err := fmt.Fprintf(w, "data: %s\n\n", p.picture()); err != nil {
			return
		}
		if out.Flush() != nil {
			return
		}
		select {
		case <-changed:
		case <-time.After(15 * time.Second): // tells a client that is gone from one that waits
		case <-r.Context().Done():
			return
		case <-p.closed:
			return
		}
		select {
		case <-time.After(100 * time.Millisecond):
		case <-r.Context().Done():
			return
		}
	}
}

func (p *Page) picture() []byte {
	s := state{About: p.about(), Now: time.Now().UnixMilli(), Containers: []shownContainer{}, Progress: []shownProgress{}}
	for _, c := range p.containers() {
		s.Containers = append(s.Containers, shownContainer{
			c.Slot, c.PID, string(c.State), c.Started.UnixMilli(), ms(c.Init), c.Served, c.Path,
		})
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	s.Totals = p.totals
	s.Invocations = append([]*shownInvocation{}, p.invocations...)
	slices.Reverse(s.Invocations)
	s.Warnings = append([]shownWarning{}, p.warnings...)
	slices.Reverse(s.Warnings)
	for _, x := range p.progress {
		s.Progress = append(s.Progress, x)
	}
	slices.SortFunc(s.Progress, func(a, b shownProgress) int { return a.Slot - b.Slot })
	b, err := json.Marshal(s)
	if err != nil { // strings and finite numbers always encode
		return []byte("{}")
	}
	return b
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// Close ends the streams of events, which would otherwise hold up the server's end. It is called once.
func (p *Page) Close() { close(p.closed) }

// Changed tells the clients that a container has changed.
func (p *Page) Changed() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.touch()
}

// touch is called with the lock held.
func (p *Page) touch() {
	close(p.changed)
	p.changed = make(chan struct{})
}
