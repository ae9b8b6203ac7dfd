// Package devchannel is the wire between a function that is being developed and the local runner: the function tells what
// its cached functions are and do, and the runner asks what is in memory, why a call would miss, and for a clear.
//
// # Cost
//
// The function's side is linked only into builds with the tag stillwarm_dev, which the runner sets, and dials only where
// STILLWARM_MODE is development and STILLWARM_DEV_CHANNEL has an address. Everywhere else [Connect] returns nil, whose
// methods do nothing.
//
// # What the library implements
//
// A Runtime calls Connect once, with a [Source] over what it has cached, and gives each of its events to [Client.Emit]. A
// Source needs five things of the engine:
//
//   - Functions: name, kind, place of the wrap, code identity, options that were set, and In and Out as trees ([TreeOf]).
//   - Entries: what memory holds, by function: digest of the key, times, size, generation. At most limit entries.
//   - Value: one entry's value, from memory or the backend, by function and digest, as a tree with field names ([ValueOf]).
//   - Explain: what a call with that key would find, without running anything.
//   - Clear by function and digest, by function, by tag, or everything, with the promises of the public methods.
//   - SetClockOffset: added to the Runtime's clock from then on. The user's own time.Now stays as it is.
//
// A digest is [Event].Key: a hash of the key that reveals nothing of the argument, the same as in an Explanation. An argument
// is rendered by [Render] in at most [MaxArg] bytes, and only where Connect has returned a client.
//
// # Protocol
//
// One JSON object a line, in both directions: [Message]. The function begins with a hello. What it sends arrives in the order
// in which it was given to the client, so an answer to the question "sync" proves that all events before it have arrived.
package devchannel

// The environment of the channel.
const (
	// EnvMode must be "development".
	EnvMode = "STILLWARM_MODE"
	// EnvAddress is the runner's address: unix:///path?token=... or tcp://127.0.0.1:port?token=...
	EnvAddress = "STILLWARM_DEV_CHANNEL"
	// Tag is the build tag that links the function's side.
	Tag = "stillwarm_dev"
	// MaxArg is the most bytes that an argument is rendered in.
	MaxArg = 200
	// Version is the protocol's. A runner shows nothing of a function that speaks another.
	Version = 1
)
