package adapter

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/stillwarm/stillwarm/internal/engine/flight"
	"github.com/stillwarm/stillwarm/internal/invocation"
)

// AfterInvocation registers do to be called once when the invocation that ctx belongs to is over: its response was
// sent, and the work that cached functions left for after it is done. Use it to send what an observer has gathered. A
// second call under the same key, which must be comparable, changes nothing while the first waits.
//
// The context of do ends when the invocation must be over, and has the values of the handler's context. The next
// invocation waits for do, so do must respect that end. AfterInvocation reports false and never calls do if ctx belongs
// to no invocation that package lambda runs, or to one that is over. A panic of do is logged.
func AfterInvocation(ctx context.Context, key any, do func(context.Context)) bool {
	rt := runtimeIn(ctx)
	_, ok := invocation.From(ctx).AtEnd(key, func() func(context.Context) {
		return func(ctx context.Context) {
			defer func() {
				if r := recover(); r != nil {
					rt.log(ctx, slog.LevelError, "work at the end of the invocation panicked", "panic", fmt.Sprint(r))
				}
			}()
			do(ctx)
		}
	})
	return ok
}

// asOf returns a job for after the response that calls the user's code. Its context has the values of the call that left it: what
// the handler has put there says for whom the call was, and a Scope and the function may both ask that. The rest, such as its
// end and who observes it, is of the context that the job is given. No run waits for it, also not one that has left it.
func asOf(call context.Context, job func(context.Context)) func(context.Context) {
	return func(ctx context.Context) {
		job(flight.Apart(invocation.With(laterContext{ctx, call}, invocation.From(ctx))))
	}
}

type laterContext struct {
	context.Context
	call context.Context
}

func (c laterContext) Value(key any) any {
	if key != (observerKey{}) {
		if v := c.call.Value(key); v != nil {
			return v
		}
	}
	return c.Context.Value(key)
}
