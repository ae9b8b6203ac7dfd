package memory

import (
	"hash/maphash"
	"sync/atomic"
)

// minBuckets is the size of the smallest table.
const minBuckets = 8

// seed is one for all tables: a hash says nothing outside of this process.
var seed = maphash.MakeSeed()

// table finds a function's nodes by key. Whoever changes it holds the tier's lock; whoever reads it holds none, and sees
// every node that was there before the read began and is there after it ended.
//
// A link that was taken out keeps its own next, so a reader that stands on it goes on along the chain. Growing makes new
// links for the new buckets, so a reader of the old ones is not led astray.
type table struct {
	buckets atomic.Pointer[[]bucket]
	count   int // guarded by Tier.mu
}

type bucket struct{ first atomic.Pointer[link] }

type link struct {
	node *node
	next atomic.Pointer[link]
}

func (t *table) hashString(key string) uint64 { return maphash.String(seed, key) }

// find returns the node under key, or nil.
func (t *table) find(key []byte) *node {
	buckets := t.buckets.Load()
	if buckets == nil {
		return nil
	}
	hash := maphash.Bytes(seed, key)
	for l := chain(*buckets, hash).Load(); l != nil; l = l.next.Load() {
		if l.node.hash == hash && l.node.key == string(key) {
			return l.node
		}
	}
	return nil
}

// findString is find for a key that is a string.
func (t *table) findString(key string) *node {
	buckets := t.buckets.Load()
	if buckets == nil {
		return nil
	}
	hash := t.hashString(key)
	for l := chain(*buckets, hash).Load(); l != nil; l = l.next.Load() {
		if l.node.hash == hash && l.node.key == key {
			return l.node
		}
	}
	return nil
}

func chain(buckets []bucket, hash uint64) *atomic.Pointer[link] {
	return &buckets[hash&uint64(len(buckets)-1)].first
}

// add adds a node whose key is not there.
func (t *table) add(n *node) {
	buckets := t.buckets.Load()
	if buckets == nil || t.count >= len(*buckets) {
		buckets = t.resize(max(minBuckets, 2*t.count))
	}
	t.count++
	prepend(chain(*buckets, n.hash), n)
}

func prepend(first *atomic.Pointer[link], n *node) {
	l := &link{node: n}
	l.next.Store(first.Load())
	first.Store(l)
}

// remove removes a node that is there.
func (t *table) remove(n *node) {
	buckets := *t.buckets.Load()
	at := chain(buckets, n.hash)
	for l := at.Load(); l != nil; l = at.Load() {
		if l.node == n {
			at.Store(l.next.Load())
			break
		}
		at = &l.next
	}
	t.count--
	if len(buckets) > minBuckets && t.count < len(buckets)/8 { // what was cleared must not keep its memory
		t.resize(max(minBuckets, len(buckets)/4))
	}
}

// resize makes a table of a size, which is a power of two.
func (t *table) resize(size int) *[]bucket {
	buckets := make([]bucket, size)
	for _, n := range t.nodes() {
		prepend(chain(buckets, n.hash), n)
	}
	t.buckets.Store(&buckets)
	return &buckets
}

// nodes returns all nodes.
func (t *table) nodes() []*node {
	buckets := t.buckets.Load()
	if buckets == nil {
		return nil
	}
	all := make([]*node, 0, t.count)
	for i := range *buckets {
		for l := (*buckets)[i].first.Load(); l != nil; l = l.next.Load() {
			all = append(all, l.node)
		}
	}
	return all
}
