package httpcache_test

import (
	"fmt"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/stillwarm/stillwarm/internal/httpfleet"
)

// Three containers ask for one URL, of which nobody knows yet on what its answers vary. The header says it: who asked for another
// variant goes on at once, and who asked for the same one goes on waiting, for the end of that run.
func TestHandOver(t *testing.T) {
	// Nobody's patience ends while the test goes on.
	b := newBlock(t, httpfleet.Config{Patience: 5 * time.Minute}, 3)
	header, body := newGate(), newGate()
	b.Serve(func(w http.ResponseWriter, r *http.Request) {
		who := r.Header.Get("X-Who")
		if who == "0" {
			header.pass("")
		}
		addFields(w.Header(), []string{fresh, "Vary: X-A"})
		_, _ = io.WriteString(w, "for "+who)
		if who == "0" {
			body.pass("")
		}
	})
	ask := func(container int, value string) <-chan httpfleet.Result {
		return b.Start(httpfleet.Request{
			Container: container, Line: "GET /a", Fields: []string{fmt.Sprint("X-Who: ", container), "X-A: " + value},
		})
	}
	first := ask(0, "1")
	within(t, header.entered)
	same, other := ask(1, "1"), ask(2, "2")
	b.Waiting(1)
	b.Waiting(2)
	close(header.open)
	within(t, body.entered)
	if r := within(t, other); r.Body != "for 2" {
		t.Fatal("another variant:", r)
	}
	late := ask(2, "1") // the fields are known to this one
	close(body.open)
	for what, c := range map[string]<-chan httpfleet.Result{"the first": first, "the same variant": same, "the same variant, later": late} {
		if r := within(t, c); r.Body != "for 0" {
			t.Fatal(what, r)
		}
	}
	for i, runs := range []int64{1, 0, 1} {
		b.sites[i].wantRuns(runs)
	}
	for container := range 3 {
		for value, want := range map[string]string{"1": "for 0", "2": "for 2"} {
			if r := within(t, ask(container, value)); r.Body != want || !r.Hit() {
				t.Fatal("container", container, value, r)
			}
		}
	}
}
