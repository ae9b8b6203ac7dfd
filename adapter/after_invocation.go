package adapter

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/stillwarm/stillwarm/internal/invocation"
)

// AfterInvocation has do called once when the invocation that ctx belongs to is over: its response was sent, and the work
// that cached functions left for after it is done. It is the moment to send off what an observer has gathered. A second call
// under the same key, which must be comparable, changes nothing while the first waits.
//
// The context that do gets ends when the invocation has to be over; it carries the values of the handler's. do runs on a
// goroutine that the next invocation waits for, so it must respect that end. AfterInvocation reports false, and do is
// never called, where ctx belongs to no invocation that package lambda runs, or to one that is over. A panic of do is
// logged.
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
