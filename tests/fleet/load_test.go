package fleet_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/stillwarm/stillwarm/tests/fleet/internal/wire"
	"github.com/stillwarm/stillwarm/tests/servers"
)

// recovery is the promise: the cache works again by itself within this time after the backend has returned.
const recovery = 10 * time.Second

// unreliable is a server that the load test breaks.
type unreliable struct {
	name  string
	start func(t testing.TB) (*servers.Process, string)
}

var unreliables = []unreliable{
	{"redis", func(t testing.TB) (*servers.Process, string) {
		s := servers.Redis(t)
		return s.Process, s.URL("prefix=" + unique())
	}},
	{"minio", func(t testing.TB) (*servers.Process, string) {
		s := servers.MinIO(t)
		s.Setenv(t)
		return s.Process, fmt.Sprintf("s3://%s/fleet?path-style=true&endpoint=%s", s.Bucket(t), s.URL)
	}},
}

// TestReliabilityFigures puts a load on a backend that is killed, started again, hung and released, and prints what
// callers felt: the figures in docs/reliability.md. Nothing about latencies is asserted.
func TestReliabilityFigures(t *testing.T) {
	length, callers := 2500*time.Millisecond, []int{8}
	if heavy() {
		length, callers = 15*time.Second, []int{1, 8, 32}
	}
	for _, u := range unreliables {
		for _, n := range callers {
			t.Run(fmt.Sprintf("no failed call, right values, working again within 10 s: %s, %d callers", u.name, n), func(t *testing.T) {
				server, url := u.start(t)
				l := &loaded{t: t, rows: [][]string{header}}
				l.worker = start(t, wire.Setup{
					Backend: url, Namespace: unique(), Run: 5 * time.Millisecond, MaxEntries: 1,
				})
				l.worker.do(wire.Command{Do: wire.Load, Callers: n, Keys: 20, Pause: 2 * time.Millisecond})
				l.recovers("cold")
				l.phase("healthy", length, nil)
				l.phase("killed", length, server.Kill)
				server.Restart(t)
				l.next("killed, starting")
				l.recovers("back after the kill")
				l.phase("hung", length+2*time.Second, server.Freeze)
				server.Thaw()
				l.next("hung, released")
				l.recovers("back after the hang")
				l.report(u.name, n)
			})
		}
	}
}

// loaded is a worker under load, and what was measured so far.
type loaded struct {
	t      testing.TB
	worker *process
	rows   [][]string
	sum    wire.Summary
}

var header = []string{"phase", "calls", "what happened to them", "count", "p50", "p99", "max"}

// phase begins with what happens to the server, and lasts so long.
func (l *loaded) phase(name string, length time.Duration, begin func()) {
	l.t.Helper()
	if begin != nil {
		begin()
	}
	time.Sleep(length)
	if s := l.next(name); s.Calls == 0 {
		l.t.Fatalf("%s: no call ended in %v", name, length)
	}
}

// next ends the phase under way, and checks that no call in it failed.
func (l *loaded) next(name string) wire.Summary {
	l.t.Helper()
	s := *l.worker.do(wire.Command{Do: wire.Phase}).Summary
	if s.Failed > 0 || s.Wrong > 0 {
		l.t.Fatalf("%s: %d of %d calls failed, %d returned a wrong value", name, s.Failed, s.Calls, s.Wrong)
	}
	l.sum.Calls += s.Calls
	for _, g := range []string{wire.Memory, wire.Hit, wire.Miss, wire.Tried, wire.Spared} {
		if f := s.Groups[g]; f.Count > 0 {
			l.rows = append(l.rows, []string{
				name, fmt.Sprint(s.Calls), explained[g], fmt.Sprint(f.Count), short(f.P50), short(f.P99), short(f.Max),
			})
		}
	}
	return s
}

var explained = map[string]string{
	wire.Memory: "answered from memory",
	wire.Hit:    "answered from the backend",
	wire.Miss:   "the function ran, the backend answered",
	wire.Tried:  "the function ran, the backend was tried",
	wire.Spared: "the function ran, the breaker was open",
}

// recovers waits until the backend answers calls again. The server is back when this is called.
func (l *loaded) recovers(name string) {
	l.t.Helper()
	eventually(l.t, recovery, name+": 100 calls in a row are answered from the backend", func() bool {
		return l.worker.do(wire.Command{Do: wire.Look}).Summary.Recovered > 0
	})
	s := l.next(name)
	l.t.Logf("%s: 100 calls in a row answered from the backend after %v", name, s.Recovered.Round(time.Millisecond))
}

// report prints the table, and counts what the worker said about it.
func (l *loaded) report(server string, callers int) {
	l.t.Helper()
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for _, row := range l.rows {
		fmt.Fprintln(w, strings.Join(row, "\t"))
	}
	w.Flush()
	l.t.Logf("%s, %d callers, a run takes 5 ms; %d calls, none failed, none wrong:\n%s", server, callers, l.sum.Calls, b.String())
	l.worker.end()
	failing := warnings(l.worker.stderr, "backend unavailable")
	l.t.Logf("%d warnings that the backend is unavailable, in two outages", failing)
	// Fewer where the second begins so soon that the first counts as not over; a few more where a machine is so busy that
	// a server seems to fail again.
	if failing > 4 {
		l.t.Errorf("%d warnings for two outages: %s", failing, lastLines(l.worker.stderr.String(), 10))
	}
}

// warnings counts the records of level WARN and above whose message holds the text.
func warnings(log *bytes.Buffer, text string) (n int) {
	for line := range strings.Lines(log.String()) {
		var r struct{ Level, Msg string }
		if json.Unmarshal([]byte(line), &r) == nil && (r.Level == "WARN" || r.Level == "ERROR") && strings.Contains(r.Msg, text) {
			n++
		}
	}
	return n
}

func short(d time.Duration) string {
	switch {
	case d < time.Millisecond:
		return d.Round(time.Microsecond).String()
	case d < 100*time.Millisecond:
		return d.Round(10 * time.Microsecond).String()
	}
	return d.Round(time.Millisecond).String()
}
