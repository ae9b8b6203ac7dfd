package fleet

import (
	"bytes"
	"sync"
	"time"

	"github.com/stillwarm/stillwarm/backends"
)

// Operations counts what the containers asked of the backend, and what the backend would put on the bill for it.
type Operations struct {
	Get, Generation, Put, Delete        int64 // methods of the store
	LeaseTaken, LeaseBusy, Renew, Freed int64 // of the leaser: taken, refused, extended, released

	Reads  int64 // S3: GET requests
	Writes int64 // S3: PUT requests
	// Commands are those sent to Redis, and Units what a serverless Redis bills for them: one for each command and
	// begun kilobyte.
	Commands, Units int64
	Bytes           int64 // moved, as the adapter wrote and read them
}

// Calls is the number of calls of the store.
func (o Operations) Calls() int64 {
	return o.Get + o.Generation + o.Put + o.Delete + o.LeaseTaken + o.LeaseBusy + o.Renew + o.Freed
}

// cloud is the backend that all containers share. It takes effect at once: latency is the containers' affair.
type cloud struct {
	mu         sync.Mutex
	generation uint64
	entries    map[string]entry
	leases     map[string]lease
	versions   uint64
	ops        Operations
}

type entry struct {
	data    []byte // nil: a tombstone
	expires time.Time
	version uint64
}

// lease is the state of one key's lease. version changes with every write, as an ETag does.
type lease struct {
	version uint64
	until   time.Time // zero: free
	began   time.Time
	request backends.LeaseRequest
}

func newCloud() *cloud {
	return &cloud{generation: 1, entries: map[string]entry{}, leases: map[string]lease{}}
}

func (c *cloud) count(f func(o *Operations)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f(&c.ops)
}

// get returns the entry, nil for none and for one that has expired, and the slot's version, 0 where there is no object.
func (c *cloud) get(key string) (data []byte, version uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.entries[key]
	if e.data == nil || !e.expires.IsZero() && !time.Now().Before(e.expires) {
		return nil, e.version
	}
	c.ops.Bytes += int64(len(e.data))
	return bytes.Clone(e.data), e.version
}

// put stores the entry where the slot has the version that was seen; nil data is a tombstone.
func (c *cloud) put(key string, data []byte, expires time.Time, seen uint64) (version uint64, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.entries[key].version != seen {
		return 0, false
	}
	c.ops.Bytes += int64(len(data))
	c.versions++
	c.entries[key] = entry{bytes.Clone(data), expires, c.versions}
	return c.versions, true
}

// invalidate puts a tombstone over whatever is there.
func (c *cloud) invalidate(key string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.versions++
	c.entries[key] = entry{version: c.versions}
}

func (c *cloud) remove(key string, seen uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.entries[key].version == seen {
		delete(c.entries, key)
	}
}

// look returns the lease, and whether somebody holds it.
func (c *cloud) look(key string) (l lease, held bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	l = c.leases[key]
	return l, time.Now().Before(l.until)
}

// swap writes the lease if it still has the version that was seen, and returns its new one. An until of zero frees it.
func (c *cloud) swap(key string, seen uint64, l lease) (version uint64, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.leases[key].version != seen {
		return 0, false
	}
	return c.write(key, l), true
}

// take is look and swap in one, for a backend that can do both at once: it takes a lease that is free, or from's.
func (c *cloud) take(key, from string, l lease) (version uint64, held lease, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	held = c.leases[key]
	if time.Now().Before(held.until) && (from == "" || held.request.Token != from) {
		return 0, held, false
	}
	return c.write(key, l), lease{}, true
}

// write stores the lease with a new version. The lock is held.
func (c *cloud) write(key string, l lease) uint64 {
	c.versions++
	l.version = c.versions
	c.leases[key] = l
	return l.version
}

func (c *cloud) current() uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.generation
}
