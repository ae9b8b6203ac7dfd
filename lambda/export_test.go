package lambda

import (
	"context"
	"io"
)

// StreamOf returns the stream that a handler made by HTTPHandler answers with.
func StreamOf(ctx context.Context, h Handler, payload []byte) io.ReadCloser {
	v, err := h.(*httpHandler).serve(ctx, payload)
	if err != nil {
		panic(err)
	}
	return v.(io.ReadCloser)
}
