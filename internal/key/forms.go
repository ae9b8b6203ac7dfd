package key

import (
	"encoding"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"reflect"

	"github.com/stillwarm/stillwarm/internal/protomsg"
)

// A formKind is a way in which a type says its canonical form.
type formKind uint8

const (
	formNone formKind = iota
	formProto
	formBinaryAppender
	formBinaryMarshaler
	formTextAppender
	formTextMarshaler
	formGob // math/big: the one form that keeps a Float's precision and rounding mode
)

var formNames = [...]string{
	formProto: "protobuf marshaling", formBinaryAppender: "AppendBinary", formBinaryMarshaler: "MarshalBinary",
	formTextAppender: "AppendText", formTextMarshaler: "MarshalText", formGob: "GobEncode",
}

type gobEncoder interface{ GobEncode() ([]byte, error) }

var formInterfaces = []struct {
	kind formKind
	typ  reflect.Type
}{
	{formBinaryAppender, reflect.TypeFor[encoding.BinaryAppender]()},
	{formBinaryMarshaler, reflect.TypeFor[encoding.BinaryMarshaler]()},
	{formTextAppender, reflect.TypeFor[encoding.TextAppender]()},
	{formTextMarshaler, reflect.TypeFor[encoding.TextMarshaler]()},
}

// formOf returns how values of type t, which is no pointer and no interface, say their canonical form.
func formOf(t reflect.Type) formKind {
	if t.Name() == "" {
		return formNone // embeds what it has methods of
	}
	if t.PkgPath() == "math/big" && t.Kind() == reflect.Struct && hasMethods[gobEncoder](t) {
		return formGob
	}
	if protomsg.Is(reflect.PointerTo(t)) {
		return formProto
	}
	if excludesFields(t) { // the tags say what identifies it, in more detail than the marshaler could
		return formNone
	}
	for _, f := range formInterfaces {
		if own(t, f.typ) {
			return f.kind
		}
	}
	return formNone
}

func hasMethods[I any](t reflect.Type) bool { return own(t, reflect.TypeFor[I]()) }

// own reports whether t or *t implements the interface by methods of its own. A method that an embedded field brings knows
// nothing of the fields beside it: a struct that embeds a time.Time would be marshaled as that time alone. Whether a
// struct overrides such a method cannot be told reliably, so wherever an embedded field has the methods they do not count,
// and the struct is hashed field by field.
func own(t, iface reflect.Type) bool {
	if !implements(t, iface) {
		return false
	}
	if t.Kind() != reflect.Struct {
		return true
	}
	for i := range t.NumField() {
		if f := t.Field(i); f.Anonymous && implements(f.Type, iface) {
			return false
		}
	}
	return true
}

func implements(t, iface reflect.Type) bool {
	return t.Implements(iface) || t.Kind() != reflect.Pointer && t.Kind() != reflect.Interface && reflect.PointerTo(t).Implements(iface)
}

func excludesFields(t reflect.Type) bool {
	if t.Kind() != reflect.Struct {
		return false
	}
	for i := range t.NumField() {
		if excluded(t.Field(i)) {
			return true
		}
	}
	return false
}

// How a value with a canonical form is written: what follows is the structure where one stands beside the form, then the form.
const (
	formGiven   = 1 // both
	formOmitted = 2 // the structure alone, which says everything
	formFailed  = 3 // the structure alone, which says everything; the form has failed
)

// form encodes the value at p by its canonical form, and by its structure beside it.
func (e *encoder) form(dst []byte, o *op, p ptr) ([]byte, *fault) {
	start, whole := len(dst), false
	dst = append(dst, formGiven)
	if o.sub != nil {
		outer := e.skipped
		e.skipped = 0
		var f *fault
		if dst, f = e.run(dst, o.sub, p); f != nil {
			return dst, f
		}
		whole = e.skipped == 0
		e.skipped = outer
	}
	if o.full.open && whole {
		dst[start] = formOmitted
		return dst, nil
	}
	framed, err := appendForm(dst, o.full.form, reflect.NewAt(o.full.typ, p))
	switch {
	case err == nil:
		return framed, nil
	case whole:
		dst[start] = formFailed
		return dst, nil
	}
	return dst, &fault{typ: o.full.typ, err: err, uncached: true, reason: fmt.Sprintf("its %s failed: %v", formNames[o.full.form], err)}
}

// appendForm appends the value's canonical form, framed by its length.
func appendForm(dst []byte, kind formKind, v reflect.Value) ([]byte, error) {
	start := len(dst)
	dst = append(dst, 0, 0, 0, 0, 0, 0, 0, 0)
	tail, err := callForm(dst[len(dst):len(dst):len(dst)], kind, v)
	if err != nil {
		return dst[:start], err
	}
	dst = append(dst, tail...)
	binary.LittleEndian.PutUint64(dst[start:], uint64(len(tail)))
	return dst, nil
}

func callForm(dst []byte, kind formKind, v reflect.Value) (form []byte, err error) {
	defer func() {
		if r := recover(); r != nil {
			form, err = nil, recovered(r)
		}
	}()
	switch kind {
	case formProto:
		return protomsg.AppendDeterministic(dst, v)
	case formBinaryAppender:
		return v.Interface().(encoding.BinaryAppender).AppendBinary(dst)
	case formBinaryMarshaler:
		return v.Interface().(encoding.BinaryMarshaler).MarshalBinary()
	case formTextAppender:
		return v.Interface().(encoding.TextAppender).AppendText(dst)
	case formTextMarshaler:
		return v.Interface().(encoding.TextMarshaler).MarshalText()
	case formGob:
		return v.Interface().(gobEncoder).GobEncode()
	}
	return nil, errors.New("no canonical form")
}

// appendFile encodes an open file by what tells whether its content may have changed.
func appendFile(dst []byte, o *op, p ptr) ([]byte, *fault) {
	file, ok := valueAt(o.full.typ, p).Addr().Interface().(*os.File)
	if !ok {
		return dst, &fault{typ: o.full.typ, uncached: true, reason: "it is not an open file"}
	}
	info, err := file.Stat()
	if err != nil {
		return dst, &fault{typ: o.full.typ, err: err, uncached: true, reason: "its size and modification time cannot be read: " + err.Error()}
	}
	offset, err := file.Seek(0, 1)
	if err != nil {
		return dst, &fault{typ: o.full.typ, err: err, uncached: true, reason: "its offset cannot be read: " + err.Error()}
	}
	dst = appendText(dst, file.Name())
	dst = binary.LittleEndian.AppendUint64(dst, uint64(info.Size()))
	dst = binary.LittleEndian.AppendUint64(dst, uint64(offset))
	return appendTime(dst, info.ModTime().UTC()), nil
}

func appendUint(dst []byte, n uintptr) []byte {
	return binary.LittleEndian.AppendUint64(dst, uint64(n))
}
