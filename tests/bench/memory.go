package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"time"
	"unsafe"

	"github.com/zeebo/xxh3"

	"github.com/stillwarm/stillwarm/adapter"
)

// sectionMemory is the section of a hit in memory.
const sectionMemory = "1. A hit in memory, from typed arguments to a fresh value"

// memoryContests are the hits in memory, each for one goroutine and for two.
func memoryContests() ([]*contest, error) {
	flat := []goal{within(goalHitFlat), allocsAtMost(goalHitAllocs), ahead()}
	hundred := []goal{within(goalHitHundred), over(floor, "", "floor", goalHitOverFloor), ahead()}
	deep := []goal{ahead()}
	b := &builder{}
	addHit(b, "hit-flat", "flat struct, 200 B", newFlat(), copyFlat, false, flat)
	addHit(b, "hit-100", "struct with 100 elements, 8 KB", newHundred(), copyHundred, true, hundred)
	addHit(b, "hit-nested", "nested struct with pointers", newNested(), copyNested, true, deep)
	addHit(b, "hit-map", "map of 100 strings to ints", newMap(), copyMap, true, deep)
	addHit(b, "hit-1MB", "1 MB of bytes", newBytes(1<<20), copyBytes, true, deep)
	return b.contests, b.err
}

// builder collects contests until one fails.
type builder struct {
	contests []*contest
	err      error
}

// addHit adds the contest of one shape for one goroutine, and for two. The goals are those of one goroutine; of two, ours has
// to be ahead.
func addHit[Out any](b *builder, id, title string, value Out, hand func(*Out) Out, deep bool, goals []goal) {
	for _, goroutines := range []int{1, 2} {
		if b.err != nil {
			return
		}
		c, err := hitContest(value, hand, deep)
		if err != nil {
			b.err = fmt.Errorf("%s: %w", id, err)
			return
		}
		c.id, c.title, c.goals, c.goroutines = id, title, goals, goroutines
		if goroutines > 1 {
			c.id, c.title, c.goals = id+"-par", title+", two goroutines", []goal{ahead()}
		}
		b.contests = append(b.contests, c)
	}
}

func hitContest[Out any](value Out, hand func(*Out) Out, deep bool) (*contest, error) {
	rt, err := adapter.New(adapter.Config{Backend: "none"})
	if err != nil {
		return nil, err
	}
	ctx := context.Background()
	data, err := adapter.NewData(func(context.Context, query) (Out, error) { return value, nil },
		adapter.Name("bench"), adapter.TTL(peerTTL), adapter.WithRuntime(rt))
	if err != nil {
		return nil, err
	}
	if _, err := data.Get(ctx, aQuery); err != nil {
		return nil, err
	}
	peers, closePeers, err := hitPeers(value, deep)
	if err != nil {
		return nil, err
	}
	c := &contest{section: sectionMemory, close: func() { closePeers(); _ = rt.Close(ctx) }}
	c.contenders = append([]contender{{
		name: "Stillwarm, ttl of an hour", role: ours,
		loop: must(func() bool { _, err := data.Get(ctx, aQuery); return err == nil }),
	}}, peers...)
	text, err := json.Marshal(value)
	if err != nil {
		return nil, err
	}
	c.contenders = append(c.contenders, contender{
		name: "decode JSON at each hit", role: peer, lacks: "a map is the whole cache", loop: jsonHit[Out](text),
	}, floorHit(value, hand, false), floorHit(value, hand, true))
	return c, nil
}

func jsonHit[Out any](text []byte) func(n int) {
	m := map[string][]byte{jsonKey(&aQuery): text}
	return must(func() bool {
		var out Out
		return json.Unmarshal(m[jsonKey(&aQuery)], &out) == nil
	})
}

// floorHit is a hit by hand: a key written out field by field and hashed by xxh3, a sync.Map, a copy written for the type. The
// second one asks the clock as well, as every cache with a ttl has to.
func floorHit[Out any](value Out, hand func(*Out) Out, clock bool) contender {
	type entry struct {
		value Out
		until int64
	}
	m := &sync.Map{}
	m.Store(handKey(&aQuery), &entry{value, time.Now().Add(peerTTL).UnixNano()})
	c := contender{name: "by hand: xxh3, sync.Map, copy", role: floor, lacks: "no ttl, no bound, no check that the argument is the same"}
	if clock {
		c.name, c.lacks = "by hand, with a look at the clock", "no bound, no check that the argument is the same"
	}
	var sink Out
	c.loop = func(n int) {
		var out Out
		for range n {
			found, _ := m.Load(handKey(&aQuery))
			e := found.(*entry)
			if clock && time.Now().UnixNano() >= e.until {
				panic("bench: expired")
			}
			out = hand(&e.value)
		}
		if n < 0 {
			sink = out // so that the copies are not optimised away
		}
	}
	_ = sink
	return c
}

// handKey is the key as one would write it for this one type.
func handKey(in *query) uint64 {
	var room [256]byte
	return xxh3.Hash(appendHand(room[:0], in))
}

func appendHand(b []byte, in *query) []byte {
	for _, s := range [...]string{in.User, in.Region, in.Symbol, in.Currency, in.Venue} {
		b = append(append(b, byte(len(s))), s...)
	}
	numbers := (*[32]byte)(unsafe.Pointer(&in.From)) // From, To, Limit and Offset lie in a row
	return append(b, numbers[:]...)
}
