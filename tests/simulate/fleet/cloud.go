package fleet

import (
	"bytes"
	"sync"
	"time"
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
	data    []byte
	expires time.Time
}

// lease is the state of one key's lease. version changes with every write, as an ETag does.
type lease struct {
	version uint64
	until   time.Time // zero: free
}

func newCloud() *cloud {
	return &cloud{generation: 1, entries: map[string]entry{}, leases: map[string]lease{}}
}

func (c *cloud) count(f func(o *Operations)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f(&c.ops)
}

// get returns the entry, nil for none and for one that has expired, and whether there is an object at all.
func (c *cloud) get(key string) (data []byte, there bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.entries[key]
	if !ok || !e.expires.IsZero() && !time.Now().Before(e.expires) {
		return nil, ok
	}
	c.ops.Bytes += int64(len(e.data))
	return bytes.Clone(e.data), true
}

func (c *cloud) put(key string, data []byte, expires time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ops.Bytes += int64(len(data))
	c.entries[key] = entry{bytes.Clone(data), expires}
}

func (c *cloud) remove(key string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.entries, key)
}

// look returns the version of the lease, and whether somebody holds it.
func (c *cloud) look(key string) (version uint64, held bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	l := c.leases[key]
	return l.version, time.Now().Before(l.until)
}

// swap writes the lease if it still has the version that was seen, and returns its new one. until is when it ends;
// the zero time frees it.
func (c *cloud) swap(key string, seen uint64, until time.Time) (version uint64, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.leases[key].version != seen {
		return 0, false
	}
	c.versions++
	c.leases[key] = lease{c.versions, until}
	return c.versions, true
}

// take is look and swap in one, for a backend that can do both at once.
func (c *cloud) take(key string, until time.Time) (version uint64, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if time.Now().Before(c.leases[key].until) {
		return 0, false
	}
	c.versions++
	c.leases[key] = lease{c.versions, until}
	return c.versions, true
}

func (c *cloud) current() uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.generation
}
