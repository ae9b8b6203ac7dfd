package emf_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stillwarm/stillwarm/adapter"
	"github.com/stillwarm/stillwarm/internal/invocation"
	"github.com/stillwarm/stillwarm/telemetry/emf"
)

// document is a line as CloudWatch reads it.
type document struct {
	AWS struct {
		Timestamp         int64
		CloudWatchMetrics []struct {
			Namespace  string
			Dimensions [][]string
			Metrics    []struct{ Name, Unit string }
		}
	} `json:"_aws"`
	FunctionName, CachedFunction *string
	Level                        string `json:"level"`
	Hits, Misses, Stale, Errors  int64
	SavedMs                      float64
}

// written holds every line to the limits that CloudWatch publishes for the format, and returns the lines.
func written(t testing.TB, out []byte) []document {
	t.Helper()
	var documents []document
	for line := range strings.Lines(string(out)) {
		if len(line) > 4096 || !strings.HasSuffix(line, "}\n") || strings.HasPrefix(line, " ") {
			t.Errorf("a line of %d bytes: %q", len(line), line)
		}
		var d document
		decoder := json.NewDecoder(strings.NewReader(line))
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(&d); err != nil {
			t.Fatalf("%v in %q", err, line)
		}
		checkLimits(t, line, d)
		documents = append(documents, d)
	}
	return documents
}

func checkLimits(t testing.TB, line string, d document) {
	t.Helper()
	if len(d.AWS.CloudWatchMetrics) != 1 || d.AWS.Timestamp <= 0 {
		t.Fatalf("metadata of %q", line)
	}
	directive := d.AWS.CloudWatchMetrics[0]
	if n := len(directive.Namespace); n < 1 || n > 255 || strings.HasPrefix(directive.Namespace, "AWS/") {
		t.Errorf("namespace %q", directive.Namespace)
	}
	if n := len(directive.Metrics); n == 0 || n > 100 {
		t.Errorf("%d metrics", n)
	}
	var members map[string]any
	if err := json.Unmarshal([]byte(line), &members); err != nil {
		t.Fatal(err)
	}
	for _, m := range directive.Metrics {
		if _, ok := members[m.Name].(float64); !ok || len(m.Name) > 1024 || m.Unit != "Count" && m.Unit != "Milliseconds" {
			t.Errorf("metric %v of %q", m, line)
		}
	}
	for _, set := range directive.Dimensions {
		if len(set) == 0 || len(set) > 30 {
			t.Errorf("%d dimensions", len(set))
		}
		for _, name := range set {
			v, ok := members[name].(string)
			if !ok || len(v) > 1024 || strings.TrimSpace(v) == "" || strings.HasPrefix(v, ":") {
				t.Errorf("dimension %s is %q", name, v)
			}
			for _, c := range v {
				if c < ' ' || c > '~' {
					t.Errorf("dimension %s is %q", name, v)
				}
			}
		}
	}
}

func newMetrics(t testing.TB, out *bytes.Buffer, functions ...string) *emf.Metrics {
	t.Helper()
	m, err := emf.New(emf.Options{Service: "shop", Functions: functions, Writer: out, Clock: func() time.Time { return time.UnixMilli(1700000000123) }})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func hit(function string, saved time.Duration) adapter.Event {
	return adapter.Event{Kind: adapter.EventHit, Function: function, Duration: saved}
}

func TestOneLine(t *testing.T) {
	var out bytes.Buffer
	m := newMetrics(t, &out)
	for range 2 {
		m.Observe(t.Context(), hit("shop.prices", 1500*time.Microsecond))
	}
	m.Observe(t.Context(), adapter.Event{Kind: adapter.EventMiss, Function: "shop.stock"})
	m.Observe(t.Context(), adapter.Event{Kind: adapter.EventRun, Function: "shop.stock", Err: errors.New("no")})
	m.Observe(t.Context(), adapter.Event{Kind: adapter.EventRun, Function: "shop.stock", Duration: time.Second})
	m.Observe(t.Context(), adapter.Event{Kind: adapter.EventStale, Function: "shop.stock", Duration: time.Second})
	m.Observe(t.Context(), adapter.Event{Kind: adapter.EventRefresh, Function: "shop.stock", Err: errors.New("no")})
	m.Observe(t.Context(), adapter.Event{Kind: adapter.EventEvict, Function: "shop.stock"})
	if err := m.Flush(); err != nil {
		t.Fatal(err)
	}
	const want = `{"_aws":{"Timestamp":1700000000123,"CloudWatchMetrics":[{"Namespace":"Stillwarm","Dimensions":[["FunctionName"]],` +
		`"Metrics":[{"Name":"Hits","Unit":"Count"},{"Name":"Misses","Unit":"Count"},{"Name":"Stale","Unit":"Count"},` +
		`{"Name":"Errors","Unit":"Count"},{"Name":"SavedMs","Unit":"Milliseconds"}]}]},"FunctionName":"shop",` +
		`"Hits":2,"Misses":1,"Stale":1,"Errors":2,"SavedMs":1003}` + "\n"
	if out.String() != want {
		t.Errorf("wrote %s\nwant  %s", out.String(), want)
	}
	written(t, out.Bytes())
	t.Run("nothing new, nothing written", func(t *testing.T) {
		out.Reset()
		m.Observe(t.Context(), adapter.Event{Kind: adapter.EventStore, Function: "shop.stock"})
		if err := m.Flush(); err != nil || out.Len() > 0 {
			t.Errorf("wrote %q, %v", out.String(), err)
		}
	})
}

func TestFunctionsOfTheirOwn(t *testing.T) {
	var out bytes.Buffer
	m := newMetrics(t, &out, "a", "b", "never")
	for name, n := range map[string]int{"a": 1, "b": 2, "c": 4, "d": 8} {
		for range n {
			m.Observe(t.Context(), hit(name, time.Millisecond))
		}
	}
	if err := m.Flush(); err != nil {
		t.Fatal(err)
	}
	got := map[string]int64{}
	for _, d := range written(t, out.Bytes()) {
		name := "all"
		if d.CachedFunction != nil {
			name = *d.CachedFunction
		}
		got[name] = d.Hits
		if d.SavedMs != float64(d.Hits) {
			t.Errorf("%s saved %v ms", name, d.SavedMs)
		}
	}
	if want := (map[string]int64{"a": 1, "b": 2, "other": 12, "all": 15}); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("hits %v, want %v", got, want)
	}
}

// A hundred functions of which twenty are named, with names that the format does not take as they are.
func TestManyOddNames(t *testing.T) {
	odd := []string{
		`quote"and\backslash`, ":colon", "ünïcode.λ", "tab\tand\nline\x00end\x7f", " spaces ", "日本", `</script>`, "\xff\xfe",
		strings.Repeat("long/", 500) + "end", "example.com/x.(*T[...]).Method-fm", "{}", "null", "_aws", "$.x", "Hits",
	}
	var functions []string
	for i := range 100 {
		functions = append(functions, fmt.Sprintf("%s%d", odd[i%len(odd)], i))
	}
	var out bytes.Buffer
	m, err := emf.New(emf.Options{
		Namespace: strings.Repeat("N", 255), Service: strings.Repeat("S", 2000), Functions: functions[:emf.MaxFunctions], Writer: &out,
		Level: "FATAL",
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range functions {
		m.Observe(t.Context(), hit(name, 1<<62))
		m.Observe(t.Context(), adapter.Event{Kind: adapter.EventMiss, Function: name})
	}
	if err := m.Flush(); err != nil {
		t.Fatal(err)
	}
	lines := written(t, out.Bytes())
	if len(lines) != emf.MaxFunctions+2 {
		t.Errorf("%d lines", len(lines))
	}
	if last := lines[len(lines)-1]; last.Misses != 100 || last.CachedFunction != nil || last.Level != "FATAL" {
		t.Errorf("the sum is %+v", last)
	}
	if rest := lines[len(lines)-2]; rest.Misses != 80 || *rest.CachedFunction != emf.Other {
		t.Errorf("the rest is %+v", rest)
	}
}

func TestOptionsThatAreRefused(t *testing.T) {
	tooMany := make([]string, emf.MaxFunctions+1)
	for i := range tooMany {
		tooMany[i] = fmt.Sprint("f", i)
	}
	for name, c := range map[string]struct {
		options emf.Options
		want    string
	}{
		"a namespace of AWS":     {emf.Options{Namespace: "AWS/Lambda"}, `Namespace "AWS/Lambda"`},
		"a namespace with space": {emf.Options{Namespace: "my app"}, `Namespace "my app"`},
		"too many functions":     {emf.Options{Functions: tooMany}, "at most 20"},
		"no name":                {emf.Options{Functions: []string{" "}}, "an empty name"},
		"the name of the rest":   {emf.Options{Functions: []string{"other"}}, "not named"},
		"a name twice":           {emf.Options{Functions: []string{"f", "f"}}, `"f"`},
		"two names of one look":  {emf.Options{Functions: []string{"é", "ü"}}, `"?"`},
		"a level":                {emf.Options{Level: "warning"}, `Level "warning"`},
		"an interval":            {emf.Options{Interval: -1}, "Interval"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := emf.New(c.options); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v", err)
			}
		})
	}
}

func TestWrittenAfterTheResponse(t *testing.T) {
	var out bytes.Buffer
	m := newMetrics(t, &out)
	ctx, inv := invocation.Begin(t.Context(), invocation.Options{AfterResponse: true})
	for range 3 {
		m.Observe(ctx, hit("f", 0))
	}
	inv.After(func(ctx context.Context) {
		m.Observe(ctx, adapter.Event{Kind: adapter.EventRefresh, Function: "f", Err: errors.New("no")})
	})
	if out.Len() > 0 {
		t.Errorf("before the response: %s", out.String())
	}
	inv.Finish(ctx)
	lines := written(t, out.Bytes())
	if len(lines) != 1 || lines[0].Hits != 3 || lines[0].Errors != 1 {
		t.Errorf("wrote %s", out.String())
	}
}

func TestOutsideOfInvocations(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		m := newMetrics(t, &out)
		for range 2 {
			m.Observe(t.Context(), hit("f", 0))
			time.Sleep(9 * time.Second)
		}
		synctest.Wait()
		if lines := written(t, out.Bytes()); len(lines) != 1 || lines[0].Hits != 2 {
			t.Errorf("wrote %s", out.String())
		}
		m.Observe(t.Context(), hit("f", 0))
		time.Sleep(11 * time.Second)
		synctest.Wait()
		if lines := written(t, out.Bytes()); len(lines) != 2 || lines[1].Hits != 1 {
			t.Errorf("wrote %s", out.String())
		}
	})
}

// Whichever of many invocations writes, everything is written once, in whole lines.
func TestSideBySide(t *testing.T) {
	out := &lockedWriter{}
	m, err := emf.New(emf.Options{Functions: []string{"a"}, Writer: out})
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for range 50 {
				ctx, inv := invocation.Begin(t.Context(), invocation.Options{})
				for j := range 5 {
					m.Observe(ctx, hit([]string{"a", "b"}[(i+j)%2], 0))
				}
				inv.Finish(ctx)
			}
		})
	}
	wg.Wait()
	var all, parts int64
	for _, d := range written(t, out.Bytes()) {
		if d.CachedFunction == nil {
			all += d.Hits
		} else {
			parts += d.Hits
		}
	}
	if all != 2000 || parts != 2000 {
		t.Errorf("%d hits, %d by function, want 2000", all, parts)
	}
}

// lockedWriter takes one Write at a time, as a file does.
type lockedWriter struct {
	mu sync.Mutex
	bytes.Buffer
}

func (w *lockedWriter) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.Buffer.Write(b)
}

type brokenWriter struct{}

func (brokenWriter) Write([]byte) (int, error) { return 0, errors.New("broken pipe") }

func TestAWriterThatFails(t *testing.T) {
	logged := captureLog(t)
	m, err := emf.New(emf.Options{Writer: brokenWriter{}})
	if err != nil {
		t.Fatal(err)
	}
	m.Observe(t.Context(), hit("f", 0))
	if err := m.Flush(); err == nil || err.Error() != "broken pipe" {
		t.Errorf("error %v", err)
	}
	for range 3 {
		ctx, inv := invocation.Begin(t.Context(), invocation.Options{})
		m.Observe(ctx, hit("f", 0))
		inv.Finish(ctx)
	}
	if n := strings.Count(logged.String(), "cannot write metrics"); n != 1 {
		t.Errorf("said %d times: %s", n, logged)
	}
}

func captureLog(t *testing.T) *bytes.Buffer {
	t.Helper()
	var b bytes.Buffer
	before := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(&b, nil)))
	t.Cleanup(func() { slog.SetDefault(before) })
	return &b
}

func TestALogLevelThatDropsTheLines(t *testing.T) {
	t.Setenv("AWS_LAMBDA_LOG_FORMAT", "JSON")
	t.Setenv("AWS_LAMBDA_LOG_LEVEL", "WARN")
	logged := captureLog(t)
	if _, err := emf.New(emf.Options{}); err != nil || !strings.Contains(logged.String(), "emf.Options.Level") {
		t.Errorf("said %q, error %v", logged, err)
	}
	logged.Reset()
	if _, err := emf.New(emf.Options{Level: "WARN"}); err != nil || logged.Len() > 0 {
		t.Errorf("said %q, error %v", logged, err)
	}
}

func FuzzNames(f *testing.F) {
	for _, s := range []string{"", " ", ":", "a\"b", "\xff", "\u2028", strings.Repeat("é", 300)} {
		f.Add(s, s)
	}
	f.Fuzz(func(t *testing.T, service, function string) {
		var out bytes.Buffer
		m, err := emf.New(emf.Options{Service: service, Functions: []string{function}, Writer: &out})
		if err != nil {
			return
		}
		m.Observe(t.Context(), hit(function, 1))
		if err := m.Flush(); err != nil {
			t.Fatal(err)
		}
		if n := len(written(t, out.Bytes())); n != 2 {
			t.Errorf("%d lines", n)
		}
	})
}

func (discard) Write(b []byte) (int, error) { return len(b), nil }
