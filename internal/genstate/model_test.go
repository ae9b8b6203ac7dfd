package genstate

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

// backendModel is a backend with one generation. It counts its clears: the later a generation, the greater its number.
type backendModel struct {
	generation uint64
	last       uint64
}

func (b *backendModel) clear() uint64 {
	b.last++
	b.generation = b.last
	return b.generation
}

// readModel is a read on its way: it begins, the backend answers, the answer arrives.
type readModel struct {
	r        Read
	answered bool
	brought  uint64
	floor    uint64 // generations from this one on may be believed
}

// clearModel is a clear on its way: the backend applies it, perhaps, and the acknowledgement arrives, or does not.
type clearModel struct {
	c       Clear
	last    uint64 // the generation there was last when the latest clear that it covers began
	applied uint64
}

// world is one process and a backend that others clear, too.
type world struct {
	s      *State
	b      *backendModel
	now    int64
	reads  []*readModel
	clears []*clearModel
	floor  uint64 // runs that a told clear voids stored under generations before this one
	last   uint64 // the generation there was last when the latest clear here began
	wentBk bool   // the backend went back to an older state
}

// TestC1EverySchedule draws schedules of reads, clears here and elsewhere, losses and failovers, and checks after each step
// what the package's documentation promises.
func TestC1EverySchedule(t *testing.T) {
	rounds := 20_000
	if testing.Short() {
		rounds = 2_000
	}
	for seed := range uint64(rounds) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		w := &world{s: &State{}, b: &backendModel{generation: 1, last: 1}, now: sec}
		var steps []string
		for range 5 + rnd.IntN(40) {
			w.now += rnd.Int64N(sec)
			if rnd.IntN(20) == 0 {
				w.now -= 2 * sec
			}
			step, err := w.step(rnd)
			steps = append(steps, step)
			if err != nil {
				t.Fatalf("C1 C2 C3 seed %d: %v\n%v", seed, err, steps)
			}
		}
	}
}

func (w *world) step(rnd *rand.Rand) (string, error) {
	switch rnd.IntN(10) {
	case 0:
		w.last = w.b.last
		w.clears = append(w.clears, &clearModel{c: w.s.ClearAll(w.now), last: w.last})
		return "clear here", nil
	case 1:
		if c, owed := w.s.Owed("", w.now); owed {
			w.clears = append(w.clears, &clearModel{c: c, last: w.last})
		}
		return "try again", nil
	case 2:
		return fmt.Sprint("clear elsewhere ", w.b.clear()), nil
	case 3, 4:
		if len(w.clears) == 0 {
			return "", nil
		}
		i := rnd.IntN(len(w.clears))
		return w.moveClear(i, rnd)
	case 5:
		if rnd.IntN(10) > 0 || w.b.generation == 1 {
			return "", nil
		}
		w.wentBk = true
		w.b.generation = 1 + rnd.Uint64N(w.b.generation)
		return fmt.Sprint("back to ", w.b.generation), nil
	case 6:
		if !w.s.Owing() { // nobody reads while something is owed
			w.reads = append(w.reads, &readModel{r: w.s.Begin(w.now), floor: w.floor})
		}
		return "read", nil
	}
	if len(w.reads) == 0 {
		return "", nil
	}
	return w.moveRead(rnd.IntN(len(w.reads)))
}

func (w *world) moveClear(i int, rnd *rand.Rand) (string, error) {
	c := w.clears[i]
	if c.applied == 0 {
		c.applied = w.b.clear()
		return fmt.Sprint("applied ", c.applied), nil
	}
	w.clears = append(w.clears[:i], w.clears[i+1:]...)
	if rnd.IntN(3) == 0 {
		return "acknowledgement lost", nil
	}
	w.s.Told(c.c, c.applied)
	w.floor = max(w.floor, c.last+1)
	return fmt.Sprint("told ", c.applied), w.check()
}

func (w *world) moveRead(i int) (string, error) {
	r := w.reads[i]
	if !r.answered {
		r.answered, r.brought = true, w.b.generation
		return fmt.Sprint("answered ", r.brought), nil
	}
	w.reads = append(w.reads[:i], w.reads[i+1:]...)
	current, o := w.s.Observe(r.r, r.brought, 0)
	step := fmt.Sprintf("brought %d: %d", r.brought, o)
	switch {
	case o == Returned && !w.wentBk:
		return step, fmt.Errorf("a failover was seen that was none")
	case (o == Current || o == Changed) && current != r.brought:
		return step, fmt.Errorf("believed %d, brought %d", current, r.brought)
	case (o == Current || o == Changed) && r.brought < r.floor && !w.wentBk:
		return step, fmt.Errorf("%d is believed, which a clear before the read replaced (%d)", r.brought, r.floor)
	}
	return step, w.check()
}

// check holds that what is known is no generation that was there when a told clear began, as long as the backend keeps what
// it was told.
func (w *world) check() error {
	known := w.s.Known()
	if known != 0 && w.s.Owing() && w.s.owed.all != 0 {
		return fmt.Errorf("%d is known while a clear is owed", known)
	}
	if w.wentBk || known == 0 {
		return nil
	}
	if known < w.floor {
		return fmt.Errorf("%d is known, which a told clear voids: from %d on", known, w.floor)
	}
	return nil
}
