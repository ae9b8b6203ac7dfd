package backends

import (
	"context"
	"fmt"
	"time"
)

// A LeaseRequest says who wants a lease, and for how long.
type LeaseRequest struct {
	// Token names the holder. It must be unique for each attempt; the store compares it and never invents one. 1 to 256
	// bytes, any bytes.
	Token string
	// TTL is how long the lease lasts unless it is renewed; at least a millisecond.
	TTL time.Duration
	// RunTime is how long the run is expected to take, 0 unknown. It is kept in the lease for those who wait.
	RunTime time.Duration
}

// Check returns an error for a request that no store can serve: no token or one that is too long, a ttl below a
// millisecond, a negative run time. Stores call it first.
func (r LeaseRequest) Check() error {
	switch {
	case r.Token == "":
		return fmt.Errorf("backends: lease: the request has no token")
	case len(r.Token) > maxToken:
		return fmt.Errorf("backends: lease: the token has %d bytes; at most %d are accepted", len(r.Token), maxToken)
	case r.RunTime < 0:
		return fmt.Errorf("backends: lease: run time %v is negative; use zero for unknown", r.RunTime)
	}
	return CheckLeaseTTL(r.TTL)
}

const maxToken = 256

// CheckLeaseTTL returns an error for a lease or a mark that would be over before anybody could use it.
func CheckLeaseTTL(ttl time.Duration) error {
	if ttl < time.Millisecond {
		return fmt.Errorf("backends: lease: ttl %v is too short; use 1ms or more", ttl)
	}
	return nil
}

// A Mark says of a key that no lease should be taken for it now. It lives in the slot of the key's lease, never in that
// of its entry.
type Mark struct {
	// Kind is the library's and opaque to the store; 0: no mark.
	Kind byte
	// Generation is the one under which the mark was set. The store compares it with nothing.
	Generation uint64
	// TTL is how long the mark lasts.
	TTL time.Duration
}

// Leaser is implemented by a [Store] that can let one container in the fleet run for a key while the others wait. Leases
// save cost; correctness never depends on them. Leases and entries of the same key must not disturb each other.
type Leaser interface {
	// Lease takes the lease of key where it is free, or where its holder is r.Token: then an earlier attempt took it and
	// its answer was lost. Where another holder has it and its time is not over the error must be a [*LeasedError], where
	// the key is marked a [*MarkedError], and the Lease nil.
	//
	// With the lease comes a reading of the key's slot, in the same round trip where the store can do that: what a holder
	// put before it released the lease must be there. The Lease must be returned whenever it was taken, whatever the
	// error says of the read.
	Lease(ctx context.Context, key string, r LeaseRequest, o ReadOptions) (Lease, Reading, error)
	// Takeover is Lease for a lease whose holder is from, whether its time is over or not: compare and set, so that one of
	// those who wait for a dead holder takes its lease. A free lease is taken too. Where somebody else has it meanwhile
	// the error is a [*LeasedError].
	Takeover(ctx context.Context, key, from string, r LeaseRequest, o ReadOptions) (Lease, Reading, error)
	// Mark sets the mark of a key that nobody has leased, replacing another one, or removes it where m.Kind is 0. Where the
	// key is leased it changes nothing and returns nil: the holder decides when it releases.
	Mark(ctx context.Context, key string, m Mark) error
}

// A Lease is the right to run for one key until its time is over. Its methods are safe for concurrent use.
type Lease interface {
	// Token returns the holder's token.
	Token() string
	// Renew extends the lease to ttl from now. When its run began stays as it was. The error must match [ErrLeaseLost]
	// where the lease is no longer held.
	Renew(ctx context.Context, ttl time.Duration) error
	// Release gives the lease back, and never touches one that another holder has taken meanwhile. With a mark (Kind not
	// 0) the key has that mark afterwards. Releasing twice, or a lease that is over, must not be an error.
	Release(ctx context.Context, m Mark) error
}

// BatchLeaser is implemented by a [Store] that takes many leases for less than one after the other takes.
type BatchLeaser interface {
	// LeaseAll is [Leaser.Lease] for many keys, each with its own request. Results must be in the order of the keys. err is
	// for the whole: then no lease was taken as far as is known.
	LeaseAll(ctx context.Context, keys []string, rs []LeaseRequest, o ReadOptions) ([]LeaseResult, error)
}

// LeaseResult is what [Leaser.Lease] returned for one key of a batch.
type LeaseResult struct {
	Lease   Lease
	Reading Reading
	Err     error
}
