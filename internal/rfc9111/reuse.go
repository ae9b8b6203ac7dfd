package rfc9111

import (
	"net/http"
	"testing"
	"time"
)

// FreshFor is a check that an answer is reused after the first time and not after the second.
func FreshFor(yes, no time.Duration, fields ...string) func(*testing.T, Site) {
	return func(t *testing.T, s Site) {
		t.Helper()
		s.Answer(200, "body", fields...)
		s.Do("GET /a")
		s.Advance(yes)
		if r := s.Do("GET /a"); yes > 0 && !r.Hit() {
			t.Fatal("not reused after", yes, r.CacheStatus())
		}
		s.Advance(no - yes)
		if r := s.Do("GET /a"); r.Hit() {
			t.Fatal("reused after", no, r.CacheStatus())
		}
	}
}

// varies is a check of whether a request with the fields b is answered by the answer to one with the fields a.
func varies(want bool, vary string, a, b []string) func(*testing.T, Site) {
	return func(t *testing.T, s Site) {
		t.Helper()
		s.Answer(200, "body", fresh, "Vary: "+vary)
		s.Do("GET /a", a...)
		if r := s.Do("GET /a", b...); r.Hit() != want {
			t.Fatal(r.CacheStatus())
		}
	}
}

var reusing = []Requirement{
	{"2", "MUST", "tell target URIs apart", false, func(t *testing.T, s Site) {
		s.Answer(200, "body", fresh)
		s.Do("GET http://one.example/a?x=1")
		for _, other := range []string{"http://two.example/a?x=1", "http://one.example/b?x=1", "http://one.example/a?x=2", "http://one.example/a", "https://one.example/a?x=1"} {
			if r := s.Do("GET " + other); r.Hit() {
				t.Fatal(other)
			}
		}
	}},
	{"4", "MUST NOT", "reuse an answer with no-cache unless it was validated", false, Reused(false, 200, "Cache-Control: max-age=60, no-cache", `ETag: "1"`)},
	{"4", "MUST NOT", "reuse a stale answer", false, FreshFor(59*time.Second, 61*time.Second, fresh)},
	{"4", "MUST", "generate Age", false, func(t *testing.T, s Site) {
		s.Answer(200, "body", fresh, "Age: 7")
		s.Do("GET /a")
		s.Advance(3500 * time.Millisecond)
		if r := s.Do("GET /a"); r.Header.Get("Age") != "10" {
			t.Fatal(r.Header)
		}
	}},
	{"4", "MUST", "write unsafe requests through", false, func(t *testing.T, s Site) {
		s.Answer(200, "body", fresh)
		s.Do("GET /a")
		s.Do("POST /a")
		s.Do("POST /a")
		s.WantRuns(3)
	}},
	{"4", "MUST", MostRecent, false, func(t *testing.T, s Site) {
		s.Answer(200, "old", "Cache-Control: max-age=600", "Vary: X-A")
		s.Do("GET /a", "X-A: 1")
		s.Advance(time.Second)
		s.Answer(200, "new", "Cache-Control: max-age=600")
		s.Do("GET /a", "X-A: 2")
		if r := s.Do("GET /a", "X-A: 1"); r.Body != "new" {
			t.Fatal(r)
		}
	}},
	{"4.1", "MUST NOT", "reuse an answer where a field in Vary differs", false, varies(false, "X-A", []string{"X-A: 1"}, []string{"X-A: 2"})},
	{"4.1", "MUST NOT", "reuse it where one of several fields differs", false, varies(false, "X-A, X-B", []string{"X-A: 1", "X-B: 1"}, []string{"X-A: 1", "X-B: 2"})},
	{"4.1", "MUST NOT", "reuse it where the stored request lacks the field", false, varies(false, "X-A", nil, []string{"X-A: 1"})},
	{"4.1", "MUST NOT", "reuse it where the request lacks the field", false, varies(false, "X-A", []string{"X-A: 1"}, nil)},
	{"4.1", "MUST NOT", "take an empty field for an absent one", false, varies(false, "X-A", []string{"X-A:"}, nil)},
	{"4.1", "MUST NOT", "reuse an answer with Vary: *", false, varies(false, "X-A, *", []string{"X-A: 1"}, []string{"X-A: 1"})},
	{"4.1", "MAY", "reuse it where the fields match", false, varies(true, "X-A, X-B", []string{"X-A: 1", "X-B: 1"}, []string{"X-B: 1", "X-A: 1", "X-C: 1"})},
	{"4.1", "MAY", "reuse it where both lack the field", false, varies(true, "X-A", nil, nil)},
	{"4.1", "MAY", "combine lines and normalise space", false, varies(true, "X-A", []string{"X-A: 1", "X-A: 2"}, []string{"X-A: 1 ,  2"})},
	{"4.1", "MAY", "compare Accept-Language without case and space", false, varies(true, "Accept-Language", []string{"Accept-Language: en, DE;q=0.5"}, []string{"Accept-Language: EN,de; q=0.5"})},
	{"4.1", "MUST NOT", "ignore the order of Accept-Language", false, varies(false, "Accept-Language", []string{"Accept-Language: en, de"}, []string{"Accept-Language: de, en"})},
	{"4.1", "MAY", "compare Accept-Encoding by what matters", false, varies(true, "Accept-Encoding", []string{"Accept-Encoding: gzip, deflate, br, zstd"}, []string{"Accept-Encoding: br;q=0.9, gzip"})},
	{"4.1", "MUST NOT", "mix codings", false, varies(false, "Accept-Encoding", []string{"Accept-Encoding: gzip"}, []string{"Accept-Encoding: gzip;q=0"})},
	{"4.1", "MUST", "forward a request that no stored answer matches, and keep both", false, func(t *testing.T, s Site) {
		s.Serve(func(w http.ResponseWriter, r *http.Request) {
			AddFields(w.Header(), []string{fresh, "Vary: X-A"})
			_, _ = w.Write([]byte(r.Header.Get("X-A")))
		})
		for range 2 {
			for _, v := range []string{"1", "2", "3"} {
				if r := s.Do("GET /a", "X-A: "+v); r.Body != v {
					t.Fatal(r)
				}
			}
		}
		s.WantRuns(3)
	}},
	{"4.2", "SHOULD", "match dates in any case", false, func(t *testing.T, s Site) {
		if !Stored(s, 200, "Expires: thu, 26 nov 2099 12:00:00 gmt") {
			t.Fatal("not reused")
		}
	}},
	{"4.2", "MUST NOT", "let another zone than GMT count", false, Reused(false, 200, "Expires: Thu, 26 Nov 2099 12:00:00 CET")},
	{"4.2", "MUST", "read the three formats of dates", false, func(t *testing.T, s Site) {
		for _, date := range []string{"Thursday, 26-Nov-65 12:00:00 GMT", "Thu Nov 26 12:00:00 2099"} {
			s.Answer(200, "body", "Expires: "+date)
			s.Do("GET /" + date[len(date)-3:])
			if r := s.Do("GET /" + date[len(date)-3:]); !r.Hit() {
				t.Fatal(date)
			}
		}
	}},
	{"4.2.1", "MUST", "prefer s-maxage to max-age and Expires", false, FreshFor(59*time.Second, 61*time.Second, "Cache-Control: max-age=1, s-maxage=60", "Expires: Thu, 26 Nov 2099 12:00:00 GMT")},
	{"4.2.1", "MUST", "prefer a short s-maxage, too", false, FreshFor(0, 2*time.Second, "Cache-Control: max-age=3600, s-maxage=1")},
	{"4.2.1", "SHOULD", "take different values of one directive for stale", false, Reused(false, 200, "Cache-Control: max-age=60, max-age=3600")},
	{"4.2.1", "SHOULD", "take an invalid max-age for stale", false, func(t *testing.T, s Site) {
		for _, v := range []string{"max-age=abc", "max-age=-1", "max-age=3600.0", "max-age", "max-age='60'", "max-age= 60", "max-age =60", "max-age=\"", "max-age=6 0"} {
			if Stored(s, 200, "Cache-Control: "+v) {
				t.Fatal(v)
			}
		}
	}},
	{"4.2.1", "SHOULD", "honour the stricter of two directives", false, Reused(false, 200, "Cache-Control: max-age=60, no-cache")},
	{"1.2.2", "MUST", "clamp what is too large", false, func(t *testing.T, s Site) {
		for _, v := range []string{"2147483648", "99999999999", "99999999999999999999999999999"} {
			s.Answer(200, "body", "Cache-Control: max-age="+v)
			s.Do("GET /" + v)
			s.Advance(24 * time.Hour)
			if r := s.Do("GET /" + v); !r.Hit() {
				t.Fatal(v)
			}
		}
	}},
	{"4.2.2", "MUST NOT", "use heuristics where freshness is explicit", false, func(t *testing.T, s Site) {
		lm := "Last-Modified: " + s.Date(-100*24*time.Hour)
		if Stored(s, 200, "Cache-Control: max-age=0", lm) || Stored(s, 200, "Expires: 0", lm) {
			t.Fatal("reused")
		}
	}},
	{"4.2.2", "MUST NOT", "use heuristics for a status that is not defined so", false, func(t *testing.T, s Site) {
		for _, status := range []int{201, 202, 302, 307, 400, 403, 500, 502, 503, 504, 599} {
			if Stored(s, status, "Last-Modified: "+s.Date(-24*time.Hour)) {
				t.Fatal(status)
			}
		}
	}},
	{"4.2.2", "MAY", "use them for the others, and with public", false, func(t *testing.T, s Site) {
		for _, status := range []int{200, 203, 204, 300, 301, 308, 404, 405, 410, 414, 501} {
			s.Answer(status, "", "Last-Modified: "+s.Date(-24*time.Hour))
			s.Do("GET /s" + http.StatusText(status)[:2])
			if r := s.Do("GET /s" + http.StatusText(status)[:2]); !r.Hit() {
				t.Fatal(status)
			}
		}
		if !Stored(s, 599, "Last-Modified: "+s.Date(-24*time.Hour), "Cache-Control: public") {
			t.Fatal("public")
		}
	}},
	{"4.2.2", "SHOULD", "use a tenth of the time since Last-Modified, at most a day", false, func(t *testing.T, s Site) {
		FreshFor(59*time.Second, 61*time.Second, "Last-Modified: "+s.Date(-600*time.Second))(t, s)
		s.Answer(200, "body", "Last-Modified: "+s.Date(-1000*24*time.Hour))
		s.Do("GET /old")
		s.Advance(24*time.Hour + time.Second)
		if r := s.Do("GET /old"); r.Hit() {
			t.Fatal(r)
		}
	}},
	{"4.2.3", "MUST", "count Age", false, FreshFor(0, time.Second, fresh, "Age: 60")},
	{"4.2.3", "MUST", "count the time since Date", false, func(t *testing.T, s Site) {
		FreshFor(9*time.Second, 11*time.Second, fresh, "Date: "+s.Date(-50*time.Second))(t, s)
	}},
	{"4.2.3", "MUST", "count the time that the run took", false, func(t *testing.T, s Site) {
		s.Serve(func(w http.ResponseWriter, _ *http.Request) {
			s.Advance(50 * time.Second)
			AddFields(w.Header(), []string{fresh})
			_, _ = w.Write([]byte("body"))
		})
		s.Do("GET /a")
		if r := s.Do("GET /a"); r.Header.Get("Age") != "50" {
			t.Fatal(r)
		}
		s.Advance(11 * time.Second)
		if r := s.Do("GET /a"); r.Hit() {
			t.Fatal(r)
		}
	}},
	{"4.2.4", "MUST NOT", "serve stale where a directive forbids it", false, func(t *testing.T, s Site) {
		for _, d := range []string{"max-age=1, must-revalidate", "max-age=1, proxy-revalidate", "s-maxage=1", "max-age=1, no-cache"} {
			s.Answer(200, "body", "Cache-Control: "+d+", stale-while-revalidate=600, stale-if-error=600", `ETag: "1"`)
			s.Do("GET /" + d[:9] + d[len(d)-4:])
			s.Advance(2 * time.Second)
			s.Answer(503, "down")
			if r := s.Do("GET /"+d[:9]+d[len(d)-4:], "Cache-Control: max-stale=600"); r.Body != "down" {
				t.Fatal(d, r)
			}
		}
	}},
	{"4.2.4", "MUST NOT", "serve stale unless that is permitted", false, func(t *testing.T, s Site) {
		s.Answer(200, "body", "Cache-Control: max-age=1", `ETag: "1"`)
		s.Do("GET /a")
		s.Advance(2 * time.Second)
		s.Answer(503, "down")
		if r := s.Do("GET /a"); r.Status != 503 {
			t.Fatal(r)
		}
	}},
}
