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
func (d *Data[In, Out]) encode(dst []byte, scope callScope, in *In) (enc []byte, cached bool, err error) {
	enc, cached, err = d.keys.append(scope.appendTo(dst), in)
	if err != nil || !cached {
		return dst, cached, err
	}
	return enc, true, nil
}

// call is a lookup with its types. One object holds everything that a call needs once memory had no reply: a hit in
// Redis on the same host is fast enough for allocations to count.
type call[In, Out any] struct {
	engine.Lookup
	d    *Data[In, Out]
	s    *dataState
	in   In
	arg  *In             // what the run works on: in itself where nobody else can change it
	pass clone.Kept[Out] // a result that memory has no room for, on its way to the caller
	room [128]byte

	batch   *gathering[In, Out] // nil: a call of its own
	element int                 // of the batch

	untagged bool // the function given to Tags panicked
}

// newCall returns the lookup of a call. It keeps nothing of the buffer.
func newCall[In, Out any](d *Data[In, Out], s *dataState, scope callScope, b *keyBuffer, in In) *engine.Lookup {
	c := new(call[In, Out])
	enc := append(c.room[:0], b.enc...)
	c.Scope, c.Enc = scope.text(), enc[scope.size():]
	if c.Key = textOf(enc); len(enc) > longKey {
		c.Key = string(b.local())
	}
	c.begin(d, s, in)
	if d.terms.tags != nil {
		c.Tags, c.untagged = d.tagsOf(s, in)
	}
	return &c.Lookup
}

// begin gives an unused call its types and its argument.
func (c *call[In, Out]) begin(d *Data[In, Out], s *dataState, in In) {
	c.d, c.s, c.in = d, s, in
	c.Ops, c.Codec = c, d.codec.ID()
	var custody clone.Custody
	if c.arg, custody = clone.TakeArgument(d.args, &c.in); custody != clone.Borrowed {
		c.Arg = engine.Own
	}
}

// tagsOf asks the function given to Tags. Where that panics it is not known which tags an entry would have.
func (d *Data[In, Out]) tagsOf(s *dataState, in In) (tags []string, unknown bool) {
	unknown = !s.rt.asked(context.Background(), "Tags", d.id.name, func() { tags = d.terms.tags(in) })
	return tags, unknown
}

// untagged reports whether it is not known which tags the lookup's entry would have. It must not be stored then: an
// invalidation would not find it.
func (d *Data[In, Out]) untagged(l *engine.Lookup) bool { return l.Ops.(*call[In, Out]).untagged }

// Run calls the function for the engine.
func (c *call[In, Out]) Run(ctx context.Context) engine.Result {
	out, err := c.d.fn(ctx, *c.arg)
	return c.d.result(ctx, c.s, *c.arg, &out, err)
}

// result copies a result for those who share it, and asks the options what may become of it. One that its copies or its bytes
// would not be exactly goes to its caller as it is.
func (d *Data[In, Out]) result(ctx context.Context, s *dataState, in In, out *Out, err error) engine.Result {
	res := engine.Result{Err: err, Terms: engine.Terms{TTL: -1}}
	kept, copyErr := clone.Keep(d.out, out)
	if copyErr != nil {
		res.Value, res.Terms.Lossy = &clone.Kept[Out]{Value: *out}, true
		if err == nil {
			s.rt.logOnce(ctx, "uncacheable "+d.id.name, slog.LevelWarn, "cannot cache a result; returned it uncached",
				"function", d.id.name, "error", copyErr.Error())
		}
		return res
	}
	res.Value = kept
	if err == nil {
		d.terms.ask(ctx, d, s, in, kept, &res.Terms)
	}
	return res
}

// Decode decodes a payload for the engine.
func (c *call[In, Out]) Decode(payload []byte, keep bool) (any, error) {
	out := &c.pass
	switch {
	case keep:
		out = new(clone.Kept[Out])
	case c.batch != nil:
		out = c.batch.pass(c.element)
	}
	return out, c.d.codec.DecodeOwned(payload, &out.Value, c.s.rt.config.decodeBudget())
}

// Encode encodes a result for the engine.
func (c *call[In, Out]) Encode(dst []byte, v any) ([]byte, error) {
	return c.d.codec.Append(dst, &v.(*clone.Kept[Out]).Value)
}

// Size sizes a result for the engine.
func (c *call[In, Out]) Size(v any) int64 { return clone.Size(c.d.out, v.(*clone.Kept[Out])) }

// termFuncs are the options that decide what may become of a result.
type termFuncs[In, Out any] struct {
	keep, private, failed func(Out) bool
	ttl                   func(Out) time.Duration
	tags                  func(In) []string
	tagsOf                func(In, Out) []string
}

func termFuncsOf[In, Out any](o *options) (t termFuncs[In, Out]) {
	t.keep, _ = o.cacheIf.fn.(func(Out) bool)
	t.private, _ = o.privateIf.fn.(func(Out) bool)
	t.failed, _ = o.failIf.fn.(func(Out) bool)
	t.ttl, _ = o.ttlFrom.fn.(func(Out) time.Duration)
	t.tags, _ = o.tags.fn.(func(In) []string)
	t.tagsOf, _ = o.tagsOf.fn.(func(In, Out) []string)
	return t
}

// ask asks each option about a copy of the result, so that no option can change what anybody gets. One that panics
// leaves the result uncached.
func (t *termFuncs[In, Out]) ask(ctx context.Context, d *Data[In, Out], s *dataState, in In, kept *clone.Kept[Out], terms *engine.Terms) {
	see := func() Out {
		var seen Out
		_ = clone.Copy(d.out, &seen, kept) // it was copied before
		return seen
	}
	asked := func(option string, ask func()) {
		defer func() {
			if r := recover(); r != nil {
				terms.Private = true
				s.rt.logOnce(ctx, "option "+option+d.id.name, slog.LevelWarn, "an option's function panicked; returned the result uncached",
					"function", d.id.name, "option", option, "panic", fmt.Sprint(r))
			}
		}()
		ask()
	}
	if t.failed != nil {
		asked("FailIf", func() { terms.Failed = t.failed(see()) })
	}
	if t.private != nil {
		asked("PrivateIf", func() { terms.Private = t.private(see()) })
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
