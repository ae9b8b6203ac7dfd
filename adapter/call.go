package adapter

import (
	"bytes"
	"context"

	"github.com/stillwarm/stillwarm/internal/clone"
)

// typed is what it takes a typed function to do for a question.
type typed interface {
	// run calls the function and returns a pointer to the result, whether it may be cached, and the function's error.
	run(ctx context.Context) (v any, cache bool, err error)
	// unchanged reports whether the argument still has the key it had when the call began.
	unchanged() bool
	// decode returns a pointer to the result; the payload belongs to it then. passing says that it will not be kept.
	decode(payload []byte, passing bool) (any, error)
	encode(dst []byte, v any) ([]byte, error)
	cost(v any) int64
}

// call is a question with its types. One object holds everything that a call needs once memory had no answer: a hit in
// Redis on the same host is fast enough for allocations to count.
type call[In, Out any] struct {
	question
	d    *Data[In, Out]
	core *dataCore
	in   In
	arg  *In // what the run works on: in itself where nobody else can change it
	pass Out // a result that memory has no room for, on its way to the caller
}

// newCall returns the question of a call. It keeps nothing of the buffer.
func newCall[In, Out any](d *Data[In, Out], c *dataCore, scope callScope, b *keyBuffer, in In) *question {
	q := &call[In, Out]{d: d, core: c, in: in}
	q.typed = q
	q.scope, q.enc, q.codec = scope, append(q.room[:0], b.enc...), d.codec.ID()
	if q.key = textOf(q.enc); len(q.enc) > longKey {
		q.key = string(b.local())
	}
	q.arg, q.detached = copyArgument(d.args, &q.in)
	return &q.question
}

func (q *call[In, Out]) run(ctx context.Context) (any, bool, error) {
	d := q.d
	out, err := d.fn(ctx, *q.arg)
	if err != nil {
		return &out, false, err
	}
	if d.keep != nil && !d.keep(out) {
		return d.freeze(ctx, &out), false, nil
	}
	frozen := new(Out)
	if err := clone.Copy(d.out, frozen, &out); err != nil {
		q.core.uncacheable(ctx, err)
		return &out, false, nil
	}
	return frozen, true, nil
}

func (q *call[In, Out]) unchanged() bool {
	enc, _, err := q.d.encode(q.core, nil, q.scope, q.arg)
	return err == nil && bytes.Equal(enc, q.enc)
}

func (q *call[In, Out]) decode(payload []byte, passing bool) (any, error) {
	out := &q.pass
	if !passing {
		out = new(Out)
	}
	return out, q.d.codec.DecodeOwned(payload, out)
}

func (q *call[In, Out]) encode(dst []byte, v any) ([]byte, error) {
	return q.d.codec.Append(dst, v.(*Out))
}

func (q *call[In, Out]) cost(v any) int64 { return clone.Size(q.d.out, v.(*Out)) }
