package lambda

import (
	"context"
	"os"
	"time"

	"github.com/aws/aws-lambda-go/lambdacontext"

	"github.com/stillwarm/stillwarm/internal/invocation"
)

// margin is kept free before the deadline when work runs after the response. Within it a job whose context has just
// ended returns (a store's call in flight gives up, its lease is given back) and the container asks for its next
// invocation. A container that misses the deadline is killed and takes everything warm with it, which costs more than
// the entries that a quarter of a second could have written.
const margin = 250 * time.Millisecond

// unbounded limits the work of an invocation without a deadline, which only a direct call of Invoke has.
const unbounded = 10 * time.Second

// call is one invocation on its way through the wrapper.
type call struct {
	ctx  context.Context // the handler's: it carries the invocation
	inv  *invocation.Invocation
	tell *record // what happened, for the log; nil where the log does not want it

	response response // what goes back, where it is one: here to save an allocation
}

// waits tells whether work may be left for after the response: this process stands still between invocations, and
// serves one at a time. Elsewhere goroutines are safe, and a worker that is held could have served somebody.
var waits = lambdacontext.MaxConcurrency() <= 1 &&
	os.Getenv("AWS_LAMBDA_INITIALIZATION_TYPE") != "lambda-managed-instances"

// running reports whether the context belongs to an invocation that began further out.
func running(ctx context.Context) bool { return invocation.From(ctx) != nil }

// begin begins an invocation. Whoever begins must call finish.
func begin(ctx context.Context) *call {
	o := invocation.Options{AfterResponse: waits}
	if lc, ok := lambdacontext.FromContext(ctx); ok {
		o.RequestID, o.TenantID = lc.AwsRequestID, lc.TenantID
	}
	c := &call{}
	c.ctx, c.inv = invocation.Begin(ctx, o)
	c.ctx, c.tell = observe(c.ctx, o.RequestID)
	return c
}

// finish does the work that the invocation left, lets go of what it held and writes its record.
func (c *call) finish() {
	c.tell.handlerDone()
	ctx := c.ctx
	if c.inv.Pending() {
		// The work outlives whatever may have ended the handler's context.
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(context.WithoutCancel(ctx), allowance(ctx, time.Now()))
		defer cancel()
	}
	c.inv.Finish(ctx)
	c.tell.write(ctx)
}

// allowance returns how long the work after the response may take. Where the handler has left less than two margins
// it is half of what is left: a lease may still be given back in that.
func allowance(ctx context.Context, now time.Time) time.Duration {
	deadline, ok := ctx.Deadline()
	if !ok {
		return unbounded
	}
	left := deadline.Sub(now)
	return max(left-margin, left/2)
}
