package model

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/stillwarm/stillwarm/backends"
	"github.com/stillwarm/stillwarm/internal/engine/resource"
)

// longestWait is how long whoever asks a backend that is up waits at most: for the lease of a container that died.
const longestWait = leaseTTL + 5*time.Second

// judge returns what must not have happened; "" where all is well.
func (w *world) judge() string {
	if len(w.faults) > 0 {
		return w.faults[0]
	}
	for _, o := range w.ops {
		if o.dead {
			continue
		}
		if o.end == 0 {
			return fmt.Sprintf("operation %d never ended", o.id)
		}
		if fault := w.judgeOp(o); fault != "" {
			return fault
		}
	}
	return w.judgeThings()
}

func (w *world) judgeOp(o *op) string {
	switch o.kind {
	case "thing", "use":
		if o.err != nil && !o.cancelled && !errors.Is(o.err, errRun) && !errors.Is(o.err, resource.ErrInvalid) {
			return fmt.Sprintf("law 2: operation %d failed: %v", o.id, o.err)
		}
		return ""
	case "get", "getall", "probe", "refresh":
	default:
		return ""
	}
	if o.err != nil && !o.cancelled && !w.mayFail(o) {
		return fmt.Sprintf("law 2, F1: operation %d failed: %v", o.id, o.err)
	}
	if waited := o.done.Sub(o.began); o.kind == "probe" && waited > longestWait {
		return fmt.Sprintf("S5: operation %d waited %v", o.id, waited)
	}
	for key, v := range o.values {
		if fault := w.judgeValue(o, key, v); fault != "" {
			return fault
		}
	}
	return w.judgeSoft(o)
}

// mayFail reports whether an operation's error is that of a run that failed while it waited.
func (w *world) mayFail(o *op) bool {
	if !errors.Is(o.err, errRun) {
		return false
	}
	for _, r := range w.runs {
		if r.fails > o.start && (r.key == o.key || o.kind == "getall") {
			return true
		}
	}
	return false
}

// judgeSoft holds T7: a run that took too long is finished after the response.
func (w *world) judgeSoft(o *op) string {
	if !o.soft || o.cancelled {
		return ""
	}
	for _, r := range w.runs {
		if r.op == o.id && r.cut && !w.sibling(r) {
			return fmt.Sprintf("T7: operation %d got an older value, and its run was given up", o.id)
		}
	}
	return ""
}

// sibling reports whether another container ran for the key beside: the first result wins, and ends the other run.
func (w *world) sibling(r *run) bool {
	for _, other := range w.runs {
		if other.box != r.box && other.key == r.key && (other.ended.IsZero() || !other.ended.Before(r.at)) {
			return true
		}
	}
	return false
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
	case w.tooOld(o, r):
		return fmt.Sprintf("T4: operation %d got %d, which was %v old", o.id, v, o.began.Sub(r.at))
	}
	for _, c := range w.ops {
		if c.dead || c.end == 0 || c.end >= o.start {
			continue
		}
		if fault := w.against(o, key, v, c); fault != "" {
			return fault
		}
	}
	return ""
}

// tooOld reports whether a value was of no use any more when the operation began. Where clocks are set nobody can tell.
func (w *world) tooOld(o *op, r *run) bool {
	window := stale
	if w.settings.FailSafe {
		window = max(window, failSafe)
	}
	return len(w.stepped) == 0 && r.ended.Before(o.began) && !r.ended.IsZero() && o.began.Sub(r.at) >= ttl+window
}

// against holds a value that operation o got against an operation c that had returned before o began.
func (w *world) against(o *op, key string, v int64, c *op) string {
	covers := c.key == key || c.kind == "clear" || c.kind == "invalidate" && w.invalidates(c.key) == "tag"
	if !covers || !w.knows(o, c) {
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

// knows reports whether the container of o must know of c by then.
func (w *world) knows(o, c *op) bool {
	if w.isLost(c) {
		return c.kind == "clear" && o.box == c.box && w.remembers(c)
	}
	if o.box == c.box {
		return true
	}
	if c.err != nil || c.disturbed || w.leftToOther(c) {
		return false
	}
	switch c.kind {
	case "clear", "invalidate":
		return o.kind == "probe" || w.near(o, c)
	case "set", "clearfor":
		return o.kind == "probe" || w.settings.Coherent && w.near(o, c)
	}
	// A Refresh is written after the response: not where its container has died.
	return o.kind == "probe" && !w.boxes[c.box].dead.Load()
}

// leftToOther reports whether telling the backend was left to a newer operation of the container, which could not.
func (w *world) leftToOther(c *op) bool {
	for _, other := range w.ops {
		newer := other.box == c.box && other.key == c.key && other.start > c.start && other.start < c.end
		if newer && other.kind != "get" && other.kind != "getall" && (other.err != nil || other.disturbed || other.dead) {
			return true
		}
	}
	return false
}

// isLost reports whether a failover may have gone back over what an operation has told the backend.
func (w *world) isLost(c *op) bool {
	for _, f := range w.lost {
		late := c.kind == "refresh" || c.disturbed || c.err != nil
		if c.start < f.to && (late || c.end > f.from) {
			return true
		}
	}
	return false
}

// remembers reports whether the container of a clear knew the generation that the clear replaced (C1): it had asked the
// backend while nothing went wrong, and nobody has cleared since.
func (w *world) remembers(c *op) bool {
	known := int64(0)
	for _, o := range w.ops {
		switch {
		case o.kind == "clear" && o != c && o.start < c.end:
			return false
		case o.box == c.box && o.kind == "get" && o.key != privateKey && o.end != 0 && o.end < c.start && o.err == nil && !o.disturbed && o.began.Equal(o.done):
			known = o.end
		}
	}
	for _, f := range w.lost { // an earlier one may have brought another generation
		if f.to < c.start {
			return false
		}
	}
	return known != 0 && !c.disturbed && c.err == nil
}

// latest is the latest event at which the run of a value may have begun. A run begins with its value's event; a Set takes
// effect at any time before it returns.
func (w *world) latest(v int64) int64 {
	r := w.runs[v]
	if r.op < 0 || w.ops[r.op].kind != "set" {
		return v
	}
	if o := w.ops[r.op]; o.end != 0 {
		return o.end
	}
	return math.MaxInt64 // its container died
}

// timeout is when an operation of the backend is given up: whoever waits that long may not have been able to ask.
const timeout = time.Second

// near reports whether o began long enough after c that its container must have heard of it.
func (w *world) near(o, c *op) bool {
	// NearTTL is measured by the container's own wall clock.
	if o.disturbed || o.blind || w.stepped[o.box] || o.began.Sub(c.done) < nearTTL+time.Second {
		return false
	}
	for _, other := range w.ops { // a container that could not ask need not know
		slow := other.end == 0 || other.done.Sub(other.began) >= timeout
		if other.box == o.box && (other.disturbed || slow && (other.end == 0 || other.end > c.end)) {
			return false
		}
	}
	return true
}

// heldLeases holds S2, S7 and S8: when everything has ended, no container whose backend was always there has a lease.
func (w *world) heldLeases() {
	for _, key := range keys {
		b := w.boxes[len(w.boxes)-1]
		s := (&gatedStore{b: b, fn: backends.Function{Name: "f", NearTTL: nearTTL}}).s()
		slot := b.f.Digest(b.lookup(key))
		l, _, err := s.Lease(context.Background(), slot, backends.LeaseRequest{Token: "end", TTL: time.Second}, backends.ReadOptions{})
		var busy *backends.LeasedError
		if errors.As(err, &busy) {
			if holder := w.tokens[busy.Holder]; holder != nil && !holder.dead.Load() && !holder.failed.Load() && len(w.lost) == 0 {
				w.fault("S7, S8: %d has the lease of %s when nobody wants it any more", holder.n, key)
			}
		}
		if l != nil {
			_ = l.Release(context.Background(), backends.Mark{})
		}
	}
}

func (w *world) history() string {
	var b strings.Builder
	for _, o := range w.ops {
		fmt.Fprintf(&b, "%3d %-11s %-8s in %d  [%d, %d] %v %v", o.id, o.kind, o.key, o.box, o.start, o.end, o.values, o.err)
		for word, is := range map[string]bool{"cancelled": o.cancelled, "dead": o.dead, "soft": o.soft, "disturbed": o.disturbed} {
			if is {
				b.WriteString(" " + word)
			}
		}
		b.WriteByte('\n')
	}
	for _, n := range w.notes {
		b.WriteString(n + "\n")
	}
	for _, f := range w.lost {
		fmt.Fprintf(&b, "a failover at %d goes back to %d\n", f.to, f.from)
	}
	return b.String()
}
