// Package logline reads what a function writes: plain text, or structured records in JSON as log/slog and Lambda's own
// runtimes write them. It knows the records that Stillwarm writes in development and that the runner shows in its own
// way.
package logline

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Kind says what a line is.
type Kind int

// The kinds of lines.
const (
	Plain       Kind = iota // text: Message is the line
	Structured              // a JSON record
	Counts                  // how an invocation used the cache: not shown, but added to the invocation's own line
	Progress                // a cached function has been running for a while
	Deprecation             // a deprecated name is in use
)

// The beginnings of the messages that have a meaning of their own.
const (
	countsMessage   = "stillwarm: invocation"
	progressMessage = "stillwarm: running"
)

// Attr is one attribute of a record, in the order of the record.
type Attr struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}

// CacheCounts is how one invocation used the cache.
type CacheCounts struct {
	Hits   int `json:"hits"`
	Misses int `json:"misses"`
	Stale  int `json:"stale"`
	Waits  int `json:"waits"`
}

// Line is one line that a function wrote.
type Line struct {
	Kind      Kind
	Time      time.Time // zero where the line has none
	Level     string    // "INFO", ... in upper case, "" where the line has none
	Message   string
	Attrs     []Attr
	RequestID string // the invocation that the record names, or ""
	Cache     CacheCounts
	Function  string        // Progress: which function
	Elapsed   time.Duration // Progress: for how long
}

// Parse reads one line. It never fails: what is no record is plain text.
func Parse(b []byte) Line {
	trimmed := bytes.TrimSpace(b)
	if l, ok := errorDocument(trimmed); ok {
		return l
	}
	if len(trimmed) < 2 || trimmed[0] != '{' {
		return plain(b)
	}
	fields, err := orderedFields(trimmed)
	if err != nil {
		return plain(b)
	}
	l := Line{Kind: Structured}
	for _, f := range fields {
		l.take(f.name, f.value)
	}
	if l.Message == "" && l.Level == "" { // some JSON of the function's own
		return plain(b)
	}
	l.classify()
	return l
}

func plain(b []byte) Line { return Line{Message: strings.ToValidUTF8(string(b), "\uFFFD")} }

type field struct {
	name  string
	value json.RawMessage
}

// orderedFields returns the members of a JSON object in their order, which a map would lose.
func orderedFields(b []byte) ([]field, error) {
	if !json.Valid(b) {
		return nil, fmt.Errorf("not JSON")
	}
	d := json.NewDecoder(bytes.NewReader(b))
	if _, err := d.Token(); err != nil {
		return nil, err
	}
	var fields []field
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return nil, err
		}
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return nil, err
		}
		text, _ := name.(string)
		fields = append(fields, field{text, value})
	}
	return fields, nil
}

// take puts one member where it belongs. The names are those of log/slog and of Lambda's JSON log format.
func (l *Line) take(name string, value json.RawMessage) {
	text := render(value)
	switch name {
	case "time", "timestamp":
		if t, err := time.Parse(time.RFC3339Nano, text); err == nil {
			l.Time = t
			return
		}
	case "level":
		l.Level = strings.ToUpper(text)
		return
	case "msg", "message":
		if l.Message == "" {
			l.Message = text
			return
		}
	case "requestId", "AWSRequestId":
		l.RequestID = text
		return
	}
	l.Attrs = append(l.Attrs, Attr{name, text})
}

// render writes a value as a reader wants it: a string without quotes, all else as compact JSON.
func render(value json.RawMessage) string {
	var s string
	if json.Unmarshal(value, &s) == nil && value[0] == '"' {
		return s
	}
	var b bytes.Buffer
	if json.Compact(&b, value) != nil {
		return string(value)
	}
	return b.String()
}

func (l *Line) classify() {
	switch {
	case l.Message == countsMessage && l.RequestID != "":
		l.Kind = Counts
		l.Cache = CacheCounts{l.number("hits"), l.number("misses"), l.number("stale"), l.number("waits")}
	case strings.HasPrefix(l.Message, progressMessage):
		l.Kind = Progress
		l.Function = l.attr("function")
		elapsed := l.attr("elapsed")
		if ms := l.attr("elapsedMs"); ms != "" {
			elapsed = ms + "ms"
		}
		l.Elapsed = duration(elapsed)
		if text := l.attr("text"); text != "" {
			l.Message = text
		}
	case l.attr("deprecated") == "true":
		l.Kind = Deprecation
		l.Attrs = slices.DeleteFunc(l.Attrs, func(a Attr) bool { return a.Key == "deprecated" })
	}
}

func (l *Line) attr(name string) string {
	for _, a := range l.Attrs {
		if a.Key == name {
			return a.Value
		}
	}
	return ""
}

func (l *Line) number(name string) int {
	n, err := strconv.Atoi(l.attr(name))
	if err != nil || n < 0 {
		return 0
	}
	return n
}

// duration reads a duration as slog's JSON handler writes it (nanoseconds), or in Go's form.
func duration(s string) time.Duration {
	if n, err := strconv.ParseFloat(s, 64); err == nil && n >= 0 && n < 1e18 {
		return time.Duration(n)
	}
	if d, err := time.ParseDuration(s); err == nil && d >= 0 {
		return d
	}
	return 0
}
