package redis

import (
	"context"
	"slices"

	goredis "github.com/redis/go-redis/v9"
)

// pruneBatch is how many entries are read at once, whole, to know their generations.
const pruneBatch = 16

// Prune removes the entries below the prefix that Clear left behind; what has expired is removed by the server itself.
// It is needed only for functions without a ttl.
func (m *Manager) Prune(ctx context.Context, generationOf func(entry []byte) (uint64, bool)) (removed int, err error) {
	p := &pruning{m: m, generationOf: generationOf, current: map[string]uint64{}}
	err = m.scan(ctx, "prune", m.opts.Prefix+":e:", func(on node, keys []string) error {
		for batch := range slices.Chunk(keys, pruneBatch) {
			if err := p.batch(ctx, on, batch); err != nil {
				return err
			}
		}
		return nil
	})
	return p.removed, err
}

// pruning is one run of Prune.
type pruning struct {
	m            *Manager
	generationOf func(entry []byte) (uint64, bool)
	current      map[string]uint64 // by the function's part of the key, for one batch
	removed      int
}

// batch looks at some entries of one server and removes those that are of no use any more.
func (p *pruning) batch(ctx context.Context, on node, keys []string) error {
	values := make([]*goredis.StringCmd, len(keys))
	err := on(ctx, func(c client) error {
		cmds := make([]goredis.Cmder, len(keys))
		for i, key := range keys {
			values[i] = goredis.NewStringCmd(ctx, "get", key)
			cmds[i] = values[i]
		}
		return pipe(ctx, c, cmds...)
	})
	if err != nil {
		return err
	}
	// Generations are read after the entries that they judge: what was written under a newer one stays.
	clear(p.current)
	var dead []goredis.Cmder
	for i, key := range keys {
		if values[i].Err() != nil {
			continue // it has gone meanwhile
		}
		useless, err := p.useless(ctx, key, values[i].Val())
		if err != nil {
			return err
		}
		if useless {
			// Only what was looked at: a tombstone that has taken its place stays.
			dead = append(dead, goredis.NewIntCmd(ctx, "eval", deleteScript, 1, key, string(decodeSlot([]byte(values[i].Val())).version)))
		}
	}
	return p.remove(ctx, on, dead)
}

// useless reports whether nobody can hit what is stored under a key.
func (p *pruning) useless(ctx context.Context, key, value string) (bool, error) {
	part, ok := partOf(p.m.opts.Prefix, key)
	if !ok {
		return false, nil // not one of ours
	}
	st := decodeSlot([]byte(value))
	switch {
	case p.m.expired(st.expires), st.kind == 0:
		return true, nil
	case st.kind == kindTombstone:
		return false, nil
	}
	generation, ok := p.generationOf(st.entry)
	if !ok {
		return true, nil
	}
	current, known := p.current[part]
	if !known {
		var err error
		if current, err = p.m.readGeneration(ctx, generationKey(p.m.opts.Prefix, part)); err != nil {
			return false, err
		}
		p.current[part] = current
	}
	return current != generation, nil
}

// remove sends the deletions and counts what they removed.
func (p *pruning) remove(ctx context.Context, on node, dead []goredis.Cmder) error {
	if len(dead) == 0 {
		return nil
	}
	if err := on(ctx, func(c client) error { return pipe(ctx, c, dead...) }); err != nil {
		return err
	}
	for _, cmd := range dead {
		p.removed += int(cmd.(*goredis.IntCmd).Val())
	}
	return nil
}
