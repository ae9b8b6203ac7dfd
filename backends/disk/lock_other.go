//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd)

package disk

import (
	"os"
	"sync"
)

// Without flock the guard holds within this process. Two processes on one folder may then both get a lease, which costs
// a second run, or disagree about a first generation, which costs a miss.
var locked struct {
	sync.Mutex
	names map[string]bool
}

func tryLock(f *os.File) (bool, error) {
	locked.Lock()
	defer locked.Unlock()
	if locked.names[f.Name()] {
		return false, nil
	}
	if locked.names == nil {
		locked.names = make(map[string]bool)
	}
	locked.names[f.Name()] = true
	return true, nil
}

func releaseLock(f *os.File) {
	locked.Lock()
	delete(locked.names, f.Name())
	locked.Unlock()
	_ = f.Close()
}
