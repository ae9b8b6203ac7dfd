package adapter

import (
	"context"
	"fmt"
	"log/slog"

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
