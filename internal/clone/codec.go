package clone

import (
	"fmt"
	"sync"

	"github.com/stillwarm/stillwarm/serialize"
)

// encoded holds buffers for values on their way through the codec. Decode keeps no part of them.
var encoded = sync.Pool{New: func() any { return new([]byte) }}

// maxPooled keeps one large value from holding its buffer for ever.
const maxPooled = 64 << 10

// codecOps copies a type that marshals itself by encoding and decoding it, since only its own methods know what it holds. What
// they made is compared where a value is to be kept.
func codecOps(n *node, codec *serialize.Codec, m mode) {
	n.opaque = true
	pointer := codec.ID() == serialize.EncodingProtobuf // the type is a pointer to a message
	n.copy = func(w walk, dst, src ptr) error {
		if pointer {
			if from := addrOf(src); from == nil {
				return nil
			} else if to := w.copied(n, from, 1); to != nil {
				setPointer(dst, to)
				return nil
			}
		}
		if err := recode(n, codec, dst, src); err != nil {
			return err
		}
		if pointer {
			w.copying(n, addrOf(src), 1, 0, addrOf(dst)) // its region is the comparison's
		}
		if m != forKeeping {
			return nil
		}
		return w.prove(n, codec, dst, src)
	}
	n.size = func(w walk, src ptr) int64 {
		if pointer && !w.first(n, addrOf(src), 1) {
			return 0
		}
		return hiddenSize(w, n.typ, src)
	}
}

// recode makes the value at dst what decoding the encoding of the one at src gives.
func recode(n *node, codec *serialize.Codec, dst, src ptr) error {
	buf := encoded.Get().(*[]byte)
	defer func() {
		if cap(*buf) <= maxPooled {
			encoded.Put(buf)
		}
	}()
	data, err := codec.Append((*buf)[:0], valueAt(n.typ, src).Addr().Interface())
	if err != nil {
		return err
	}
	*buf = data
	to := valueAt(n.typ, dst)
	to.SetZero() // Decode wants a zero value, and an unmarshaler may write into what it finds
	return codec.Decode(data, to.Addr().Interface())
}

// prove reports whether the copy that a type's own methods made is the value, in every hidden field, and whether they make the
// same of it again. It returns a *[LossError] where it is not.
func (w walk) prove(n *node, codec *serialize.Codec, dst, src ptr) error {
	if w.proof == nil {
		w.proof = &comparison{state: w.state}
	}
	if !w.proof.equal(n.typ, src, dst, 0) {
		return &LossError{Type: n.typ}
	}
	again := newValue(n.typ)
	if err := recode(n, codec, again, dst); err != nil {
		return fmt.Errorf("%w, not twice: %w", &LossError{Type: n.typ}, err)
	}
	if !(&comparison{}).equal(n.typ, dst, again, 0) {
		return &LossError{Type: n.typ}
	}
	return nil
}
