package httpcache_test

import (
	"net/http"
	"testing"
	"time"
)

// freshFor is a check that an answer is reused after the first time and not after the second.
func freshFor(yes, no time.Duration, fields ...string) func(*testing.T, *site) {
	return func(t *testing.T, s *site) {
		t.Helper()
		s.answer(200, "body", fields...)
		s.do("GET /a")
		s.clock.advance(yes)
		if r := s.do("GET /a"); yes > 0 && !r.hit() {
			t.Fatal("not reused after", yes, r.cacheStatus())
		}
		s.clock.advance(no - yes)
		if r := s.do("GET /a"); r.hit() {
			t.Fatal("reused after", no, r.cacheStatus())
		}
	}
}

// varies is a check of whether a request with the fields b is answered by the answer to one with the fields a.
func varies(want bool, vary string, a, b []string) func(*testing.T, *site) {
	return func(t *testing.T, s *site) {
		t.Helper()
		s.answer(200, "body", fresh, "Vary: "+vary)
		s.do("GET /a", a...)
		if r := s.do("GET /a", b...); r.hit() != want {
			t.Fatal(r.cacheStatus())
		}
	}
}

var reusing = []requirement{
	{"2", "MUST", "tell target URIs apart", nil, func(t *testing.T, s *site) {
		s.answer(200, "body", fresh)
		s.do("GET http://one.example/a?x=1")
		for _, other := range []string{"http://two.example/a?x=1", "http://one.example/b?x=1", "http://one.example/a?x=2", "http://one.example/a", "https://one.example/a?x=1"} {
			if r := s.do("GET " + other); r.hit() {
				t.Fatal(other)
			}
		}
	}},
	{"4", "MUST NOT", "reuse an answer with no-cache unless it was validated", nil, reused(false, 200, "Cache-Control: max-age=60, no-cache", `ETag: "1"`)},
	{"4", "MUST NOT", "reuse a stale answer", nil, freshFor(59*time.Second, 61*time.Second, fresh)},
	{"4", "MUST", "generate Age", nil, func(t *testing.T, s *site) {
		s.answer(200, "body", fresh, "Age: 7")
		s.do("GET /a")
		s.clock.advance(3500 * time.Millisecond)
		if r := s.do("GET /a"); r.header.Get("Age") != "10" {
			t.Fatal(r.header)
		}
	}},
	{"4", "MUST", "write unsafe requests through", nil, func(t *testing.T, s *site) {
		s.answer(200, "body", fresh)
		s.do("GET /a")
		s.do("POST /a")
		s.do("POST /a")
		s.wantRuns(3)
	}},
	{"4", "MUST", mostRecent, nil, func(t *testing.T, s *site) {
		s.answer(200, "old", "Cache-Control: max-age=600", "Vary: X-A")
		s.do("GET /a", "X-A: 1")
		s.clock.advance(time.Second)
		s.answer(200, "new", "Cache-Control: max-age=600")
		s.do("GET /a", "X-A: 2")
		if r := s.do("GET /a", "X-A: 1"); r.body != "new" {
			t.Fatal(r)
		}
	}},
	{"4.1", "MUST NOT", "reuse an answer where a field in Vary differs", nil, varies(false, "X-A", []string{"X-A: 1"}, []string{"X-A: 2"})},
	{"4.1", "MUST NOT", "reuse it where one of several fields differs", nil, varies(false, "X-A, X-B", []string{"X-A: 1", "X-B: 1"}, []string{"X-A: 1", "X-B: 2"})},
	{"4.1", "MUST NOT", "reuse it where the stored request lacks the field", nil, varies(false, "X-A", nil, []string{"X-A: 1"})},
	{"4.1", "MUST NOT", "reuse it where the request lacks the field", nil, varies(false, "X-A", []string{"X-A: 1"}, nil)},
	{"4.1", "MUST NOT", "take an empty field for an absent one", nil, varies(false, "X-A", []string{"X-A:"}, nil)},
	{"4.1", "MUST NOT", "reuse an answer with Vary: *", nil, varies(false, "X-A, *", []string{"X-A: 1"}, []string{"X-A: 1"})},
	{"4.1", "MAY", "reuse it where the fields match", nil, varies(true, "X-A, X-B", []string{"X-A: 1", "X-B: 1"}, []string{"X-B: 1", "X-A: 1", "X-C: 1"})},
	{"4.1", "MAY", "reuse it where both lack the field", nil, varies(true, "X-A", nil, nil)},
	{"4.1", "MAY", "combine lines and normalise space", nil, varies(true, "X-A", []string{"X-A: 1", "X-A: 2"}, []string{"X-A: 1 ,  2"})},
	{"4.1", "MAY", "compare Accept-Language without case and space", nil, varies(true, "Accept-Language", []string{"Accept-Language: en, DE;q=0.5"}, []string{"Accept-Language: EN,de; q=0.5"})},
	{"4.1", "MUST NOT", "ignore the order of Accept-Language", nil, varies(false, "Accept-Language", []string{"Accept-Language: en, de"}, []string{"Accept-Language: de, en"})},
	{"4.1", "MAY", "compare Accept-Encoding by what matters", nil, varies(true, "Accept-Encoding", []string{"Accept-Encoding: gzip, deflate, br, zstd"}, []string{"Accept-Encoding: br;q=0.9, gzip"})},
	{"4.1", "MUST NOT", "mix codings", nil, varies(false, "Accept-Encoding", []string{"Accept-Encoding: gzip"}, []string{"Accept-Encoding: gzip;q=0"})},
	{"4.1", "MUST", "forward a request that no stored answer matches, and keep both", nil, func(t *testing.T, s *site) {
		s.serve(func(w http.ResponseWriter, r *http.Request) {
			addFields(w.Header(), []string{fresh, "Vary: X-A"})
			_, _ = w.Write([]byte(r.Header.Get("X-A")))
		})
		for range 2 {
			for _, v := range []string{"1", "2", "3"} {
				if r := s.do("GET /a", "X-A: "+v); r.body != v {
					t.Fatal(r)
				}
			}
		}
		s.wantRuns(3)
	}},
	{"4.2", "SHOULD", "match dates in any case", nil, func(t *testing.T, s *site) {
		if !stored(s, 200, "Expires: thu, 26 nov 2099 12:00:00 gmt") {
			t.Fatal("not reused")
		}
	}},
	{"4.2", "MUST NOT", "let another zone than GMT count", nil, reused(false, 200, "Expires: Thu, 26 Nov 2099 12:00:00 CET")},
	{"4.2", "MUST", "read the three formats of dates", nil, func(t *testing.T, s *site) {
		for _, date := range []string{"Thursday, 26-Nov-65 12:00:00 GMT", "Thu Nov 26 12:00:00 2099"} {
			s.answer(200, "body", "Expires: "+date)
			s.do("GET /" + date[len(date)-3:])
			if r := s.do("GET /" + date[len(date)-3:]); !r.hit() {
				t.Fatal(date)
			}
		}
	}},
	{"4.2.1", "MUST", "prefer s-maxage to max-age and Expires", nil, freshFor(59*time.Second, 61*time.Second, "Cache-Control: max-age=1, s-maxage=60", "Expires: Thu, 26 Nov 2099 12:00:00 GMT")},
	{"4.2.1", "MUST", "prefer a short s-maxage, too", nil, freshFor(0, 2*time.Second, "Cache-Control: max-age=3600, s-maxage=1")},
	{"4.2.1", "SHOULD", "take different values of one directive for stale", nil, reused(false, 200, "Cache-Control: max-age=60, max-age=3600")},
	{"4.2.1", "SHOULD", "take an invalid max-age for stale", nil, func(t *testing.T, s *site) {
		for _, v := range []string{"max-age=abc", "max-age=-1", "max-age=3600.0", "max-age", "max-age='60'", "max-age= 60", "max-age =60", "max-age=\"", "max-age=6 0"} {
			if stored(s, 200, "Cache-Control: "+v) {
				t.Fatal(v)
			}
		}
	}},
	{"4.2.1", "SHOULD", "honour the stricter of two directives", nil, reused(false, 200, "Cache-Control: max-age=60, no-cache")},
	{"1.2.2", "MUST", "clamp what is too large", nil, func(t *testing.T, s *site) {
		for _, v := range []string{"2147483648", "99999999999", "99999999999999999999999999999"} {
			s.answer(200, "body", "Cache-Control: max-age="+v)
			s.do("GET /" + v)
			s.clock.advance(24 * time.Hour)
			if r := s.do("GET /" + v); !r.hit() {
				t.Fatal(v)
			}
		}
	}},
	{"4.2.2", "MUST NOT", "use heuristics where freshness is explicit", nil, func(t *testing.T, s *site) {
		lm := "Last-Modified: " + s.clock.date(-100*24*time.Hour)
		if stored(s, 200, "Cache-Control: max-age=0", lm) || stored(s, 200, "Expires: 0", lm) {
			t.Fatal("reused")
		}
	}},
	{"4.2.2", "MUST NOT", "use heuristics for a status that is not defined so", nil, func(t *testing.T, s *site) {
		for _, status := range []int{201, 202, 302, 307, 400, 403, 500, 502, 503, 504, 599} {
			if stored(s, status, "Last-Modified: "+s.clock.date(-24*time.Hour)) {
				t.Fatal(status)
			}
		}
	}},
	{"4.2.2", "MAY", "use them for the others, and with public", nil, func(t *testing.T, s *site) {
		for _, status := range []int{200, 203, 204, 300, 301, 308, 404, 405, 410, 414, 501} {
			s.answer(status, "", "Last-Modified: "+s.clock.date(-24*time.Hour))
			s.do("GET /s" + http.StatusText(status)[:2])
			if r := s.do("GET /s" + http.StatusText(status)[:2]); !r.hit() {
				t.Fatal(status)
			}
		}
		if !stored(s, 599, "Last-Modified: "+s.clock.date(-24*time.Hour), "Cache-Control: public") {
			t.Fatal("public")
		}
	}},
	{"4.2.2", "SHOULD", "use a tenth of the time since Last-Modified, at most a day", nil, func(t *testing.T, s *site) {
		freshFor(59*time.Second, 61*time.Second, "Last-Modified: "+s.clock.date(-600*time.Second))(t, s)
		s.answer(200, "body", "Last-Modified: "+s.clock.date(-1000*24*time.Hour))
		s.do("GET /old")
		s.clock.advance(24*time.Hour + time.Second)
		if r := s.do("GET /old"); r.hit() {
			t.Fatal(r)
		}
	}},
	{"4.2.3", "MUST", "count Age", nil, freshFor(0, time.Second, fresh, "Age: 60")},
	{"4.2.3", "MUST", "count the time since Date", nil, func(t *testing.T, s *site) {
		freshFor(9*time.Second, 11*time.Second, fresh, "Date: "+s.clock.date(-50*time.Second))(t, s)
	}},
	{"4.2.3", "MUST", "count the time that the run took", nil, func(t *testing.T, s *site) {
		s.serve(func(w http.ResponseWriter, _ *http.Request) {
			s.clock.advance(50 * time.Second)
			addFields(w.Header(), []string{fresh})
			_, _ = w.Write([]byte("body"))
		})
		s.do("GET /a")
		if r := s.do("GET /a"); r.header.Get("Age") != "50" {
			t.Fatal(r)
		}
		s.clock.advance(11 * time.Second)
		if r := s.do("GET /a"); r.hit() {
			t.Fatal(r)
		}
	}},
	{"4.2.4", "MUST NOT", "serve stale where a directive forbids it", nil, func(t *testing.T, s *site) {
		for _, d := range []string{"max-age=1, must-revalidate", "max-age=1, proxy-revalidate", "s-maxage=1", "max-age=1, no-cache"} {
			s.answer(200, "body", "Cache-Control: "+d+", stale-while-revalidate=600, stale-if-error=600", `ETag: "1"`)
			s.do("GET /" + d[:9] + d[len(d)-4:])
			s.clock.advance(2 * time.Second)
			s.answer(503, "down")
			if r := s.do("GET /"+d[:9]+d[len(d)-4:], "Cache-Control: max-stale=600"); r.body != "down" {
				t.Fatal(d, r)
			}
		}
	}},
	{"4.2.4", "MUST NOT", "serve stale unless that is permitted", nil, func(t *testing.T, s *site) {
		s.answer(200, "body", "Cache-Control: max-age=1", `ETag: "1"`)
		s.do("GET /a")
		s.clock.advance(2 * time.Second)
		s.answer(503, "down")
		if r := s.do("GET /a"); r.status != 503 {
			t.Fatal(r)
		}
	}},
}

func TestReusing(t *testing.T) { runRequirements(t, reusing) }
