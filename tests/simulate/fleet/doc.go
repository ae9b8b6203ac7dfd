// Package fleet simulates a fleet of containers that share one cached function. What is simulated is everything around
// the cache: clients, the service that places invocations on containers, cold starts, the function's work, the network
// and the backend. The cache is the real one: every container has its own adapter.Runtime, with its memory tier, keys,
// envelopes, leases, refreshes and work after the response.
//
// Time is virtual. A simulation runs inside a testing/synctest bubble, where sleeping costs nothing and the clock, the
// timers and the deadlines of the adapter move on only when every goroutine waits. A day of a fleet takes seconds.
package fleet
