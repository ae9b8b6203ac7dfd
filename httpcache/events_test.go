package httpcache_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stillwarm/stillwarm/internal/httpreq"
)

func TestCallersThatEventsKnow(t *testing.T) {
	s := newSite(t)
	s.serve(func(w http.ResponseWriter, r *http.Request) {
		addFields(w.Header(), []string{fresh})
		_, _ = io.WriteString(w, httpreq.From(r.Context()).Stage)
	})
	as := func(c httpreq.Caller) result { return s.doContext(httpreq.With(t.Context(), &c), "GET /a") }
	for _, c := range []httpreq.Caller{{Stage: "one"}, {Stage: "two"}, {Stage: "one", APIID: "x"}, {Stage: "one", Tenant: "t"}, {Stage: "one", BasePath: "/b"}, {Stage: "one", Host: "h"}, {Stage: "one", Scheme: "https"}} {
		if r := as(c); r.hit() || r.body != c.Stage {
			t.Fatal(c, r)
		}
		if r := as(c); !r.hit() || r.body != c.Stage {
			t.Fatal(c, r)
		}
	}
	if r := as(httpreq.Caller{Stage: "auth", Authenticated: true}); r.hit() {
		t.Fatal(r)
	}
	if r := as(httpreq.Caller{Stage: "auth"}); r.hit() {
		t.Fatal("an authenticated caller's answer was shared:", r)
	}
	none := func(int, http.Header, int, httpreq.Form) bool { return false }
	as(httpreq.Caller{Stage: "small"})
	if r := as(httpreq.Caller{Stage: "small", Fits: none}); r.hit() {
		t.Fatal("an answer that does not fit was served:", r)
	}
	as(httpreq.Caller{Stage: "limit", Fits: none})
	if r := as(httpreq.Caller{Stage: "limit"}); r.hit() {
		t.Fatal("an answer that does not fit was stored:", r)
	}
}

// eventWriter is what an event adapter collects an answer in.
type eventWriter struct {
	*httptest.ResponseRecorder
	err  error
	form httpreq.Form
	body string
}

func (e *eventWriter) WriteError(err error) { e.err = err }
func (e *eventWriter) WriteForm(b []byte, f httpreq.Form) error {
	if f == httpreq.Plain {
		_, err := e.Write(b)
		return err
	}
	e.body, e.form = string(b), f
	return nil
}

func TestEventAdapters(t *testing.T) {
	s := newSite(t)
	send := func(fields ...string) *eventWriter {
		w := &eventWriter{ResponseRecorder: httptest.NewRecorder()}
		r := httptest.NewRequestWithContext(t.Context(), "GET", "/a", nil)
		addFields(r.Header, fields)
		s.front.ServeHTTP(w, r)
		return w
	}
	boom := errors.New("boom")
	s.serve(func(w http.ResponseWriter, _ *http.Request) { w.(httpreq.ErrorWriter).WriteError(boom) })
	if w := send(); !errors.Is(w.err, boom) {
		t.Fatal("the handler's error is lost:", w.err)
	}
	s.serve(func(w http.ResponseWriter, _ *http.Request) {
		addFields(w.Header(), []string{"Cache-Control: max-age=60, stale-if-error=60", "Content-Type: image/png"})
		_ = w.(httpreq.FormWriter).WriteForm([]byte("aGVsbG8="), httpreq.Base64)
	})
	for range 2 {
		if w := send(); w.form != httpreq.Base64 || w.body != "aGVsbG8=" {
			t.Fatalf("%+v", w)
		}
	}
	if r := s.do("GET /a"); r.body != "hello" || r.header.Get("Content-Length") != "5" {
		t.Fatal("a plain writer gets the bytes:", r)
	}
	if w := send("Range: bytes=1-2"); w.Code != 206 || w.Body.String() != "el" {
		t.Fatal(w.Code, w.Body)
	}
	s.clock.advance(90 * time.Second)
	s.serve(func(w http.ResponseWriter, _ *http.Request) { w.(httpreq.ErrorWriter).WriteError(boom) })
	if w := send(); w.err != nil || w.body != "aGVsbG8=" {
		t.Fatal("a stale answer may be served in place of an error:", w.err, w.body)
	}
}
