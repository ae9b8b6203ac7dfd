package genstate

import (
	"testing"
	"time"
)

const sec = int64(time.Second)

// observed is a read that began at once and whose answer came before anything else happened.
func observed(s *State, at int64, generation uint64) (uint64, Outcome) {
	return s.Observe(s.Begin(at), generation, 0)
}

func wantOutcome(t *testing.T, s *State, r Read, generation uint64, age time.Duration, current uint64, o Outcome) {
	t.Helper()
	if got, what := s.Observe(r, generation, age); got != current || what != o {
		t.Fatalf("Observe(%d) = %d, %d; want %d, %d", generation, got, what, current, o)
	}
}

func TestC1WhatReadsBring(t *testing.T) {
	t.Run("C1 a generation is known once it was read, and trusted for as long as it may be", func(t *testing.T) {
		s := &State{}
		if s.Known() != 0 || s.Trusts(0, 1, time.Hour) {
			t.Fatal("something is known of nothing")
		}
		wantOutcome(t, s, s.Begin(10*sec), 7, 0, 7, Changed)
		wantOutcome(t, s, s.Begin(11*sec), 7, 0, 7, Current)
		if !s.Trusts(7, 11*sec+4*sec, 5*time.Second) || s.Trusts(7, 11*sec+5*sec, 5*time.Second) || s.Trusts(8, 12*sec, 5*time.Second) {
			t.Fatal("trusted for too short, for too long, or the wrong one")
		}
	})
	t.Run("C1 a kept generation is trusted for so much less", func(t *testing.T) {
		s := &State{}
		wantOutcome(t, s, s.Begin(10*sec), 7, 2*time.Second, 7, Changed)
		if g, age, ok := s.Fresh(11*sec, 5*time.Second); g != 7 || age != 3*time.Second || !ok {
			t.Fatalf("Fresh = %d, %v, %v", g, age, ok)
		}
		if s.Trusts(7, 13*sec, 5*time.Second) {
			t.Fatal("its age was forgotten")
		}
	})
	t.Run("C4 in an outage what a later generation replaced does not come back, also once that is unknown again", func(t *testing.T) {
		s := &State{}
		if !s.MayStay(7) || !s.MayStay(0) {
			t.Fatal("refused before anything was heard")
		}
		observed(s, 10*sec, 7)
		observed(s, 11*sec, 8)
		for range 2 {
			if s.MayStay(7) || !s.MayStay(8) {
				t.Fatalf("of 7 %v, of 8 %v", s.MayStay(7), s.MayStay(8))
			}
			s.Forget()
		}
	})
	t.Run("T3 what was read in the future is not trusted, and the next read mends it", func(t *testing.T) {
		s := &State{}
		observed(s, 100*sec, 7)
		if s.Trusts(7, 50*sec, time.Hour) {
			t.Fatal("trusted after the clock stepped back")
		}
		observed(s, 50*sec, 7)
		if !s.Trusts(7, 51*sec, 5*time.Second) {
			t.Fatal("not trusted after it was read again")
		}
	})
	t.Run("C1 a late answer of before a change is older, and no failover", func(t *testing.T) {
		s := &State{}
		observed(s, 1*sec, 1)
		late := s.Begin(2 * sec)
		observed(s, 3*sec, 2) // somebody else cleared
		wantOutcome(t, s, late, 1, 0, 2, Older)
		if !s.Trusts(2, 4*sec, 5*time.Second) {
			t.Fatal("the newer one is not known any more")
		}
	})
	t.Run("C1 a kept generation of before a change is older, and no failover", func(t *testing.T) {
		s := &State{}
		observed(s, 1*sec, 1)
		observed(s, 3*sec, 2)
		wantOutcome(t, s, s.Begin(4*sec), 1, 2*time.Second, 2, Older)
	})
	t.Run("C1 meeting a replaced generation again means that the backend went back", func(t *testing.T) {
		s := &State{}
		for g := range uint64(10) {
			observed(s, int64(g)*sec, g+1)
		}
		wantOutcome(t, s, s.Begin(20*sec), 3, 0, 10, Returned)
		c := s.ClearAll(21 * sec)
		s.Told(c, 11)
		wantOutcome(t, s, s.Begin(22*sec), 10, 0, 11, Returned) // the clear was lost, too
	})
	t.Run("C1 64 replaced generations are remembered, the latest ones", func(t *testing.T) {
		s := &State{}
		for g := range uint64(100) {
			observed(s, int64(g)*sec, g+1)
		}
		for g := uint64(36); g < 100; g++ {
			wantOutcome(t, s, s.Begin(200*sec), g, 0, 100, Returned)
		}
		if len(s.replaced) != maxReplaced {
			t.Fatalf("%d are remembered", len(s.replaced))
		}
	})
}

func TestC3Clears(t *testing.T) {
	t.Run("C2 a read that began before a clear is discarded", func(t *testing.T) {
		s := &State{}
		observed(s, 1*sec, 1)
		late := s.Begin(2 * sec)
		s.Told(s.ClearAll(3*sec), 2)
		wantOutcome(t, s, late, 1, 0, 2, Discarded)
		if s.Owing() || !s.Trusts(2, 4*sec, 5*time.Second) {
			t.Fatal("the new generation is not known")
		}
	})
	t.Run("C3 nothing is known or believed until the backend was told", func(t *testing.T) {
		s := &State{}
		observed(s, 1*sec, 1)
		s.ClearAll(2 * sec)
		if s.Known() != 0 || !s.Owing() {
			t.Fatal("the clear is not owed")
		}
		wantOutcome(t, s, s.Begin(3*sec), 1, 0, 0, Discarded)
		c, owed := s.Owed("any", 4*sec)
		if !owed || !c.All {
			t.Fatalf("owed %+v, %v", c, owed)
		}
		s.Told(c, 2)
		if _, owed := s.Owed("any", 5*sec); owed || s.Known() != 2 {
			t.Fatal("told and still owed")
		}
	})
	t.Run("C3 each of two clears at once has to be told", func(t *testing.T) {
		s := &State{}
		a := s.ClearAll(1 * sec)
		b := s.ClearAll(2 * sec)
		s.Told(a, 2)
		if !s.Owing() {
			t.Fatal("the second was not told: what runs of between them stored may be there")
		}
		if s.Known() != 0 {
			t.Fatal("the first one's generation is believed")
		}
		s.Told(b, 3)
		if s.Owing() || s.Known() != 3 {
			t.Fatal("the second was told")
		}
	})
	t.Run("C3 a second try covers every clear that began before it", func(t *testing.T) {
		s := &State{}
		s.ClearAll(1 * sec)
		s.ClearAll(2 * sec)
		s.ClearSlot("k", 3*sec)
		c, _ := s.Owed("k", 4*sec)
		s.Told(c, 5)
		if _, owed := s.Owed("k", 5*sec); owed || s.Owing() {
			t.Fatal("still owed")
		}
	})
	t.Run("C3 a slot is owed alone", func(t *testing.T) {
		s := &State{}
		observed(s, 1*sec, 1)
		first := s.ClearSlot("k", 2*sec)
		second := s.ClearSlot("k", 3*sec)
		if _, owed := s.Owed("other", 4*sec); owed || !s.Owing() || s.Known() != 1 {
			t.Fatal("another slot, or the generation, is not believed")
		}
		s.Told(first, 0)
		if c, owed := s.Owed("k", 4*sec); !owed || c.All || c.Slot != "k" {
			t.Fatalf("the second clear of the slot is not owed: %+v, %v", c, owed)
		}
		s.Told(second, 0)
		if s.Owing() {
			t.Fatal("still owed")
		}
	})
	t.Run("C3 beyond the bound a clear of a slot is one of everything", func(t *testing.T) {
		s := &State{}
		for i := range maxSlots {
			s.ClearSlot(string(rune(i)), sec)
		}
		if c := s.ClearSlot(string(rune(0)), sec); c.All {
			t.Fatal("a slot that is owed already needs no more room")
		}
		c := s.ClearSlot("one more", sec)
		if !c.All {
			t.Fatal("the bound is not kept")
		}
		s.Told(c, 9)
		if s.Owing() {
			t.Fatal("a clear of everything covers the slots")
		}
	})
	t.Run("C1 the answer of a clear that another change overtook is not taken for the current one", func(t *testing.T) {
		s := &State{}
		c := s.ClearAll(1 * sec)
		again, _ := s.Owed("", 2*sec)
		s.Told(again, 3)
		s.Told(c, 2) // applied before or after: nobody knows
		if s.Known() != 3 {
			t.Fatalf("knows %d", s.Known())
		}
		wantOutcome(t, s, s.Begin(3*sec), 2, 0, 2, Changed)
	})
	t.Run("C1 forget discards what is under way", func(t *testing.T) {
		s := &State{}
		observed(s, 1*sec, 1)
		r := s.Begin(2 * sec)
		s.Forget()
		wantOutcome(t, s, r, 1, 0, 0, Discarded)
		if s.Owing() {
			t.Fatal("nothing is owed")
		}
		wantOutcome(t, s, s.Begin(3*sec), 1, 0, 0, Returned)
	})
}
