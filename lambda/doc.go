// Package lambda stands in for github.com/aws/aws-lambda-go/lambda: change the import, and cached functions do their
// work after the response.
//
// A handler that misses the cache has a result to store, a lease to give back, perhaps a stale entry to refresh. If it
// does that before the answer, the client waits. If it leaves it to a goroutine, Lambda freezes the container in the
// middle of a write. [Start] uses the time between: when the answer has reached the client, the pending work runs,
// bounded by the invocation's deadline, and then the container asks for its next invocation.
//
// Everything that aws-lambda-go exports is here under the same name and behaves the same: every signature of a handler,
// every option, streamed responses, errors and panics. Handlers that do not use the cache behave as before.
//
// A [Handler] of your own, such as middleware, is served the same way. If nothing can run after the answer (the handler
// fails or panics, or something calls Invoke inside Lambda), the pending work is done first, within one BackendTimeout
// in all and without refreshes. On Managed Instances, and wherever one process runs several invocations at once,
// nothing freezes, and goroutines of the adapter do it.
//
// A panic in a cached function reaches Lambda's error document with the stack of its run: the first frame is the line
// that panicked.
package lambda
