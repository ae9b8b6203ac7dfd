package httpcache_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stillwarm/stillwarm/httpcache"
)

// honours is a check of whether a request with the field is answered by an answer that is fresh for 600 s and 10 s old.
func honours(hit bool, field string) func(*testing.T, *site) {
	return func(t *testing.T, s *site) {
		t.Helper()
		s.keep(`ETag: "1"`)
		s.clock.advance(10 * time.Second)
		if r := s.do("GET /a", field); r.hit() != hit {
			t.Fatal(r.cacheStatus())
		}
	}
}

var honour = []httpcache.Option{httpcache.ClientDirectives(httpcache.Honour)}

var fields = []requirement{
	{"5.1", "SHOULD", "use the first member of the first line of Age", nil, func(t *testing.T, s *site) {
		for v, want := range map[string]bool{"0, 7200": true, "7200, 0": false, "30, 30": true} {
			if got := stored(s, 200, fresh, "Age: "+v); got != want {
				t.Fatal(v)
			}
			s.do("POST /a")
		}
		if !stored(s, 200, fresh, "Age: 0", "Age: 7200") {
			t.Fatal("two lines")
		}
	}},
	{"5.1", "SHOULD", "ignore an invalid Age", nil, func(t *testing.T, s *site) {
		for _, v := range []string{"abc", "-7200", "7200.0", "7200;a=b", "0x1", ""} {
			if !stored(s, 200, fresh, "Age: "+v) {
				t.Fatal(v)
			}
			s.do("POST /a")
		}
	}},
	{"5.1", "MUST", "take a large Age for large", nil, func(t *testing.T, s *site) {
		for _, v := range []string{"2147483647", "2147483648", "99999999999999999999"} {
			if stored(s, 200, fresh, "Age: "+v) {
				t.Fatal(v)
			}
		}
	}},
	{"5.2", "MUST", "read directives in any case", nil, reused(true, 200, "CACHE-control: MaX-aGe=60")},
	{"5.2", "MUST", "read directives in any case: no-store", nil, reused(false, 200, "Cache-Control: max-age=60, nO-StOrE")},
	{"5.2", "MUST", "obey fields that a handler sets past http.Header.Set", nil, func(t *testing.T, s *site) {
		s.serve(func(w http.ResponseWriter, _ *http.Request) {
			w.Header()["cache-control"] = []string{"no-store"}
			w.Header()["Cache-Control"] = []string{"max-age=60"}
			_, _ = w.Write([]byte("body"))
		})
		s.do("GET /a")
		if r := s.do("GET /a"); r.hit() {
			t.Fatal(r)
		}
	}},
	{"5.2", "SHOULD", "accept tokens and quoted strings", nil, reused(true, 200, `Cache-Control: max-age="60"`)},
	{"5.2", "MUST NOT", "find directives in quoted strings", nil, func(t *testing.T, s *site) {
		if stored(s, 200, `Cache-Control: ext="max-age=3600", max-age=0`) || stored(s, 200, `Cache-Control: max-age=0, ext="max-age=3600, public"`) {
			t.Fatal("reused")
		}
		if !stored(s, 200, `Cache-Control: ext="no-store, \"private", max-age=60`) {
			t.Fatal("not reused")
		}
	}},
	{"5.2", "MUST", "read all lines", nil, reused(false, 200, fresh, "Cache-Control: no-store")},
	{"5.2", "MUST", "pass directives on", nil, func(t *testing.T, s *site) {
		s.answer(200, "body", "Cache-Control: max-age=60, ext=1")
		for range 2 {
			if r := s.do("GET /a"); r.header.Get("Cache-Control") != "max-age=60, ext=1" {
				t.Fatal(r.header)
			}
		}
	}},
	{"5.2.1", "MAY", "ignore a client's reload by default", nil, func(t *testing.T, s *site) {
		for _, f := range []string{"Cache-Control: no-cache", "Cache-Control: max-age=0", "Cache-Control: min-fresh=9999", "Pragma: no-cache"} {
			honours(true, f)(t, s)
		}
	}},
	{"5.2.1.1", "MAY", "honour max-age", honour, honours(false, "Cache-Control: max-age=5")},
	{"5.2.1.1", "MAY", "honour a max-age that is met", honour, honours(true, "Cache-Control: max-age=20")},
	{"5.2.1.2", "MAY", "honour max-stale", nil, func(t *testing.T, s *site) {
		s.answer(200, "body", "Cache-Control: max-age=1", `ETag: "1"`)
		s.do("GET /a")
		s.clock.advance(10 * time.Second)
		for f, want := range map[string]bool{"max-stale=20": true, "max-stale": true} {
			if r := s.do("GET /a", "Cache-Control: "+f); r.hit() != want {
				t.Fatal(f, r.cacheStatus())
			}
		}
		if r := s.do("GET /a", "Cache-Control: max-stale=5"); r.hit() {
			t.Fatal(r.cacheStatus())
		}
	}},
	{"5.2.1.3", "MAY", "honour min-fresh", honour, honours(false, "Cache-Control: min-fresh=591")},
	{"5.2.1.3", "MAY", "honour a min-fresh that is met", honour, honours(true, "Cache-Control: min-fresh=589")},
	{"5.2.1.4", "MUST NOT", "reuse without validation for no-cache, where it is honoured", honour, honours(false, "Cache-Control: no-cache")},
	{"5.2.1.5", "MUST NOT", "store the answer to a request with no-store", nil, reusedFor(false, []string{"Cache-Control: no-store"}, fresh)},
	{"5.2.1.5", "MAY", "answer it from the store", nil, honours(true, "Cache-Control: no-store")},
	{"5.2.1.7", "SHOULD", "answer only-if-cached by 504 where nothing is stored", nil, func(t *testing.T, s *site) {
		s.answer(200, "body", fresh)
		if r := s.do("GET /a", "Cache-Control: only-if-cached"); r.status != 504 {
			t.Fatal(r)
		}
		s.wantRuns(0)
	}},
	{"5.2.1.7", "SHOULD", "answer it from the store", nil, honours(true, "Cache-Control: only-if-cached")},
	{"5.2.2.1", "MUST", "take an answer for stale after max-age", nil, freshFor(59*time.Second, 60*time.Second, fresh)},
	{"5.2.2.2", "MUST NOT", "reuse a stale answer with must-revalidate", nil, func(t *testing.T, s *site) {
		s.answer(200, "body", "Cache-Control: max-age=1, must-revalidate", `ETag: "1"`)
		s.do("GET /a")
		s.clock.advance(2 * time.Second)
		if r := s.do("GET /a", "Cache-Control: max-stale"); r.hit() || s.last().Header.Get("If-None-Match") != `"1"` {
			t.Fatal(r)
		}
	}},
	{"5.2.2.3", "SHOULD", "ignore no-store beside must-understand where the status is known", nil, reused(true, 200, "Cache-Control: max-age=60, must-understand, no-store")},
	{"5.2.2.3", "MUST NOT", "store an unknown status with must-understand", nil, reused(false, 599, "Cache-Control: max-age=60, must-understand, no-store")},
	{"5.2.2.4", "MUST NOT", "reuse an answer with no-cache without validation", nil, func(t *testing.T, s *site) {
		s.answer(200, "body", "Cache-Control: max-age=60, No-Cache", `ETag: "1"`)
		s.do("GET /a")
		s.answer(304, "")
		if r := s.do("GET /a"); r.body != "body" || s.last().Header.Get("If-None-Match") != `"1"` {
			t.Fatal(r)
		}
	}},
	{"5.2.2.4", "MUST", "take a malformed argument of no-cache for none", nil, func(t *testing.T, s *site) {
		for _, d := range []string{`no-cache=`, `no-cache=""`, `no-cache="a`, `no-cache="a b"`, `no-cache;x`} {
			if stored(s, 200, "Cache-Control: max-age=60, "+d, `ETag: "1"`) {
				t.Fatal(d)
			}
		}
	}},
	{"5.2.2.5", "MUST NOT", "store an answer with no-store, whatever its argument", nil, func(t *testing.T, s *site) {
		for _, d := range []string{"no-store", "no-store=a", `no-store=""`, "no-store;a"} {
			if stored(s, 200, "Cache-Control: max-age=60, "+d) {
				t.Fatal(d)
			}
		}
	}},
	{"5.2.2.7", "MUST NOT", "store an answer with private, whatever is wrong with its argument", nil, func(t *testing.T, s *site) {
		for _, d := range []string{"private", "Private", `private=""`, `private="a b"`, "private="} {
			if stored(s, 200, "Cache-Control: max-age=60, "+d) {
				t.Fatal(d)
			}
		}
	}},
	{"5.2.2.8", "MUST NOT", "reuse a stale answer with proxy-revalidate", nil, func(t *testing.T, s *site) {
		s.answer(200, "body", "Cache-Control: max-age=1, proxy-revalidate", `ETag: "1"`)
		s.do("GET /a")
		s.clock.advance(2 * time.Second)
		if r := s.do("GET /a", "Cache-Control: max-stale"); r.hit() {
			t.Fatal(r)
		}
	}},
	{"5.2.2.9", "MAY", "store an answer with public that would not be storable", nil, func(t *testing.T, s *site) {
		s.answer(200, "body", "Cache-Control: public, max-age=60")
		s.do("GET /a", "Authorization: a", "Cookie: b")
		if r := s.do("GET /a"); !r.hit() {
			t.Fatal(r)
		}
	}},
	{"5.2.2.10", "MUST NOT", "reuse a stale answer with s-maxage", nil, func(t *testing.T, s *site) {
		s.answer(200, "body", "Cache-Control: s-maxage=1", `ETag: "1"`)
		s.do("GET /a")
		s.clock.advance(2 * time.Second)
		if r := s.do("GET /a", "Cache-Control: max-stale"); r.hit() {
			t.Fatal(r)
		}
	}},
	{"5.2.3", "MUST", "ignore unknown directives", nil, reused(true, 200, `Cache-Control: foo, bar=1, baz="x", max-age=60, %, =1`)},
	{"5.3", "MUST", "take an invalid Expires for the past", nil, func(t *testing.T, s *site) {
		for _, v := range []string{"0", "-1", "tomorrow", "Thu, 26 Nov 2099 12:00:00", "Thu, 26-Nov-2099 12:00:00 GMT", "Thu, 26 Nov 99 12:00:00 GMT", "Thu, 26 Nov 2099 12:00 GMT", "Thu, 26 Nov 2099 1:00:00 GMT", "Thu 26 Nov 2099 12:00:00 GMT", "Thu, 31 Feb 2099 12:00:00 GMT", "Thu, 26 Nov 2099 25:00:00 GMT", "26 Nov 2099 12:00:00 GMT"} {
			if stored(s, 200, "Expires: "+v) {
				t.Fatal(v)
			}
		}
	}},
	{"5.3", "MUST", "take several Expires for the past", nil, reused(false, 200, "Expires: Thu, 26 Nov 2099 12:00:00 GMT", "Expires: Thu, 26 Nov 2099 12:00:00 GMT")},
	{"5.3", "MUST", "ignore Expires beside max-age", nil, reused(true, 200, fresh, "Expires: 0")},
	{"5.3", "MUST", "ignore Expires beside s-maxage", nil, reused(false, 200, "Cache-Control: s-maxage=0", "Expires: Thu, 26 Nov 2099 12:00:00 GMT")},
	{"5.3", "MUST", "count Expires from Date", nil, func(t *testing.T, s *site) {
		freshFor(59*time.Second, 61*time.Second, "Expires: "+s.clock.date(time.Minute), "Date: "+s.clock.date(0))(t, s)
	}},
	{"5.3", "MUST", "count Expires from receipt where Date is invalid", nil, func(t *testing.T, s *site) {
		freshFor(59*time.Second, 61*time.Second, "Expires: "+s.clock.date(time.Minute), "Date: foo")(t, s)
	}},
	{"5.4", "MAY", "honour Pragma: no-cache of a request without Cache-Control", honour, honours(false, "Pragma: no-cache")},
	{"5.4", "MUST NOT", "let Pragma of an answer count", nil, reused(true, 200, fresh, "Pragma: no-cache")},
}

func TestFields(t *testing.T) { runRequirements(t, fields) }

func TestCountOfRequirements(t *testing.T) {
	n := len(storing) + len(reusing) + len(validating) + len(invalidating) + len(fields)
	t.Logf("%d requirements of RFC 9111, sections 3 to 5, have a test", n)
	seen := map[string]bool{}
	for _, all := range [][]requirement{storing, reusing, validating, invalidating, fields} {
		for _, r := range all {
			name := r.section + r.level + r.text
			if seen[name] || r.check == nil {
				t.Fatal(name)
			}
			seen[name] = true
		}
	}
}
