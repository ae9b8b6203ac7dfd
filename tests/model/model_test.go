package model

import (
	"flag"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/stillwarm/stillwarm/backends/memory"
)

var (
	budget = flag.Duration("model.time", 0, "how long to draw plans, other ones each time; zero: some rounds of the same ones")
	// A hundred plans, unless -rapid.checks says otherwise.
	rounds = flag.Int("model.rounds", 20, "how many rounds of plans are drawn at least")
)

// step is one number of a plan: what happens next.
type step struct {
	Act  int // see world.step
	Pick int
}

// plans draws plans. rapid prefers small numbers and short slices, of which few plans come to anything: so a step's numbers are
// made of one large number, of which zero is the step that does least, and some plans are long.
func plans() *rapid.Generator[[]step] {
	one := rapid.Custom(func(t *rapid.T) step {
		n := rapid.Uint64().Draw(t, "step")
		n = (n ^ n>>31) * 0x9e3779b97f4a7c15
		n ^= n >> 29
		return step{Act: int(n >> 20 % 100), Pick: int(n >> 32 % (1 << 16))}
	})
	return rapid.Custom(func(t *rapid.T) []step {
		least := rapid.SampledFrom([]int{5, 30, 60, 100}).Draw(t, "least")
		return rapid.SliceOfN(one, least, 120).Draw(t, "steps")
	})
}

// kinds are the operations that a plan may have beside Get.
var kinds = []string{
	"getall", "refresh", "set", "clear", "clearfor", "invalidate", "thing", "use", "clearthing", "clearthings",
}

// drawSettings draws the options of a plan's function, and which operations and faults there are: few kinds at a time find
// more than all of them in each plan.
func drawSettings(t *rapid.T) (s settings) {
	for _, set := range []*bool{&s.Soft, &s.FailSafe, &s.Ahead, &s.Coherent, &s.Single, &s.Large, &s.TagsOf, &s.Leases} {
		*set = rapid.IntRange(0, 2).Draw(t, "setting") == 0
	}
	s.Kinds = []string{"get"}
	for _, kind := range kinds {
		if rapid.IntRange(0, 2).Draw(t, kind) == 0 {
			s.Kinds = append(s.Kinds, kind)
		}
	}
	s.Keys = keys[:1+rapid.IntRange(0, len(keys)-1).Draw(t, "keys")]
	if rapid.IntRange(0, 3).Draw(t, "private only") == 0 {
		s.Keys = keys[2:]
	}
	for f := range s.Faults {
		s.Faults[f] = rapid.Bool().Draw(t, "fault")
	}
	return s
}

// TestSchedules holds C2 to C8, C10, F1, F3, I1, R2, R3, S2, S7, S8, T4, T7 and law 2 in every schedule that is drawn.
func TestSchedules(t *testing.T) { checkSchedules(t, *rounds, drawSettings) }

// TestSetDuringRuns holds C5, C6 and C7 in schedules of Get and Set alone, in which they meet more often.
func TestSetDuringRuns(t *testing.T) {
	checkSchedules(t, 1, func(t *rapid.T) (s settings) {
		s.Kinds, s.Keys = []string{"get", "get", "set"}, keys[:1]
		s.Coherent = rapid.Bool().Draw(t, "coherent")
		return s
	})
}

// TestBatches holds B1 with C2, C4, C6, C7 and C8 in schedules of GetAll and what makes its elements misses, in which containers
// have to ask what others did more often.
func TestBatches(t *testing.T) {
	checkSchedules(t, 3, func(t *rapid.T) (s settings) {
		s.Kinds, s.Keys, s.Near = []string{"getall", "getall", "getall"}, keys[:2], true
		for range 2 {
			s.Kinds = append(s.Kinds, rapid.SampledFrom([]string{"get", "clear", "clearfor", "set", "refresh", "invalidate"}).Draw(t, "kind"))
		}
		for _, set := range []*bool{&s.Coherent, &s.Single, &s.Leases, &s.Large, &s.TagsOf} {
			*set = rapid.Bool().Draw(t, "setting")
		}
		return s
	})
}

// TestSoftTimeouts holds T4 and T7 in schedules of Get alone, in which values grow old and runs take long more often.
func TestSoftTimeouts(t *testing.T) {
	checkSchedules(t, 1, func(t *rapid.T) (s settings) {
		s.Kinds, s.Keys, s.Soft, s.Long = []string{"get"}, keys[:1], true, true
		s.FailSafe = rapid.IntRange(0, 2).Draw(t, "fail-safe") != 0
		s.Faults[0] = rapid.Bool().Draw(t, "fault")
		return s
	})
}

// checkSchedules draws some rounds of plans with settings of a kind, and more where a time is named.
func checkSchedules(t *testing.T, rounds int, drawSettings func(*rapid.T) settings) {
	t.Helper()
	until, tried := time.Now().Add(*budget), 0
	for round := 1; ; round++ {
		if !named() && *budget == 0 {
			// The same plans each time: a test that is run beside every change must not find what the change did not do.
			if err := flag.Set("rapid.seed", strconv.Itoa(round)); err != nil {
				t.Fatal(err)
			}
		}
		rapid.Check(t, func(rt *rapid.T) {
			s, plan := drawSettings(rt), plans().Draw(rt, "plan")
			tried++
			var w *world
			verdict := inBubble(t, func() string {
				w = newWorld(s)
				w.execute(plan)
				return w.verdict()
			})
			if verdict != "" {
				rt.Fatalf("%s\n%d steps, %+v\n%s", verdict, len(plan), s, w.history())
			}
		})
		if t.Failed() || round >= rounds && !time.Now().Before(until) {
			t.Logf("%d plans", tried)
			return
		}
	}
}

// named reports whether the command names a seed. It is asked before a round sets one.
var named = sync.OnceValue(func() (named bool) {
	flag.Visit(func(f *flag.Flag) { named = named || f.Name == "rapid.seed" })
	return named
})

// verdict is judge, which lets what nobody waits for end where something went wrong: the bubble's word for that would
// hide what it was.
func (w *world) verdict() string {
	verdict := w.judge()
	for i := 0; verdict != "" && i < 30; i++ {
		time.Sleep(time.Second)
		w.drain()
	}
	return verdict
}

// execute does a plan, then lets everything end, asks fresh containers for every key, and closes all.
func (w *world) execute(plan []step) {
	boxes := []*box{w.container(), w.container(), w.container()}
	for _, s := range plan {
		synctest.Wait()
		w.step(boxes, s)
	}
	for _, b := range boxes {
		w.outage(b, false)
		w.thaw(b)
	}
	w.drain()
	time.Sleep(nearTTL + 3*time.Second) // a breaker that is open probes again
	for _, key := range keys {
		w.container().do("probe", key)
		w.drain()
	}
	for _, b := range boxes { // and those that have a memory: C4
		if !b.closed.Load() {
			b.do("get", "a")
			w.drain()
			b.do("get", "b")
			w.drain()
		}
	}
	w.heldLeases()
	for _, b := range w.boxes {
		if !b.dead.Load() && !b.closed.Load() {
			b.do("close", "")
		}
	}
	w.drain()
}

func (w *world) step(boxes []*box, s step) {
	at := s.Pick % len(boxes)
	if w.settings.Long { // what grows old is in the memory of one container
		at = 0
	}
	b, pick := boxes[at], s.Pick/len(boxes)
	switch {
	case w.settings.Near && s.Act >= 90:
		w.jump(nearTTL + 2*time.Second)
	case w.settings.Near && s.Act >= 75: // few schedules are so long that what they begin ends
		w.drain()
	case w.settings.Long && s.Act >= 90:
		w.jump(time.Duration(pick%9+1) * 20 * time.Second)
	case s.Act < 50:
		w.release(s.Pick)
	case s.Act < 75:
		kinds, keys := w.settings.Kinds, w.settings.Keys
		w.operate(b, kinds[pick%len(kinds)], keys[pick/len(kinds)%len(keys)])
	case s.Act < 79:
		time.Sleep(time.Duration(pick%1000+1) * 10 * time.Millisecond)
	default:
		boxes[at] = w.fail(b, (s.Act-79)/2, s.Pick)
	}
}

// faults is how many kinds of faults there are.
const faults = 10

// fail does what goes wrong, where the plan has this kind, and returns the container that is in b's place then.
func (w *world) fail(b *box, fault, pick int) *box {
	if fault = min(fault, faults-1); !w.settings.Faults[fault] {
		w.release(pick)
		return b
	}
	switch pick /= 3; fault {
	case 0:
		w.failRun(pick)
	case 1:
		w.jump(time.Duration(pick%9+1) * 20 * time.Second)
	case 2:
		w.outage(b, pick%2 == 0)
	case 3:
		w.cancel(pick)
	case 4:
		w.setClock(b, time.Duration(pick%120-60)*time.Second)
	case 5:
		if pick%2 == 0 {
			w.freeze(b)
		} else {
			w.thaw(b)
		}
	case 6:
		if pick%2 == 0 {
			return w.kill(b)
		}
	case 7:
		w.failover(pick%2 == 0)
	case 8:
		if pick%2 == 0 {
			w.operate(b, "close", "")
		}
	default:
		w.breakThings(b)
	}
	return b
}

// operate begins an operation, unless its container cannot: one that is closed has no cache, but for what is opened.
func (w *world) operate(b *box, kind, key string) {
	open := kind == "thing" || kind == "use" || kind == "clearthing" || kind == "clearthings"
	if !b.frozen.Load() && (open || !b.closed.Load()) {
		b.do(kind, key)
	}
}

// failRun makes one of the runs fail.
func (w *world) failRun(n int) {
	if g := w.choose(n, func(g *gate) bool { return !g.wire && g.isRun() }); g != nil {
		w.opens(g, errRun)
	}
}

// longestJump bounds the time of a plan: what is delivered later than a tombstone lasts is not held against anybody.
const longestJump = 40 * time.Minute

func (w *world) jump(d time.Duration) {
	if w.jumped += d; w.jumped <= longestJump {
		time.Sleep(d)
	}
}

func (w *world) setClock(b *box, offset time.Duration) {
	b.offset.Store(int64(offset))
	w.note("the clock of %d is set to %v", b.n, offset)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.stepped[b.n] = true
}

func (w *world) outage(b *box, on bool) {
	if b.down.Swap(on) != on {
		w.note("the backend of %d is down: %v", b.n, on)
	}
	if on {
		w.disturb(b)
	}
}

// disturb notes that what is under way in a container may not have been told to the backend.
func (w *world) disturb(b *box) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, o := range w.ops {
		if o.box == b.n && !o.finished {
			o.disturbed = true
		}
	}
}

func (w *world) cancel(n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.ops) > 0 {
		o := w.ops[n%len(w.ops)]
		o.cancelled = o.cancelled || o.end == 0
		o.cancel()
	}
}

// freeze stops a container: none of its gates opens, and it begins nothing.
func (w *world) freeze(b *box) {
	if !b.frozen.Swap(true) {
		w.note("%d is frozen", b.n)
		b.since = time.Now()
	}
}

// connectionsLast is how long connections outlive that nothing moves on them.
const connectionsLast = 5 * time.Minute

// thaw lets a container go on. After a long time what it had under way to the backend is lost.
func (w *world) thaw(b *box) {
	if !b.frozen.Swap(false) {
		return
	}
	w.note("%d is thawed", b.n)
	w.disturb(b)
	if time.Since(b.since) > connectionsLast {
		w.each(errDown, func(g *gate) bool { return g.b == b && g.wire })
	}
}

// kill ends a container and returns the one that takes its place. What it has sent arrives.
func (w *world) kill(b *box) *box {
	w.note("%d dies", b.n)
	b.frozen.Store(false)
	w.disturb(b)
	b.dead.Store(true)
	w.mu.Lock()
	for _, o := range w.ops {
		o.dead = o.dead || o.box == b.n && o.end == 0
	}
	w.mu.Unlock()
	w.each(errRun, func(g *gate) bool { return g.b == b && !g.wire })
	return w.container()
}

// failover takes a snapshot of the backend, or goes back to the one that was taken.
func (w *world) failover(snapshot bool) {
	now := w.seq.Add(1)
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case snapshot:
		w.older, w.olderAt = w.m.Copy(), now
	case w.older != nil:
		w.m, w.older = w.older, (*memory.Manager)(nil)
		w.lost = append(w.lost, interval{w.olderAt, now})
	}
}

// drain opens gates and lets time pass until every operation has ended.
func (w *world) drain() {
	for range 100_000 {
		synctest.Wait()
		if w.release(0) {
			continue
		}
		w.mu.Lock()
		live := w.live
		w.mu.Unlock()
		if live == 0 {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
}
