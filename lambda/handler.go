package lambda

import (
	"context"
	"reflect"
	"sync"

	awslambda "github.com/aws/aws-lambda-go/lambda"
)

// NewHandler returns the handler that [Start] would serve: it decodes the event, calls the function and encodes the
// result. Its Invoke returns when the work after the response is done, too. If you give it to Start, it is served like
// the function. It is safe for concurrent use if the function is.
func NewHandler(handlerFunc any) Handler {
	return NewHandlerWithOptions(handlerFunc)
}

// NewHandlerWithOptions is NewHandler with options. They stay with the handler: options that are given to [Start]
// together with it do not apply.
func NewHandlerWithOptions(handlerFunc any, options ...Option) Handler {
	if p, ok := handlerFunc.(*prepared); ok {
		return p
	}
	p := &prepared{handlerFunc: handlerFunc, options: options}
	p.built = sync.OnceValue(func() Handler { return newHandler(handlerFunc, options, false) })
	return p
}

// prepared is a handler whose options are applied at its first use, because applying them may register an extension and
// Start may have to add to them.
type prepared struct {
	handlerFunc any
	options     []Option
	built       func() Handler
}

// Invoke implements [Handler].
func (p *prepared) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	return p.built().Invoke(ctx, payload)
}

// finished is the type of the handlers that aws-lambda-go has built itself. It serves them as they are, so whatever
// they stream, and the context they were given, survives.
var finished = reflect.TypeOf(awslambda.NewHandler(func() {}))

// startable returns what aws-lambda-go is to serve, with the release of resources at SIGTERM added.
func startable(handler any, options []Option) Handler {
	if p, ok := handler.(*prepared); ok {
		handler, options = p.handlerFunc, p.options
	}
	if h := asIs(handler); h != nil && len(options) == 0 {
		return h.wrapAsIs().build(withRelease(nil), true)
	}
	if h, ok := handler.(Handler); ok && reflect.TypeOf(handler) == finished {
		if release := withRelease(nil); len(release) > 0 {
			// The handler's options were applied long ago: this one is applied to another for its effect.
			awslambda.NewHandlerWithOptions(func() {}, release...)
		}
		return h
	}
	return newHandler(handler, withRelease(options), true)
}

// newHandler returns aws-lambda-go's handler around the user's, inside of which invocations begin and finish.
func newHandler(handler any, options []Option, served bool) Handler {
	if h, ok := handler.(Handler); ok {
		special, isSpecial := handler.(wrappable)
		switch {
		case reflect.TypeOf(handler) == finished:
			return h
		case isSpecial:
			return special.wrap().build(options, served)
		case served:
			return raw(h).build(options, true)
		default:
			return awslambda.NewHandlerWithOptions(called{h}, options...)
		}
	}
	if w := reflected(handler); w != nil {
		return w.build(options, served)
	}
	return awslambda.NewHandlerWithOptions(handler, options...) // not a handler: it knows how to say so
}

// wrappable is a handler of this package's own with a better way to be served than through bytes. It is an interface, so that a
// function that uses no such handler does not link it.
type wrappable interface{ wrap() *wrapper }

// called runs a handler of bytes as an invocation for somebody who calls Invoke.
type called struct{ handler Handler }

// Invoke implements [Handler].
func (h called) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	if running(ctx) {
		return h.handler.Invoke(ctx, payload)
	}
	c := begin(ctx)
	c.direct = true
	defer c.finish()
	return h.handler.Invoke(c.ctx, payload)
}
