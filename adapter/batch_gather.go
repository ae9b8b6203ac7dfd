package adapter

import (
	"context"
	"hash/maphash"
	"slices"
	"sync"

	"github.com/stillwarm/stillwarm/internal/clone"
	"github.com/stillwarm/stillwarm/internal/engine"
)

// gathering is one GetAll: what it asks for beyond memory's fresh entries, and what came of it.
type gathering[In, Out any] struct {
	d     *Data[In, Out]
	s     *dataState
	ctx   context.Context
	scope callScope
	ins   []In
	outs  []Out

	elements []engine.Element // what memory had no fresh entry of, each key once
	at       []int            // of each element, the argument that it was made for
	again    map[int][]int    // of an element, further arguments that are equal
	unkeyed  []int            // arguments that have no key, or are not cached: their function runs
	index    keyIndex

	text    []byte            // the encoded arguments
	passing sync.Once         // makes passes
	passes  []clone.Kept[Out] // of each element, room for a result on its way to the caller

	making sync.Mutex
	calls  []call[In, Out] // unused ones
	made   int             // how many were made

	mu       sync.Mutex
	errs     map[int]error // by argument
	uncopied []int         // arguments whose results cannot be copied
}

// callsAtOnce is how many calls of a batch share one piece of memory, which lasts as long as the last of them.
const callsAtOnce = 16

// gather answers what memory has fresh, as Get does, and collects the rest.
func (g *gathering[In, Out]) gather() {
	buf := keyBuffers.Get().(*keyBuffer)
	defer buf.giveBack()
	for i := range g.ins {
		var cached bool
		var err error
		if buf.enc, cached, err = g.d.encode(buf.enc[:0], g.scope, &g.ins[i]); err != nil || !cached {
			if err != nil && !g.s.rt.withoutKey(g.ctx, g.d.id.name, err) {
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
		if !g.d.fresh(g.ctx, g.s, g.scope, buf, &g.ins[i], &g.outs[i]) {
			g.add(buf, i)
		}
	}
}

// add adds an element for an argument whose key the buffer holds.
func (g *gathering[In, Out]) add(buf *keyBuffer, i int) {
	var e engine.Element
	if g.d.terms.tags != nil {
		var unknown bool
		if e.Tags, unknown = g.d.tagsOf(g.s, g.ins[i]); unknown {
			g.unkeyed = append(g.unkeyed, i)
			return
		}
	}
	if g.elements == nil {
		left := len(g.ins) - i
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
func (g *gathering[In, Out]) lookup(n int, room *engine.Lookup) *engine.Lookup {
	var c *call[In, Out]
	if room != nil {
		c = room.Ops.(*call[In, Out])
		*c = call[In, Out]{}
	} else {
		c = g.newCall()
	}
	c.begin(g.d, g.s, g.ins[g.at[n]])
	c.batch, c.element = g, n
	return &c.Lookup
}

// newCall returns an unused call. There are few where all elements are hits, since they are used again.
func (g *gathering[In, Out]) newCall() *call[In, Out] {
	g.making.Lock()
	defer g.making.Unlock()
	if len(g.calls) == 0 {
		n := min(callsAtOnce, max(1, g.made), max(1, len(g.elements)-g.made))
		g.calls = make([]call[In, Out], n)
		g.made += n
	}
	c := &g.calls[0]
	g.calls = g.calls[1:]
	return c
}

// pass returns where a result of an element goes that memory has no room for. It is not part of the call, which may be
// used for another element while the caller has the result.
func (g *gathering[In, Out]) pass(n int) *clone.Kept[Out] {
	g.passing.Do(func() { g.passes = make([]clone.Kept[Out], len(g.elements)) })
	return &g.passes[n]
}

// answer hands out what an element came to: the first argument gets a value that is the caller's own as it is, the others
// get copies.
func (g *gathering[In, Out]) answer(n int, r *engine.Reply, err error) {
	g.hand(g.at[n], r, err, true)
	for _, i := range g.again[n] {
		g.hand(i, r, err, false)
	}
}

func (g *gathering[In, Out]) hand(i int, r *engine.Reply, err error, first bool) {
	if r != nil && r.Value != nil {
		kept := r.Value.(*clone.Kept[Out])
		switch {
		case r.Own && first:
			g.outs[i] = kept.Value
		case clone.Copy(g.d.out, &g.outs[i], kept) != nil:
			g.mu.Lock()
			g.uncopied = append(g.uncopied, i)
			g.mu.Unlock()
			return
		}
	}
	if err != nil {
		g.fail(i, err)
	}
}

// set gives an argument its result.
func (g *gathering[In, Out]) set(i int, out Out, err error) {
	g.outs[i] = out
	if err != nil {
		g.fail(i, err)
	}
}

func (g *gathering[In, Out]) fail(i int, err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.errs == nil {
		g.errs = map[int]error{}
	}
	g.errs[i] = err
}

func (g *gathering[In, Out]) err() error {
	if len(g.errs) == 0 {
		return nil
	}
	return &BatchError{Errs: g.errs}
}

// rest is every argument that has no answer yet.
func (g *gathering[In, Out]) rest() []int {
	rest := append(slices.Clone(g.unkeyed), g.at...)
	for _, more := range g.again {
		rest = append(rest, more...)
	}
	return rest
}

// computeAll runs the function for every argument.
func (g *gathering[In, Out]) computeAll() {
	all := make([]int, len(g.ins))
	for i := range all {
		all[i] = i
	}
	g.compute(all)
}

// compute runs the function for some arguments, uncached.
func (g *gathering[In, Out]) compute(some []int) {
	if len(some) == 0 {
		return
	}
	if g.d.many == nil {
		for _, i := range some {
			out, err := g.d.fn(g.ctx, g.ins[i])
			g.set(i, out, err)
		}
		return
	}
	args := make([]In, len(some))
	for n, i := range some {
		args[n] = g.ins[i]
	}
	got, failed := g.d.callMany(g.ctx, args)
	for n, i := range some {
		g.set(i, got[n], failed[n])
	}
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
