package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"sync/atomic"
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
	if b.err != nil {
		return nil, b.err
	}
	tagged, err := taggedContest()
	if err != nil {
		return nil, err
	}
	spread, err := spreadContest()
	if err != nil {
		return nil, err
	}
	return append(b.contests, tagged, spread), nil
}

// hitsOf is a cached function in memory whose results for the arguments are there.
func hitsOf(rt *adapter.Runtime, name string, ins []query, opts ...adapter.DataOption) (*adapter.Data[query, flatValue], error) {
	ctx := context.Background()
	opts = append(opts, adapter.Name(name), adapter.TTL(peerTTL), adapter.WithRuntime(rt))
	data, err := adapter.NewData(func(context.Context, query) (flatValue, error) { return newFlat(), nil }, opts...)
	if err != nil {
		return nil, err
	}
	for _, in := range ins {
		if _, err := data.Get(ctx, in); err != nil {
			return nil, err
		}
	}
	return data, nil
}

// taggedContest compares hits of entries with tags with those of entries without, after another tag was invalidated.
func taggedContest() (*contest, error) {
	ctx := context.Background()
	rt, err := adapter.New(adapter.Config{Backend: "none"})
	if err != nil {
		return nil, err
	}
	tags := adapter.Tags(func(in query) []string { return []string{"user " + in.User, "venue " + in.Venue} })
	with, err := hitsOf(rt, "tagged", []query{aQuery}, tags)
	if err != nil {
		return nil, err
	}
	without, err := hitsOf(rt, "untagged", []query{aQuery})
	if err != nil {
		return nil, err
	}
	if err := rt.InvalidateTags(ctx, "another"); err != nil {
		return nil, err
	}
	return &contest{
		id: "hit-tagged", title: "flat struct, 200 B, two tags", section: sectionMemory, close: func() { _ = rt.Close(ctx) },
		goals: []goal{over(reference, "", "untagged", goalTagged)},
		contenders: []contender{
			{name: "Stillwarm, two tags", role: ours, loop: must(func() bool { _, err := with.Get(ctx, aQuery); return err == nil })},
			{name: "Stillwarm, no tags", role: reference, loop: must(func() bool { _, err := without.Get(ctx, aQuery); return err == nil })},
		},
	}, nil
}

// spreadContest compares two goroutines, which ask for different keys, with one.
func spreadContest() (*contest, error) {
	ctx := context.Background()
	rt, err := adapter.New(adapter.Config{Backend: "none"})
	if err != nil {
		return nil, err
	}
	ins := batchQueries()
	data, err := hitsOf(rt, "spread", ins)
	if err != nil {
		return nil, err
	}
	var begun atomic.Int64
	loop := func(n int) {
		mine := ins[:len(ins)/2]
		if begun.Add(1)%2 == 0 {
			mine = ins[len(ins)/2:]
		}
		for i := range n {
			if _, err := data.Get(ctx, mine[i%len(mine)]); err != nil {
				panic(err) // nothing here fails
			}
		}
	}
	return &contest{
		id: "hit-spread", title: "flat struct, 200 B, 50 keys for each goroutine", section: sectionMemory, close: func() { _ = rt.Close(ctx) },
		goals: []goal{over(reference, "", "one goroutine", goalSpread)},
		contenders: []contender{
			{name: "Stillwarm, two goroutines", role: ours, goroutines: 2, loop: loop},
			{name: "Stillwarm, one goroutine", role: reference, loop: loop},
		},
	}, nil
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
