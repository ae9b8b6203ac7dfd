package bench

import "time"

// The goals, by the section of docs/internals/performance.md in which the results stand. Times are what a quiet machine has to reach.
const (
	// Section 1, a hit in memory.
	goalHitFlat      = 150 * time.Nanosecond
	goalHitHundred   = 3 * time.Microsecond
	goalHitOverFloor = 1.5 // of the hand-written copy, for values with memory of their own
	goalHitAllocs    = 0   // of a value without pointers
	// Section 1, keys, copies and the codec.
	goalKeyLocal      = 65 * time.Nanosecond
	goalKeyPersistent = 200 * time.Nanosecond
	goalCopyOverHand  = 1.5
	goalCodecOverCBOR = 1.0 // of fxamacker/cbor, the fastest general codec with a public format
	// Section 2, Redis.
	goalRedisTime   = 1.10 // of go-redis Get
	goalRedisAllocs = 4    // more than go-redis Get
	// Section 3, S3.
	goalS3Time = 1.10 // of the SDK with a buffer of the right size
	goalS3CPU  = 1.20
	// Section 1, tags and cores.
	goalTagged = 1.10    // of an untagged hit
	goalSpread = 1 / 1.6 // two goroutines of one, on different keys
	// Section 4, batches of 100 keys.
	goalBatchMemory = 1.0  // of 100 single hits
	goalBatchRedis  = 1.25 // of MGET
	goalBatchS3     = 1.15 // of the SDK with the same concurrency
	// Section 4, the handler.
	goalHandlerHit  = 1.03 // of the bare handler
	goalHandlerMiss = 1.03 // of the uncached handler
	goalHTTPHit     = 1.30 // of the same bytes from a variable
	goalHTTPLambda  = 1.05 // of the bare handler behind the same event
	goalHTTPPrivate = 1.10 // of the bare handler, at the median
	// Section 5, cold start.
	goalColdRedis = 1.10 // of bare and go-redis
	goalColdS3    = 1.05 // of bare and a static s3.New
	goalColdBoth  = 1.35 // of bare
	// Everywhere: ahead of whoever gives the same.
	goalPeers = 1.0
)
