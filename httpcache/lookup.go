package httpcache

import (
	"context"

	"github.com/stillwarm/stillwarm/httpcache/internal/port"
	"github.com/stillwarm/stillwarm/httpcache/internal/rule"
)

// found is what a lookup found for a request.
type found struct {
	resp     *rule.Response
	at       port.Key // the slot that it came from
	inMemory bool
	varied   bool     // the URL's answers vary
	fields   []string // on these
	versions map[port.Key]port.Slot
}

// reader reads slots: from memory alone, or from memory and backend.
type reader func(ks ...port.Key) []port.Slot

// remembered finds what memory has for the request and may be believed without asking anybody. It is lookup for a hit: it keeps
// no versions, which memory does not know.
func (x *exchange) remembered() (f found) {
	x.recall(&f, x.keys.Public)
	if x.keys.Principal != (port.Key{}) {
		x.recall(&f, x.keys.Principal)
	}
	return f
}

func (x *exchange) recall(f *found, base port.Key) {
	e := x.engine.Peek(base)
	if e == nil {
		return
	}
	v, ok := e.Value.(*rule.Variants)
	if !ok {
		f.offer(x.req, port.Slot{Key: base, Entry: e, InMemory: true})
		return
	}
	f.varied, f.fields = true, v.Fields
	key := rule.Variant(base, v.Fields, x.req)
	f.offer(x.req, port.Slot{Key: key, Entry: x.engine.Peek(key), InMemory: true})
}

// remembersStale reports whether memory has an answer that will not do whatever the backend says of invalidations.
func (x *exchange) remembersStale() bool {
	f := x.lookup(func(ks ...port.Key) []port.Slot {
		out := make([]port.Slot, len(ks))
		for i, k := range ks {
			out[i] = port.Slot{Key: k, Entry: x.engine.Hint(k)}
		}
		return out
	})
	v := x.judge(f)
	return f.resp != nil && v.Do != rule.Serve && v.Do != rule.ServeStale
}

func readFrom(ctx context.Context, e port.Engine) reader {
	return func(ks ...port.Key) []port.Slot { return e.Read(ctx, ks...) }
}

func rereadFrom(ctx context.Context, e port.Engine) reader {
	return func(ks ...port.Key) []port.Slot { return e.Reread(ctx, ks...) }
}

// lookup finds the answer to the request: below the public key and, for a principal, below its own. Where memory knows on
// which fields the answers vary, the variants are asked for together with them.
func (x *exchange) lookup(read reader) found {
	bases := x.keys.Slots()
	ask, hinted := x.withVariants(bases)
	got := read(ask...)
	f := found{versions: make(map[port.Key]port.Slot, len(got))}
	f.note(got)
	var more []port.Key
	for i, base := range bases {
		e := got[i].Entry
		if e == nil {
			continue
		}
		v, ok := e.Value.(*rule.Variants)
		if !ok {
			f.offer(x.req, got[i])
			continue
		}
		f.varied, f.fields = true, v.Fields
		key := rule.Variant(base, v.Fields, x.req)
		if key != hinted[i] {
			more = append(more, key)
		}
	}
	for _, s := range got[len(bases):] {
		f.offer(x.req, s)
	}
	if len(more) > 0 {
		got = read(more...)
		f.note(got)
		for _, s := range got {
			f.offer(x.req, s)
		}
	}
	return f
}

// withVariants returns the keys to ask for: the primary ones, and those of the variants that memory knows of.
func (x *exchange) withVariants(bases []port.Key) (ask, hinted []port.Key) {
	ask, hinted = bases, make([]port.Key, len(bases))
	for i, base := range bases {
		if e := x.engine.Hint(base); e != nil {
			if v, ok := e.Value.(*rule.Variants); ok {
				hinted[i] = rule.Variant(base, v.Fields, x.req)
				ask = append(ask[:len(ask):len(ask)], hinted[i])
			}
		}
	}
	return ask, hinted
}

func (f *found) note(slots []port.Slot) {
	for _, s := range slots {
		f.versions[s.Key] = s
	}
}

// offer takes a slot's answer where it matches the request and is newer than the one that is there.
func (f *found) offer(r *rule.Request, s port.Slot) {
	if s.Entry == nil {
		return
	}
	p, ok := s.Entry.Value.(*rule.Response)
	if !ok || !p.Matches(r) || f.resp != nil && f.resp.Terms.Received.After(p.Terms.Received) {
		return
	}
	f.resp, f.at, f.inMemory = p, s.Key, s.InMemory
}

// slot returns the slot of a key as the lookup saw it.
func (f *found) slot(k port.Key) port.Slot {
	if s, ok := f.versions[k]; ok {
		return s
	}
	return port.Slot{Key: k}
}
