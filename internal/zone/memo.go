package zone

import (
	"maps"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"
)

// remembered is how many locations are remembered. A program that has more of them at once pays for their rules again.
const remembered = 64

// A known is a location whose rules are known, and how it looked then: a location can be assigned to, as in
// *time.Local = *berlin.
type known struct {
	image time.Location
	rules Rules
}

// memo is read without a lock: every call for a time in a zone reads it.
var memo struct {
	atomic.Pointer[map[*time.Location]*known]
	sync.Mutex
}

func recall(loc *time.Location) *known {
	_ = loc.String() // reads the local zone in, if that is the one
	if m := memo.Load(); m != nil {
		if k := (*m)[loc]; k != nil && unchanged(loc, k) {
			return k
		}
	}
	k := &known{image: *loc, rules: digest(loc)}
	memo.Lock()
	defer memo.Unlock()
	next := map[*time.Location]*known{}
	if m := memo.Load(); m != nil && len(*m) < remembered {
		next = maps.Clone(*m)
	}
	next[loc] = k
	memo.Store(&next)
	return k
}

// unchanged compares every word of the location with how it looked. What the words point to is never written.
func unchanged(loc *time.Location, k *known) bool {
	const words = unsafe.Sizeof(k.image) / unsafe.Sizeof(uintptr(0))
	return *(*[words]uintptr)(unsafe.Pointer(loc)) == *(*[words]uintptr)(unsafe.Pointer(&k.image))
}
