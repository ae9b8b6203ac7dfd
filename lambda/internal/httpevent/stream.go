package httpevent

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"

	"github.com/stillwarm/stillwarm/internal/panics"
)

// streamType is the content type by which Lambda knows a streamed HTTP answer.
const streamType = "application/vnd.awslambda.http-integration-response"

// prelude stands in front of a streamed body, followed by eight zero bytes.
type prelude struct {
	StatusCode   int                 `json:"statusCode"`
	Headers      map[string]string   `json:"headers,omitempty"`
	MultiHeaders map[string][]string `json:"multiValueHeaders,omitempty"`
	Cookies      []string            `json:"cookies,omitempty"`
}

// ErrCut says that a handler's run was cut off before its answer was whole.
var ErrCut = errors.New("the answer was cut off")

var errClientGone = errors.New("the response is no longer read")

// Stream serves the request with h and returns its answer as soon as the header is final. The answer is an io.ReadCloser that
// Lambda sends as it comes: h goes on while it is read. Close waits for h, until ctx ends. A panic before anything is sent is
// raised here, with the stack of h, or is [ErrCut] where h only means to end; a later one ends the stream with an error.
func (e *Event) Stream(ctx context.Context, h http.Handler, r *http.Request) (*Streamed, error) {
	pr, pw := io.Pipe()
	w := &streamWriter{event: e, header: http.Header{}, ready: make(chan struct{}), body: pw, head: r.Method == http.MethodHead}
	s := &Streamed{ctx: ctx, pipe: pr, done: make(chan struct{})}
	go s.run(w, h, r)
	select {
	case <-w.ready:
	case <-ctx.Done():
		_ = pr.CloseWithError(ctx.Err())
		return nil, ctx.Err()
	}
	if p := s.panicked; p != nil && w.prelude == nil {
		if p.PanicValue() == http.ErrAbortHandler { //nolint:errorlint // the very value
			return nil, ErrCut
		}
		panic(p)
	}
	s.Reader = io.MultiReader(bytes.NewReader(w.prelude), pr)
	return s, nil
}

// Streamed is an answer under way.
type Streamed struct {
	io.Reader
	ctx      context.Context
	pipe     *io.PipeReader
	done     chan struct{}
	panicked panics.Carrier
}

func (s *Streamed) run(w *streamWriter, h http.Handler, r *http.Request) {
	defer close(s.done)
	defer func() {
		v := recover()
		if v == nil {
			w.Flush()
			_ = w.body.Close()
			return
		}
		s.panicked = panics.Capture(v)
		_ = w.body.CloseWithError(s.panicked)
		w.once.Do(func() { close(w.ready) })
	}()
	h.ServeHTTP(w, r)
}

// ContentType tells Lambda what the stream is.
func (s *Streamed) ContentType() string { return streamType }

// Close implements io.Closer.
func (s *Streamed) Close() error {
	_ = s.pipe.CloseWithError(errClientGone)
	select {
	case <-s.done:
	case <-s.ctx.Done():
	}
	return nil
}

// MarshalJSON fails, which tells aws-lambda-go to stream.
func (s *Streamed) MarshalJSON() ([]byte, error) { return nil, errors.New("a stream is no JSON") }

type streamWriter struct {
	event   *Event
	header  http.Header
	sent    http.Header // a copy, as it was when the header was final
	status  int
	head    bool
	once    sync.Once
	ready   chan struct{} // closed when prelude is set, or never will be
	prelude []byte
	body    *io.PipeWriter
}

// Header implements [http.ResponseWriter].
func (w *streamWriter) Header() http.Header { return w.header }

// WriteHeader implements [http.ResponseWriter]. The header goes out with the first part of the body, whose type may have to be guessed,
// or by Flush.
func (w *streamWriter) WriteHeader(status int) {
	checkStatus(status)
	if w.status != 0 || status < 200 {
		return
	}
	w.status, w.sent = status, sendable(w.header)
}

// begin sends the header, once. p is the first part of the body.
func (w *streamWriter) begin(p []byte) {
	if w.prelude != nil {
		return
	}
	sniff(w.sent, p, w.status)
	res := w.event.Encode(w.status, w.sent, nil, 0)
	b, err := json.Marshal(prelude{w.status, res.Headers, res.MultiHeaders, res.Cookies})
	if err != nil { // strings and numbers only
		b = []byte(`{"statusCode":500}`)
	}
	w.prelude = append(b, make([]byte, 8)...)
	w.once.Do(func() { close(w.ready) })
}

// Write implements [http.ResponseWriter].
func (w *streamWriter) Write(p []byte) (int, error) {
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	if !bodyAllowed(w.status) {
		return 0, http.ErrBodyNotAllowed
	}
	if len(p) == 0 {
		return 0, nil
	}
	w.begin(p)
	if w.head {
		return len(p), nil
	}
	return w.body.Write(p)
}

// Flush implements [http.Flusher]. What is written goes out at once; this sends the header.
func (w *streamWriter) Flush() {
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	w.begin(nil)
}

// Text returns an answer that says what is wrong.
func (e *Event) Text(status int, message string) *Response {
	h := http.Header{"Content-Type": {"text/plain; charset=utf-8"}, "X-Content-Type-Options": {"nosniff"}}
	return e.Encode(status, h, []byte(strings.TrimSpace(message)+"\n"), 0)
}
