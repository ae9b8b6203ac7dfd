package genstate

// maxSlots bounds the clears of single slots that are remembered; beyond it they become a clear of everything.
const maxSlots = 1024

// debts are the clears that the backend has not acknowledged yet, in the order in which they began.
type debts struct {
	begun uint64 // counts clears
	all   uint64 // the latest clear of everything; 0: none
	slots map[string]uint64
}

// A Clear is one that the backend has to perform.
type Clear struct {
	// All says that everything is cleared: the generation is to be replaced. Otherwise it is the slot alone.
	All  bool
	Slot string

	read Read
	seq  uint64
}

// ClearAll begins a clear of everything: the generation becomes unknown, running reads are discarded, and no entry of
// the backend may be used until [State.Told].
func (s *State) ClearAll(now int64) Clear {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.forget()
	s.owed.begun++
	s.owed.all = s.owed.begun
	s.owing.Store(true)
	return s.all(now)
}

// ClearSlot begins a clear of one slot, which may not be used until [State.Told]. If too many clears are pending
// already, it clears everything.
func (s *State) ClearSlot(slot string, now int64) Clear {
	s.mu.Lock()
	_, known := s.owed.slots[slot]
	if s.owed.all != 0 || !known && len(s.owed.slots) >= maxSlots {
		s.mu.Unlock()
		return s.ClearAll(now)
	}
	defer s.mu.Unlock()
	if s.owed.slots == nil {
		s.owed.slots = map[string]uint64{}
	}
	s.owed.begun++
	s.owed.slots[slot] = s.owed.begun
	s.owing.Store(true)
	return Clear{Slot: slot, seq: s.owed.begun}
}

// Owing reports whether a clear is pending. It takes no lock.
func (s *State) Owing() bool { return s.owing.Load() }

// Owed returns a pending clear that the backend has to perform before the slot may be used, or before the generation
// may, where slot is "". Perform it, report it with [State.Told], and ask again.
func (s *State) Owed(slot string, now int64) (Clear, bool) {
	if !s.owing.Load() {
		return Clear{}, false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.owed.all != 0 {
		return s.all(now), true
	}
	seq, owed := s.owed.slots[slot]
	return Clear{Slot: slot, seq: seq}, owed
}

// all returns a clear that covers everything begun so far. The lock is held.
func (s *State) all(now int64) Clear {
	return Clear{All: true, seq: s.owed.begun, read: Read{at: now, clears: s.clears, changes: s.changes}}
}

// Told notes that the backend acknowledged the clear; generation is the new one, for a clear of everything. Clears that
// began meanwhile are still owed.
func (s *State) Told(c Clear, generation uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !c.All {
		if s.owed.slots[c.Slot] == c.seq {
			delete(s.owed.slots, c.Slot)
		}
	} else {
		if s.owed.all <= c.seq {
			s.owed.all = 0
		}
		for slot, seq := range s.owed.slots { // entries of before the new generation are gone with it
			if seq <= c.seq {
				delete(s.owed.slots, slot)
			}
		}
		if c.read.clears == s.clears && c.read.changes == s.changes && generation != 0 && !s.wasReplaced(generation) {
			s.set(generation, c.read.at)
		}
	}
	s.owing.Store(s.owed.all != 0 || len(s.owed.slots) > 0)
}
