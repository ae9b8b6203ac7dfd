package rfc9111

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"
)

// Stored answers a GET with the given fields and reports whether the next GET, a second later, is a hit.
func Stored(s Site, status int, fields ...string) bool {
	s.T().Helper()
	s.Advance(11 * time.Second) // marks of what was not storable before are over
	s.Answer(status, "body", fields...)
	s.Do("GET /a")
	s.Advance(time.Second)
	return s.Do("GET /a").Hit()
}

// Reused is a check that an answer with these fields is reused, or is not.
func Reused(want bool, status int, fields ...string) func(*testing.T, Site) {
	return func(t *testing.T, s Site) {
		t.Helper()
		if got := Stored(s, status, fields...); got != want {
			t.Fatalf("reused: %v", got)
		}
	}
}

// ReusedFor is reused for requests with fields of their own.
func ReusedFor(want bool, request []string, fields ...string) func(*testing.T, Site) {
	return func(t *testing.T, s Site) {
		t.Helper()
		s.Answer(200, "body", fields...)
		s.Do("GET /a", request...)
		if got := s.Do("GET /a"); got.Hit() != want {
			t.Fatal(got.CacheStatus())
		}
	}
}

var fresh = "Cache-Control: max-age=60"

var storing = []Requirement{
	{"3", "MUST NOT", "store an answer to a method that it does not understand", false, func(t *testing.T, s Site) {
		s.Answer(200, "body", fresh)
		for _, method := range []string{"POST", "PUT", "DELETE", "OPTIONS", "PROPFIND"} {
			s.Do(method + " /a")
			if r := s.Do(method + " /a"); r.Hit() {
				t.Fatal(method, "was answered from the store")
			}
		}
	}},
	{"3", "MUST NOT", "store an answer that is not final", false, func(t *testing.T, s Site) {
		s.Serve(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Link", "</a.css>; rel=preload")
			w.Header().Set("Cache-Control", "max-age=60")
			w.WriteHeader(http.StatusEarlyHints)
			w.Header().Del("Link")
			w.WriteHeader(http.StatusOK)
			_, _ = w.Write([]byte("final"))
		})
		if r := s.Do("GET /a"); len(r.Infos) != 1 || r.Status != 200 || r.Header.Get("Link") != "" {
			t.Fatal(r)
		}
		r := s.Do("GET /a")
		if r.Status != 200 || r.Body != "final" || !r.Hit() || r.Header.Get("Link") != "" || len(r.Infos) > 0 {
			t.Fatal(r)
		}
	}},
	{"3", "MUST NOT", "store a 206 or 304 that it cannot combine", false, func(t *testing.T, s Site) {
		for _, status := range []int{206, 304} {
			if Stored(s, status, fresh, "Content-Range: bytes 0-3/10") {
				t.Fatal(status)
			}
		}
	}},
	{"3", "MUST NOT", "store an answer with an unknown status and must-understand", false, Reused(false, 299, "Cache-Control: max-age=60, must-understand")},
	{"3", "MUST NOT", "store an answer with no-store", false, Reused(false, 200, "Cache-Control: max-age=60, no-store")},
	{"3", "MUST NOT", "store an answer with private", false, Reused(false, 200, "Cache-Control: max-age=60, private")},
	{"3", "MUST NOT", "store an answer that has nothing to say that it may be", false, Reused(false, 201, "Etag: \"a\"")},
	{"3", "MAY", "store any final status with explicit freshness", false, func(t *testing.T, s Site) {
		for _, status := range []int{200, 201, 203, 299, 302, 303, 307, 400, 403, 404, 418, 499, 500, 503, 599} {
			s.Answer(status, "body", fresh)
			path := "GET /" + strings.Repeat("x", status-199)
			s.Do(path)
			if r := s.Do(path); !r.Hit() || r.Status != status {
				t.Fatal(status, r)
			}
		}
	}},
	{"3", "MAY", "store an answer with Expires", false, func(t *testing.T, s Site) {
		if !Stored(s, 200, "Date: "+s.Date(11*time.Second), "Expires: "+s.Date(time.Minute)) {
			t.Fatal("not stored")
		}
	}},
	{"3.1", "MUST", "store all fields, unknown ones too", false, func(t *testing.T, s Site) {
		fields := []string{fresh, "X-Unknown: 1", "Unknown: 2", "Content-Foo: 3", "Content-Security-Policy: x", "Clear-Site-Data: y", "Content-Range: z"}
		Stored(s, 200, fields...)
		r := s.Do("GET /a")
		for _, f := range fields {
			name, value, _ := strings.Cut(f, ": ")
			if r.Header.Get(name) != value {
				t.Fatal(name, r.Header)
			}
		}
	}},
	{"3.1", "MUST NOT", "store fields of the connection", false, func(t *testing.T, s Site) {
		names := []string{"Keep-Alive", "Proxy-Connection", "Proxy-Authenticate", "Proxy-Authentication-Info", "Proxy-Authorization", "Te", "Upgrade", "X-Listed"}
		fields := []string{fresh, "Connection: x-listed, close"}
		for _, n := range names {
			fields = append(fields, n+": a")
		}
		Stored(s, 200, fields...)
		r := s.Do("GET /a")
		for _, n := range append(names, "Connection", "X-Listed") {
			if r.Header.Get(n) != "" {
				t.Fatal(n, r.Header)
			}
		}
	}},
	{"3.1", "MUST NOT", "store fields named by no-cache", false, func(t *testing.T, s Site) {
		if !Stored(s, 200, `Cache-Control: max-age=60, no-cache="x-secret, x-other"`, "X-Secret: a", "X-Other: b", "X-Open: c") {
			t.Fatal("not stored")
		}
		if r := s.Do("GET /a"); r.Header.Get("X-Secret")+r.Header.Get("X-Other") != "" || r.Header.Get("X-Open") != "c" {
			t.Fatal(r.Header)
		}
	}},
	{"3.1", "MUST NOT", "store fields named by private in a shared cache", false, func(t *testing.T, s Site) {
		if !Stored(s, 200, `Cache-Control: max-age=60, private="x-secret"`, "X-Secret: a") {
			t.Fatal("not stored")
		}
		if r := s.Do("GET /a"); r.Header.Get("X-Secret") != "" {
			t.Fatal(r.Header)
		}
	}},
	{"3.1", "MUST NOT", "combine trailers with the header", false, func(t *testing.T, s Site) {
		s.Serve(func(w http.ResponseWriter, _ *http.Request) {
			AddFields(w.Header(), []string{fresh, "Trailer: X-After"})
			_, _ = w.Write([]byte("body"))
			w.Header().Set("X-After", "trailer")
			w.Header().Set(http.TrailerPrefix+"X-Late", "trailer")
		})
		s.Do("GET /a")
		if r := s.Do("GET /a"); !r.Hit() || r.Header.Get("X-After")+r.Header.Get("X-Late") != "" {
			t.Fatal(r.Header)
		}
	}},
	{"3.2", "MUST", "replace the stored fields by those of the newer answer", false, func(t *testing.T, s Site) {
		Validates(s, "Cache-Control: max-age=60", "X-Changed: new", "Content-Type: text/new")
		if r := s.Do("GET /a"); r.Header.Get("X-Changed") != "new" || r.Header.Get("X-Kept") != "old" || r.Header.Get("Content-Type") != "text/new" {
			t.Fatal(r.Header)
		}
	}},
	{"3.2", "MUST NOT", "replace Content-Length, Content-Encoding and Content-Range by those of a 304", false, func(t *testing.T, s Site) {
		Validates(s, "Cache-Control: max-age=60", "Content-Length: 99", "Content-Encoding: br", "Content-Range: bytes 0-1/2")
		r := s.Do("GET /a")
		if r.Header.Get("Content-Length") != "4" || r.Header.Get("Content-Encoding") != "" || r.Header.Get("Content-Range") != "" {
			t.Fatal(r.Header)
		}
	}},
	{"3.3", "MUST NOT", "store an incomplete answer", false, func(t *testing.T, s Site) {
		s.Serve(func(w http.ResponseWriter, _ *http.Request) {
			AddFields(w.Header(), []string{fresh, "Content-Length: 10"})
			_, _ = w.Write([]byte("short"))
		})
		func() {
			defer func() {
				if err, _ := recover().(error); !errors.Is(err, http.ErrAbortHandler) {
					t.Error("the leader's client was not told that the answer is cut off")
				}
			}()
			s.Do("GET /a")
		}()
		s.Answer(200, "whole body", fresh)
		if r := s.Do("GET /a"); r.Hit() || r.Body != "whole body" {
			t.Fatal(r)
		}
	}},
	{"3.3", "MUST NOT", "send a part without marking it as a 206", false, func(t *testing.T, s Site) {
		Stored(s, 200, fresh)
		r := s.Do("GET /a", "Range: bytes=1-2")
		if r.Status != 206 || r.Body != "od" || r.Header.Get("Content-Range") != "bytes 1-2/4" || r.Header.Get("Content-Length") != "2" {
			t.Fatal(r)
		}
	}},
	{"3.4", "MAY", "leave parts uncombined: a request for a part of what is not stored is the handler's", false, func(t *testing.T, s Site) {
		s.Answer(206, "od", fresh, "Content-Range: bytes 1-2/4")
		s.Do("GET /a", "Range: bytes=1-2")
		if got := s.Last().Header.Get("Range"); got != "bytes=1-2" {
			t.Fatal(got)
		}
		if r := s.Do("GET /a", "Range: bytes=1-2"); r.Hit() {
			t.Fatal(r)
		}
	}},
	{"3.5", "MUST NOT", "reuse an answer to a request with Authorization", false, ReusedFor(false, []string{"Authorization: Bearer a"}, fresh)},
	{"3.5", "MAY", "reuse it with must-revalidate", false, ReusedFor(true, []string{"Authorization: Bearer a"}, "Cache-Control: max-age=60, must-revalidate")},
	{"3.5", "MAY", "reuse it with public", false, ReusedFor(true, []string{"Authorization: Bearer a"}, "Cache-Control: max-age=60, public")},
	{"3.5", "MAY", "reuse it with s-maxage", false, ReusedFor(true, []string{"Authorization: Bearer a"}, "Cache-Control: s-maxage=60")},
	{"3.5", "MUST NOT", "reuse it with other directives", false, ReusedFor(false, []string{"Authorization: Bearer a"}, "Cache-Control: max-age=60, proxy-revalidate")},
}

// Validates stores an answer with validators at /a, lets it go stale, and makes the handler confirm it by a 304 with these
// fields. The next GET validates.
func Validates(s Site, fields ...string) {
	s.Answer(200, "body", "Cache-Control: max-age=1", `ETag: "1"`, "X-Changed: old", "X-Kept: old", "Content-Type: text/old")
	s.Do("GET /a")
	s.Advance(2 * time.Second)
	s.Serve(func(w http.ResponseWriter, r *http.Request) {
		AddFields(w.Header(), fields)
		if r.Header.Get("If-None-Match") != `"1"` {
			s.T().Error("the handler got no condition")
		}
		w.WriteHeader(http.StatusNotModified)
	})
}
