package http_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stillwarm/stillwarm/adapter"
	"github.com/stillwarm/stillwarm/internal/httpfleet"
	"github.com/stillwarm/stillwarm/internal/rfc9111"
	"github.com/stillwarm/stillwarm/localdev/runner"
)

// What holds beyond the standard, as requests have it: clients, local runners, two function processes, a backend, and an
// origin server. Clocks are real.
func TestPromisesThroughLambda(t *testing.T) {
	for name, place := range stores(t) {
		t.Run(name, func(t *testing.T) {
			o := &asked{}
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				o.handler.Load().(http.HandlerFunc)(&originWriter{w}, r)
			}))
			t.Cleanup(server.Close)
			var processes []process
			for i := range 2 {
				socket := filepath.Join(t.TempDir(), fmt.Sprint(i))
				// A container that cannot know what another's run comes to waits for an eighth of this time.
				r := startRunner(t, place, 40*time.Second, "TEST_ORIGIN="+strings.TrimPrefix(server.URL, "http://"), "TEST_CONTROL="+socket)
				processes = append(processes, process{r, controlClient(socket)})
			}
			for i, p := range httpfleet.All() {
				t.Run(p.Name, func(t *testing.T) {
					p.Check(t, &asked{t: t, origin: o, processes: processes, name: fmt.Sprint("promise ", i), config: p.Config})
				})
			}
		})
	}
}

// process is an execution environment, and the way to ask it beside its invocations.
type process struct {
	*runner.Runner
	control *http.Client
}

func controlClient(socket string) *http.Client {
	return &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", socket)
	}}}
}

// asked is an origin behind the caches of two processes.
type asked struct {
	t         *testing.T
	origin    *asked
	handler   atomic.Value // http.HandlerFunc
	processes []process
	name      string
	config    httpfleet.Config
}

func (a *asked) Serve(h http.HandlerFunc) { a.origin.handler.Store(h) }

func (a *asked) fields(h http.Header, fields []string) {
	rfc9111.AddFields(h, fields)
	h.Set("X-Test-Site", a.name)
	patience := 3 * time.Second
	if a.config.Patience > 0 {
		patience = a.config.Patience
	}
	h.Set("X-Test-Patience", patience.String())
	if a.config.LoseRecords {
		h.Set("X-Test-Lose", "1")
	}
}

func (a *asked) Start(r httpfleet.Request) <-chan httpfleet.Result {
	p, done := a.processes[r.Container], make(chan httpfleet.Result, 1)
	ctx, leave := context.WithTimeout(a.t.Context(), 2*time.Minute)
	if r.Leave != nil {
		go func() {
			<-r.Leave
			leave()
		}()
	}
	go func() {
		defer leave()
		send := a.request
		if r.Stage != "" {
			send = a.event
		}
		res, err := send(ctx, p, r)
		if err == nil {
			err = p.WaitIdle(ctx)
		}
		if err != nil && r.Leave == nil {
			a.t.Error(err)
		}
		done <- res
	}()
	return done
}

// request sends an HTTP request.
func (a *asked) request(ctx context.Context, p process, r httpfleet.Request) (httpfleet.Result, error) {
	method, path, _ := strings.Cut(r.Line, " ")
	req, err := http.NewRequestWithContext(ctx, method, p.URL()+path, nil)
	if err != nil {
		return httpfleet.Result{}, err
	}
	req.Host = "localhost" // the same for all processes: it is part of the key
	a.fields(req.Header, r.Fields)
	res, err := client.RoundTrip(req)
	if err != nil {
		return httpfleet.Result{}, err
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	return httpfleet.Result{Status: res.StatusCode, Header: res.Header, Body: string(body)}, err
}

// event sends what an HTTP API with named stages sends.
func (a *asked) event(ctx context.Context, p process, r httpfleet.Request) (httpfleet.Result, error) {
	method, path, _ := strings.Cut(r.Line, " ")
	header, fields := http.Header{}, map[string]string{}
	a.fields(header, r.Fields)
	for name := range header {
		fields[strings.ToLower(name)] = header.Get(name)
	}
	payload, err := json.Marshal(map[string]any{
		"version": "2.0", "routeKey": "$default", "rawPath": "/" + r.Stage + path, "headers": fields,
		"requestContext": map[string]any{
			"apiId": "api", "domainName": "api.example.com", "stage": r.Stage,
			"http": map[string]any{"method": method, "path": "/" + r.Stage + path, "protocol": "HTTP/1.1", "sourceIp": "192.0.2.1"},
		},
	})
	if err != nil {
		return httpfleet.Result{}, err
	}
	res, err := p.Invoke(ctx, payload)
	if err != nil {
		return httpfleet.Result{}, err
	}
	var out struct {
		StatusCode      int
		Headers         map[string]string
		Body            string
		IsBase64Encoded bool
	}
	if err := json.Unmarshal(res.Payload, &out); err != nil {
		return httpfleet.Result{}, err
	}
	result := httpfleet.Result{Status: out.StatusCode, Header: http.Header{}, Body: out.Body}
	for name, value := range out.Headers {
		result.Header.Set(name, value)
	}
	if out.IsBase64Encoded {
		body, err := base64.StdEncoding.DecodeString(out.Body)
		result.Body = string(body)
		return result, err
	}
	return result, nil
}

// stats returns what the container's cache counts. A process that has not begun to listen has counted nothing.
func (a *asked) stats(container int) (s adapter.Stats) {
	ctx, cancel := context.WithTimeout(a.t.Context(), time.Minute)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://control/?"+url.Values{"site": {a.name}}.Encode(), nil)
	if err != nil {
		a.t.Fatal(err)
	}
	res, err := a.processes[container].control.Do(req)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ECONNREFUSED) {
		return s
	}
	if err != nil {
		a.t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	if err := json.NewDecoder(res.Body).Decode(&s); err != nil {
		a.t.Fatal(err)
	}
	return s
}

func (a *asked) Waiting(container int) {
	eventually(a.t, "waiting for another container", func() bool { return a.stats(container).FleetWaits > 0 })
}

func (a *asked) Purge(container int, path string) {
	r := <-a.Start(httpfleet.Request{Container: container, Line: "GET /", Fields: []string{"X-Test-Purge: " + path}})
	if r.Status != http.StatusOK {
		a.t.Fatal(r)
	}
}

func (a *asked) Pass(d time.Duration) { time.Sleep(d) }

func (a *asked) Memory(container int) (used, bound int64) { return a.stats(container).Bytes, 8 << 20 }
