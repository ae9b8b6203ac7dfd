//go:build !stillwarm_dev

package devchannel

// Linked says that this build has the function's side of the channel. It is a constant, so that what depends on it costs
// other builds nothing.
const Linked = false
