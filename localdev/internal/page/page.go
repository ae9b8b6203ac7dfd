// Package page is the runner's page: what the function does, why calls hit or miss, what is in the cache and in the
// containers, and what to do about trouble. It is served from the binary, needs nothing from outside, and is kept up to
// date by server-sent events that carry only what has changed.
package page

import (
	"embed"
	"encoding/json"
	"html/template"
	"io/fs"
	"net/http"
	"path"
	"strings"
	"sync"
	"time"

	"github.com/stillwarm/stillwarm/localdev/internal/guard"
)

//go:embed assets
var assets embed.FS

// Prefix is where the page lives.
const Prefix = "/_stillwarm/"

// The bounds of what is kept.
const (
	keptInvocations = 300
	keptDetails     = 48 << 20 // bytes of events, responses and logs, over all invocations
	keptWarnings    = 50
	keptLogs        = 200 // of one invocation
	keptCalls       = 500 // of one invocation
	keptArgs        = 5000
)

// Page is the handler for everything below its path, and a journal.Sink. It is safe for concurrent use.
type Page struct {
	controls Controls
	token    guard.Token
	closed   chan struct{}
	index    *template.Template

	mu          sync.Mutex
	changed     chan struct{} // closed at the next change
	rev         uint64        // of the newest change
	top         topState
	invocations []*invocation // the oldest first
	byID        map[string]*invocation
	details     int // bytes kept
	progress    map[string]*running
	functions   map[string]*function
	args        map[string]string // rendered arguments by function and digest
	argOrder    []string
	revs        struct{ top, progress, containers, functions uint64 }
	totals      totals
}

// New returns a page over a runner.
func New(controls Controls) *Page {
	return &Page{
		controls: controls, token: guard.NewToken(), closed: make(chan struct{}), changed: make(chan struct{}),
		index: template.Must(template.ParseFS(assets, "assets/index.html")),
		byID:  map[string]*invocation{}, progress: map[string]*running{}, functions: map[string]*function{},
		args: map[string]string{}, rev: 1,
	}
}

// policy lets the page load nothing from anywhere else, be framed by nobody, and send nothing away.
const policy = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self' data:; " +
	"frame-ancestors 'none'; base-uri 'none'; form-action 'none'"

// ServeHTTP serves the page, its state and its actions to clients on this machine only.
func (p *Page) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !guard.FromHere(r) {
		http.Error(w, "the page answers only to this machine, by a loopback name", http.StatusForbidden)
		return
	}
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Security-Policy", policy)
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	name := strings.TrimPrefix(path.Clean(r.URL.Path), strings.TrimSuffix(Prefix, "/"))
	switch {
	case r.Method == http.MethodPost:
		p.act(w, r, strings.TrimPrefix(name, "/"))
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		http.Error(w, "GET or POST", http.StatusMethodNotAllowed)
	case name == "" || name == "/":
		h.Set("Content-Type", "text/html; charset=utf-8")
		_ = p.index.Execute(w, map[string]string{"Token": string(p.token)})
	case name == "/state":
		h.Set("Content-Type", "application/json")
		b, _ := p.patch(0)
		_, _ = w.Write(b)
	case name == "/events":
		p.stream(w, r)
	case strings.HasPrefix(name, "/api/"):
		p.query(w, r, strings.TrimPrefix(name, "/api/"))
	default:
		p.asset(w, r, name)
	}
}

func (p *Page) asset(w http.ResponseWriter, r *http.Request, name string) {
	files, err := fs.Sub(assets, "assets")
	if err != nil || name == "/index.html" {
		http.NotFound(w, r)
		return
	}
	http.ServeFileFS(w, r, files, strings.TrimPrefix(name, "/"))
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// Close ends the streams of events, which would otherwise hold up the server's end. It is called once.
func (p *Page) Close() { close(p.closed) }

// Changed tells the clients that a container, the build or the backend has changed.
func (p *Page) Changed() {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := p.touch()
	p.revs.top, p.revs.containers = n, n
}

// touch makes a change known and returns its number. The lock is held.
func (p *Page) touch() uint64 {
	p.rev++
	close(p.changed)
	p.changed = make(chan struct{})
	return p.rev
}
