package tiered

import "sync"

// maxUntold bounds what is remembered for one function.
const maxUntold = 256

// untold remembers the tiers in which a key's entry could not be replaced or invalidated. Such a tier is not used for
// that key until that has succeeded. Beyond the bound the whole function is cleared, which covers the entries of every
// tier.
type untold struct {
	mu       sync.Mutex
	failed   uint64             // counts failures
	keys     map[tierKey]uint64 // the latest failure
	clearDue uint64             // the failure for which the function has to be cleared; 0: none
}

type tierKey struct {
	tier int
	key  string
}

func (u *untold) add(tier int, key string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.keys == nil {
		u.keys = map[tierKey]uint64{}
	}
	u.failed++
	u.keys[tierKey{tier, key}] = u.failed
	if len(u.keys) > maxUntold {
		u.keys, u.clearDue = nil, u.failed
	}
}

func (u *untold) has(tier int, key string) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.keys[tierKey{tier, key}] != 0
}

// begin returns the point that a write begins at. What fails after it is none of its business.
func (u *untold) begin() uint64 {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.failed
}

// told forgets the key in the tier where a write that began at the point has succeeded there.
func (u *untold) told(tier int, key string, point uint64) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.keys[tierKey{tier, key}] <= point {
		delete(u.keys, tierKey{tier, key})
	}
}

// due reports whether the function has to be cleared before anything is believed.
func (u *untold) due() bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.clearDue != 0
}

// cleared forgets what failed before a clear of the function began at the point: no entry of before counts any more.
func (u *untold) cleared(point uint64) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for at, failed := range u.keys {
		if failed <= point {
			delete(u.keys, at)
		}
	}
	if u.clearDue <= point {
		u.clearDue = 0
	}
}
