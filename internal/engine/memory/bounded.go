package memory

import (
	"math"
	"sync/atomic"
)

// node is one entry's place in the tier.
type node struct {
	key    string
	hash   uint64
	entry  atomic.Pointer[Entry]
	used   atomic.Uint64 // when it was used last, by the tier's clock
	owner  *Owner
	weight int64
	// Its rank and its place in each heap, guarded by Tier.mu. A rank by use is as of when the heap looked last: it is
	// never later than used.
	ranks  [heaps]uint64
	places [heaps]int32
}

// The heaps that a node can be in: those of the whole tier and those of a function with bounds of its own.
const (
	byUse = iota
	byEnd
	byOwnUse
	byOwnEnd
	heaps
)

func newNode(o *Owner, key string) *node {
	return &node{key: key, hash: o.table.hashString(key), owner: o, places: [heaps]int32{-1, -1, -1, -1}}
}

// set gives a node that is in no heap its entry.
func (n *node) set(e *Entry, weight int64, used uint64) {
	n.weight = weight
	n.entry.Store(e)
	n.used.Store(used)
	end := uint64(max(0, e.End))
	n.ranks = [heaps]uint64{byUse: used, byEnd: end, byOwnUse: used, byOwnEnd: end}
}

// bounded is a set of entries and how much of it there may be.
type bounded struct {
	use, end   heap
	bytes      int64
	maxBytes   int64
	maxEntries int
}

func newBounded(maxEntries int, maxBytes int64, use, end int) bounded {
	b := bounded{use: heap{kind: use}, end: heap{kind: end}, maxBytes: math.MaxInt64, maxEntries: math.MaxInt}
	if maxBytes > 0 {
		b.maxBytes = maxBytes
	}
	if maxEntries > 0 {
		b.maxEntries = maxEntries
	}
	return b
}

func (b *bounded) add(n *node) {
	b.bytes += n.weight
	b.use.push(n)
	if n.ranks[b.end.kind] != Never {
		b.end.push(n)
	}
}

// remove removes the node; it need not be in the set.
func (b *bounded) remove(n *node) {
	if b.use.remove(n) {
		b.bytes -= n.weight
		b.end.remove(n)
	}
}

// over reports whether there is more than there may be.
func (b *bounded) over() bool { return b.bytes > b.maxBytes || len(b.use.nodes) > b.maxEntries }

// victim returns the entry that has to leave first: an expired one, else the least recently used.
func (b *bounded) victim(now int64) *node {
	if n := b.end.first(); n != nil && now > 0 && n.ranks[b.end.kind] <= uint64(now) {
		return n
	}
	// Hits go on meanwhile: after one look at each, the first is as good as any.
	for range b.use.nodes {
		n := b.use.first()
		used := n.used.Load()
		if n.ranks[b.use.kind] >= used {
			return n
		}
		b.use.raise(n, used) // it was used since
	}
	return b.use.first()
}

// heap orders nodes by one of their ranks, the lowest first.
type heap struct {
	kind  int
	nodes []*node
}

func (h *heap) first() *node {
	if len(h.nodes) == 0 {
		return nil
	}
	return h.nodes[0]
}

func (h *heap) push(n *node) {
	h.nodes = append(h.nodes, n)
	h.up(n, len(h.nodes)-1)
}

// remove reports whether the node was in the heap.
func (h *heap) remove(n *node) bool {
	at := int(n.places[h.kind])
	if at < 0 {
		return false
	}
	n.places[h.kind] = -1
	last := len(h.nodes) - 1
	moved := h.nodes[last]
	h.nodes[last] = nil
	h.nodes = h.nodes[:last]
	if moved != n {
		h.up(moved, at)
		h.down(moved)
	}
	if last > minBuckets && last < cap(h.nodes)/4 { // what was cleared must not keep its memory
		h.nodes = append(make([]*node, 0, 2*last), h.nodes...)
	}
	return true
}

// raise gives a node a higher rank.
func (h *heap) raise(n *node, rank uint64) {
	n.ranks[h.kind] = rank
	h.down(n)
}

// up puts n at a place, and moves it up to where it belongs.
func (h *heap) up(n *node, at int) {
	for at > 0 {
		parent := (at - 1) / 2
		if h.nodes[parent].ranks[h.kind] <= n.ranks[h.kind] {
			break
		}
		h.set(h.nodes[parent], at)
		at = parent
	}
	h.set(n, at)
}

// down moves n down to where it belongs.
func (h *heap) down(n *node) {
	at := int(n.places[h.kind])
	for {
		child := 2*at + 1
		if child >= len(h.nodes) {
			break
		}
		if right := child + 1; right < len(h.nodes) && h.nodes[right].ranks[h.kind] < h.nodes[child].ranks[h.kind] {
			child = right
		}
		if n.ranks[h.kind] <= h.nodes[child].ranks[h.kind] {
			break
		}
		h.set(h.nodes[child], at)
		at = child
	}
	h.set(n, at)
}

func (h *heap) set(n *node, at int) {
	h.nodes[at] = n
	n.places[h.kind] = int32(at)
}
