package lambda

import (
	"context"

	awslambda "github.com/aws/aws-lambda-go/lambda"
)

// Start serves invocations with the handler and does not return. The handler is a function of one of these forms,
// where TIn and TOut are types that encoding/json knows, or a [Handler]:
//
//	func ()
//	func (TIn)
//	func () error
//	func (TIn) error
//	func () (TOut, error)
//	func (TIn) (TOut, error)
//	func (context.Context)
//	func (context.Context) error
//	func (context.Context) (TOut, error)
//	func (context.Context, TIn)
//	func (context.Context, TIn) error
//	func (context.Context, TIn) (TOut, error)
//
// A TOut that is an io.Reader, and that JSON has nothing to say about, is streamed as it is.
//
// Anything else is reported as the error of each invocation. Work that cached functions leave for after the response is
// done before the next invocation is asked for; see the package's documentation. Where a resource that was wrapped before
// Start has something to release, SIGTERM is enabled and the resources are released then.
func Start(handler any, options ...Option) {
	awslambda.StartWithOptions(startable(handler, options))
}

// StartWithOptions is Start, under the name that it has in aws-lambda-go.
func StartWithOptions(handler any, options ...Option) {
	Start(handler, options...)
}

// StartHandlerFunc is Start for a handler whose form the compiler checks. It also spares each invocation the
// reflective call.
func StartHandlerFunc[TIn any, TOut any, H HandlerFunc[TIn, TOut]](handler H, options ...Option) {
	if h := asIs((func(context.Context, TIn) (TOut, error))(handler)); h != nil && len(options) == 0 {
		awslambda.StartWithOptions(h.wrapAsIs().build(withRelease(nil), true))
		return
	}
	w := typed[TIn, TOut](handler)
	awslambda.StartWithOptions(w.build(withRelease(options), true))
}

// StartWithContext is Start with [WithContext].
//
// Deprecated: use lambda.Start(handler, lambda.WithContext(ctx)).
func StartWithContext(ctx context.Context, handler any) {
	Start(handler, WithContext(ctx))
}

// StartHandler is Start for a [Handler].
//
// Deprecated: use lambda.Start(handler).
func StartHandler(handler Handler) {
	Start(handler)
}

// StartHandlerWithContext is StartHandler with [WithContext].
//
// Deprecated: use lambda.Start(handler, lambda.WithContext(ctx)).
func StartHandlerWithContext(ctx context.Context, handler Handler) {
	Start(handler, WithContext(ctx))
}
