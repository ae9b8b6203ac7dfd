package httpfleet

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

var promises = []Promise{
	{"purge during a run", Config{}, purgeDuringARun},
	{"purge during a refresh", Config{}, purgeDuringARefresh},
	{"purge whose invalidation record is lost", Config{LoseRecords: true}, purgeThatIsLost},
	{"POST in one container, GET in another right after its answer", Config{}, postThenGet},
	{"304 merge, then purge", Config{}, mergeThenPurge},
	{"a page that became private", Config{}, becamePrivate},
	{"unique URLs do not grow memory", Config{}, uniqueURLs},
	{"a stalled handler does not poison its key", Config{Patience: 2 * time.Second}, stalledHandler},
	{"a leader that leaves", Config{}, leaderThatLeaves},
	{"a body of 50 MB with Range", Config{}, largeBody},
	{"two stages of one API", Config{}, twoStages},
}

// The run's own caller has its answer; it is not stored, and nobody who asks after the purge gets it.
func purgeDuringARun(t *testing.T, f Fleet) {
	t.Helper()
	g := newGate()
	f.Serve(func(w http.ResponseWriter, r *http.Request) {
		g.pass()
		answer(200, "old", fresh)(w, r)
	})
	first := f.Start(Request{Line: "GET /a"})
	within(t, "the run", g.entered)
	f.Purge(1, "/a")
	f.Serve(answer(200, "new", fresh))
	close(g.open)
	if r := within(t, "its caller", first); r.Body != "old" {
		t.Fatal(r)
	}
	for _, container := range []int{1, 0, 1} {
		f.Pass(5 * time.Millisecond)
		if r := do(t, f, container, "GET /a"); r.Body != "new" {
			t.Fatal("container", container, r)
		}
	}
}

func purgeDuringARefresh(t *testing.T, f Fleet) {
	t.Helper()
	// A path of its own: what begins within 2 s of a purge of the same URL is not stored, since clocks may differ by that.
	f.Serve(answer(200, "old", "Cache-Control: max-age=1, stale-while-revalidate=600"))
	do(t, f, 0, "GET /b")
	f.Pass(2 * time.Second)
	g := newGate()
	f.Serve(func(w http.ResponseWriter, r *http.Request) {
		g.pass()
		answer(200, "refreshed before the purge", fresh)(w, r)
	})
	stale := f.Start(Request{Line: "GET /b"}) // the refresh comes after its answer
	within(t, "the refresh", g.entered)
	f.Purge(1, "/b")
	f.Serve(answer(200, "new", fresh))
	close(g.open)
	if r := within(t, "the stale answer", stale); r.Body != "old" || !r.Hit() {
		t.Fatal(r)
	}
	for _, container := range []int{1, 0, 1} {
		f.Pass(5 * time.Millisecond)
		if r := do(t, f, container, "GET /b"); r.Body != "new" {
			t.Fatal("container", container, r)
		}
	}
}

// A purge holds in its own container whatever the backend forgets.
func purgeThatIsLost(t *testing.T, f Fleet) {
	t.Helper()
	f.Serve(answer(200, "old", fresh))
	for container := range 2 {
		if r := do(t, f, container, "GET /a"); r.Body != "old" {
			t.Fatal(r)
		}
	}
	f.Purge(1, "/a")
	f.Serve(answer(200, "new", fresh))
	for range 3 {
		f.Pass(5 * time.Millisecond)
		if r := do(t, f, 1, "GET /a"); r.Body != "new" {
			t.Fatal(r)
		}
	}
}

func postThenGet(t *testing.T, f Fleet) {
	t.Helper()
	for i, method := range []string{"POST", "PUT", "DELETE", "PATCH"} {
		old, renewed := fmt.Sprint("old ", i), fmt.Sprint("new ", i)
		path := fmt.Sprint(" /", i)
		f.Serve(answer(200, old, fresh))
		for container := range 2 {
			if r := do(t, f, container, "GET"+path); r.Body != old {
				t.Fatal(r)
			}
		}
		f.Serve(answer(200, renewed, fresh))
		do(t, f, 0, method+path)
		f.Pass(2 * time.Millisecond) // NearTTL
		if r := do(t, f, 1, "GET"+path); r.Body != renewed || r.Hit() {
			t.Fatal(method, r)
		}
	}
}

func mergeThenPurge(t *testing.T, f Fleet) {
	t.Helper()
	f.Serve(answer(200, "old", "Cache-Control: max-age=1", `ETag: "1"`))
	do(t, f, 0, "GET /a")
	f.Pass(2 * time.Second)
	f.Serve(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("If-None-Match") == `"1"` {
			answer(304, "", fresh, `ETag: "1"`)(w, r)
			return
		}
		answer(200, "old", fresh, `ETag: "1"`)(w, r)
	})
	for container := range 2 {
		if r := do(t, f, container, "GET /a"); r.Body != "old" {
			t.Fatal(r)
		}
	}
	f.Purge(1, "/a")
	f.Serve(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("If-None-Match") != "" {
			answer(304, "", fresh)(w, r)
			return
		}
		answer(200, "new", fresh)(w, r)
	})
	for _, container := range []int{1, 0, 1} {
		f.Pass(5 * time.Millisecond)
		if r := do(t, f, container, "GET /a"); r.Body != "new" {
			t.Fatal("container", container, r)
		}
	}
}

func becamePrivate(t *testing.T, f Fleet) {
	t.Helper()
	f.Serve(answer(200, "public", "Cache-Control: max-age=1, stale-while-revalidate=600, stale-if-error=600", `ETag: "1"`))
	for container := range 2 {
		do(t, f, container, "GET /a")
	}
	f.Pass(2 * time.Second)
	f.Serve(answer(200, "private", "Cache-Control: private"))
	for container := range 2 { // one stale answer each, whose refresh ends it
		eventually(t, f, container, "GET /a", "private")
	}
	f.Serve(answer(503, "down"))
	for container := range 2 {
		if r := do(t, f, container, "GET /a"); r.Body != "down" {
			t.Fatal("served on:", r)
		}
	}
}

func uniqueURLs(t *testing.T, f Fleet) {
	t.Helper()
	used, bound := f.Memory(0)
	if bound <= 0 || used > bound {
		t.Fatal(used, bound)
	}
	const size = 100_000
	f.Serve(answer(200, strings.Repeat("x", size), fresh))
	for i := range 2 * int(bound) / size {
		do(t, f, 0, fmt.Sprintf("GET /%d?unique=%d", i, i))
	}
	if used, _ = f.Memory(0); used > bound || used < bound/2 {
		t.Fatalf("%d of %d bytes", used, bound)
	}
}

// Its late answer reaches its own caller and replaces nothing.
func stalledHandler(t *testing.T, f Fleet) {
	t.Helper()
	g := newGate()
	f.Serve(func(w http.ResponseWriter, r *http.Request) {
		g.pass()
		answer(200, "stalled", fresh)(w, r)
	})
	stalled := f.Start(Request{Line: "GET /a"})
	within(t, "the run", g.entered)
	f.Serve(answer(200, "body", fresh))
	f.Pass(time.Millisecond)
	if r := do(t, f, 1, "GET /a"); r.Body != "body" {
		t.Fatal(r)
	}
	close(g.open)
	if r := within(t, "its caller", stalled); r.Body != "stalled" && r.Body != "body" {
		t.Fatal(r)
	}
	if r := do(t, f, 1, "GET /a"); r.Body != "body" || !r.Hit() {
		t.Fatal("the late answer replaced the newer one:", r)
	}
}

func leaderThatLeaves(t *testing.T, f Fleet) {
	t.Helper()
	g, leave := newGate(), make(chan struct{})
	f.Serve(func(w http.ResponseWriter, r *http.Request) {
		g.pass()
		answer(200, "body", fresh)(w, r)
	})
	first := f.Start(Request{Line: "GET /a", Leave: leave})
	within(t, "the run", g.entered)
	second := f.Start(Request{Container: 1, Line: "GET /a"})
	f.Waiting(1)
	close(leave)
	close(g.open)
	if r := within(t, "who waited", second); r.Body != "body" || r.Status != 200 {
		t.Fatal(r)
	}
	within(t, "the client that left", first)
	eventually(t, f, 0, "GET /a", "body")
}

// The whole body streams to its caller alone, or is more than the service takes; a part of it passes; neither is stored, and
// the URL is good for what is small later.
func largeBody(t *testing.T, f Fleet) {
	t.Helper()
	const size = 50 << 20
	f.Serve(func(w http.ResponseWriter, r *http.Request) {
		addFields(w.Header(), []string{fresh, `ETag: "large"`, "Content-Type: application/octet-stream"})
		http.ServeContent(w, r, "", time.Time{}, io.NewSectionReader(alphabet{}, 0, size))
	})
	for container := range 2 {
		r := do(t, f, container, "GET /a", "Range: bytes=52000000-52000009")
		if r.Status != 206 || r.Body != (alphabet{}).part(52000000, 10) || r.Header.Get("Content-Range") != fmt.Sprintf("bytes 52000000-52000009/%d", size) {
			t.Fatal(container, r.Status, r.Body, r.Header)
		}
		if r := do(t, f, container, "GET /a"); r.Status == 200 && len(r.Body) != size || r.Status != 200 && r.Status < 500 || r.Hit() {
			t.Fatal(container, r.Status, len(r.Body), r.Header)
		}
	}
	f.Serve(answer(200, "small", fresh))
	for container := range 2 {
		if r := do(t, f, container, "GET /a"); r.Body != "small" {
			t.Fatal(container, r.Status, len(r.Body))
		}
	}
}

// alphabet is a body of any length.
type alphabet struct{}

var letters = strings.Repeat("abcdefghijklmnopqrstuvwxyz", 1000)

func (alphabet) ReadAt(b []byte, at int64) (int, error) {
	n := 0
	for n < len(b) {
		n += copy(b[n:], letters[(at+int64(n))%int64(len(letters)):])
	}
	return n, nil
}

func (a alphabet) part(at int64, n int) string {
	b := make([]byte, n)
	_, _ = a.ReadAt(b, at)
	return string(b)
}

func twoStages(t *testing.T, f Fleet) {
	t.Helper()
	for _, stage := range []string{"dev", "prod"} {
		f.Serve(answer(200, "of "+stage, fresh))
		for container := range 2 {
			r := within(t, stage, f.Start(Request{Container: container, Line: "GET /a", Stage: stage}))
			if r.Status != 200 || r.Body != "of "+stage {
				t.Fatal(stage, container, r)
			}
		}
	}
	f.Serve(answer(500, "the origin was asked"))
	for _, stage := range []string{"dev", "prod"} {
		for container := range 2 {
			r := within(t, stage, f.Start(Request{Container: container, Line: "GET /a", Stage: stage}))
			if r.Body != "of "+stage || !r.Hit() {
				t.Fatal(stage, container, r)
			}
		}
	}
}
