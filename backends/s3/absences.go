package s3

import (
	"sync"
	"time"
)

const (
	maxAbsences = 1024
	absenceLife = 10 * time.Second
)

// absences remembers for which keys there was just now no object at all, not even an expired entry.
type absences struct {
	mu    sync.Mutex
	asked map[string]time.Time // when the answer was asked for
}

func (a *absences) note(key string, asked time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.asked == nil || len(a.asked) >= maxAbsences {
		a.asked = map[string]time.Time{} // losing them costs a request each
	}
	a.asked[key] = asked
}

// take forgets the key and reports whether there was nothing a moment ago.
func (a *absences) take(key string, now time.Time) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	asked, ok := a.asked[key]
	delete(a.asked, key)
	age := now.Sub(asked)
	return ok && 0 <= age && age < absenceLife
}
