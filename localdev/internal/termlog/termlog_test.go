package termlog

import (
	"bytes"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stillwarm/stillwarm/localdev/internal/journal"
	"github.com/stillwarm/stillwarm/localdev/internal/logline"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.Local)

func TestInvocationLine(t *testing.T) {
	base := journal.Invocation{
		Started: noon, Slot: 1, Method: "GET", Path: "/quotes?symbol=A", Status: 200, Duration: 1234 * time.Microsecond,
	}
	with := func(change func(*journal.Invocation)) journal.Invocation {
		inv := base
		change(&inv)
		return inv
	}
	for _, c := range []struct {
		name string
		inv  journal.Invocation
		want string
	}{
		{"warm", base, "12:00:00  #1  warm  GET /quotes?symbol=A             200    1.2 ms"},
		{"cold with its start", with(func(i *journal.Invocation) {
			i.Cold, i.Init, i.Duration = true, 24*time.Millisecond, 312*time.Millisecond
		}), "12:00:00  #1  cold  GET /quotes?symbol=A             200    312 ms  init 24 ms"},
		{"work after the response, hits and misses", with(func(i *journal.Invocation) {
			i.After, i.Cached, i.Cache = 41*time.Millisecond, true, logline.CacheCounts{Hits: 2, Misses: 1, Stale: 1, Waits: 3}
		}), "12:00:00  #1  warm  GET /quotes?symbol=A             200    1.2 ms  after 41 ms  2 hits, 1 miss, 1 stale, 3 waits"},
		{"a cache that was not used says nothing", with(func(i *journal.Invocation) { i.Cached = true }),
			"12:00:00  #1  warm  GET /quotes?symbol=A             200    1.2 ms"},
		{"an event in container 12", with(func(i *journal.Invocation) { i.Method, i.Path, i.Slot = "", "", 12 }),
			"12:00:00  #12 warm  event                            200    1.2 ms"},
		{"a fault of several lines", with(func(i *journal.Invocation) { i.Status, i.Fault = 502, "boom\nmore" }),
			"12:00:00  #1  warm  GET /quotes?symbol=A             502    1.2 ms  boom"},
		{"no container was reached", with(func(i *journal.Invocation) { i.Slot, i.Status, i.Fault = 0, 429, "busy" }),
			"12:00:00  --        GET /quotes?symbol=A             429    1.2 ms  busy"},
		{"control characters are shown, not sent", with(func(i *journal.Invocation) { i.Path = "/\x1b[31m" }),
			`12:00:00  #1  warm  GET /\x1b[31m                    200    1.2 ms`},
		{"a long query is cut", with(func(i *journal.Invocation) { i.Path = "/" + strings.Repeat("x", 200) }),
			"12:00:00  #1  warm  GET /" + strings.Repeat("x", 66) + "… 200    1.2 ms"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := palette(false).invocation(c.inv); got != c.want {
				t.Errorf("got  %q\nwant %q", got, c.want)
			}
		})
	}
}

func TestLogLine(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"plain text", "hello\tworld", "          #3  | hello    world"},
		{"a record of slog", `{"time":"2026-11-22T12:00:00Z","level":"WARN","msg":"slow","took":12,"who":"a b","n":null}`,
			`          #3  | WARN  slow took=12 who="a b" n=null`},
		{"a record of Lambda", `{"timestamp":"2026-11-22T12:00:00Z","level":"INFO","message":"fetched","requestId":"1"}`,
			"          #3  | INFO  fetched"},
		{"JSON of the function's own stays as it is", `{"a":1}`, `          #3  | {"a":1}`},
		{"a panic shows where in the function", `2026/11/22 12:00:00 {"errorMessage":"oh","errorType":"string","stackTrace":[` +
			`{"path":"runtime/panic.go","line":1,"label":"x"},{"path":"demo/main.go","line":7,"label":"act"}]}`,
			"          #3  | ERROR string: oh at=demo/main.go:7"},
		{"escape sequences are shown, not sent", "\x1b]0;title\x07", `          #3  | \x1b]0;title\x07`},
		{"bytes that are no text", "\xff", "          #3  | \uFFFD"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := palette(false).log(journal.Log{Slot: 3, Line: logline.Parse([]byte(c.in))})
			if got != c.want {
				t.Errorf("got  %q\nwant %q", got, c.want)
			}
		})
	}
}

func TestDuration(t *testing.T) {
	for in, want := range map[time.Duration]string{
		420 * time.Microsecond: "0.42 ms", 5200 * time.Microsecond: "5.2 ms", 312 * time.Millisecond: "312 ms",
		1240 * time.Millisecond: "1.24 s", 61 * time.Second: "1m1s",
	} {
		if got := Duration(in); got != want {
			t.Errorf("%s: got %q, want %q", in, got, want)
		}
	}
}

func TestOrder(t *testing.T) {
	record := func(id, text string) journal.Log {
		return journal.Log{Slot: 1, RequestID: id, Line: logline.Parse([]byte(text))}
	}
	t.Run("lines wait for their invocation's line, others do not", func(t *testing.T) {
		var b bytes.Buffer
		l := New(&b, false)
		l.Began(journal.Invocation{RequestID: "a", Started: noon})
		l.Log(record("a", "inside"))
		l.Log(record("", "outside"))
		l.Finished(journal.Invocation{RequestID: "a", Started: noon, Slot: 1, Status: 200})
		lines := strings.Split(b.String(), "\n")
		if !strings.HasSuffix(lines[0], "outside") || !strings.Contains(lines[1], "event") || !strings.HasSuffix(lines[2], "inside") {
			t.Errorf("%q", lines)
		}
	})
	t.Run("a long invocation is announced and its lines come live", func(t *testing.T) {
		var b bytes.Buffer
		l := New(&b, false)
		l.Began(journal.Invocation{RequestID: "a", Started: noon, Method: "GET", Path: "/slow"})
		defer l.Finished(journal.Invocation{RequestID: "a"}) // stops its timer
		l.Log(record("a", "early"))
		l.announce(l.open["a"])
		l.Log(record("a", "late"))
		lines := strings.Split(b.String(), "\n")
		if !strings.Contains(lines[0], "GET /slow") || !strings.HasSuffix(lines[0], "...") ||
			!strings.HasSuffix(lines[1], "early") || !strings.HasSuffix(lines[2], "late") {
			t.Errorf("%q", lines)
		}
	})
	t.Run("progress and warnings come at once", func(t *testing.T) {
		var b bytes.Buffer
		l := New(&b, false)
		l.Began(journal.Invocation{RequestID: "a"})
		defer l.Finished(journal.Invocation{RequestID: "a"})
		l.Progress(record("a", `{"level":"INFO","msg":"stillwarm: running","text":"Running fetchQuotes(...)","function":"fetchQuotes","elapsed":1200000000}`))
		l.Warning(journal.Warning{At: noon, Slot: 2, Text: "is deprecated"})
		want := "          #1  ~ Running fetchQuotes(...) 1.20 s\n12:00:00  #2  warning is deprecated\n"
		if b.String() != want {
			t.Errorf("%q", b.String())
		}
	})
}

func TestColours(t *testing.T) {
	t.Run("a file gets none", func(t *testing.T) {
		f, err := os.Create(t.TempDir() + "/log")
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if Colours(f) {
			t.Error("it does")
		}
	})
	t.Run("they are used where they are wanted", func(t *testing.T) {
		line := palette(true).invocation(journal.Invocation{Started: noon, Slot: 1, Status: 500, Fault: "x"})
		if !strings.Contains(line, "\x1b[31m500\x1b[0m") {
			t.Errorf("%q", line)
		}
	})
}
