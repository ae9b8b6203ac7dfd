package rfc9111

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

// Keep stores an answer with validators at /a that stays fresh.
func Keep(s Site, fields ...string) {
	s.T().Helper()
	s.Answer(200, "body", append([]string{"Cache-Control: max-age=600"}, fields...)...)
	s.Do("GET /a")
	s.Answer(500, "the handler ran")
}

// conditional is a check of the status of a conditional request that a fresh answer with the fields is stored for.
func conditional(want int, fields, request []string) func(*testing.T, Site) {
	return func(t *testing.T, s Site) {
		t.Helper()
		Keep(s, fields...)
		if r := s.Do("GET /a", request...); r.Status != want || !r.Hit() {
			t.Fatal(r.Status, r.CacheStatus())
		}
	}
}

const (
	lm    = "Thu, 26 Nov 2026 10:00:00 GMT" // two hours before the test's clock
	later = "Thu, 26 Nov 2026 10:00:01 GMT"
	early = "Thu, 26 Nov 2026 09:59:59 GMT"
)

var validating = []Requirement{
	{"4.3.1", "MUST", "send the stored entity tag byte for byte", false, func(t *testing.T, s Site) {
		s.Answer(200, "body", "Cache-Control: max-age=1", `ETag: W/"a,b"`)
		s.Do("GET /a")
		s.Advance(2 * time.Second)
		s.Do("GET /a", `If-None-Match: "other"`)
		if got := s.Last().Header["If-None-Match"]; len(got) != 1 || got[0] != `W/"a,b"` {
			t.Fatal(got)
		}
	}},
	{"4.3.1", "SHOULD", "send the stored Last-Modified byte for byte, beside the entity tag", false, func(t *testing.T, s Site) {
		s.Answer(200, "body", "Cache-Control: max-age=1", "Last-Modified: "+strings.ToLower(lm), `ETag: "1"`)
		s.Do("GET /a")
		s.Advance(2 * time.Second)
		s.Do("GET /a")
		if h := s.Last().Header; h.Get("If-Modified-Since") != strings.ToLower(lm) || h.Get("If-None-Match") != `"1"` {
			t.Fatal(h)
		}
	}},
	{"4.3.1", "MUST", "send the fields that Vary names", false, func(t *testing.T, s Site) {
		s.Answer(200, "body", "Cache-Control: max-age=1", "Vary: X-A", `ETag: "1"`)
		s.Do("GET /a", "X-A: 1")
		s.Advance(2 * time.Second)
		s.Do("GET /a", "X-A: 1")
		if h := s.Last().Header; h.Get("X-A") != "1" || h.Get("If-None-Match") != `"1"` {
			t.Fatal(h)
		}
	}},
	{"4.3.1", "MUST NOT", "validate by an answer of another variant", false, func(t *testing.T, s Site) {
		s.Answer(200, "body", "Cache-Control: max-age=1", "Vary: X-A", `ETag: "1"`)
		s.Do("GET /a", "X-A: 1")
		s.Advance(2 * time.Second)
		s.Do("GET /a", "X-A: 2")
		if h := s.Last().Header; h.Get("If-None-Match") != "" {
			t.Fatal(h)
		}
	}},
	{"4.3.2", "MAY", "answer If-None-Match by the stored entity tag", false, conditional(304, []string{`ETag: "1"`}, []string{`If-None-Match: "1"`})},
	{"4.3.2", "MAY", "compare weakly", false, conditional(304, []string{`ETag: "1"`}, []string{`If-None-Match: W/"1"`})},
	{"4.3.2", "MAY", "find it in a list", false, conditional(304, []string{`ETag: W/"2,x"`}, []string{`If-None-Match: "1", W/"2,x" , "3"`})},
	{"4.3.2", "MAY", "find it on a second line", false, conditional(304, []string{`ETag: "2"`}, []string{`If-None-Match: "1"`, `If-None-Match: "2"`})},
	{"4.3.2", "MAY", "answer If-None-Match: *", false, conditional(304, nil, []string{"If-None-Match: *"})},
	{"4.3.2", "MUST", "answer in full where no tag matches", false, conditional(200, []string{`ETag: "1"`}, []string{`If-None-Match: "2"`})},
	{"4.3.2", "MUST", "answer in full where the list is malformed", false, conditional(200, []string{`ETag: "1"`}, []string{`If-None-Match: "1" "2"`})},
	{"4.3.2", "MUST", "ignore If-Modified-Since beside If-None-Match", false, conditional(200, []string{`ETag: "1"`, "Last-Modified: " + lm}, []string{`If-None-Match: "2"`, "If-Modified-Since: " + lm})},
	{"4.3.2", "MAY", "answer If-Modified-Since by Last-Modified", false, conditional(304, []string{"Last-Modified: " + lm}, []string{"If-Modified-Since: " + lm})},
	{"4.3.2", "MAY", "answer a later If-Modified-Since", false, conditional(304, []string{"Last-Modified: " + lm}, []string{"If-Modified-Since: " + later})},
	{"4.3.2", "MUST", "answer an earlier one in full", false, conditional(200, []string{"Last-Modified: " + lm}, []string{"If-Modified-Since: " + early})},
	{"4.3.2", "MAY", "read it in the other formats", false, conditional(304, []string{"Last-Modified: " + lm}, []string{"If-Modified-Since: Thursday, 26-Nov-26 10:00:00 GMT"})},
	{"4.3.2", "MUST", "ignore an invalid one", false, conditional(200, []string{"Last-Modified: " + lm}, []string{"If-Modified-Since: yesterday"})},
	{"4.3.2", "SHOULD", "compare with Date where there is no Last-Modified", false, func(t *testing.T, s Site) {
		date := s.Date(-2 * time.Hour)
		s.Answer(200, "body", "Cache-Control: max-age=36000", "Date: "+date)
		s.Do("GET /a")
		if r := s.Do("GET /a", "If-Modified-Since: "+date); r.Status != 304 {
			t.Fatal(r)
		}
		if r := s.Do("GET /a", "If-Modified-Since: "+early); r.Status != 200 || !r.Hit() {
			t.Fatal(r)
		}
	}},
	{"4.3.2", "MUST", "send ETag, Date, Vary and the others in a 304", false, func(t *testing.T, s Site) {
		Keep(s, `ETag: "1"`, "Date: "+s.Date(0), "Vary: X-A", "Expires: "+s.Date(time.Hour), "Content-Location: /b", "Content-Type: text/plain", "X-Other: a")
		r := s.Do("GET /a", `If-None-Match: "1"`)
		for _, name := range []string{"Etag", "Date", "Vary", "Expires", "Content-Location", "Cache-Control", "Age", "Cache-Status"} {
			if r.Header.Get(name) == "" {
				t.Error(name, "is missing")
			}
		}
		if r.Status != 304 || r.Header.Get("Content-Type")+r.Header.Get("Content-Length")+r.Body != "" {
			t.Fatal(r)
		}
	}},
	{"4.3.2", "MUST", "evaluate If-Range: a strong tag that matches", false, conditional(206, []string{`ETag: "1"`}, []string{"Range: bytes=0-1", `If-Range: "1"`})},
	{"4.3.2", "MUST", "evaluate If-Range: another tag", false, conditional(200, []string{`ETag: "1"`}, []string{"Range: bytes=0-1", `If-Range: "2"`})},
	{"4.3.2", "MUST", "evaluate If-Range: a weak tag", false, conditional(200, []string{`ETag: W/"1"`}, []string{"Range: bytes=0-1", `If-Range: W/"1"`})},
	{"4.3.2", "MUST", "evaluate If-Range: the exact date", false, conditional(206, []string{"Last-Modified: " + lm}, []string{"Range: bytes=0-1", "If-Range: " + lm})},
	{"4.3.2", "MUST", "evaluate If-Range: a later date", false, conditional(200, []string{"Last-Modified: " + lm}, []string{"Range: bytes=0-1", "If-Range: " + later})},
	{"4.3.2", "MUST NOT", "answer If-Match and If-Unmodified-Since itself", false, func(t *testing.T, s Site) {
		Keep(s, `ETag: "1"`)
		for _, f := range []string{`If-Match: "1"`, "If-Unmodified-Since: " + lm} {
			if r := s.Do("GET /a", f); r.Body != "the handler ran" || s.Last().Header.Get(f[:strings.Index(f, ":")]) == "" {
				t.Fatal(f, r)
			}
		}
	}},
	{"4.3.2", "MUST", "ignore conditions where the stored answer is an error", false, func(t *testing.T, s Site) {
		s.Answer(404, "none", fresh, `ETag: "1"`)
		s.Do("GET /a")
		if r := s.Do("GET /a", `If-None-Match: "1"`); r.Status != 404 || !r.Hit() {
			t.Fatal(r)
		}
	}},
	{"4.3.3", "MUST", "reuse the stored answer after a 304", false, func(t *testing.T, s Site) {
		Validates(s, "Cache-Control: max-age=60")
		if r := s.Do("GET /a"); r.Status != 200 || r.Body != "body" || !strings.Contains(r.CacheStatus(), "fwd=stale; fwd-status=304") {
			t.Fatal(r)
		}
		if r := s.Do("GET /a"); !r.Hit() {
			t.Fatal(r)
		}
	}},
	{"4.3.3", "MUST", "reuse it once where it is stale at once", false, func(t *testing.T, s Site) {
		Validates(s, "Cache-Control: max-age=0")
		for range 2 {
			if r := s.Do("GET /a"); r.Status != 200 || r.Body != "body" || r.Hit() {
				t.Fatal(r)
			}
		}
		s.WantRuns(3)
	}},
	{"4.3.3", "MUST", "use a full answer", false, func(t *testing.T, s Site) {
		Validates(s)
		s.Answer(200, "new", fresh, `ETag: "2"`)
		if r := s.Do("GET /a"); r.Body != "new" {
			t.Fatal(r)
		}
		if r := s.Do("GET /a"); r.Body != "new" || !r.Hit() {
			t.Fatal(r)
		}
	}},
	{"4.3.3", "MAY", "forward a server error", false, func(t *testing.T, s Site) {
		Validates(s)
		s.Answer(500, "down")
		if r := s.Do("GET /a"); r.Body != "down" {
			t.Fatal(r)
		}
	}},
	{"4.3.3", "MUST", "answer the client's own condition after validating", false, func(t *testing.T, s Site) {
		Validates(s, "Cache-Control: max-age=60")
		if r := s.Do("GET /a", `If-None-Match: "1"`); r.Status != 304 {
			t.Fatal(r)
		}
	}},
	{"4.3.4", "MUST NOT", "update by a 304 that has another strong tag", false, func(t *testing.T, s Site) {
		Validates(s)
		s.Serve(func(w http.ResponseWriter, r *http.Request) {
			AddFields(w.Header(), []string{fresh, `ETag: "2"`})
			if r.Header.Get("If-None-Match") != "" {
				w.WriteHeader(304)
				return
			}
			_, _ = w.Write([]byte("second"))
		})
		if r := s.Do("GET /a"); r.Body != "second" || r.Header.Get("Etag") != `"2"` {
			t.Fatal(r)
		}
		s.WantRuns(3)
	}},
	{"4.3.4", "MUST", "replace every field that the 304 carries", false, func(t *testing.T, s Site) {
		Validates(s, "Cache-Control: max-age=60", "X-Changed: new", `ETag: "1"`)
		if r := s.Do("GET /a"); r.Header.Get("X-Changed") != "new" || r.Header.Get("X-Kept") != "old" {
			t.Fatal(r.Header)
		}
		if r := s.Do("GET /a"); r.Header.Get("X-Changed") != "new" || r.Header.Get("Cache-Control") != "max-age=60" || !r.Hit() {
			t.Fatal(r.Header)
		}
	}},
	{"4.3.4", "MUST", "drop what a 304 makes unstorable", false, func(t *testing.T, s Site) {
		Validates(s, "Cache-Control: private")
		if r := s.Do("GET /a"); r.Body != "body" {
			t.Fatal(r)
		}
		s.Answer(200, "new", fresh)
		if r := s.Do("GET /a"); r.Body != "new" || s.Last().Header.Get("If-None-Match") != "" {
			t.Fatal(r)
		}
	}},
	{"4.3.5", "SHOULD", "update the stored answer by a HEAD that agrees", false, func(t *testing.T, s Site) {
		Validates(s)
		s.Answer(200, "", fresh, `ETag: "1"`, "Content-Length: 4", "X-Changed: new")
		s.Do("HEAD /a")
		if r := s.Do("GET /a"); !r.Hit() || r.Body != "body" || r.Header.Get("X-Changed") != "new" {
			t.Fatal(r)
		}
	}},
	{"4.3.5", "SHOULD", "take it for stale after a HEAD that disagrees", false, func(t *testing.T, s Site) {
		Validates(s)
		s.Answer(200, "", fresh, `ETag: "2"`)
		s.Do("HEAD /a")
		s.Answer(200, "new", fresh)
		if r := s.Do("GET /a"); r.Hit() || r.Body != "new" || s.Last().Header.Get("If-None-Match") != "" {
			t.Fatal(r)
		}
	}},
	{"4.3.5", "MAY", "answer a HEAD from a GET", false, func(t *testing.T, s Site) {
		Keep(s)
		r := s.Do("HEAD /a")
		if r.Status != 200 || r.Body != "" || r.Header.Get("Content-Length") != "4" || !r.Hit() {
			t.Fatal(r)
		}
	}},
	{"4.3.5", "MUST NOT", "store the answer to a HEAD for a GET", false, func(t *testing.T, s Site) {
		s.Answer(200, "", fresh)
		s.Do("HEAD /a")
		if s.Last().Method != http.MethodHead {
			t.Fatal("the handler saw another method")
		}
		s.Answer(200, "body", fresh)
		if r := s.Do("GET /a"); r.Body != "body" {
			t.Fatal(r)
		}
	}},
}

// invalidates is a check of whether an unsafe request makes /a a miss.
func invalidates(want bool, line string, status int, fields ...string) func(*testing.T, Site) {
	return func(t *testing.T, s Site) {
		t.Helper()
		Keep(s)
		s.Answer(status, "", fields...)
		s.Do(line)
		s.Answer(200, "new", fresh)
		if r := s.Do("GET /a"); r.Hit() == want {
			t.Fatal(r.CacheStatus())
		}
	}
}

var invalidating = []Requirement{
	{"4.4", "MUST", "invalidate the target of an unsafe request", false, func(t *testing.T, s Site) {
		for _, method := range []string{"POST", "PUT", "DELETE", "PATCH", "M-SEARCH", "WHATEVER"} {
			for _, status := range []int{200, 201, 204, 303} {
				invalidates(true, method+" /a", status)(t, s)
			}
		}
	}},
	{"4.4", "MUST NOT", "invalidate after an error", false, func(t *testing.T, s Site) {
		for _, status := range []int{400, 404, 500, 503} {
			invalidates(false, "POST /a", status)(t, s)
		}
	}},
	{"4.4", "MAY", "invalidate Location", false, invalidates(true, "POST /b", 201, "Location: /a")},
	{"4.4", "MAY", "invalidate Content-Location", false, invalidates(true, "POST /b/c", 200, "Content-Location: ../a")},
	{"4.4", "MAY", "invalidate an absolute URI of the same origin", false, invalidates(true, "POST http://example.com/b", 200, "Location: HTTP://EXAMPLE.com:80/a")},
	{"4.4", "MUST NOT", "invalidate another origin", false, invalidates(false, "POST /b", 201, "Location: http://other.example/a")},
	{"4.4", "MUST NOT", "invalidate another scheme", false, invalidates(false, "POST /b", 201, "Location: https://example.com/a")},
	{"4.4", "MUST NOT", "invalidate what was not named", false, invalidates(false, "POST /b", 201, "Location: /ab")},
	{"4.4", "MUST NOT", "invalidate by a safe request", false, invalidates(false, "OPTIONS /a", 200)},
	{"4.4", "MUST", "invalidate every variant", false, func(t *testing.T, s Site) {
		s.Answer(200, "body", fresh, "Vary: X-A")
		s.Do("GET /a", "X-A: 1")
		s.Do("GET /a", "X-A: 2")
		s.Do("POST /a")
		s.Answer(200, "new", fresh, "Vary: X-A")
		for _, v := range []string{"1", "2"} {
			if r := s.Do("GET /a", "X-A: "+v); r.Hit() {
				t.Fatal(v)
			}
		}
	}},
	{"4.4", "MUST", "know the query", false, func(t *testing.T, s Site) {
		s.Answer(200, "body", fresh)
		s.Do("GET /a?x=1")
		s.Do("POST /a?x=1")
		if r := s.Do("GET /a?x=1"); r.Hit() {
			t.Fatal(r)
		}
	}},
}
