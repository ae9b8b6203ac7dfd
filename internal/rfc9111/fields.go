package rfc9111

import (
	"net/http"
	"testing"
	"time"
)

// honours is a check of whether a request with the field is answered by an answer that is fresh for 600 s and 10 s old.
func honours(hit bool, field string) func(*testing.T, Site) {
	return func(t *testing.T, s Site) {
		t.Helper()
		Keep(s, `ETag: "1"`)
		s.Advance(10 * time.Second)
		if r := s.Do("GET /a", field); r.Hit() != hit {
			t.Fatal(r.CacheStatus())
		}
	}
}

var fields = []Requirement{
	{"5.1", "SHOULD", "use the first member of the first line of Age", false, func(t *testing.T, s Site) {
		for v, want := range map[string]bool{"0, 7200": true, "7200, 0": false, "30, 30": true} {
			if got := Stored(s, 200, fresh, "Age: "+v); got != want {
				t.Fatal(v)
			}
			s.Do("POST /a")
		}
		if !Stored(s, 200, fresh, "Age: 0", "Age: 7200") {
			t.Fatal("two lines")
		}
	}},
	{"5.1", "SHOULD", "ignore an invalid Age", false, func(t *testing.T, s Site) {
		for _, v := range []string{"abc", "-7200", "7200.0", "7200;a=b", "0x1", ""} {
			if !Stored(s, 200, fresh, "Age: "+v) {
				t.Fatal(v)
			}
			s.Do("POST /a")
		}
	}},
	{"5.1", "MUST", "take a large Age for large", false, func(t *testing.T, s Site) {
		for _, v := range []string{"2147483647", "2147483648", "99999999999999999999"} {
			if Stored(s, 200, fresh, "Age: "+v) {
				t.Fatal(v)
			}
		}
	}},
	{"5.2", "MUST", "read directives in any case", false, Reused(true, 200, "CACHE-control: MaX-aGe=60")},
	{"5.2", "MUST", "read directives in any case: no-store", false, Reused(false, 200, "Cache-Control: max-age=60, nO-StOrE")},
	{"5.2", "MUST", "obey fields that a handler sets past http.Header.Set", false, func(t *testing.T, s Site) {
		s.Serve(func(w http.ResponseWriter, _ *http.Request) {
			w.Header()["cache-control"] = []string{"no-store"}
			w.Header()["Cache-Control"] = []string{"max-age=60"}
			_, _ = w.Write([]byte("body"))
		})
		s.Do("GET /a")
		if r := s.Do("GET /a"); r.Hit() {
			t.Fatal(r)
		}
	}},
	{"5.2", "SHOULD", "accept tokens and quoted strings", false, Reused(true, 200, `Cache-Control: max-age="60"`)},
	{"5.2", "MUST NOT", "find directives in quoted strings", false, func(t *testing.T, s Site) {
		if Stored(s, 200, `Cache-Control: ext="max-age=3600", max-age=0`) || Stored(s, 200, `Cache-Control: max-age=0, ext="max-age=3600, public"`) {
			t.Fatal("reused")
		}
		if !Stored(s, 200, `Cache-Control: ext="no-store, \"private", max-age=60`) {
			t.Fatal("not reused")
		}
	}},
	{"5.2", "MUST", "read all lines", false, Reused(false, 200, fresh, "Cache-Control: no-store")},
	{"5.2", "MUST", "pass directives on", false, func(t *testing.T, s Site) {
		s.Answer(200, "body", "Cache-Control: max-age=60, ext=1")
		for range 2 {
			if r := s.Do("GET /a"); r.Header.Get("Cache-Control") != "max-age=60, ext=1" {
				t.Fatal(r.Header)
			}
		}
	}},
	{"5.2.1", "MAY", "ignore a client's reload by default", false, func(t *testing.T, s Site) {
		for _, f := range []string{"Cache-Control: no-cache", "Cache-Control: max-age=0", "Cache-Control: min-fresh=9999", "Pragma: no-cache"} {
			honours(true, f)(t, s)
		}
	}},
	{"5.2.1.1", "MAY", "honour max-age", true, honours(false, "Cache-Control: max-age=5")},
	{"5.2.1.1", "MAY", "honour a max-age that is met", true, honours(true, "Cache-Control: max-age=20")},
	{"5.2.1.2", "MAY", "honour max-stale", false, func(t *testing.T, s Site) {
		s.Answer(200, "body", "Cache-Control: max-age=1", `ETag: "1"`)
		s.Do("GET /a")
		s.Advance(10 * time.Second)
		for f, want := range map[string]bool{"max-stale=20": true, "max-stale": true} {
			if r := s.Do("GET /a", "Cache-Control: "+f); r.Hit() != want {
				t.Fatal(f, r.CacheStatus())
			}
		}
		if r := s.Do("GET /a", "Cache-Control: max-stale=5"); r.Hit() {
			t.Fatal(r.CacheStatus())
		}
	}},
	{"5.2.1.3", "MAY", "honour min-fresh", true, honours(false, "Cache-Control: min-fresh=591")},
	{"5.2.1.3", "MAY", "honour a min-fresh that is met", true, honours(true, "Cache-Control: min-fresh=589")},
	{"5.2.1.4", "MUST NOT", "reuse without validation for no-cache, where it is honoured", true, honours(false, "Cache-Control: no-cache")},
	{"5.2.1.5", "MUST NOT", "store the answer to a request with no-store", false, ReusedFor(false, []string{"Cache-Control: no-store"}, fresh)},
	{"5.2.1.5", "MAY", "answer it from the store", false, honours(true, "Cache-Control: no-store")},
	{"5.2.1.7", "SHOULD", "answer only-if-cached by 504 where nothing is stored", false, func(t *testing.T, s Site) {
		s.Answer(200, "body", fresh)
		if r := s.Do("GET /a", "Cache-Control: only-if-cached"); r.Status != 504 {
			t.Fatal(r)
		}
		s.WantRuns(0)
	}},
	{"5.2.1.7", "SHOULD", "answer it from the store", false, honours(true, "Cache-Control: only-if-cached")},
	{"5.2.2.1", "MUST", "take an answer for stale after max-age", false, FreshFor(59*time.Second, 60*time.Second, fresh)},
	{"5.2.2.2", "MUST NOT", "reuse a stale answer with must-revalidate", false, func(t *testing.T, s Site) {
		s.Answer(200, "body", "Cache-Control: max-age=1, must-revalidate", `ETag: "1"`)
		s.Do("GET /a")
		s.Advance(2 * time.Second)
		if r := s.Do("GET /a", "Cache-Control: max-stale"); r.Hit() || s.Last().Header.Get("If-None-Match") != `"1"` {
			t.Fatal(r)
		}
	}},
	{"5.2.2.3", "SHOULD", "ignore no-store beside must-understand where the status is known", false, Reused(true, 200, "Cache-Control: max-age=60, must-understand, no-store")},
	{"5.2.2.3", "MUST NOT", "store an unknown status with must-understand", false, Reused(false, 599, "Cache-Control: max-age=60, must-understand, no-store")},
	{"5.2.2.4", "MUST NOT", "reuse an answer with no-cache without validation", false, func(t *testing.T, s Site) {
		s.Answer(200, "body", "Cache-Control: max-age=60, No-Cache", `ETag: "1"`)
		s.Do("GET /a")
		s.Answer(304, "")
		if r := s.Do("GET /a"); r.Body != "body" || s.Last().Header.Get("If-None-Match") != `"1"` {
			t.Fatal(r)
		}
	}},
	{"5.2.2.4", "MUST", "take a malformed argument of no-cache for none", false, func(t *testing.T, s Site) {
		for _, d := range []string{`no-cache=`, `no-cache=""`, `no-cache="a`, `no-cache="a b"`, `no-cache;x`} {
			if Stored(s, 200, "Cache-Control: max-age=60, "+d, `ETag: "1"`) {
				t.Fatal(d)
			}
		}
	}},
	{"5.2.2.5", "MUST NOT", "store an answer with no-store, whatever its argument", false, func(t *testing.T, s Site) {
		for _, d := range []string{"no-store", "no-store=a", `no-store=""`, "no-store;a"} {
			if Stored(s, 200, "Cache-Control: max-age=60, "+d) {
				t.Fatal(d)
			}
		}
	}},
	{"5.2.2.7", "MUST NOT", "store an answer with private, whatever is wrong with its argument", false, func(t *testing.T, s Site) {
		for _, d := range []string{"private", "Private", `private=""`, `private="a b"`, "private="} {
			if Stored(s, 200, "Cache-Control: max-age=60, "+d) {
				t.Fatal(d)
			}
		}
	}},
	{"5.2.2.8", "MUST NOT", "reuse a stale answer with proxy-revalidate", false, func(t *testing.T, s Site) {
		s.Answer(200, "body", "Cache-Control: max-age=1, proxy-revalidate", `ETag: "1"`)
		s.Do("GET /a")
		s.Advance(2 * time.Second)
		if r := s.Do("GET /a", "Cache-Control: max-stale"); r.Hit() {
			t.Fatal(r)
		}
	}},
	{"5.2.2.9", "MAY", "store an answer with public that would not be storable", false, func(t *testing.T, s Site) {
		s.Answer(200, "body", "Cache-Control: public, max-age=60")
		s.Do("GET /a", "Authorization: a", "Cookie: b")
		if r := s.Do("GET /a"); !r.Hit() {
			t.Fatal(r)
		}
	}},
	{"5.2.2.10", "MUST NOT", "reuse a stale answer with s-maxage", false, func(t *testing.T, s Site) {
		s.Answer(200, "body", "Cache-Control: s-maxage=1", `ETag: "1"`)
		s.Do("GET /a")
		s.Advance(2 * time.Second)
		if r := s.Do("GET /a", "Cache-Control: max-stale"); r.Hit() {
			t.Fatal(r)
		}
	}},
	{"5.2.3", "MUST", "ignore unknown directives", false, Reused(true, 200, `Cache-Control: foo, bar=1, baz="x", max-age=60, %, =1`)},
	{"5.3", "MUST", "take an invalid Expires for the past", false, func(t *testing.T, s Site) {
		for _, v := range []string{"0", "-1", "tomorrow", "Thu, 26 Nov 2099 12:00:00", "Thu, 26-Nov-2099 12:00:00 GMT", "Thu, 26 Nov 99 12:00:00 GMT", "Thu, 26 Nov 2099 12:00 GMT", "Thu, 26 Nov 2099 1:00:00 GMT", "Thu 26 Nov 2099 12:00:00 GMT", "Thu, 31 Feb 2099 12:00:00 GMT", "Thu, 26 Nov 2099 25:00:00 GMT", "26 Nov 2099 12:00:00 GMT"} {
			if Stored(s, 200, "Expires: "+v) {
				t.Fatal(v)
			}
		}
	}},
	{"5.3", "MUST", "take several Expires for the past", false, Reused(false, 200, "Expires: Thu, 26 Nov 2099 12:00:00 GMT", "Expires: Thu, 26 Nov 2099 12:00:00 GMT")},
	{"5.3", "MUST", "ignore Expires beside max-age", false, Reused(true, 200, fresh, "Expires: 0")},
	{"5.3", "MUST", "ignore Expires beside s-maxage", false, Reused(false, 200, "Cache-Control: s-maxage=0", "Expires: Thu, 26 Nov 2099 12:00:00 GMT")},
	{"5.3", "MUST", "count Expires from Date", false, func(t *testing.T, s Site) {
		FreshFor(59*time.Second, 61*time.Second, "Expires: "+s.Date(time.Minute), "Date: "+s.Date(0))(t, s)
	}},
	{"5.3", "MUST", "count Expires from receipt where Date is invalid", false, func(t *testing.T, s Site) {
		FreshFor(59*time.Second, 61*time.Second, "Expires: "+s.Date(time.Minute), "Date: foo")(t, s)
	}},
	{"5.4", "MAY", "honour Pragma: no-cache of a request without Cache-Control", true, honours(false, "Pragma: no-cache")},
	{"5.4", "MUST NOT", "let Pragma of an answer count", false, Reused(true, 200, fresh, "Pragma: no-cache")},
}
