package model

import (
	"flag"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"
)

var budget = flag.Duration("model.time", 0, "how long to draw plans; zero: some rounds")

// rounds of a hundred plans are drawn where no time is named.
const fewRounds = 20

// step is one number of a plan: what happens next.
type step struct {
	Act  int // see world.step
	Pick int
}

func plans() *rapid.Generator[[]step] {
	one := rapid.Custom(func(t *rapid.T) step {
		return step{Act: rapid.IntRange(0, 99).Draw(t, "act"), Pick: rapid.IntRange(0, 1<<16).Draw(t, "pick")}
	})
	return rapid.SliceOfN(one, 5, 120)
}

var kinds = []string{"get", "get", "get", "get", "getall", "refresh", "set", "clear", "clearfor", "clearfor", "invalidate"}

// TestSchedules holds C2 to C8, C10, F1, F3, I1 and law 2 in every schedule that is drawn.
func TestSchedules(t *testing.T) {
	until := time.Now().Add(*budget)
	for rounds := 1; ; rounds++ {
		rapid.Check(t, func(rt *rapid.T) {
			plan := plans().Draw(rt, "plan")
			var w *world
			verdict := inBubble(t, func() string {
				w = newWorld()
				w.execute(plan)
				return w.judge()
			})
			if verdict != "" {
				rt.Fatalf("%s\n%s", verdict, w.history())
			}
		})
		if t.Failed() || rounds >= fewRounds && !time.Now().Before(until) {
			t.Logf("%d rounds", rounds)
			return
		}
	}
}

// execute does a plan, then lets everything end, and asks fresh containers for every key.
func (w *world) execute(plan []step) {
	boxes := []*box{w.container(0), w.container(1), w.container(2)}
	for _, s := range plan {
		synctest.Wait()
		w.step(boxes, s)
	}
	for _, b := range boxes {
		w.outage(b, false)
	}
	w.drain()
	time.Sleep(nearTTL + 3*time.Second) // a breaker that is open probes again
	for _, key := range keys {
		w.container(len(boxes)+1).do("probe", key)
		w.drain()
	}
	for _, b := range boxes { // and those that have a memory: C4
		b.do("get", "a")
		w.drain()
		b.do("get", "b")
		w.drain()
	}
}

func (w *world) step(boxes []*box, s step) {
	b := boxes[s.Pick%len(boxes)]
	pick := s.Pick / len(boxes)
	switch {
	case s.Act < 62:
		w.release(s.Pick)
	case s.Act < 90:
		b.do(kinds[pick%len(kinds)], keys[pick/len(kinds)%len(keys)])
	case s.Act < 93:
		time.Sleep(time.Duration(pick%1000+1) * 10 * time.Millisecond)
	case s.Act < 95:
		w.outage(b, pick%2 == 0)
	case s.Act < 97:
		w.cancel(pick)
	default:
		b.offset.Store(int64(pick%120-60) * int64(time.Second))
		w.mu.Lock()
		w.stepped[b.n] = true
		w.mu.Unlock()
	}
}

func (w *world) outage(b *box, on bool) {
	b.down.Store(on)
	if !on {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, o := range w.ops {
		if o.box == b.n && o.end == 0 {
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

// judge returns what must not have happened; "" where all is well.
func (w *world) judge() string {
	for _, o := range w.ops {
		if o.end == 0 {
			return fmt.Sprintf("operation %d never ended", o.id)
		}
		reads := o.kind == "get" || o.kind == "getall" || o.kind == "probe" || o.kind == "refresh"
		if reads && o.err != nil && !o.cancelled {
			return fmt.Sprintf("law 2: operation %d failed: %v", o.id, o.err)
		}
		if !reads {
			continue
		}
		for key, v := range o.values {
			if fault := w.judgeValue(o, key, v); fault != "" {
				return fault
			}
		}
	}
	return ""
}

func (w *world) judgeValue(o *op, key string, v int64) string {
	r, known := w.runs[v]
	switch {
	case !known:
		return fmt.Sprintf("operation %d got %d, which nobody computed", o.id, v)
	case r.key != key:
		return fmt.Sprintf("K: operation %d asked for %s and got %s's", o.id, key, r.key)
	case key == privateKey && r.op != o.id && w.ops[max(0, r.op)].kind != "set":
		return fmt.Sprintf("F3: operation %d got what operation %d computed for itself", o.id, r.op)
	case o.kind == "refresh" && r.op != o.id:
		return fmt.Sprintf("C6: refresh %d returned what operation %d computed", o.id, r.op)
	}
	for _, c := range w.ops {
		if c.end == 0 || c.end >= o.start {
			continue
		}
		if fault := w.against(o, key, v, c); fault != "" {
			return fault
		}
	}
	return ""
}

// against holds a value that operation o got against an operation c that had returned before o began.
func (w *world) against(o *op, key string, v int64, c *op) string {
	covers := c.key == key || c.kind == "clear" || c.kind == "invalidate"
	told := c.err == nil && !c.disturbed
	seen := o.box == c.box || told && (o.kind == "probe" || c.kind != "set" && c.kind != "refresh" && c.kind != "clearfor" && w.near(o, c))
	if !covers || !seen {
		return ""
	}
	switch c.kind {
	case "clear", "clearfor", "invalidate":
		if w.latest(v) <= c.start {
			return fmt.Sprintf("C2: operation %d got %d, from before %s %d", o.id, v, c.kind, c.id)
		}
	case "set", "refresh":
		newest, ok := c.values[key]
		if c.kind == "set" {
			newest = c.start
		}
		if ok && key != privateKey && w.latest(v) < newest && (c.err == nil || c.kind == "set") {
			return fmt.Sprintf("C6: operation %d got %d, older than the %d of %s %d", o.id, v, newest, c.kind, c.id)
		}
	}
	return ""
}

// latest is the latest event at which the run of a value may have begun. A run begins with its value's event; a Set takes
// effect at any time before it returns.
func (w *world) latest(v int64) int64 {
	if r := w.runs[v]; r.op >= 0 && w.ops[r.op].kind == "set" {
		return w.ops[r.op].end
	}
	return v
}

// near reports whether o began long enough after c that its container must have heard of it.
func (w *world) near(o, c *op) bool {
	// NearTTL is measured by the container's own wall clock.
	if o.disturbed || w.stepped[o.box] || o.began.Sub(c.done) < nearTTL+time.Second {
		return false
	}
	for _, other := range w.ops { // a container that could not ask need not know
		if other.box == o.box && other.disturbed {
			return false
		}
	}
	return true
}

func (w *world) history() string {
	var b strings.Builder
	for _, o := range w.ops {
		fmt.Fprintf(&b, "%3d %-10s %-8s in %d  [%d, %d] %v %v", o.id, o.kind, o.key, o.box, o.start, o.end, o.values, o.err)
		if o.cancelled {
			b.WriteString(" cancelled")
		}
		b.WriteByte('\n')
	}
	return b.String()
}
