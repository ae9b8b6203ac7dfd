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
	buffer      *bytes.Buffer // body, where it is ours to use again
	call        *call
	drained     atomic.Bool // the body was read to its end
	closed      atomic.Bool
}

// respond returns the response for what the user's function returned. It returns nil and no error where the value
// must go back itself: how to write it is unknown.
func (w *wrapper) respond(val any, c *call) (*response, error) {
	buffer := buffers.Get().(*bytes.Buffer)
	err := w.format.encode(buffer, val)
	if reader, ok := streams(val, buffer, err); ok {
		putBuffer(buffer)
		return &response{body: reader, contentType: contentTypeOf(reader), call: c}, nil
	}
	if err != nil || !w.known {
		putBuffer(buffer)
		if !w.known {
			return nil, nil
		}
		return nil, err
	}
	return &response{body: buffer, contentType: contentTypeJSON, buffer: buffer, call: c}, nil
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
	if r.buffer != nil {
		// A Runtime API that answers before it has read everything leaves a sender behind that still reads: the buffer
		// is not for the next response then.
		if r.drained.Load() {
			putBuffer(r.buffer)
		}
		return nil
	}
	if closer, ok := r.body.(io.Closer); ok {
		return closer.Close()
	}
	return nil
}
