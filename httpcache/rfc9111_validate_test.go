package httpcache_test

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

// keep stores an answer with validators at /a that stays fresh.
func (s *site) keep(fields ...string) {
	s.t.Helper()
	s.answer(200, "body", append([]string{"Cache-Control: max-age=600"}, fields...)...)
	s.do("GET /a")
	s.answer(500, "the handler ran")
}

// conditional is a check of the status of a conditional request that a fresh answer with the fields is stored for.
func conditional(want int, fields, request []string) func(*testing.T, *site) {
	return func(t *testing.T, s *site) {
		t.Helper()
		s.keep(fields...)
		if r := s.do("GET /a", request...); r.status != want || !r.hit() {
			t.Fatal(r.status, r.cacheStatus())
		}
	}
}

const (
	lm    = "Thu, 26 Nov 2026 10:00:00 GMT" // two hours before the test's clock
	later = "Thu, 26 Nov 2026 10:00:01 GMT"
	early = "Thu, 26 Nov 2026 09:59:59 GMT"
)

var validating = []requirement{
	{"4.3.1", "MUST", "send the stored entity tag byte for byte", nil, func(t *testing.T, s *site) {
		s.answer(200, "body", "Cache-Control: max-age=1", `ETag: W/"a,b"`)
		s.do("GET /a")
		s.clock.advance(2 * time.Second)
		s.do("GET /a", `If-None-Match: "other"`)
		if got := s.last().Header["If-None-Match"]; len(got) != 1 || got[0] != `W/"a,b"` {
			t.Fatal(got)
		}
	}},
	{"4.3.1", "SHOULD", "send the stored Last-Modified byte for byte, beside the entity tag", nil, func(t *testing.T, s *site) {
		s.answer(200, "body", "Cache-Control: max-age=1", "Last-Modified: "+strings.ToLower(lm), `ETag: "1"`)
		s.do("GET /a")
		s.clock.advance(2 * time.Second)
		s.do("GET /a")
		if h := s.last().Header; h.Get("If-Modified-Since") != strings.ToLower(lm) || h.Get("If-None-Match") != `"1"` {
			t.Fatal(h)
		}
	}},
	{"4.3.1", "MUST", "send the fields that Vary names", nil, func(t *testing.T, s *site) {
		s.answer(200, "body", "Cache-Control: max-age=1", "Vary: X-A", `ETag: "1"`)
		s.do("GET /a", "X-A: 1")
		s.clock.advance(2 * time.Second)
		s.do("GET /a", "X-A: 1")
		if h := s.last().Header; h.Get("X-A") != "1" || h.Get("If-None-Match") != `"1"` {
			t.Fatal(h)
		}
	}},
	{"4.3.1", "MUST NOT", "validate by an answer of another variant", nil, func(t *testing.T, s *site) {
		s.answer(200, "body", "Cache-Control: max-age=1", "Vary: X-A", `ETag: "1"`)
		s.do("GET /a", "X-A: 1")
		s.clock.advance(2 * time.Second)
		s.do("GET /a", "X-A: 2")
		if h := s.last().Header; h.Get("If-None-Match") != "" {
			t.Fatal(h)
		}
	}},
	{"4.3.2", "MAY", "answer If-None-Match by the stored entity tag", nil, conditional(304, []string{`ETag: "1"`}, []string{`If-None-Match: "1"`})},
	{"4.3.2", "MAY", "compare weakly", nil, conditional(304, []string{`ETag: "1"`}, []string{`If-None-Match: W/"1"`})},
	{"4.3.2", "MAY", "find it in a list", nil, conditional(304, []string{`ETag: W/"2,x"`}, []string{`If-None-Match: "1", W/"2,x" , "3"`})},
	{"4.3.2", "MAY", "find it on a second line", nil, conditional(304, []string{`ETag: "2"`}, []string{`If-None-Match: "1"`, `If-None-Match: "2"`})},
	{"4.3.2", "MAY", "answer If-None-Match: *", nil, conditional(304, nil, []string{"If-None-Match: *"})},
	{"4.3.2", "MUST", "answer in full where no tag matches", nil, conditional(200, []string{`ETag: "1"`}, []string{`If-None-Match: "2"`})},
	{"4.3.2", "MUST", "answer in full where the list is malformed", nil, conditional(200, []string{`ETag: "1"`}, []string{`If-None-Match: "1" "2"`})},
	{"4.3.2", "MUST", "ignore If-Modified-Since beside If-None-Match", nil, conditional(200, []string{`ETag: "1"`, "Last-Modified: " + lm}, []string{`If-None-Match: "2"`, "If-Modified-Since: " + lm})},
	{"4.3.2", "MAY", "answer If-Modified-Since by Last-Modified", nil, conditional(304, []string{"Last-Modified: " + lm}, []string{"If-Modified-Since: " + lm})},
	{"4.3.2", "MAY", "answer a later If-Modified-Since", nil, conditional(304, []string{"Last-Modified: " + lm}, []string{"If-Modified-Since: " + later})},
	{"4.3.2", "MUST", "answer an earlier one in full", nil, conditional(200, []string{"Last-Modified: " + lm}, []string{"If-Modified-Since: " + early})},
	{"4.3.2", "MAY", "read it in the other formats", nil, conditional(304, []string{"Last-Modified: " + lm}, []string{"If-Modified-Since: Thursday, 26-Nov-26 10:00:00 GMT"})},
	{"4.3.2", "MUST", "ignore an invalid one", nil, conditional(200, []string{"Last-Modified: " + lm}, []string{"If-Modified-Since: yesterday"})},
	{"4.3.2", "SHOULD", "compare with Date where there is no Last-Modified", nil, func(t *testing.T, s *site) {
		s.answer(200, "body", "Cache-Control: max-age=36000", "Date: "+lm)
		s.do("GET /a")
		if r := s.do("GET /a", "If-Modified-Since: "+lm); r.status != 304 {
			t.Fatal(r)
		}
		if r := s.do("GET /a", "If-Modified-Since: "+early); r.status != 200 || !r.hit() {
			t.Fatal(r)
		}
	}},
	{"4.3.2", "MUST", "send ETag, Date, Vary and the others in a 304", nil, func(t *testing.T, s *site) {
		s.keep(`ETag: "1"`, "Date: "+s.clock.date(0), "Vary: X-A", "Expires: "+s.clock.date(time.Hour), "Content-Location: /b", "Content-Type: text/plain", "X-Other: a")
		r := s.do("GET /a", `If-None-Match: "1"`)
		for _, name := range []string{"Etag", "Date", "Vary", "Expires", "Content-Location", "Cache-Control", "Age", "Cache-Status"} {
			if r.header.Get(name) == "" {
				t.Error(name, "is missing")
			}
		}
		if r.status != 304 || r.header.Get("Content-Type")+r.header.Get("Content-Length")+r.body != "" {
			t.Fatal(r)
		}
	}},
	{"4.3.2", "MUST", "evaluate If-Range: a strong tag that matches", nil, conditional(206, []string{`ETag: "1"`}, []string{"Range: bytes=0-1", `If-Range: "1"`})},
	{"4.3.2", "MUST", "evaluate If-Range: another tag", nil, conditional(200, []string{`ETag: "1"`}, []string{"Range: bytes=0-1", `If-Range: "2"`})},
	{"4.3.2", "MUST", "evaluate If-Range: a weak tag", nil, conditional(200, []string{`ETag: W/"1"`}, []string{"Range: bytes=0-1", `If-Range: W/"1"`})},
	{"4.3.2", "MUST", "evaluate If-Range: the exact date", nil, conditional(206, []string{"Last-Modified: " + lm}, []string{"Range: bytes=0-1", "If-Range: " + lm})},
	{"4.3.2", "MUST", "evaluate If-Range: a later date", nil, conditional(200, []string{"Last-Modified: " + lm}, []string{"Range: bytes=0-1", "If-Range: " + later})},
	{"4.3.2", "MUST NOT", "answer If-Match and If-Unmodified-Since itself", nil, func(t *testing.T, s *site) {
		s.keep(`ETag: "1"`)
		for _, f := range []string{`If-Match: "1"`, "If-Unmodified-Since: " + lm} {
			if r := s.do("GET /a", f); r.body != "the handler ran" || s.last().Header.Get(f[:strings.Index(f, ":")]) == "" {
				t.Fatal(f, r)
			}
		}
	}},
	{"4.3.2", "MUST", "ignore conditions where the stored answer is an error", nil, func(t *testing.T, s *site) {
		s.answer(404, "none", fresh, `ETag: "1"`)
		s.do("GET /a")
		if r := s.do("GET /a", `If-None-Match: "1"`); r.status != 404 || !r.hit() {
			t.Fatal(r)
		}
	}},
	{"4.3.3", "MUST", "reuse the stored answer after a 304", nil, func(t *testing.T, s *site) {
		s.validates("Cache-Control: max-age=60")
		if r := s.do("GET /a"); r.status != 200 || r.body != "body" || !strings.Contains(r.cacheStatus(), "fwd=stale; fwd-status=304") {
			t.Fatal(r)
		}
		if r := s.do("GET /a"); !r.hit() {
			t.Fatal(r)
		}
	}},
	{"4.3.3", "MUST", "reuse it once where it is stale at once", nil, func(t *testing.T, s *site) {
		s.validates("Cache-Control: max-age=0")
		for range 2 {
			if r := s.do("GET /a"); r.status != 200 || r.body != "body" || r.hit() {
				t.Fatal(r)
			}
		}
		s.wantRuns(3)
	}},
	{"4.3.3", "MUST", "use a full answer", nil, func(t *testing.T, s *site) {
		s.validates()
		s.answer(200, "new", fresh, `ETag: "2"`)
		if r := s.do("GET /a"); r.body != "new" {
			t.Fatal(r)
		}
		if r := s.do("GET /a"); r.body != "new" || !r.hit() {
			t.Fatal(r)
		}
	}},
	{"4.3.3", "MAY", "forward a server error", nil, func(t *testing.T, s *site) {
		s.validates()
		s.answer(500, "down")
		if r := s.do("GET /a"); r.body != "down" {
			t.Fatal(r)
		}
	}},
	{"4.3.3", "MUST", "answer the client's own condition after validating", nil, func(t *testing.T, s *site) {
		s.validates("Cache-Control: max-age=60")
		if r := s.do("GET /a", `If-None-Match: "1"`); r.status != 304 {
			t.Fatal(r)
		}
	}},
	{"4.3.4", "MUST NOT", "update by a 304 that has another strong tag", nil, func(t *testing.T, s *site) {
		s.validates()
		s.serve(func(w http.ResponseWriter, r *http.Request) {
			addFields(w.Header(), []string{fresh, `ETag: "2"`})
			if r.Header.Get("If-None-Match") != "" {
				w.WriteHeader(304)
				return
			}
			_, _ = w.Write([]byte("second"))
		})
		if r := s.do("GET /a"); r.body != "second" || r.header.Get("Etag") != `"2"` {
			t.Fatal(r)
		}
		s.wantRuns(3)
	}},
	{"4.3.4", "MUST", "replace every field that the 304 carries", nil, func(t *testing.T, s *site) {
		s.validates("Cache-Control: max-age=60", "X-Changed: new", `ETag: "1"`)
		if r := s.do("GET /a"); r.header.Get("X-Changed") != "new" || r.header.Get("X-Kept") != "old" {
			t.Fatal(r.header)
		}
		if r := s.do("GET /a"); r.header.Get("X-Changed") != "new" || r.header.Get("Cache-Control") != "max-age=60" || !r.hit() {
			t.Fatal(r.header)
		}
	}},
	{"4.3.4", "MUST", "drop what a 304 makes unstorable", nil, func(t *testing.T, s *site) {
		s.validates("Cache-Control: private")
		if r := s.do("GET /a"); r.body != "body" {
			t.Fatal(r)
		}
		s.answer(200, "new", fresh)
		if r := s.do("GET /a"); r.body != "new" || s.last().Header.Get("If-None-Match") != "" {
			t.Fatal(r)
		}
	}},
	{"4.3.5", "SHOULD", "update the stored answer by a HEAD that agrees", nil, func(t *testing.T, s *site) {
		s.validates()
		s.answer(200, "", fresh, `ETag: "1"`, "Content-Length: 4", "X-Changed: new")
		s.do("HEAD /a")
		if r := s.do("GET /a"); !r.hit() || r.body != "body" || r.header.Get("X-Changed") != "new" {
			t.Fatal(r)
		}
	}},
	{"4.3.5", "SHOULD", "take it for stale after a HEAD that disagrees", nil, func(t *testing.T, s *site) {
		s.validates()
		s.answer(200, "", fresh, `ETag: "2"`)
		s.do("HEAD /a")
		s.answer(200, "new", fresh)
		if r := s.do("GET /a"); r.hit() || r.body != "new" || s.last().Header.Get("If-None-Match") != "" {
			t.Fatal(r)
		}
	}},
	{"4.3.5", "MAY", "answer a HEAD from a GET", nil, func(t *testing.T, s *site) {
		s.keep()
		r := s.do("HEAD /a")
		if r.status != 200 || r.body != "" || r.header.Get("Content-Length") != "4" || !r.hit() {
			t.Fatal(r)
		}
	}},
	{"4.3.5", "MUST NOT", "store the answer to a HEAD for a GET", nil, func(t *testing.T, s *site) {
		s.answer(200, "", fresh)
		s.do("HEAD /a")
		if s.last().Method != http.MethodHead {
			t.Fatal("the handler saw another method")
		}
		s.answer(200, "body", fresh)
		if r := s.do("GET /a"); r.body != "body" {
			t.Fatal(r)
		}
	}},
}

func TestValidating(t *testing.T) { runRequirements(t, validating) }

// invalidates is a check of whether an unsafe request makes /a a miss.
func invalidates(want bool, line string, status int, fields ...string) func(*testing.T, *site) {
	return func(t *testing.T, s *site) {
		t.Helper()
		s.keep()
		s.answer(status, "", fields...)
		s.do(line)
		s.answer(200, "new", fresh)
		if r := s.do("GET /a"); r.hit() == want {
			t.Fatal(r.cacheStatus())
		}
	}
}

var invalidating = []requirement{
	{"4.4", "MUST", "invalidate the target of an unsafe request", nil, func(t *testing.T, s *site) {
		for _, method := range []string{"POST", "PUT", "DELETE", "PATCH", "M-SEARCH", "WHATEVER"} {
			for _, status := range []int{200, 201, 204, 303} {
				invalidates(true, method+" /a", status)(t, s)
			}
		}
	}},
	{"4.4", "MUST NOT", "invalidate after an error", nil, func(t *testing.T, s *site) {
		for _, status := range []int{400, 404, 500, 503} {
			invalidates(false, "POST /a", status)(t, s)
		}
	}},
	{"4.4", "MAY", "invalidate Location", nil, invalidates(true, "POST /b", 201, "Location: /a")},
	{"4.4", "MAY", "invalidate Content-Location", nil, invalidates(true, "POST /b/c", 200, "Content-Location: ../a")},
	{"4.4", "MAY", "invalidate an absolute URI of the same origin", nil, invalidates(true, "POST http://example.com/b", 200, "Location: HTTP://EXAMPLE.com:80/a")},
	{"4.4", "MUST NOT", "invalidate another origin", nil, invalidates(false, "POST /b", 201, "Location: http://other.example/a")},
	{"4.4", "MUST NOT", "invalidate another scheme", nil, invalidates(false, "POST /b", 201, "Location: https://example.com/a")},
	{"4.4", "MUST NOT", "invalidate what was not named", nil, invalidates(false, "POST /b", 201, "Location: /ab")},
	{"4.4", "MUST NOT", "invalidate by a safe request", nil, invalidates(false, "OPTIONS /a", 200)},
	{"4.4", "MUST", "invalidate every variant", nil, func(t *testing.T, s *site) {
		s.answer(200, "body", fresh, "Vary: X-A")
		s.do("GET /a", "X-A: 1")
		s.do("GET /a", "X-A: 2")
		s.do("POST /a")
		s.answer(200, "new", fresh, "Vary: X-A")
		for _, v := range []string{"1", "2"} {
			if r := s.do("GET /a", "X-A: "+v); r.hit() {
				t.Fatal(v)
			}
		}
	}},
	{"4.4", "MUST", "know the query", nil, func(t *testing.T, s *site) {
		s.answer(200, "body", fresh)
		s.do("GET /a?x=1")
		s.do("POST /a?x=1")
		if r := s.do("GET /a?x=1"); r.hit() {
			t.Fatal(r)
		}
	}},
}

func TestInvalidating(t *testing.T) { runRequirements(t, invalidating) }
