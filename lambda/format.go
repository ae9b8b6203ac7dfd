package lambda

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"strings"
	"sync"

	awslambda "github.com/aws/aws-lambda-go/lambda"
)

// format is how JSON responses are written. The options that decide it are opaque, and may be applied only once (one of
// them registers an extension), so it is learned from what aws-lambda-go makes of a sample.
type format struct {
	escapeHTML     bool
	prefix, indent string
	newline        bool // the encoder's last newline is kept
}

// sample shows every choice of a format when it is encoded.
type sample struct {
	Key string `json:"stillwarm-sample"`
}

const (
	sampleKey  = `"stillwarm-sample":`
	sampleText = "<"
)

// sampleEvents are tried in turn until one decodes into the handler's event type and the sample comes out.
var sampleEvents = []string{"null", "{}", `""`, "[]", "0", "false"}

// learn finds out the format that h writes. Where the options are aws-lambda-go's own it asks a handler without an event, so
// that no code of the user runs. Where no event reaches the function the format stays unknown.
func (w *wrapper) learn(h Handler, defaults bool) {
	if defaults {
		h = awslambda.NewHandler(func() (any, error) { return sample{Key: sampleText}, nil })
		w.probed = true
	}
	w.probe = true
	defer func() { w.probe = false }()
	for _, event := range sampleEvents {
		if out, ok := ask(h, event); ok && w.probed {
			w.writers.format, w.known = readFormat(out)
			return
		}
	}
}

// ask returns what h answers. A type whose UnmarshalJSON panics is one more that does not decode.
func ask(h Handler, event string) (out string, ok bool) {
	defer func() {
		if recover() != nil {
			out, ok = "", false
		}
	}()
	b, err := h.Invoke(context.Background(), []byte(event))
	return string(b), err == nil
}

// readFormat reads the format off an encoded sample: "{", newline, prefix, indent, key, " ", text, newline, prefix, "}".
func readFormat(out string) (f format, ok bool) {
	before, after, ok := strings.Cut(out, sampleKey)
	if !ok || !strings.HasPrefix(before, "{") {
		return f, false
	}
	after = strings.TrimPrefix(after, " ")
	f.escapeHTML = !strings.HasPrefix(after, `"`+sampleText)
	after, f.newline = strings.CutSuffix(after, "\n")
	after, ok = strings.CutSuffix(after, "}")
	if !ok {
		return f, false
	}
	lead, indented := strings.CutPrefix(before, "{\n")
	if !indented {
		return f, before == "{"
	}
	_, tail, ok := strings.Cut(after, "\"\n") // behind the text's closing quote
	if !ok {
		return f, false
	}
	f.prefix = tail
	f.indent, ok = strings.CutPrefix(lead, f.prefix)
	return f, ok
}

// writer is an encoder with the buffer that it writes to, to be used again.
type writer struct {
	bytes.Buffer
	encoder *json.Encoder
}

// largestKept is the size up to which a writer is used again. Lambda's responses may be 6 MB, most are small, and a
// container that kept the buffer of the greatest one would lose that memory for good.
const largestKept = 256 << 10

// writers keeps the writers of one format.
type writers struct {
	format format
	pool   sync.Pool
}

func (s *writers) get() *writer {
	if w, ok := s.pool.Get().(*writer); ok {
		return w
	}
	w := &writer{}
	w.encoder = json.NewEncoder(&w.Buffer)
	w.encoder.SetEscapeHTML(s.format.escapeHTML)
	w.encoder.SetIndent(s.format.prefix, s.format.indent)
	return w
}

func (s *writers) put(w *writer) {
	if w.Cap() <= largestKept {
		w.Reset()
		s.pool.Put(w)
	}
}

// encode writes v as aws-lambda-go would.
func (s *writers) encode(w *writer, v any) error {
	if err := w.encoder.Encode(v); err != nil {
		return err
	}
	if !s.format.newline {
		w.Truncate(w.Len() - 1)
	}
	return nil
}

// streams reports whether a value that was encoded with the given outcome is sent as the stream that it is: JSON takes
// precedence unless it fails or has nothing to say.
func streams(val any, encoded *writer, err error) (io.Reader, bool) {
	reader, ok := val.(io.Reader)
	if !ok || err == nil && !bytes.HasPrefix(encoded.Bytes(), []byte("{}")) {
		return nil, false
	}
	return reader, true
}
