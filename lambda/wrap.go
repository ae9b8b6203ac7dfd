package lambda

import (
	"context"
	"encoding/json"
	"reflect"

	awslambda "github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambda/handlertrace"
)

// wrapper stands between aws-lambda-go and the user's function. aws-lambda-go sees a function of the same event,
// decodes it with the user's options and calls it; the wrapper begins an invocation, calls the user's function and
// returns a *response, which aws-lambda-go sends and then closes.
type wrapper struct {
	outer   any     // the function that aws-lambda-go sees
	writers writers // of JSON, as the user's options have it written
	known   bool    // their format has been learned
	probe   bool    // the next calls come from learn, not from an event
	probed  bool    // such a call has come
	served  bool    // Start serves it; else somebody calls Invoke
}

var (
	contextType = reflect.TypeFor[context.Context]()
	errorType   = reflect.TypeFor[error]()
	anyType     = reflect.TypeFor[any]()
)

// typed wraps a function whose types are known when it is compiled.
func typed[TIn, TOut any](handler func(context.Context, TIn) (TOut, error)) *wrapper {
	w := &wrapper{}
	if handler == nil {
		w.outer = handler
		return w
	}
	w.outer = func(ctx context.Context, event TIn) (any, error) {
		return w.serve(ctx, func(ctx context.Context) (any, error) { return handler(ctx, event) })
	}
	return w
}

// reflected wraps a function of any form that aws-lambda-go accepts, and returns nil for anything else.
func reflected(handler any) *wrapper {
	fn := reflect.ValueOf(handler)
	if fn.Kind() != reflect.Func || fn.IsNil() {
		return nil
	}
	f, ok := formOf(fn.Type())
	if !ok {
		return nil
	}
	w := &wrapper{}
	if f.event == nil {
		w.outer = func(ctx context.Context) (any, error) {
			return w.serve(ctx, func(ctx context.Context) (any, error) { return f.call(ctx, fn, reflect.Value{}) })
		}
		return w
	}
	// The event's type decides how it is decoded, so the function that aws-lambda-go sees must have it too.
	outer := reflect.FuncOf([]reflect.Type{contextType, f.event}, []reflect.Type{anyType, errorType}, false)
	w.outer = reflect.MakeFunc(outer, func(args []reflect.Value) []reflect.Value {
		val, err := w.serve(args[0].Interface().(context.Context), func(ctx context.Context) (any, error) {
			return f.call(ctx, fn, args[1])
		})
		if err != nil {
			return []reflect.Value{noValue, boxed(err)}
		}
		return []reflect.Value{boxed(val), noError}
	}).Interface()
	return w
}

// The results of a function that returned nothing in one of its places.
var noValue, noError = reflect.Zero(anyType), reflect.Zero(errorType)

// boxed returns v as a value of the interface type T, also where v is nil, which reflect.ValueOf would lose.
func boxed[T any](v T) reflect.Value { return reflect.ValueOf(&v).Elem() }

// rawBytes is what a handler of bytes returned.
type rawBytes []byte

// raw wraps a handler of bytes to be served. aws-lambda-go gives no sign of when it has sent the answer of such a handler,
// so it sees a function of a JSON value instead. The event that the handler gets is the event's text without space around it,
// and the answer goes out byte for byte.
func raw(handler Handler) *wrapper {
	w := &wrapper{known: true}
	w.outer = func(ctx context.Context, event json.RawMessage) (any, error) {
		return w.serve(ctx, func(ctx context.Context) (any, error) {
			b, err := handler.Invoke(ctx, event)
			return rawBytes(b), err
		})
	}
	return w
}

// build returns aws-lambda-go's handler around the wrapper, with the user's options.
func (w *wrapper) build(options []Option, served bool) Handler {
	h := awslambda.NewHandlerWithOptions(w.outer, options...)
	if !w.known {
		w.learn(h, len(options) == 0)
	}
	w.served = served
	return h
}

// serve runs one invocation of the user's function.
func (w *wrapper) serve(ctx context.Context, handler func(context.Context) (any, error)) (any, error) {
	if w.probe {
		w.probed = true
		return sample{Key: sampleText}, nil
	}
	if running(ctx) || w.observed(ctx) {
		return w.serveWhole(ctx, handler)
	}
	c := begin(ctx)
	c.direct = !w.served
	kept := false
	if w.served {
		defer describePanic()
	}
	defer func() {
		if !kept { // an error goes back, or a panic is on its way, or nothing will close the response
			c.finishBefore()
		}
	}()
	val, err := handler(c.ctx)
	if err != nil {
		return nil, err
	}
	r, err := w.respond(val, c)
	if r == nil {
		return val, err
	}
	kept = true
	return r, nil
}

// serveWhole runs the user's function where somebody waits for what it returned itself: an invocation that began
// further out, or a trace. The work is done before the answer.
func (w *wrapper) serveWhole(ctx context.Context, handler func(context.Context) (any, error)) (any, error) {
	if running(ctx) {
		return handler(ctx)
	}
	c := begin(ctx)
	defer c.finishBefore()
	return handler(c.ctx)
}

// observed reports whether a trace of aws-lambda-go's handlertrace package wants to see what the function returns.
func (w *wrapper) observed(ctx context.Context) bool {
	return handlertrace.FromContext(ctx).ResponseEvent != nil
}

// form is what a function takes and returns.
type form struct {
	context bool         // the first argument is a context
	event   reflect.Type // the type of the event, or nil
}

// formOf returns the form of a function type, and false for those that aws-lambda-go refuses.
func formOf(t reflect.Type) (f form, ok bool) {
	if t.IsVariadic() {
		return f, false
	}
	switch n := t.NumIn(); {
	case n == 1 && t.In(0).Kind() == reflect.Interface && t.In(0).NumMethod() > 0:
		f.context = isContext(t.In(0))
		ok = f.context
	case n == 1:
		f.event, ok = t.In(0), true
	case n == 2:
		f.context, f.event = true, t.In(1)
		ok = isContext(t.In(0))
	default:
		ok = n == 0
	}
	out := t.NumOut()
	return f, ok && (out == 0 || out <= 2 && t.Out(out-1).Implements(errorType))
}

func isContext(t reflect.Type) bool {
	return t.Kind() == reflect.Interface && contextType.Implements(t) && t.Implements(contextType)
}

// call calls the function and returns its result and its error.
func (f form) call(ctx context.Context, fn reflect.Value, event reflect.Value) (any, error) {
	args := make([]reflect.Value, 0, 2)
	if f.context {
		args = append(args, reflect.ValueOf(ctx))
	}
	if f.event != nil {
		args = append(args, event)
	}
	results := fn.Call(args)
	if len(results) == 0 {
		return nil, nil
	}
	// A nil pointer of an error type is an error here, as it is for aws-lambda-go.
	if err, ok := results[len(results)-1].Interface().(error); ok && err != nil {
		return nil, err
	}
	if len(results) == 1 {
		return nil, nil
	}
	return results[0].Interface(), nil
}
