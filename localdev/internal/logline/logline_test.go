package logline

import (
	"reflect"
	"testing"
	"time"
)

func TestParse(t *testing.T) {
	for _, c := range []struct {
		name, in string
		want     Line
	}{
		{"text", "hello", Line{Message: "hello"}},
		{"nothing", "", Line{}},
		{"half a record", `{"level":"INFO"`, Line{Message: `{"level":"INFO"`}},
		{"attributes keep their order", `{"time":"2026-01-02T03:04:05Z","level":"info","msg":"m","z":1,"a":{"b": [1]}}`, Line{
			Kind: Structured, Time: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Level: "INFO", Message: "m",
			Attrs: []Attr{{"z", "1"}, {"a", `{"b":[1]}`}},
		}},
		{"a time that is none is an attribute", `{"time":"noon","msg":"m"}`,
			Line{Kind: Structured, Message: "m", Attrs: []Attr{{"time", "noon"}}}},
		{"how the cache was used", `{"level":"INFO","msg":"stillwarm: invocation","requestId":"r","hits":2,"misses":1,"stale":4,"waits":3}`, Line{
			Kind: Counts, Level: "INFO", Message: "stillwarm: invocation", RequestID: "r", Cache: CacheCounts{2, 1, 4, 3},
			Attrs: []Attr{{"hits", "2"}, {"misses", "1"}, {"stale", "4"}, {"waits", "3"}},
		}},
		{"counts that are none are 0", `{"msg":"stillwarm: invocation","requestId":"r","hits":-1,"misses":"x"}`, Line{
			Kind: Counts, Message: "stillwarm: invocation", RequestID: "r", Attrs: []Attr{{"hits", "-1"}, {"misses", "x"}},
		}},
		{"counts without an invocation are an ordinary record", `{"msg":"stillwarm: invocation"}`,
			Line{Kind: Structured, Message: "stillwarm: invocation"}},
		{"progress", `{"level":"INFO","msg":"stillwarm: running","text":"Running f(...)","function":"f","elapsed":1500000000}`, Line{
			Kind: Progress, Level: "INFO", Message: "Running f(...)", Function: "f", Elapsed: 1500 * time.Millisecond,
			Attrs: []Attr{{"text", "Running f(...)"}, {"function", "f"}, {"elapsed", "1500000000"}},
		}},
		{"a deprecation", `{"level":"WARN","msg":"is deprecated","deprecated":true,"function":"f"}`, Line{
			Kind: Deprecation, Level: "WARN", Message: "is deprecated", Attrs: []Attr{{"function", "f"}},
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := Parse([]byte(c.in)); !reflect.DeepEqual(got, c.want) {
				t.Errorf("got  %+v\nwant %+v", got, c.want)
			}
		})
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"level":"INFO","msg":"m","a":1}`))
	f.Add([]byte(`2026/11/22 12:00:00 {"errorMessage":"oh","errorType":"string"}`))
	f.Add([]byte(`{"msg":"stillwarm: running","elapsed":"1s"}`))
	f.Fuzz(func(t *testing.T, in []byte) {
		l := Parse(in)
		if l.Cache.Hits < 0 || l.Elapsed < 0 {
			t.Errorf("%+v", l)
		}
	})
}
