package s3

import (
	"sync"
	"time"
)

const maxSightings = 1024

// sightings remembers which leases of others were seen, and since when each had the ETag that it has.
type sightings struct {
	mu   sync.Mutex
	seen map[string]sighting
}

type sighting struct {
	etag  string
	first time.Time
	last  time.Time
}

// has reports whether an object was seen under the name.
func (s *sightings) has(name string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, ok := s.seen[name]
	return ok
}

// exists notes that there is an object under the name, ours, so that nobody tries to make one.
func (s *sightings) exists(name string, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.seen == nil {
		s.seen = map[string]sighting{}
	}
	s.makeRoom()
	s.seen[name] = sighting{first: now, last: now}
}

// since notes the ETag and reports whether it has been the same for ttl. A clock that stepped back starts anew.
func (s *sightings) since(name, etag string, now time.Time, ttl time.Duration) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	old, ok := s.seen[name]
	if !ok || old.etag != etag || now.Before(old.last) {
		if s.seen == nil {
			s.seen = map[string]sighting{}
		}
		s.makeRoom()
		s.seen[name] = sighting{etag: etag, first: now, last: now}
		return false
	}
	old.last = now
	s.seen[name] = old
	return now.Sub(old.first) >= ttl
}

// makeRoom drops the half that was not looked at for longest. Losing a sighting costs a wait, not correctness.
func (s *sightings) makeRoom() {
	if len(s.seen) < maxSightings {
		return
	}
	var oldest, newest time.Time
	for _, v := range s.seen {
		if oldest.IsZero() || v.last.Before(oldest) {
			oldest = v.last
		}
		if v.last.After(newest) {
			newest = v.last
		}
	}
	middle := oldest.Add(newest.Sub(oldest) / 2)
	for name, v := range s.seen {
		if !v.last.After(middle) {
			delete(s.seen, name)
		}
	}
}
