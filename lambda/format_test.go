package lambda

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/lambda/handlertrace"

	"github.com/stillwarm/stillwarm/internal/invocation"
)

// picky decodes only what it is told to.
type picky struct{ wants string }

var pickyWants string

func (p *picky) UnmarshalJSON(b []byte) error {
	switch {
	case pickyWants == "panic":
		panic("no samples, please")
	case string(b) != pickyWants:
		return errors.New("not that")
	}
	p.wants = string(b)
	return nil
}

func TestFormatIsLearnedFromASample(t *testing.T) {
	option := []Option{WithSetIndent("<", "\t"), WithSetEscapeHTML(true)}
	want := format{escapeHTML: true, prefix: "<", indent: "\t", newline: true}
	for _, event := range append(sampleEvents, "panic", "unknown") {
		t.Run("from an event "+event, func(t *testing.T) {
			pickyWants = event
			w := reflected(func(picky) (any, error) { return nil, errors.New("the user's code must not run") })
			w.build(option, true)
			known := event != "panic" && event != "unknown"
			if w.known != known || known && w.writers.format != want {
				t.Errorf("learned %+v (known: %v), want %+v", w.writers.format, w.known, want)
			}
		})
	}
	t.Run("without options nothing of the user's is decoded", func(t *testing.T) {
		pickyWants = "panic"
		w := reflected(func(picky) {})
		if w.build(nil, true); !w.known || w.writers.format != (format{}) {
			t.Errorf("learned %+v (known: %v)", w.writers.format, w.known)
		}
	})
}

func TestReadFormatRefusesWhatIsNoSample(t *testing.T) {
	for _, out := range []string{"", "null", `{"a":1}`, `["stillwarm-sample":"<"}`, `{"stillwarm-sample":"<"`,
		"{\n \"stillwarm-sample\": \"<\"}"} {
		if f, ok := readFormat(out); ok {
			t.Errorf("read %+v from %q", f, out)
		}
	}
}

func TestAllowanceLeavesAMargin(t *testing.T) {
	now := time.Now()
	tests := []struct {
		name       string
		left, want time.Duration
	}{
		{"a minute", time.Minute, time.Minute - margin},
		{"two margins", 2 * margin, margin},
		{"less than two margins: half", 100 * time.Millisecond, 50 * time.Millisecond},
		{"the deadline is over", -time.Second, -500 * time.Millisecond},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			ctx, cancel := context.WithDeadline(t.Context(), now.Add(tt.left))
			defer cancel()
			if got := allowance(ctx, now); got != tt.want {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
	if got := allowance(t.Context(), now); got != unbounded {
		t.Errorf("without a deadline: %v, want %v", got, unbounded)
	}
}

func TestTraceSeesWhatTheFunctionReturned(t *testing.T) {
	var seen []any
	see := func(_ context.Context, v any) { seen = append(seen, v) }
	ctx := handlertrace.NewContext(t.Context(), handlertrace.HandlerTrace{RequestEvent: see, ResponseEvent: see})
	h := NewHandler(func(n int) (string, error) { return fmt.Sprint(n + 1), nil })
	if out, err := h.Invoke(ctx, []byte("41")); err != nil || string(out) != `"42"` {
		t.Fatalf("got %q, %v", out, err)
	}
	if fmt.Sprint(seen) != "[41 42]" {
		t.Errorf("the trace saw %v", seen)
	}
}

func TestInvokeReturnsWhenTheWorkIsDone(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	var worked error
	h := NewHandler(func(ctx context.Context) (io.Reader, error) {
		invocation.From(ctx).After(func(ctx context.Context) { worked = errors.Join(errors.New("done"), ctx.Err()) })
		cancel() // the caller has gone: the work is done all the same
		return strings.NewReader("streamed"), nil
	})
	out, err := h.Invoke(ctx, nil)
	if err != nil || string(out) != "streamed" || worked == nil || worked.Error() != "done" {
		t.Errorf("got %q, %v; the work: %v", out, err, worked)
	}
}

func TestResponseGivesABufferBackOnlyWhenItWasReadToItsEnd(t *testing.T) {
	for name, drain := range map[string]bool{"read to its end": true, "left half-read by a server that answered early": false} {
		t.Run(name, func(t *testing.T) {
			w := &wrapper{known: true}
			r, err := w.respond(json.RawMessage(`"some text"`), begin(t.Context()))
			if err != nil {
				t.Fatal(err)
			}
			if drain {
				if _, err := io.ReadAll(r); err != nil {
					t.Fatal(err)
				}
			} else if _, err := r.Read(make([]byte, 3)); err != nil {
				t.Fatal(err)
			}
			left := r.writer.Len()
			_ = r.Close()
			_ = r.Close()
			if r.writer.Len() != left && !drain {
				t.Error("the buffer was reset under its reader")
			}
			if _, err := r.Read(make([]byte, 1)); !errors.Is(err, io.ErrClosedPipe) {
				t.Errorf("reading after Close: %v", err)
			}
		})
	}
}
