package lambda

import (
	"context"
	"os"
	"time"

	"github.com/aws/aws-lambda-go/lambdacontext"

	"github.com/stillwarm/stillwarm/internal/host"
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
	direct   bool     // somebody other than Start called the handler, and gets bytes
}

// inLambda reports whether there is a Runtime API.
var inLambda = os.Getenv("AWS_LAMBDA_RUNTIME_API") != ""

// waits reports whether work may be left for after the response: this process is frozen between invocations, and serves
// one at a time. Elsewhere goroutines are safe, and a blocked worker could have served a request.
var waits = host.OneAtATime()

// running reports whether the context belongs to an invocation that began further out.
func running(ctx context.Context) bool { return invocation.From(ctx) != nil }

// begin begins an invocation. The caller must call finish.
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
	if c.direct && inLambda {
		c.finishBefore() // whoever called waits for the bytes in order to answer with them
		return
	}
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

// finishBefore is finish where the answer waits for it: what only a time after the response is worth is left out, and
// all of the rest takes one BackendTimeout at most. What is not done by then goes on beside the answer.
func (c *call) finishBefore() {
	c.tell.handlerDone()
	defer c.tell.write(c.ctx)
	if !c.inv.Pending() {
		c.inv.FinishBeforeResponse(c.ctx)
		return
	}
	limit := min(backendTimeout(runtimeOf(c.ctx)), allowance(c.ctx, time.Now()))
	wait := time.NewTimer(limit)
	defer wait.Stop()
	// Jobs end a little earlier than the wait for them, so that they can give back what they hold.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(c.ctx), limit-limit/8)
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer cancel()
		c.inv.FinishBeforeResponse(ctx)
	}()
	select {
	case <-done:
	case <-wait.C:
	}
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
