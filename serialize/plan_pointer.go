package serialize

import (
	"reflect"
	"unsafe"
)

// pointer plans a pointer: null, or what it points to. Where that can be null itself, an array of one stands around it
// to tell the two apart.
func (c *compiler) pointer(pl *plan, path string) *UnserializableError {
	elem, err := c.compile(pl.t.Elem(), path)
	if err != nil {
		return err
	}
	pl.parts = []part{{elem, false}}
	p := &pointerPlan{self: pl, elem: elem, wrap: nullable(pl.t.Elem())}
	pl.enc, pl.dec = p.encode, p.decode
	return nil
}

// nullable reports whether a value of type t may be written as null.
func nullable(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Map, reflect.Interface:
		return true
	}
	return false
}

type pointerPlan struct {
	self, elem *plan
	wrap       bool
}

func (p *pointerPlan) encode(e *encoder, from unsafe.Pointer) error {
	at := *(*unsafe.Pointer)(from)
	if at == nil {
		e.buf = append(e.buf, byteNull)
		return nil
	}
	if e.reference(p.self, at, sized(p.elem.t)) {
		return nil
	}
	if err := e.enter(); err != nil {
		return err
	}
	if p.wrap {
		e.buf = appendHead(e.buf, majorArray, 1)
	}
	err := p.elem.enc(e, at)
	e.leave()
	return err
}

// sized returns 1 for a type whose values have an identity of their own, 0 for one without size: all its values may lie at
// one address.
func sized(t reflect.Type) int {
	if t.Size() == 0 {
		return 0
	}
	return 1
}

func (p *pointerPlan) decode(d *decoder, to unsafe.Pointer) error {
	if d.null() {
		return nil
	}
	mark, done, err := d.reference(p.self, to)
	if done || err != nil {
		return err
	}
	if err := d.enter(); err != nil {
		return err
	}
	defer d.leave()
	if p.wrap {
		if n, err := d.expect(majorArray); err != nil || n != 1 {
			return d.malformed("no array of one around what a pointer points to")
		}
	}
	if d.left() < p.elem.least {
		return d.malformed("%d bytes are left where at least %d are needed", d.left(), p.elem.least)
	}
	if err := d.spend(int64(p.elem.t.Size())); err != nil {
		return err
	}
	at := reflect.New(p.elem.t).UnsafePointer()
	*(*unsafe.Pointer)(to) = at
	d.marked(mark, at, 1)
	return p.elem.dec(d, at)
}
