package s3

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/stillwarm/stillwarm/backends"
)

// fake is a server that answers as a test says, and remembers what it was asked.
type fake struct {
	*httptest.Server
	mu       sync.Mutex
	requests []*http.Request
}

func newFake(t *testing.T, answer http.HandlerFunc) *fake {
	t.Helper()
	return serve(t, answer, httptest.NewServer)
}

func newTLSFake(t *testing.T, answer http.HandlerFunc) *fake {
	t.Helper()
	return serve(t, answer, httptest.NewTLSServer)
}

func serve(t *testing.T, answer http.HandlerFunc, start func(http.Handler) *httptest.Server) *fake {
	t.Helper()
	f := &fake{}
	f.Server = start(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f.mu.Lock()
		f.requests = append(f.requests, r)
		f.mu.Unlock()
		answer(w, r)
	}))
	t.Cleanup(f.Close)
	t.Setenv("AWS_ACCESS_KEY_ID", "id")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "top-secret")
	t.Setenv("AWS_REGION", "us-east-1")
	return f
}

func (f *fake) asked() []*http.Request {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.requests
}

// manager opens a manager for the fake. change may be nil.
func (f *fake) manager(t *testing.T, change func(*Options)) *Manager {
	t.Helper()
	o := Options{Bucket: "bucket", Prefix: "p", Endpoint: f.URL, PathStyle: true, Transport: f.Client().Transport}
	if change != nil {
		change(&o)
	}
	m, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = m.Close() })
	return m
}

// store opens a store for which a generation is kept already, so that a Get is one request.
func (f *fake) store(t *testing.T, change func(*Options)) *store {
	t.Helper()
	m := f.manager(t, change)
	m.conditions.Store(conditionsHeeded)
	bs, err := m.Store(t.Context(), backends.Function{Name: "f", NearTTL: 4 * maxKeep})
	if err != nil {
		t.Fatal(err)
	}
	s := bs.(*store)
	epoch := newToken()
	m.epoch.Store(&epoch)
	s.gen.Observe(s.gen.Begin(m.now().UnixNano()), combine(epoch, newToken()), 0)
	return s
}

// refuse answers with an S3 error.
func refuse(status int, code string, header ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		for i := 0; i+1 < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.Header().Set("Content-Type", "application/xml")
		w.WriteHeader(status)
		fmt.Fprintf(w, "<Error><Code>%s</Code><Message>the server's words</Message></Error>", code)
	}
}
