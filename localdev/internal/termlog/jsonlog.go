package termlog

import (
	"encoding/json"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/stillwarm/stillwarm/devchannel"
	"github.com/stillwarm/stillwarm/localdev/internal/journal"
)

// JSON writes one object a line for each invocation, log line, warning and message. It is a journal.Sink, a writer for
// what the runner says itself, and safe for concurrent use.
type JSON struct {
	mu sync.Mutex
	w  io.Writer
}

// NewJSON returns a log that writes to w.
func NewJSON(w io.Writer) *JSON { return &JSON{w: w} }

type record map[string]any

func (j *JSON) put(kind string, at time.Time, r record) {
	r["kind"], r["time"] = kind, at.Format(time.RFC3339Nano)
	b, err := json.Marshal(r)
	if err != nil {
		return // strings and finite numbers always encode
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	_, _ = j.w.Write(append(b, '\n'))
}

// Write turns what the runner says into records, one a line.
func (j *JSON) Write(b []byte) (int, error) {
	for line := range strings.Lines(string(b)) {
		if line = strings.TrimSpace(line); line != "" {
			j.put("message", time.Now(), record{"text": line})
		}
	}
	return len(b), nil
}

// Began says nothing.
func (j *JSON) Began(journal.Invocation) {}

// Finished writes an invocation.
func (j *JSON) Finished(inv journal.Invocation) {
	r := record{
		"requestId": inv.RequestID, "label": label(inv), "status": inv.Status, "container": inv.Slot, "cold": inv.Cold,
		"durationMs": millis(inv.Duration), "initMs": millis(inv.Init), "afterMs": millis(inv.After), "memoryBytes": inv.PeakBytes,
	}
	if inv.Fault != "" {
		r["fault"] = inv.Fault
	}
	if inv.Cached {
		r["cache"] = inv.Cache
	}
	j.put("invocation", inv.Started, r)
}

// Log writes a function's line.
func (j *JSON) Log(l journal.Log) {
	r := record{"container": l.Slot, "requestId": l.RequestID, "text": l.Line.Message}
	if l.Line.Level != "" {
		r["level"] = l.Line.Level
	}
	if len(l.Line.Attrs) > 0 {
		r["attrs"] = l.Line.Attrs
	}
	j.put("log", l.At, r)
}

// Progress writes that a cached function has been running for a while.
func (j *JSON) Progress(l journal.Log) {
	j.put("progress", l.At, record{"container": l.Slot, "requestId": l.RequestID, "function": l.Line.Function, "elapsedMs": millis(l.Line.Elapsed), "text": l.Line.Message})
}

// Warning writes a warning.
func (j *JSON) Warning(w journal.Warning) {
	j.put("warning", w.At, record{"container": w.Slot, "text": w.Text})
}

// Events says nothing: the counts stand in the invocation's record.
func (j *JSON) Events(int, []devchannel.Event) {}

func millis(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
