// Package lambda stands in for github.com/aws/aws-lambda-go/lambda: change the import, and cached functions do their
// work after the response.
//
// A handler that misses the cache has a result to store, a lease to give back, perhaps a stale entry to refresh.
// Done before the answer, the client waits for it; left to a goroutine, it is frozen together with the container in the
// middle of a write. Between the two lies the time after the answer has reached the client and before the container
// asks for its next invocation. [Start] uses it: the pending work of an invocation runs then, bounded by the
// invocation's deadline, and the next invocation is not asked for until it is done.
//
// Everything that aws-lambda-go exports is here under the same name and behaves the same: every signature of a handler,
// every option, streamed responses, errors and panics. Handlers that do not use the cache notice nothing.
//
// A [Handler] of your own, such as middleware, is served the same way. Where nothing can follow the answer (the handler fails
// or panics, or somebody calls Invoke inside Lambda) what is pending is done first: one BackendTimeout at most in
// all, and without refreshes. On Managed Instances, and wherever one process runs several invocations at once, nothing freezes,
// and the adapter's own goroutines do it.
//
// A panic in a cached function reaches Lambda's error document with the stack of its run: the first frame is the line
// that panicked.
package lambda
