package httpfleet

import (
	"io"
	"net/http"
	"testing"
	"time"
)

// together are two clients at once: the first one's run is under way when the second one asks. Nobody gets what is for the
// other, and the second one has its answer while the first one's body is held back.
func together() []Promise {
	var all []Promise
	for _, c := range []struct {
		name   string
		status int
		fields []string
		a, b   []string // what the clients send
		later  []string // what one sends that comes later; it asks twice
	}{
		{"private", 200, []string{"Cache-Control: private, max-age=60"}, nil, nil, nil},
		{"Set-Cookie", 200, []string{fresh, "Set-Cookie: session=1"}, nil, nil, nil},
		{"Vary", 200, []string{fresh, "Vary: X-A"}, []string{"X-A: 1"}, []string{"X-A: 2"}, []string{"X-A: 3"}},
		{"Authorization", 200, []string{fresh}, []string{"Authorization: a"}, []string{"Authorization: b"}, []string{"Authorization: c"}},
		{"cookie", 200, []string{fresh}, []string{"Cookie: user=a"}, []string{"Cookie: user=b"}, []string{"Cookie: user=c"}},
		{"error", 500, nil, nil, nil, nil},
		{"uncacheable", 200, []string{"Cache-Control: no-store"}, nil, nil, nil},
		{"event stream", 200, []string{fresh, "Content-Type: text/event-stream"}, nil, nil, nil},
	} {
		all = append(all, Promise{Name: "two clients at once: " + c.name, Check: func(t *testing.T, f Fleet) {
			t.Helper()
			meet(t, f, c.status, c.fields, c.a, c.b)
			// Whoever comes later in either container gets its own, too.
			for container := range 2 {
				if r := do(t, f, container, "GET /a", append([]string{"X-Who: c"}, c.later...)...); r.Body != "for c" {
					t.Fatal("who came later got", r)
				}
			}
		}})
	}
	return all
}

// patient is a fleet in which whoever waits for the end of a run waits longer than any test takes.
var patient = Config{Patience: 5 * time.Minute}

// released are runs whose header says that the second client need not wait: it does not wait for the end of the run, nor until
// its patience ends.
func released() (all []Promise) {
	for _, c := range []struct {
		name   string
		fields []string
		a, b   []string // what the clients send
	}{
		{"private", []string{"Cache-Control: private, max-age=60"}, nil, nil},
		{"Set-Cookie", []string{fresh, "Set-Cookie: session=1"}, nil, nil},
		{"uncacheable", []string{"Cache-Control: no-store"}, nil, nil},
		{"Vary that does not match", []string{fresh, "Vary: X-A"}, []string{"X-A: 1"}, []string{"X-A: 2"}},
	} {
		all = append(all, Promise{"the header lets the other container go: " + c.name, patient, func(t *testing.T, f Fleet) {
			t.Helper()
			meet(t, f, 200, c.fields, c.a, c.b)
		}})
	}
	return all
}

// meet lets a second client ask in the other container while the first one's run is under way. Each gets its own, the second
// one before the first one's body ends.
func meet(t *testing.T, f Fleet, status int, fields, a, b []string) {
	t.Helper()
	header, body := newGate(), newGate()
	f.Serve(heldBack(status, fields, header, body))
	first := f.Start(Request{Container: 0, Line: "GET /a", Fields: append([]string{"X-Who: a"}, a...)})
	within(t, "the first run", header.entered)
	second := f.Start(Request{Container: 1, Line: "GET /a", Fields: append([]string{"X-Who: b"}, b...)})
	f.Waiting(1)
	close(header.open)
	within(t, "the first body", body.entered)
	if r := within(t, "the second client", second); r.Body != "for b" || r.Status != status {
		t.Fatal("the second client got", r)
	}
	close(body.open)
	if r := within(t, "the first client", first); r.Body != "for a" || r.Status != status {
		t.Fatal("the first client got", r)
	}
}

// heldBack answers each client with its name. The one called a is held before the header, and before its body ends.
func heldBack(status int, fields []string, header, body *gate) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		who := r.Header.Get("X-Who")
		if who == "a" {
			header.pass()
		}
		addFields(w.Header(), fields)
		w.WriteHeader(status)
		_, _ = io.WriteString(w, "for "+who)
		_ = http.NewResponseController(w).Flush()
		if who == "a" {
			body.pass()
		}
	}
}
