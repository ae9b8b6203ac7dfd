package adapter

import (
	"context"
	"crypto/sha256"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/stillwarm/stillwarm/internal/clone"
	"github.com/stillwarm/stillwarm/internal/engine"
)

// longKey is where a key in memory stops being the argument itself, exact and cheap, and becomes its digest: a megabyte
// of argument must not stay in memory for a result of eight bytes.
const longKey = 512

// keyBuffer is where the key of a call is made. It is reused, and apart from the lookup, so that a hit in memory
// allocates nothing.
type keyBuffer struct {
	enc []byte // the scope, framed, and the encoded argument
	sum [1 + sha256.Size]byte
}

// keyBuffers holds the buffers in which keys are made: what is there is copied only on a miss.
var keyBuffers = sync.Pool{New: func() any { return &keyBuffer{enc: make([]byte, 0, longKey)} }}

// local returns the key in memory for the encoded call: the encoding itself, or its digest where it is long. The two
// cannot be confused: a digest is marked by its length and by a first byte that no scope's length has. The key is good
// until the buffer is used again.
func (b *keyBuffer) local() []byte {
	if len(b.enc) <= longKey {
		return b.enc
	}
	b.sum[0] = 0xff
	h := sha256.Sum256(b.enc)
	copy(b.sum[1:], h[:])
	return b.sum[:]
}

// largestKey bounds the buffers that are kept for the next call.
const largestKey = 64 << 10

func (b *keyBuffer) giveBack() {
	if cap(b.enc) <= largestKey {
		keyBuffers.Put(b)
	}
}

// encode writes the key of a call: its scope and its argument. After an error, or where the call is not cached, dst is as
// it was.
func (c *dataCore) encode(dst []byte, scope callScope, in ptr) (enc []byte, cached bool, err error) {
	enc, cached, err = c.keys.append(scope.appendTo(dst), in)
	if err != nil || !cached {
		return dst, cached, err
	}
	return enc, true, nil
}

// call is a lookup with what it needs to know of its function: the part of a typedCall that has no types. One object holds
// everything that a call needs once memory had no reply: a hit in Redis on the same host is fast enough for allocations to
// count.
type call struct {
	engine.Lookup
	c    *dataCore
	s    *dataState
	arg  ptr // to what the run works on: the typedCall's own argument where nobody else can change that
	room [128]byte

	batch   *gathering // nil: a call of its own
	element int        // of the batch

	untagged bool // the function given to Tags panicked
}

// newCall returns the lookup of a call. It keeps nothing of the buffer.
func (c *dataCore) newCall(s *dataState, scope callScope, b *keyBuffer, in ptr) *engine.Lookup {
	k := (*call)(c.calls(1))
	enc := append(k.room[:0], b.enc...)
	k.Scope, k.Enc = scope.text(), enc[scope.size():]
	if k.Key = textOf(enc); len(enc) > longKey {
		k.Key = string(b.local())
	}
	own := k.begin(c, s, in)
	if c.terms.tags != nil {
		k.Tags, k.untagged = c.tagsOf(s, own)
	}
	return &k.Lookup
}

// begin gives an unused call its function and its argument, and returns the address of its own copy of that.
func (k *call) begin(c *dataCore, s *dataState, from ptr) (in ptr) {
	in = offset(ptr(k), c.inAt)
	c.assignIn(in, from)
	k.c, k.s = c, s
	k.Ops, k.Codec = k, c.codec.ID()
	var custody clone.Custody
	if k.arg, custody = c.args.Take(c.assignIn, in); custody != clone.Borrowed {
		k.Arg = engine.Own
	}
	return in
}

// bareLookup returns a lookup that has no argument: it can decode what an entry holds.
func (c *dataCore) bareLookup(s *dataState) *engine.Lookup {
	k := (*call)(c.calls(1))
	k.c, k.s = c, s
	k.Ops, k.Codec = k, c.codec.ID()
	return &k.Lookup
}

// tagsOf asks the function given to Tags about an argument on the heap. Where that panics it is not known which tags an
// entry would have.
func (c *dataCore) tagsOf(s *dataState, in ptr) (tags []string, unknown bool) {
	unknown = !s.rt.asked(context.Background(), "Tags", c.id.name, func() { tags = c.terms.tags(in) })
	return tags, unknown
}

// untagged reports whether it is not known which tags the lookup's entry would have. It must not be stored then: an
// invalidation would not find it.
func untagged(l *engine.Lookup) bool { return l.Ops.(*call).untagged }

// Run calls the function for the engine.
func (k *call) Run(ctx context.Context) engine.Result {
	out, in := newOf(k.c.out), k.c.unchanged(k.arg)
	err := k.c.run(ctx, k.arg, out)
	return k.c.result(ctx, k.s, in, out, err)
}

// unchanged returns the argument that the options see beside a result: as it was before the run, whatever the function does
// to what it got, as far as it can be copied.
func (c *dataCore) unchanged(in ptr) ptr {
	if c.terms.tagsOf == nil {
		return in
	}
	was, _ := c.args.Take(c.assignIn, in)
	return was
}

// result copies a result for those who share it, and asks the options what may become of it. One that its copies or its bytes
// would not be exactly goes to its caller as it is.
func (c *dataCore) result(ctx context.Context, s *dataState, in, out ptr, err error) engine.Result {
	res := engine.Result{Err: err, Terms: engine.Terms{TTL: -1}}
	kept, copyErr := c.values.Keep(out)
	if copyErr != nil {
		var value ptr
		res.Value, value = c.values.New()
		c.values.Assign(value, out)
		res.Terms.Lossy = true
		if err == nil {
			s.rt.logOnce(ctx, "uncacheable "+c.id.name, slog.LevelWarn, "cannot cache a result; returned it uncached",
				"function", c.id.name, "error", copyErr.Error())
		}
		return res
	}
	res.Value = kept
	if err == nil {
		c.askTerms(ctx, s, in, kept, &res.Terms)
	}
	return res
}

// Decode decodes a payload for the engine.
func (k *call) Decode(payload []byte, keep bool) (any, error) {
	var kept any
	var value ptr
	switch {
	case keep:
		kept, value = k.c.values.New()
	case k.batch != nil:
		kept, value = k.batch.pass(k.element)
	default:
		value = offset(ptr(k), k.c.passAt)
		kept = k.c.values.In(value)
	}
	return kept, k.c.codec.DecodeOwned(payload, pointerTo(k.c.out, value), k.s.rt.config.decodeBudget())
}

// Encode encodes a result for the engine.
func (k *call) Encode(dst []byte, v any) ([]byte, error) {
	return k.c.codec.Append(dst, pointerTo(k.c.out, k.c.values.At(v)))
}

// Size sizes a result for the engine.
func (k *call) Size(v any) int64 { return k.c.values.Size(v) }

// termFuncs are the options that decide what may become of a result. They take its address, and that of the argument.
type termFuncs struct {
	keep, private, failed func(out ptr) bool
	ttl                   func(out ptr) time.Duration
	tags                  func(in ptr) []string
	tagsOf                func(in, out ptr) []string
}

func termFuncsOf(o *options) (t termFuncs) {
	t.keep, _ = o.cacheIf.call.(func(ptr) bool)
	t.private, _ = o.privateIf.call.(func(ptr) bool)
	t.failed, _ = o.failIf.call.(func(ptr) bool)
	t.ttl, _ = o.ttlFrom.call.(func(ptr) time.Duration)
	t.tags, _ = o.tags.call.(func(ptr) []string)
	t.tagsOf, _ = o.tagsOf.call.(func(ptr, ptr) []string)
	return t
}

// askTerms asks each option about a copy of the result, so that no option can change what anybody gets. One that panics
// leaves the result uncached.
func (c *dataCore) askTerms(ctx context.Context, s *dataState, in ptr, kept any, terms *engine.Terms) {
	see := func() ptr {
		seen := newOf(c.out)
		_ = c.values.Copy(seen, kept) // it was copied before
		return seen
	}
	asked := func(option string, ask func()) {
		defer func() {
			if r := recover(); r != nil {
				terms.Private = true
				s.rt.logOnce(ctx, "option "+option+c.id.name, slog.LevelWarn, "an option's function panicked; returned the result uncached",
					"function", c.id.name, "option", option, "panic", fmt.Sprint(r))
			}
		}()
		ask()
	}
	t := &c.terms
	if t.failed != nil {
		asked("FailIf", func() { terms.Failed = t.failed(see()) })
	}
	if t.private != nil {
		asked("PrivateIf", func() { terms.Private = t.private(see()) || terms.Private })
	}
	if t.keep != nil {
		asked("CacheIf", func() { terms.Refused = !t.keep(see()) })
	}
	if t.ttl != nil {
		asked("TTLFrom", func() { terms.TTL = max(0, t.ttl(see())) })
	}
	if t.tagsOf != nil {
		asked("TagsOf", func() { terms.Tags = t.tagsOf(in, see()) })
	}
}
