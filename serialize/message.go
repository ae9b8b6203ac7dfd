package serialize

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"unsafe"

	"github.com/stillwarm/stillwarm/internal/protomsg"
)

// useProtobuf plans a pointer to a protobuf message: null or a byte string of its wire format.
func (pl *plan) useProtobuf() {
	m := messageType{pl.t}
	footprint := func(data []byte) int64 { return protomsg.Footprint(pl.t, data) }
	inner := plan{t: pl.t}
	inner.useOpaque(&opaque{id: EncodingProtobuf, append: m.marshal, decode: m.unmarshal, footprint: footprint})
	pl.enc = func(e *encoder, p unsafe.Pointer) error {
		at := *(*unsafe.Pointer)(p)
		if at == nil {
			e.buf = append(e.buf, byteNull)
			return nil
		}
		if e.reference(pl, at, 1) {
			return nil
		}
		return inner.enc(e, p)
	}
	pl.dec = func(d *decoder, p unsafe.Pointer) error {
		if d.null() {
			return nil
		}
		mark, done, err := d.reference(pl, p)
		if done || err != nil {
			return err
		}
		err = inner.dec(d, p)
		d.marked(mark, *(*unsafe.Pointer)(p), 1)
		return err
	}
	pl.opaque = &opaque{id: EncodingProtobuf, append: m.appendWhole, decode: m.decodeWhole, footprint: footprint}
}

// messageType is the type of a pointer to a message. The addresses that its methods take are those of the pointer.
type messageType struct{ t reflect.Type }

func (m messageType) marshal(dst []byte, p unsafe.Pointer) ([]byte, error) {
	return appendMessage(dst, reflect.NewAt(m.t, p).Elem())
}

func (m messageType) unmarshal(data []byte, p unsafe.Pointer) error {
	message := reflect.New(m.t.Elem())
	reflect.NewAt(m.t, p).Elem().Set(message)
	return protomsg.Unmarshal(bytes.Clone(data), message)
}

// appendWhole writes a message that is a whole value, outside of any CBOR.
func (m messageType) appendWhole(dst []byte, p unsafe.Pointer) ([]byte, error) {
	if *(*unsafe.Pointer)(p) == nil {
		return dst, nil
	}
	return m.marshal(append(dst, present), p)
}

func (m messageType) decodeWhole(data []byte, p unsafe.Pointer) error {
	if len(data) == 0 {
		return nil
	}
	if data[0] != present {
		return fmt.Errorf("%w: a message that begins with %#02x", ErrMalformed, data[0])
	}
	return m.unmarshal(data[1:], p)
}

// appendMessage appends the message's wire format and reads it back once. Decoding happens in other processes, long
// after; what could not be decoded there (extension fields) has to be known here.
func appendMessage(dst []byte, v reflect.Value) ([]byte, error) {
	out, err := protomsg.AppendDeterministic(dst, v)
	if err != nil {
		return dst, err
	}
	if len(out) < len(dst) {
		return dst, errors.New("the message's marshal method removed bytes")
	}
	if err := protomsg.Unmarshal(out[len(dst):], reflect.New(v.Type().Elem())); err != nil {
		return dst, fmt.Errorf("the message cannot be read back: %w", err)
	}
	return out, nil
}
