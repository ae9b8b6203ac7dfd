package serialize

import (
	"errors"
	"fmt"
	"reflect"
	"sync"
	"unsafe"
)

// The encodings that a [Codec] may use for a whole value, as Codec.ID returns them and as an entry stores them. Numbers
// are never given a new meaning.
const (
	EncodingCBOR     byte = 1 // RFC 8949, laid out as docs/internals/format.md says
	EncodingBytes    byte = 2 // empty for a nil slice, otherwise the byte 1 and then the bytes as they are
	EncodingString   byte = 3 // the string's bytes as they are
	EncodingBinary   byte = 4 // what MarshalBinary or AppendBinary returned
	EncodingText     byte = 5 // what MarshalText or AppendText returned
	EncodingJSON     byte = 6 // what MarshalJSON returned
	EncodingGob      byte = 7 // what GobEncode returned
	EncodingProtobuf byte = 8 // empty for a nil message, otherwise the byte 1 and then its wire format
)

// present begins a pass-through encoding of a value that is there, so that a nil one can be told from an empty one.
const present = 1

// Codec turns values of one type into bytes and back, exactly: Decode returns what Append was given, in every field,
// with floats by their bits and times in their zones. Pointers, maps and slices that refer to one thing still do. Two
// things are lost: the monotonic reading of a time, and the capacity of slices. Memory that two references share only
// in part (a slice and its beginning, a pointer to an element) becomes separate. What a type's own methods leave out is
// lost too. A codec is immutable and safe for concurrent use.
type Codec struct {
	t    reflect.Type
	id   byte
	root *plan
}

var codecs sync.Map // reflect.Type -> *Codec or *UnserializableError

// CodecFor returns the codec of values of type t. The work of looking at a type is done once for each type, and the
// codec is shared. Where t, or a type that it contains, would lose something on the way, the error is an
// [*UnserializableError] that names the place.
func CodecFor(t reflect.Type) (*Codec, error) {
	if t == nil {
		return nil, errors.New("serialize: no codec for the nil type")
	}
	found, ok := codecs.Load(t)
	if !ok {
		codec, err := newCodec(t)
		if err != nil {
			found, _ = codecs.LoadOrStore(t, err)
		} else {
			found, _ = codecs.LoadOrStore(t, codec)
		}
	}
	if err, bad := found.(*UnserializableError); bad {
		return nil, err
	}
	return found.(*Codec), nil
}

func newCodec(t reflect.Type) (*Codec, *UnserializableError) {
	c := compiler{root: t, plans: map[reflect.Type]*plan{}}
	root, err := c.compile(t, "out")
	if err != nil {
		return nil, err
	}
	c.settle(root)
	codec := &Codec{t: t, id: EncodingCBOR, root: root}
	switch {
	case root.opaque != nil:
		codec.id = root.opaque.id
	case t.Kind() == reflect.String:
		codec.id = EncodingString
	case isBytes(t):
		codec.id = EncodingBytes
	}
	return codec, nil
}

// ID returns the encoding that the codec uses for whole values, one of the Encoding constants. Bytes of another
// encoding do not decode to the same value, so an entry carries the ID and its reader compares.
func (c *Codec) ID() byte { return c.id }

// Append appends the encoding of the value that ptr points to, ptr being a non-nil pointer to the codec's type, to dst
// and returns the extended slice. The value is only read. An error says why this value cannot be restored: it matches
// [ErrTooDeep], [ErrTooLarge], [ErrDynamicType], [ErrZone] or [ErrKeysCollide], or is the error of the value's own marshaler.
// With an error the returned slice is dst as it was.
func (c *Codec) Append(dst []byte, ptr any) (out []byte, err error) {
	p, err := c.pointer(ptr)
	if err != nil {
		return dst, err
	}
	defer func() {
		if r := recover(); r != nil {
			out, err = dst, fmt.Errorf("serialize: encoding a %s panicked: %v", c.t, r)
		}
	}()
	e := encoders.Get().(*encoder)
	defer e.release()
	e.buf, e.start = dst, len(dst)
	switch c.id {
	case EncodingCBOR:
		err = e.run(c.root, p)
	case EncodingString:
		e.buf = append(e.buf, *(*string)(p)...)
	case EncodingBytes:
		if b := *(*[]byte)(p); b != nil {
			e.buf = append(append(e.buf, present), b...)
		}
	default:
		e.buf, err = c.root.opaque.append(e.buf, p)
	}
	if err != nil {
		return dst, fmt.Errorf("serialize: encoding a %s: %w", c.t, err)
	}
	if len(e.buf)-e.start > maxEncoded {
		return dst, fmt.Errorf("serialize: encoding a %s: %w", c.t, ErrTooLarge)
	}
	return e.buf, nil
}

// Decode decodes data, all of it, into the value that ptr points to, ptr being a non-nil pointer to a zero value of the
// codec's type. The value keeps no part of data, and nothing of what it allocates is shared with another value except
// the bytes of strings, which cannot change. Bytes that no Append wrote give an error that matches [ErrMalformed],
// [ErrTooLarge] or [ErrZone], or that the value's own unmarshaler returned; they never panic. After an error the value may be
// filled in part and must be thrown away.
//
// What is allocated is bounded by a gibibyte; see [Codec.DecodeWithin].
func (c *Codec) Decode(data []byte, ptr any) error {
	return c.decodeWhole(data, ptr, defaultBudget, false)
}

// DecodeWithin is Decode with a bound on what is allocated for the value: about budget bytes, then the error matches
// [ErrTooLarge]. What a type's own unmarshaler allocates is estimated beforehand.
func (c *Codec) DecodeWithin(data []byte, ptr any, budget int64) error {
	return c.decodeWhole(data, ptr, budget, false)
}

// DecodeOwned is DecodeWithin for data that nobody else has or will change: a value that is a []byte or a string, which lie in
// data as they are, becomes a part of it instead of a copy, if data does not hold much more memory than that.
func (c *Codec) DecodeOwned(data []byte, ptr any, budget int64) error {
	return c.decodeWhole(data, ptr, budget, cap(data)-len(data) <= ownedSlack)
}

const (
	defaultBudget = 1 << 30
	ownedSlack    = 512
)

func (c *Codec) decodeWhole(data []byte, ptr any, budget int64, owned bool) (err error) {
	p, err := c.pointer(ptr)
	if err != nil {
		return err
	}
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("serialize: decoding a %s panicked: %v: %w", c.t, r, ErrMalformed)
		}
	}()
	switch {
	case (c.id == EncodingBytes || c.id == EncodingString) && int64(len(data)) > budget:
		err = fmt.Errorf("%w: %d bytes, %d may be taken", ErrTooLarge, len(data), budget)
	case c.id == EncodingBytes:
		err = bytesOf(data, (*[]byte)(p), owned)
	case c.id == EncodingString && owned:
		*(*string)(p) = unsafe.String(unsafe.SliceData(data), len(data))
	default:
		err = c.decode(data, p, budget)
	}
	if err != nil {
		return fmt.Errorf("serialize: decoding a %s: %w", c.t, err)
	}
	return nil
}

// bytesOf decodes a slice that is the whole value.
func bytesOf(data []byte, out *[]byte, owned bool) error {
	switch {
	case len(data) == 0:
		return nil
	case data[0] != present:
		return fmt.Errorf("%w: bytes that begin with %#02x", ErrMalformed, data[0])
	case owned:
		*out = data[1:len(data):len(data)]
	default:
		*out = append(make([]byte, 0, len(data)-1), data[1:]...)
	}
	return nil
}

func (c *Codec) decode(data []byte, p unsafe.Pointer, budget int64) error {
	d := decoder{data: data, budget: budget}
	switch c.id {
	case EncodingCBOR:
		if err := c.root.dec(&d, p); err != nil {
			return err
		}
		if d.off != len(data) {
			return d.malformed("%d bytes are left over", len(data)-d.off)
		}
		return nil
	case EncodingString:
		*(*string)(p) = string(data)
		return nil
	default:
		if err := d.spend(c.root.opaque.footprint(data)); err != nil {
			return err
		}
		return c.root.opaque.decode(data, p)
	}
}

// pointer returns where ptr, a *T, points to.
func (c *Codec) pointer(ptr any) (unsafe.Pointer, error) {
	v := reflect.ValueOf(ptr)
	if !v.IsValid() || v.Kind() != reflect.Pointer || v.Type().Elem() != c.t {
		return nil, fmt.Errorf("serialize: the codec of %s was given a %T, not a pointer to its type", c.t, ptr)
	}
	if v.IsNil() {
		return nil, fmt.Errorf("serialize: the codec of %s was given a nil pointer", c.t)
	}
	return v.UnsafePointer(), nil
}
