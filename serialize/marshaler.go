package serialize

import (
	"bytes"
	"encoding"
	"encoding/json"
	"fmt"
	"reflect"
	"unsafe"
)

// opaque is a pair of methods by which a type writes and reads itself. The addresses point to a value of the type.
type opaque struct {
	id     byte
	append func(dst []byte, p unsafe.Pointer) ([]byte, error)
	decode func(data []byte, p unsafe.Pointer) error
	// footprint estimates how many bytes decoding data allocates.
	footprint func(data []byte) int64
}

// pairs are the method pairs a type may have, in the order in which they are looked for.
var pairs = [...]struct {
	id       byte
	writers  []string
	reader   string
	contract []reflect.Type // of the writers, in their order, then of the reader
}{
	{EncodingBinary, []string{"AppendBinary", "MarshalBinary"}, "UnmarshalBinary", []reflect.Type{
		reflect.TypeFor[encoding.BinaryAppender](), reflect.TypeFor[encoding.BinaryMarshaler](),
		reflect.TypeFor[encoding.BinaryUnmarshaler](),
	}},
	{EncodingText, []string{"AppendText", "MarshalText"}, "UnmarshalText", []reflect.Type{
		reflect.TypeFor[encoding.TextAppender](), reflect.TypeFor[encoding.TextMarshaler](),
		reflect.TypeFor[encoding.TextUnmarshaler](),
	}},
	{EncodingJSON, []string{"MarshalJSON"}, "UnmarshalJSON", []reflect.Type{
		reflect.TypeFor[json.Marshaler](), reflect.TypeFor[json.Unmarshaler](),
	}},
	{EncodingGob, []string{"GobEncode"}, "GobDecode", []reflect.Type{
		reflect.TypeFor[gobEncoder](), reflect.TypeFor[gobDecoder](),
	}},
}

// The interfaces of encoding/gob, which is not linked for the sake of two method names.
type (
	gobEncoder interface{ GobEncode() ([]byte, error) }
	gobDecoder interface{ GobDecode([]byte) error }
)

// gobOnly reports whether of all its forms only the gob form of t will do. The text of a big.Float has neither its
// precision nor its rounding mode, and comes back rounded to 64 bits. The text of a big.Rat may claim any exponent: the ten
// bytes "1e99999999" would take all memory to read.
func gobOnly(t reflect.Type) bool {
	return t.PkgPath() == "math/big" && (t.Name() == "Float" || t.Name() == "Rat")
}

// pairOf returns the pair of methods by which values of type t store themselves, or nil. Methods promoted from an
// embedded field do not count where there are other fields: they know nothing of those.
func pairOf(t reflect.Type) *opaque {
	if t.Kind() == reflect.Pointer || t.Kind() == reflect.Interface {
		return nil
	}
	pointer := reflect.PointerTo(t)
	for _, pair := range pairs {
		if pair.id != EncodingGob && gobOnly(t) {
			continue
		}
		reader := pair.contract[len(pair.contract)-1]
		if !pointer.Implements(reader) || !declares(t, pair.reader) {
			continue
		}
		for i, writer := range pair.writers {
			if pointer.Implements(pair.contract[i]) && declares(t, writer) {
				return &opaque{id: pair.id, append: writeWith(t, writer), decode: readWith(t, pair.id), footprint: footprintOf(pair.id)}
			}
		}
	}
	return nil
}

func writeWith(t reflect.Type, method string) func([]byte, unsafe.Pointer) ([]byte, error) {
	return func(dst []byte, p unsafe.Pointer) ([]byte, error) {
		v := reflect.NewAt(t, p).Interface()
		var b []byte
		var err error
		switch method {
		case "AppendBinary":
			return v.(encoding.BinaryAppender).AppendBinary(dst)
		case "AppendText":
			return v.(encoding.TextAppender).AppendText(dst)
		case "MarshalBinary":
			b, err = v.(encoding.BinaryMarshaler).MarshalBinary()
		case "MarshalText":
			b, err = v.(encoding.TextMarshaler).MarshalText()
		case "MarshalJSON":
			b, err = v.(json.Marshaler).MarshalJSON()
		case "GobEncode":
			b, err = v.(gobEncoder).GobEncode()
		}
		return append(dst, b...), err
	}
}

// footprintOf estimates what a type's own method allocates. It gets a copy of the data; JSON that consists of brackets and commas
// grows most.
func footprintOf(id byte) func(data []byte) int64 {
	if id != EncodingJSON {
		return func(data []byte) int64 { return 4 * int64(len(data)) }
	}
	const perValue = 64
	return func(data []byte) int64 {
		values := 0
		for _, c := range data {
			if c == '{' || c == '[' || c == ',' || c == ':' {
				values++
			}
		}
		return 2*int64(len(data)) + perValue*int64(values)
	}
}

var errNotJSON = fmt.Errorf("%w: not JSON", ErrMalformed)

// readWith hands the type's own method a copy of the data: whether it keeps what it is given is not in our hands.
func readWith(t reflect.Type, id byte) func([]byte, unsafe.Pointer) error {
	return func(data []byte, p unsafe.Pointer) error {
		v := reflect.NewAt(t, p).Interface()
		data = bytes.Clone(data)
		if data == nil {
			data = []byte{}
		}
		switch id {
		case EncodingBinary:
			return v.(encoding.BinaryUnmarshaler).UnmarshalBinary(data)
		case EncodingText:
			return v.(encoding.TextUnmarshaler).UnmarshalText(data)
		case EncodingGob:
			return v.(gobDecoder).GobDecode(data)
		default:
			if !json.Valid(data) { // json.Unmarshal promises its callees valid JSON
				return errNotJSON
			}
			return v.(json.Unmarshaler).UnmarshalJSON(data)
		}
	}
}

// useOpaque plans a type that stores itself: a byte string of what its method wrote.
func (pl *plan) useOpaque(own *opaque) {
	pl.opaque = own
	pl.enc = func(e *encoder, p unsafe.Pointer) error {
		mark := len(e.buf)
		b, err := own.append(append(e.buf, 0), p)
		if err != nil {
			return fmt.Errorf("%s: %w", pl.t, err)
		}
		if len(b) < mark+1 {
			return fmt.Errorf("%s: its method to append itself removed bytes", pl.t)
		}
		e.buf = sealBytes(b, mark)
		return nil
	}
	pl.dec = func(d *decoder, p unsafe.Pointer) error {
		b, err := d.bytes()
		if err == nil {
			err = d.spend(own.footprint(b))
		}
		if err != nil {
			return err
		}
		if err := own.decode(b, p); err != nil {
			return fmt.Errorf("%s: %w", pl.t, err)
		}
		return nil
	}
}
