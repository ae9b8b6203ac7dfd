package http_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stillwarm/stillwarm/internal/rfc9111"
	"github.com/stillwarm/stillwarm/localdev/runner"
	"github.com/stillwarm/stillwarm/tests/servers"
)

// function is the executable of the function in this folder.
var function string

func TestMain(m *testing.M) {
	os.Exit(func() int {
		folder, err := os.MkdirTemp("", "stillwarm-http-")
		if err != nil {
			panic(err)
		}
		defer func() { _ = os.RemoveAll(folder) }()
		function = filepath.Join(folder, "bootstrap")
		if out, err := exec.Command("go", "build", "-o", function, "./function").CombinedOutput(); err != nil {
			os.Stderr.Write(out)
			return 1
		}
		return servers.Main(m)
	}())
}

// beyondLambda are the requirements that no Lambda function can meet or miss, and why.
var beyondLambda = map[string]string{
	"3 MUST NOT store an answer that is not final":          "no 1xx passes through Lambda",
	"2 MUST tell target URIs apart":                         "the local runner has loopback names only; TestEvents in package lambda has hosts and stages",
	"4.4 MAY invalidate an absolute URI of the same origin": "the same",
	"4.3.5 MAY answer a HEAD from a GET":                    "Content-Length is the service's: it counts the body of its own answer",
}

// Every requirement again, as a request has it: client, local runner, function processes that take turns, a backend, and an
// origin server.
func TestRequirementsThroughLambda(t *testing.T) {
	for name, place := range stores(t) {
		t.Run(name, func(t *testing.T) {
			o := newOrigin(t)
			processes := []*runner.Runner{startProcess(t, o, place), startProcess(t, o, place)}
			held := 0
			for i, r := range rfc9111.All() {
				if beyondLambda[r.Name()] != "" || r.Text == rfc9111.MostRecent {
					continue
				}
				held++
				t.Run(r.Name(), func(t *testing.T) {
					s := &served{t: t, origin: o, processes: processes, name: fmt.Sprint(i), honour: r.Honour}
					s.now = time.Now().Truncate(time.Second).Add(time.Minute)
					o.site.Store(s)
					r.Check(t, s)
				})
			}
			t.Logf("%d of %d requirements of RFC 9111, sections 3 to 5, were held through Lambda", held, len(rfc9111.All()))
		})
	}
	for name := range beyondLambda {
		known := false
		for _, r := range rfc9111.All() {
			known = known || r.Name() == name
		}
		if !known {
			t.Error("no such requirement:", name)
		}
	}
}

// startProcess starts one execution environment of the function.
func startProcess(t *testing.T, o *origin, backend string) *runner.Runner {
	t.Helper()
	return startRunner(t, backend, 10*time.Minute, "TEST_ORIGIN="+o.address) // an eighth of it is for the backend: no slow machine must look like an outage
}

func startRunner(t *testing.T, backend string, timeout time.Duration, env ...string) *runner.Runner {
	t.Helper()
	var log lockedBuffer
	for _, name := range []string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"} {
		if v := os.Getenv(name); v != "" {
			env = append(env, name+"="+v)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	r, err := runner.Start(ctx, runner.Options{
		Binary: function, Name: "http-test", Backend: backend, Containers: 1, Env: env, Event: "http", MemoryMB: 512, Log: &log,
		Timeout: timeout,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		r.Close()
		if t.Failed() {
			t.Log(log.tail())
		}
	})
	return r
}

// lockedBuffer keeps a log.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) tail() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.b.String()
	return s[max(0, len(s)-4000):]
}

// origin is the server that the functions ask.
type origin struct {
	address string
	site    atomic.Pointer[served]
}

func newOrigin(t *testing.T) *origin {
	t.Helper()
	o := &origin{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header()["Date"] = nil // the server's clock is not the test's
		o.site.Load().handle(&originWriter{w}, r)
	}))
	t.Cleanup(server.Close)
	o.address = strings.TrimPrefix(server.URL, "http://")
	return o
}

// originWriter sends fields that HTTP servers and clients take for themselves by other names, which the function turns back:
// they are about what the function's handler says, not about this connection.
type originWriter struct{ http.ResponseWriter }

func (w *originWriter) WriteHeader(status int) {
	h := w.Header()
	for _, name := range []string{"Connection", "Content-Type"} {
		if lines := h[name]; len(lines) > 0 && (name == "Connection" || status == http.StatusNotModified) {
			delete(h, name)
			h["X-Test-"+name] = lines
		}
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *originWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// served is a site behind function processes that take turns.
type served struct {
	t         *testing.T
	origin    *origin
	processes []*runner.Runner
	name      string
	honour    bool

	mu      sync.Mutex
	now     time.Time
	turn    int
	handler http.HandlerFunc
	seen    []*http.Request
}

func (s *served) handle(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.seen = append(s.seen, r)
	h := s.handler
	s.mu.Unlock()
	h(w, r)
}

func (s *served) T() *testing.T { return s.t }

func (s *served) Serve(h http.HandlerFunc) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.handler = h
}

func (s *served) Answer(status int, body string, fields ...string) {
	s.Serve(func(w http.ResponseWriter, _ *http.Request) {
		rfc9111.AddFields(w.Header(), fields)
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	})
}

func (s *served) Last() *http.Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.seen) == 0 {
		s.t.Fatal("the origin got no request")
	}
	return s.seen[len(s.seen)-1]
}

func (s *served) WantRuns(n int64) {
	s.t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if got := len(s.seen); int64(got) != n {
		s.t.Fatalf("the origin got %d requests, not %d", got, n)
	}
}

func (s *served) Advance(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now = s.now.Add(d)
}

func (s *served) Date(d time.Duration) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now.Add(d).UTC().Format(http.TimeFormat)
}

// next returns the process whose turn it is, and the time there.
func (s *served) next() (*runner.Runner, time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.processes[s.turn%len(s.processes)]
	s.turn++
	s.now = s.now.Add(2 * time.Millisecond)
	return r, s.now
}

func (s *served) Do(line string, fields ...string) rfc9111.Result {
	s.t.Helper()
	method, target, _ := strings.Cut(line, " ")
	process, now := s.next()
	ctx, cancel := context.WithTimeout(s.t.Context(), time.Minute)
	defer cancel()
	host := "localhost" // the same for all processes: it is part of the key
	if rest, ok := strings.CutPrefix(target, "http://"); ok {
		host, target, _ = strings.Cut(rest, "/")
		target = "/" + target
	}
	r, err := http.NewRequestWithContext(ctx, method, process.URL()+target, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	r.Host = host
	rfc9111.AddFields(r.Header, fields)
	r.Header.Set("X-Test-Site", s.name)
	r.Header.Set("X-Test-Clock", strconv.FormatInt(now.UnixNano(), 10))
	if s.honour {
		r.Header.Set("X-Test-Honour", "1")
	}
	res, err := client.RoundTrip(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	if err := process.WaitIdle(ctx); err != nil {
		s.t.Fatal(err)
	}
	if res.StatusCode == http.StatusBadGateway && len(res.Header["Cache-Status"]) == 0 {
		panic(http.ErrAbortHandler) // the client was told that there is no whole answer
	}
	return rfc9111.Result{Status: res.StatusCode, Header: res.Header, Body: string(body)}
}

var client = &http.Transport{DisableCompression: true, DisableKeepAlives: true}
