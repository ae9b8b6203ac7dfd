package tiered

import "sync"

// maxUntold bounds what is remembered for one function.
const maxUntold = 256

// untold remembers the tiers in which a key's entry could not be replaced or invalidated. Such a tier is not used for
// that key until that has succeeded. Beyond the bound the whole function is cleared, which covers the entries of every
// tier.
type untold struct {
	mu       sync.Mutex
	keys     map[tierKey]bool
	clearDue bool
}

type tierKey struct {
	tier int
	key  string
}

func (u *untold) add(tier int, key string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.clearDue {
		return
	}
	if u.keys == nil {
		u.keys = map[tierKey]bool{}
	}
	u.keys[tierKey{tier, key}] = true
	if len(u.keys) > maxUntold {
		u.keys, u.clearDue = nil, true
	}
}

func (u *untold) has(tier int, key string) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.keys[tierKey{tier, key}]
}

func (u *untold) told(tier int, key string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	delete(u.keys, tierKey{tier, key})
}

// due reports whether the function has to be cleared before anything is believed.
func (u *untold) due() bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.clearDue
}

// cleared forgets everything: no entry of before counts any more.
func (u *untold) cleared() {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.keys, u.clearDue = nil, false
}
