package httpcache_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stillwarm/stillwarm/backends"
	"github.com/stillwarm/stillwarm/backends/disk"
	"github.com/stillwarm/stillwarm/backends/memory"
	"github.com/stillwarm/stillwarm/httpcache"
)

// requirement is one MUST or SHOULD of RFC 9111, sections 3 to 5 (and what they take from RFC 9110), that this cache can
// meet or miss.
type requirement struct {
	section, level, text string
	opts                 []httpcache.Option
	check                func(t *testing.T, s *site)
}

func runRequirements(t *testing.T, all []requirement) {
	t.Helper()
	for _, r := range all {
		t.Run(r.section+" "+r.level+" "+r.text, func(t *testing.T) { r.check(t, newSite(t, r.opts...)) })
	}
	for name, open := range stores {
		t.Run("two containers that take turns, "+name, func(t *testing.T) {
			for _, r := range all {
				if r.text == mostRecent {
					continue // a container's memory serves what it has as long as that is fresh
				}
				t.Run(r.section+" "+r.level+" "+r.text, func(t *testing.T) {
					c := newClock()
					f := &fleet{clock: c, manager: open(t, c)}
					r.check(t, f.turns(t, 2, r.opts...))
				})
			}
		})
	}
}

const mostRecent = "use the most recent of several answers"

// stores are backends that every requirement is held over.
var stores = map[string]func(*testing.T, *clock) backends.PersistenceManager{
	"memory": func(t *testing.T, c *clock) backends.PersistenceManager {
		m, err := memory.New(memory.Options{Clock: c.Now})
		if err != nil {
			t.Fatal(err)
		}
		return unclosed{m}
	},
	"disk": func(t *testing.T, c *clock) backends.PersistenceManager {
		m, err := disk.New(disk.Options{Dir: t.TempDir(), NoSync: true, Clock: c.Now})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = m.Close() })
		return unclosed{m}
	},
}

// stored answers a GET with the given fields and reports whether the next GET, a second later, is a hit.
func stored(s *site, status int, fields ...string) bool {
	s.t.Helper()
	s.clock.advance(11 * time.Second) // marks of what was not storable before are over
	s.answer(status, "body", fields...)
	s.do("GET /a")
	s.clock.advance(time.Second)
	return s.do("GET /a").hit()
}

// reused is a check that an answer with these fields is reused, or is not.
func reused(want bool, status int, fields ...string) func(*testing.T, *site) {
	return func(t *testing.T, s *site) {
		t.Helper()
		if got := stored(s, status, fields...); got != want {
			t.Fatalf("reused: %v", got)
		}
	}
}

// reusedFor is reused for requests with fields of their own.
func reusedFor(want bool, request []string, fields ...string) func(*testing.T, *site) {
	return func(t *testing.T, s *site) {
		t.Helper()
		s.answer(200, "body", fields...)
		s.do("GET /a", request...)
		if got := s.do("GET /a"); got.hit() != want {
			t.Fatal(got.cacheStatus())
		}
	}
}

var fresh = "Cache-Control: max-age=60"

var storing = []requirement{
	{"3", "MUST NOT", "store an answer to a method that it does not understand", nil, func(t *testing.T, s *site) {
		s.answer(200, "body", fresh)
		for _, method := range []string{"POST", "PUT", "DELETE", "OPTIONS", "PROPFIND"} {
			s.do(method + " /a")
			if r := s.do(method + " /a"); r.hit() {
				t.Fatal(method, "was answered from the store")
			}
		}
	}},
	{"3", "MUST NOT", "store an answer that is not final", nil, func(t *testing.T, s *site) {
		s.serve(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Link", "</a.css>; rel=preload")
			w.Header().Set("Cache-Control", "max-age=60")
			w.WriteHeader(http.StatusEarlyHints)
			w.Header().Del("Link")
			w.WriteHeader(http.StatusOK)
			_, _ = w.Write([]byte("final"))
		})
		if r := s.do("GET /a"); len(r.infos) != 1 || r.status != 200 || r.header.Get("Link") != "" {
			t.Fatal(r)
		}
		r := s.do("GET /a")
		if r.status != 200 || r.body != "final" || !r.hit() || r.header.Get("Link") != "" || len(r.infos) > 0 {
			t.Fatal(r)
		}
	}},
	{"3", "MUST NOT", "store a 206 or 304 that it cannot combine", nil, func(t *testing.T, s *site) {
		for _, status := range []int{206, 304} {
			if stored(s, status, fresh, "Content-Range: bytes 0-3/10") {
				t.Fatal(status)
			}
		}
	}},
	{"3", "MUST NOT", "store an answer with an unknown status and must-understand", nil, reused(false, 299, "Cache-Control: max-age=60, must-understand")},
	{"3", "MUST NOT", "store an answer with no-store", nil, reused(false, 200, "Cache-Control: max-age=60, no-store")},
	{"3", "MUST NOT", "store an answer with private", nil, reused(false, 200, "Cache-Control: max-age=60, private")},
	{"3", "MUST NOT", "store an answer that has nothing to say that it may be", nil, reused(false, 201, "Etag: \"a\"")},
	{"3", "MAY", "store any final status with explicit freshness", nil, func(t *testing.T, s *site) {
		for _, status := range []int{200, 201, 203, 299, 302, 303, 307, 400, 403, 404, 418, 499, 500, 503, 599} {
			s.answer(status, "body", fresh)
			path := "GET /" + strings.Repeat("x", status-199)
			s.do(path)
			if r := s.do(path); !r.hit() || r.status != status {
				t.Fatal(status, r)
			}
		}
	}},
	{"3", "MAY", "store an answer with Expires", nil, func(t *testing.T, s *site) {
		if !stored(s, 200, "Date: "+s.clock.date(11*time.Second), "Expires: "+s.clock.date(time.Minute)) {
			t.Fatal("not stored")
		}
	}},
	{"3.1", "MUST", "store all fields, unknown ones too", nil, func(t *testing.T, s *site) {
		fields := []string{fresh, "X-Unknown: 1", "Unknown: 2", "Content-Foo: 3", "Content-Security-Policy: x", "Clear-Site-Data: y", "Content-Range: z"}
		stored(s, 200, fields...)
		r := s.do("GET /a")
		for _, f := range fields {
			name, value, _ := strings.Cut(f, ": ")
			if r.header.Get(name) != value {
				t.Fatal(name, r.header)
			}
		}
	}},
	{"3.1", "MUST NOT", "store fields of the connection", nil, func(t *testing.T, s *site) {
		names := []string{"Keep-Alive", "Proxy-Connection", "Proxy-Authenticate", "Proxy-Authentication-Info", "Proxy-Authorization", "Te", "Upgrade", "X-Listed"}
		fields := []string{fresh, "Connection: x-listed, close"}
		for _, n := range names {
			fields = append(fields, n+": a")
		}
		stored(s, 200, fields...)
		r := s.do("GET /a")
		for _, n := range append(names, "Connection", "X-Listed") {
			if r.header.Get(n) != "" {
				t.Fatal(n, r.header)
			}
		}
	}},
	{"3.1", "MUST NOT", "store fields named by no-cache", nil, func(t *testing.T, s *site) {
		if !stored(s, 200, `Cache-Control: max-age=60, no-cache="x-secret, x-other"`, "X-Secret: a", "X-Other: b", "X-Open: c") {
			t.Fatal("not stored")
		}
		if r := s.do("GET /a"); r.header.Get("X-Secret")+r.header.Get("X-Other") != "" || r.header.Get("X-Open") != "c" {
			t.Fatal(r.header)
		}
	}},
	{"3.1", "MUST NOT", "store fields named by private in a shared cache", nil, func(t *testing.T, s *site) {
		if !stored(s, 200, `Cache-Control: max-age=60, private="x-secret"`, "X-Secret: a") {
			t.Fatal("not stored")
		}
		if r := s.do("GET /a"); r.header.Get("X-Secret") != "" {
			t.Fatal(r.header)
		}
	}},
	{"3.1", "MUST NOT", "combine trailers with the header", nil, func(t *testing.T, s *site) {
		s.serve(func(w http.ResponseWriter, _ *http.Request) {
			addFields(w.Header(), []string{fresh, "Trailer: X-After"})
			_, _ = w.Write([]byte("body"))
			w.Header().Set("X-After", "trailer")
			w.Header().Set(http.TrailerPrefix+"X-Late", "trailer")
		})
		s.do("GET /a")
		if r := s.do("GET /a"); !r.hit() || r.header.Get("X-After")+r.header.Get("X-Late") != "" {
			t.Fatal(r.header)
		}
	}},
	{"3.2", "MUST", "replace the stored fields by those of the newer answer", nil, func(t *testing.T, s *site) {
		s.validates("Cache-Control: max-age=60", "X-Changed: new", "Content-Type: text/new")
		if r := s.do("GET /a"); r.header.Get("X-Changed") != "new" || r.header.Get("X-Kept") != "old" || r.header.Get("Content-Type") != "text/new" {
			t.Fatal(r.header)
		}
	}},
	{"3.2", "MUST NOT", "replace Content-Length, Content-Encoding and Content-Range by those of a 304", nil, func(t *testing.T, s *site) {
		s.validates("Cache-Control: max-age=60", "Content-Length: 99", "Content-Encoding: br", "Content-Range: bytes 0-1/2")
		r := s.do("GET /a")
		if r.header.Get("Content-Length") != "4" || r.header.Get("Content-Encoding") != "" || r.header.Get("Content-Range") != "" {
			t.Fatal(r.header)
		}
	}},
	{"3.3", "MUST NOT", "store an incomplete answer", nil, func(t *testing.T, s *site) {
		s.serve(func(w http.ResponseWriter, _ *http.Request) {
			addFields(w.Header(), []string{fresh, "Content-Length: 10"})
			_, _ = w.Write([]byte("short"))
		})
		func() {
			defer func() {
				if err, _ := recover().(error); !errors.Is(err, http.ErrAbortHandler) {
					t.Error("the leader's client was not told that the answer is cut off")
				}
			}()
			s.do("GET /a")
		}()
		s.answer(200, "whole body", fresh)
		if r := s.do("GET /a"); r.hit() || r.body != "whole body" {
			t.Fatal(r)
		}
	}},
	{"3.3", "MUST NOT", "send a part without marking it as a 206", nil, func(t *testing.T, s *site) {
		stored(s, 200, fresh)
		r := s.do("GET /a", "Range: bytes=1-2")
		if r.status != 206 || r.body != "od" || r.header.Get("Content-Range") != "bytes 1-2/4" || r.header.Get("Content-Length") != "2" {
			t.Fatal(r)
		}
	}},
	{"3.4", "MAY", "leave parts uncombined: a request for a part of what is not stored is the handler's", nil, func(t *testing.T, s *site) {
		s.answer(206, "od", fresh, "Content-Range: bytes 1-2/4")
		s.do("GET /a", "Range: bytes=1-2")
		if got := s.last().Header.Get("Range"); got != "bytes=1-2" {
			t.Fatal(got)
		}
		if r := s.do("GET /a", "Range: bytes=1-2"); r.hit() {
			t.Fatal(r)
		}
	}},
	{"3.5", "MUST NOT", "reuse an answer to a request with Authorization", nil, reusedFor(false, []string{"Authorization: Bearer a"}, fresh)},
	{"3.5", "MAY", "reuse it with must-revalidate", nil, reusedFor(true, []string{"Authorization: Bearer a"}, "Cache-Control: max-age=60, must-revalidate")},
	{"3.5", "MAY", "reuse it with public", nil, reusedFor(true, []string{"Authorization: Bearer a"}, "Cache-Control: max-age=60, public")},
	{"3.5", "MAY", "reuse it with s-maxage", nil, reusedFor(true, []string{"Authorization: Bearer a"}, "Cache-Control: s-maxage=60")},
	{"3.5", "MUST NOT", "reuse it with other directives", nil, reusedFor(false, []string{"Authorization: Bearer a"}, "Cache-Control: max-age=60, proxy-revalidate")},
}

func TestStoring(t *testing.T) { runRequirements(t, storing) }

// validates stores an answer with validators at /a, lets it go stale, and makes the handler confirm it by a 304 with these
// fields. The next GET validates.
func (s *site) validates(fields ...string) {
	s.answer(200, "body", "Cache-Control: max-age=1", `ETag: "1"`, "X-Changed: old", "X-Kept: old", "Content-Type: text/old")
	s.do("GET /a")
	s.clock.advance(2 * time.Second)
	s.serve(func(w http.ResponseWriter, r *http.Request) {
		addFields(w.Header(), fields)
		if r.Header.Get("If-None-Match") != `"1"` {
			s.t.Error("the handler got no condition")
		}
		w.WriteHeader(http.StatusNotModified)
	})
}
