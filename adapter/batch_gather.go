package adapter

import (
	"context"
	"errors"
	"hash/maphash"
	"slices"
	"sync"
	"time"

	"github.com/stillwarm/stillwarm/internal/engine"
)

// gathering is one GetAll: what it asks for beyond memory's fresh entries, and what came of it.
type gathering struct {
	c     *dataCore
	s     *dataState
	ctx   context.Context
	scope callScope

	n         int // how many arguments there are
	ins, outs ptr // the first of them, and of their results

	elements []engine.Element // what memory had no fresh entry of, each key once
	at       []int            // of each element, the argument that it was made for
	again    map[int][]int    // of an element, further arguments that are equal
	unkeyed  []int            // arguments that have no key, or are not cached: their function runs
	index    keyIndex

	text    []byte    // the encoded arguments
	passing sync.Once // makes passes
	passes  ptr       // the first of as many kept results as there are elements: room for them on their way to the caller

	making sync.Mutex
	calls  ptr // the first of the unused typedCalls
	unused int // how many these are
	made   int // how many were made

	mu       sync.Mutex
	errs     map[int]error // by argument
	uncopied []int         // arguments whose results cannot be copied
}

// callsAtOnce is how many calls of a batch share one piece of memory, which lasts as long as the last of them.
const callsAtOnce = 16

func (g *gathering) in(i int) ptr  { return element(g.ins, g.c.in.Size(), i) }
func (g *gathering) out(i int) ptr { return element(g.outs, g.c.out.Size(), i) }

// gather answers what memory has fresh, as Get does, and collects the rest.
func (g *gathering) gather() {
	buf := keyBuffers.Get().(*keyBuffer)
	defer buf.giveBack()
	for i := range g.n {
		var cached bool
		var err error
		if buf.enc, cached, err = g.c.encode(buf.enc[:0], g.scope, g.in(i)); err != nil || !cached {
			if err != nil && !g.s.rt.withoutKey(g.ctx, g.c.id.name, err) {
				g.fail(i, err)
			} else {
				g.unkeyed = append(g.unkeyed, i)
			}
			continue
		}
		n, there := g.index.find(buf.local(), g.elements)
		if there {
			if g.again == nil {
				g.again = map[int][]int{}
			}
			g.again[n] = append(g.again[n], i)
			continue
		}
		if flat, ok := g.c.fresh(g.ctx, g.s, g.scope, buf, g.in(i), g.out(i)); !ok {
			g.add(buf, i)
		} else if flat != nil {
			g.c.values.Assign(g.out(i), flat)
		}
	}
}

// add adds an element for an argument whose key the buffer holds.
func (g *gathering) add(buf *keyBuffer, i int) {
	var e engine.Element
	if g.c.terms.tags != nil {
		var unknown bool
		if e.Tags, unknown = g.c.tagsOf(g.s, g.in(i)); unknown {
			g.unkeyed = append(g.unkeyed, i)
			return
		}
	}
	if g.elements == nil {
		left := g.n - i
		g.elements, g.at = make([]engine.Element, 0, left), make([]int, 0, left)
		g.text = make([]byte, 0, left*(len(buf.enc)+len(buf.enc)/8))
		g.index.make(left)
	}
	from := len(g.text)
	g.text = append(g.text, buf.enc...)
	enc := g.text[from:len(g.text):len(g.text)] // nothing writes there again
	e.Enc, e.Key = enc[g.scope.size():], textOf(enc)
	if len(enc) > longKey {
		e.Key = string(buf.local())
	}
	g.index.add(e.Key, len(g.elements))
	g.elements, g.at = append(g.elements, e), append(g.at, i)
}

// lookup returns the engine's lookup for an element, made in room where there is some.
func (g *gathering) lookup(n int, room *engine.Lookup) *engine.Lookup {
	var k *call
	if room != nil {
		k = room.Ops.(*call)
		*k = call{} // begin sets what a typedCall has beyond this, and a batch passes nothing in it
	} else {
		k = g.newCall()
	}
	k.begin(g.c, g.s, g.in(g.at[n]))
	k.batch, k.element = g, n
	return &k.Lookup
}

// newCall returns an unused call. There are few where all elements are hits, since they are used again.
func (g *gathering) newCall() *call {
	g.making.Lock()
	defer g.making.Unlock()
	if g.unused == 0 {
		g.unused = min(callsAtOnce, max(1, g.made), max(1, len(g.elements)-g.made))
		g.calls = g.c.calls(g.unused)
		g.made += g.unused
	}
	g.unused--
	return (*call)(element(g.calls, g.c.callSize, g.unused))
}

// pass returns where a result of an element goes that memory has no room for. It is not part of the call, which may be
// used for another element while the caller has the result.
func (g *gathering) pass(n int) (kept any, value ptr) {
	g.passing.Do(func() { g.passes = g.c.values.Many(len(g.elements)) })
	value = g.c.values.Nth(g.passes, n)
	return g.c.values.In(value), value
}

// answer hands out what an element came to: the first argument gets a value that is the caller's own as it is, the others
// get copies.
func (g *gathering) answer(n int, r *engine.Reply, err error) {
	g.hand(g.at[n], r, err, true)
	for _, i := range g.again[n] {
		g.hand(i, r, err, false)
	}
}

func (g *gathering) hand(i int, r *engine.Reply, err error, first bool) {
	if r != nil && r.Value != nil {
		switch {
		case r.Own && first:
			g.c.values.Assign(g.out(i), g.c.values.At(r.Value))
		case g.c.values.Copy(g.out(i), r.Value) != nil:
			g.mu.Lock()
			g.uncopied = append(g.uncopied, i)
			g.mu.Unlock()
			return
		}
	}
	g.fail(i, err)
}

// fail notes an argument's error; nil is none.
func (g *gathering) fail(i int, err error) {
	if err == nil {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.errs == nil {
		g.errs = map[int]error{}
	}
	g.errs[i] = err
}

func (g *gathering) err() error {
	if len(g.errs) == 0 {
		return nil
	}
	return &BatchError{Errs: g.errs}
}

// rest is every argument that has no answer yet.
func (g *gathering) rest() []int {
	rest := append(slices.Clone(g.unkeyed), g.at...)
	for _, more := range g.again {
		rest = append(rest, more...)
	}
	return rest
}

// all is every argument.
func (g *gathering) all() []int {
	all := make([]int, g.n)
	for i := range all {
		all[i] = i
	}
	return all
}

// compute runs the function for some arguments, uncached.
func (g *gathering) compute(some []int) {
	if len(some) == 0 {
		return
	}
	if g.c.many == nil {
		for _, i := range some {
			g.fail(i, g.c.run(g.ctx, g.in(i), g.out(i)))
		}
		return
	}
	args := make([]ptr, len(some))
	for n, i := range some {
		args[n] = g.in(i)
	}
	got, errs := g.c.callMany(g.ctx, args)
	for n, i := range some {
		g.c.values.Assign(g.out(i), got[n])
		g.fail(i, errs[n])
	}
}

// uncached is compute for calls that are not cached, whose runs count.
func (g *gathering) uncached(some []int) {
	if len(some) == 0 {
		return
	}
	if g.c.many == nil {
		for _, i := range some {
			g.fail(i, g.c.uncached(g.ctx, g.s, g.in(i), g.out(i)))
		}
		return
	}
	start, returned := time.Now(), false
	defer func() {
		var err error
		if !returned {
			err = errors.New("panic")
		}
		g.s.f.Ran(g.ctx, time.Since(start), err)
	}()
	g.compute(some)
	returned = true
}

// keyIndex finds the element that has a key. Its zero value has none.
type keyIndex struct {
	slots []int32 // the number of an element plus one, at its hash or after; a power of two of them, at most half full
}

var keySeed = maphash.MakeSeed()

// make makes room for n elements.
func (x *keyIndex) make(n int) {
	size := 8
	for size < 2*n {
		size *= 2
	}
	x.slots = make([]int32, size)
}

// find returns the element that has the key.
func (x *keyIndex) find(key []byte, elements []engine.Element) (n int, there bool) {
	if len(x.slots) == 0 {
		return 0, false
	}
	for at := int(maphash.Bytes(keySeed, key)) & (len(x.slots) - 1); x.slots[at] != 0; at = (at + 1) & (len(x.slots) - 1) {
		if n = int(x.slots[at]) - 1; elements[n].Key == string(key) {
			return n, true
		}
	}
	return 0, false
}

// add adds an element whose key is not there yet.
func (x *keyIndex) add(key string, n int) {
	at := int(maphash.String(keySeed, key)) & (len(x.slots) - 1)
	for x.slots[at] != 0 {
		at = (at + 1) & (len(x.slots) - 1)
	}
	x.slots[at] = int32(n + 1)
}
