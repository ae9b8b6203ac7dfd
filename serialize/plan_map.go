package serialize

import (
	"fmt"
	"reflect"
	"unsafe"

	"github.com/stillwarm/stillwarm/internal/heapsize"
)

// mapping plans a map: null where it is nil, otherwise a CBOR map in the order in which Go happens to walk it.
func (c *compiler) mapping(pl *plan, path string) *UnserializableError {
	keyType, elemType := pl.t.Key(), pl.t.Elem()
	if at, bad := identityIn(keyType); bad {
		return c.fail(keyType, path+"[key]"+at, "a key that is or holds a pointer is found by its address, which is "+
			"another one after decoding")
	}
	key, err := c.compile(keyType, path+"[key]")
	if err != nil {
		return err
	}
	elem, err := c.compile(elemType, path+"[]")
	if err != nil {
		return err
	}
	pl.parts = []part{{key, true}, {elem, true}}
	m := &mapPlan{self: pl, t: pl.t, key: key, elem: elem, timed: mayHoldTime(keyType)}
	pl.enc, pl.dec = m.encode, m.decode
	return nil
}

// mayHoldTime reports whether a map key of type t may contain a time. Two times that differ by nothing but the address of their
// location are two keys here and one after decoding.
func mayHoldTime(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Interface:
		return true
	case reflect.Array:
		return mayHoldTime(t.Elem())
	case reflect.Struct:
		if t.ConvertibleTo(timeType) {
			return true
		}
		for i := range t.NumField() {
			if mayHoldTime(t.Field(i).Type) {
				return true
			}
		}
	}
	return false
}

// identityIn reports whether a map key of type t contains a pointer or channel, and where.
func identityIn(t reflect.Type) (path string, bad bool) {
	switch t.Kind() {
	case reflect.Pointer, reflect.Chan, reflect.UnsafePointer:
		return "", true
	case reflect.Array:
		path, bad = identityIn(t.Elem())
		return "[]" + path, bad
	case reflect.Struct:
		if t.ConvertibleTo(timeType) || pairOf(t) != nil && !isWhole(t) {
			return "", false // its own form says what equal means
		}
		for i := range t.NumField() {
			if path, bad := identityIn(t.Field(i).Type); bad {
				return "." + t.Field(i).Name + path, true
			}
		}
	}
	return "", false
}

type mapPlan struct {
	self      *plan
	t         reflect.Type
	key, elem *plan
	timed     bool
}

func (m *mapPlan) encode(e *encoder, p unsafe.Pointer) error {
	v := reflect.NewAt(m.t, p).Elem()
	if v.IsNil() {
		e.buf = append(e.buf, byteNull)
		return nil
	}
	if e.reference(m.self, v.UnsafePointer(), 1) {
		return nil
	}
	if err := e.enter(); err != nil {
		return err
	}
	e.buf = appendHead(e.buf, majorMap, uint64(v.Len()))
	if v.Len() > 0 {
		if err := m.encodePairs(e, v); err != nil {
			return err
		}
	}
	e.leave()
	return nil
}

func (m *mapPlan) encodePairs(e *encoder, v reflect.Value) error {
	key, elem := reflect.New(m.t.Key()), reflect.New(m.t.Elem())
	var decoded collisions
	for iter := v.MapRange(); iter.Next(); {
		key.Elem().SetIterKey(iter)
		elem.Elem().SetIterValue(iter)
		if err := m.key.enc(e, key.UnsafePointer()); err != nil {
			return within(err, "[key]")
		}
		if m.timed && decoded.find(m.key, key) {
			return within(ErrKeysCollide, "[key]")
		}
		if err := m.elem.enc(e, elem.UnsafePointer()); err != nil {
			return within(err, "["+m.t.Key().String()+"]") // not the key itself: it may be personal data
		}
	}
	return nil
}

// collisions finds keys of a map that are one after decoding: those with one encoding, each on its own.
type collisions struct {
	e    encoder
	seen map[string]bool
}

func (c *collisions) find(pl *plan, key reflect.Value) bool {
	c.e.buf, c.e.zones = c.e.buf[:0], c.e.zones[:0]
	if !key.Elem().Equal(key.Elem()) || pl.enc(&c.e, key.UnsafePointer()) != nil {
		return false // a NaN, which equals nothing, not even after decoding
	}
	if c.seen == nil {
		c.seen = map[string]bool{}
	}
	again := c.seen[string(c.e.buf)]
	c.seen[string(c.e.buf)] = true
	return again
}

func (m *mapPlan) decode(d *decoder, p unsafe.Pointer) error {
	if d.null() {
		return nil
	}
	mark, done, err := d.reference(m.self, p)
	if done || err != nil {
		return err
	}
	if err := d.enter(); err != nil {
		return err
	}
	defer d.leave()
	n, err := d.count(majorMap, m.key.least+m.elem.least)
	if err != nil {
		return err
	}
	if err := d.spend(heapsize.Map(n, m.t.Key().Size(), m.t.Elem().Size())); err != nil {
		return err
	}
	v := reflect.MakeMapWithSize(m.t, n)
	reflect.NewAt(m.t, p).Elem().Set(v)
	d.marked(mark, v.UnsafePointer(), 1)
	if n == 0 {
		return nil
	}
	key, elem := reflect.New(m.t.Key()), reflect.New(m.t.Elem())
	for range n {
		key.Elem().SetZero()
		if err := m.key.dec(d, key.UnsafePointer()); err != nil {
			return err
		}
		elem.Elem().SetZero()
		if err := m.elem.dec(d, elem.UnsafePointer()); err != nil {
			return err
		}
		if !key.Elem().Comparable() {
			return d.malformed("a map key that cannot be compared")
		}
		v.SetMapIndex(key.Elem(), elem.Elem())
	}
	if v.Len() != n {
		return fmt.Errorf("%w: a map with %d equal keys", ErrMalformed, n-v.Len())
	}
	return nil
}
