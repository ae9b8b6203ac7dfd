package clone

import (
	"sync"

	"github.com/stillwarm/stillwarm/serialize"
)

// encoded holds buffers for values on their way through the codec. Decode keeps no part of them.
var encoded = sync.Pool{New: func() any { return new([]byte) }}

// maxPooled keeps one large value from holding its buffer for ever.
const maxPooled = 64 << 10

// codecOps copies a type that marshals itself by encoding and decoding it, since only its own methods know what it holds.
func codecOps(n *node, codec *serialize.Codec) {
	n.copy = func(_ walk, dst, src ptr) error {
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
	n.size = func(_ walk, src ptr) int64 {
		buf := encoded.Get().(*[]byte)
		data, err := codec.Append((*buf)[:0], valueAt(n.typ, src).Addr().Interface())
		if err == nil && cap(data) <= maxPooled {
			*buf = data
			encoded.Put(buf)
		}
		return int64(len(data))
	}
}
