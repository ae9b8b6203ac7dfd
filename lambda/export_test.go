package lambda

import (
	"context"
	"io"

	"github.com/stillwarm/stillwarm/adapter"
)

// ContextWithRuntime is what an invocation's context is under [WithRuntime].
func ContextWithRuntime(ctx context.Context, rt *adapter.Runtime) context.Context {
	return context.WithValue(ctx, runtimeKey{}, rt)
}

// StreamOf returns the stream that a handler made by HTTPHandler answers with.
func StreamOf(ctx context.Context, h Handler, payload []byte) io.ReadCloser {
	v, err := h.(*httpHandler).serve(ctx, payload)
	if err != nil {
		panic(err)
	}
	return v.(io.ReadCloser)
}
