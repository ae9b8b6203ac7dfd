package lambda

import (
	"bytes"
	"io"
	"sync/atomic"
)

// Content types that aws-lambda-go sends, the second where a stream names none.
const (
	contentTypeJSON  = "application/json"
	contentTypeBytes = "application/octet-stream"
)

// response is what the wrapper returns to aws-lambda-go: a reader that JSON has nothing to say about, which is therefore
// sent as it is and closed when it has been sent. It has no exported fields for that reason.
type response struct {
	body        io.Reader
	contentType string
	writer      *writer  // body, where it is ours to use again
	writers     *writers // where it goes then
	call        *call
	drained     atomic.Bool // the body was read to its end
	closed      atomic.Bool
}

// respond returns the response for what the user's function returned. It returns nil and no error where the value
// must go back itself: how to write it is unknown.
func (w *wrapper) respond(val any, c *call) (*response, error) {
	r := &c.response
	r.call, r.writers = c, &w.writers
	switch b := val.(type) {
	case *writer:
		r.body, r.contentType, r.writer = b, contentTypeJSON, b
		return r, nil
	case rawBytes:
		r.body, r.contentType = bytes.NewReader(b), contentTypeBytes
		return r, nil
	case rawJSON:
		r.body, r.contentType = bytes.NewReader(b), contentTypeJSON
		return r, nil
	}
	out := w.writers.get()
	err := w.writers.encode(out, val)
	if reader, ok := streams(val, out, err); ok {
		w.writers.put(out)
		r.body, r.contentType = reader, contentTypeOf(reader)
		return r, nil
	}
	if err != nil || !w.known {
		w.writers.put(out)
		if !w.known {
			return nil, nil
		}
		return nil, err
	}
	r.body, r.contentType, r.writer = out, contentTypeJSON, out
	return r, nil
}

func contentTypeOf(reader io.Reader) string {
	if named, ok := reader.(interface{ ContentType() string }); ok {
		return named.ContentType()
	}
	return contentTypeBytes
}

// Read implements io.Reader.
func (r *response) Read(p []byte) (int, error) {
	if r.closed.Load() {
		return 0, io.ErrClosedPipe
	}
	n, err := r.body.Read(p)
	if err == io.EOF {
		r.drained.Store(true)
	}
	return n, err
}

// ContentType returns the type that the response is sent with.
func (r *response) ContentType() string { return r.contentType }

// Close runs after the response has been sent. It closes the user's stream, which may still need what the invocation
// holds, and finishes the invocation. It does nothing the second time.
func (r *response) Close() error {
	if r.closed.Swap(true) {
		return nil
	}
	defer r.call.finish()
	if r.writer != nil {
		// A Runtime API that answers before it has read everything leaves a sender behind that still reads: its
		// bytes are not for the next response then.
		if r.drained.Load() {
			r.writers.put(r.writer)
		}
		return nil
	}
	if closer, ok := r.body.(io.Closer); ok {
		return closer.Close()
	}
	return nil
}
