package serialize

import (
	"reflect"
	"time"
	"unsafe"

	"github.com/stillwarm/stillwarm/internal/protomsg"
)

// plan is how values of one type are written and read. It is made once for a type, by looking at it with reflection,
// and then walks values by address: field offsets and element sizes come from the type, so every access stays inside the
// value that the address belongs to.
type plan struct {
	t   reflect.Type
	enc func(*encoder, unsafe.Pointer) error
	dec func(*decoder, unsafe.Pointer) error
	// least is the least number of bytes that a value takes. Claimed counts are held against it.
	least int
	// opaque is set where the type's own methods do the work.
	opaque *opaque

	id    unsafe.Pointer // stands for t
	parts []part         // the plans within this one
	many  bool           // a value of the root type may hold several references of this type, of which two may refer to one thing
}

// A part is a plan within another one, several times where it is that of elements.
type part struct {
	*plan
	many bool
}

// compiler makes the plans for one root type and everything in it. plans holds those that are in progress too, so that
// a recursive type refers to itself.
type compiler struct {
	root    reflect.Type
	plans   map[reflect.Type]*plan
	dynamic bool // the value is held by an interface, and others may be too
}

var timeType = reflect.TypeFor[time.Time]()

// compile returns the plan of t, which is found at path in the root type.
func (c *compiler) compile(t reflect.Type, path string) (*plan, *UnserializableError) {
	if pl, ok := c.plans[t]; ok {
		return pl, nil
	}
	pl := &plan{t: t, least: 1, id: reflect.ValueOf(t).UnsafePointer()}
	c.plans[t] = pl
	if protomsg.Is(t) {
		pl.useProtobuf()
		return pl, nil
	}
	if t == timeType {
		pl.enc, pl.dec, pl.least = encodeTime, decodeTime, 3
		return pl, nil
	}
	if own := pairOf(t); own != nil && !isWhole(t) {
		pl.useOpaque(own)
		return pl, nil
	}
	return pl, c.byKind(pl, path)
}

func (c *compiler) byKind(pl *plan, path string) *UnserializableError {
	if pl.useScalar() {
		return nil
	}
	switch pl.t.Kind() {
	case reflect.Pointer:
		return c.pointer(pl, path)
	case reflect.Slice:
		return c.slice(pl, path)
	case reflect.Array:
		return c.array(pl, path)
	case reflect.Map:
		return c.mapping(pl, path)
	case reflect.Struct:
		if pl.t.ConvertibleTo(timeType) { // type Stamp time.Time
			pl.enc, pl.dec, pl.least = encodeTime, decodeTime, 3
			return nil
		}
		return c.structure(pl, path)
	case reflect.Interface:
		if pl.t.NumMethod() == 0 {
			pl.enc, pl.dec = encodeAny, decodeAny
			return nil
		}
	}
	return c.fail(pl.t, path, reasonFor(pl.t))
}

func (c *compiler) fail(culprit reflect.Type, path, reason string) *UnserializableError {
	return &UnserializableError{Type: c.root, Culprit: culprit, Path: path, Reason: reason}
}

// settle finds out which references a value of the root type may hold several of.
func (c *compiler) settle(root *plan) {
	count := map[*plan]int{}
	for changed := true; changed; {
		changed = false
		next := map[*plan]int{root: 1}
		for _, pl := range c.plans {
			for _, p := range pl.within(c.plans) {
				n := count[pl]
				if p.many {
					n *= 2
				}
				next[p.plan] = min(2, next[p.plan]+n)
			}
		}
		for pl, n := range next {
			if n > count[pl] {
				count[pl], changed = n, true
			}
		}
	}
	for pl, n := range count {
		pl.many = n > 1 || c.dynamic
	}
}

// within returns the plans within pl. What an empty interface holds may be of any of its types.
func (pl *plan) within(plans map[reflect.Type]*plan) []part {
	if pl.t.Kind() != reflect.Interface {
		return pl.parts
	}
	var all []part
	for _, t := range dynamicTypes {
		if p := plans[t]; p != nil {
			all = append(all, part{p, true})
		}
	}
	return all
}

// reasonFor says why no value of type t can be restored in another process.
func reasonFor(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Func:
		return "a function exists in this process only"
	case reflect.Chan:
		return "a channel exists in this process only"
	case reflect.UnsafePointer, reflect.Uintptr:
		return "an address means nothing in another process"
	case reflect.Interface:
		return "which type an interface with methods holds cannot be restored; use a concrete type"
	}
	return "values of this kind cannot be restored"
}

// structure plans a struct: an array of all its fields in order. Tags, embedding and name conflicts play no part, so
// nothing is left out and nothing is merged.
func (c *compiler) structure(pl *plan, path string) *UnserializableError {
	t := pl.t
	if pkg := t.PkgPath(); pkg == "sync" || pkg == "sync/atomic" {
		return c.fail(t, path, "it guards memory of this process")
	}
	fields := make([]field, 0, t.NumField())
	pl.least = 1
	for i := range t.NumField() {
		f := t.Field(i)
		if f.Name == "_" {
			continue
		}
		at := path + "." + f.Name
		if !f.IsExported() && !(f.Anonymous && f.Type.Kind() == reflect.Struct) {
			return c.fail(f.Type, at, hiddenField(t, f))
		}
		sub, err := c.compile(f.Type, at)
		if err != nil {
			return err
		}
		fields = append(fields, field{offset: f.Offset, plan: sub, name: f.Name})
		pl.parts = append(pl.parts, part{sub, false})
		pl.least += sub.least
	}
	pl.useFields(fields)
	return nil
}

// hiddenField says why an unexported field stands in the way.
func hiddenField(t reflect.Type, f reflect.StructField) string {
	if protomsg.Is(reflect.PointerTo(t)) {
		return "a protobuf message is used by value; use *" + t.String()
	}
	return "field " + f.Name + " of " + t.String() + " is not exported, and the type has no methods of its own " +
		"to store it by (MarshalBinary and UnmarshalBinary, or their text or JSON kin)"
}

type field struct {
	offset uintptr
	plan   *plan
	name   string
}

func (pl *plan) useFields(fields []field) {
	n := uint64(len(fields))
	pl.enc = func(e *encoder, p unsafe.Pointer) error {
		e.buf = appendHead(e.buf, majorArray, n)
		for i := range fields {
			f := &fields[i]
			if err := f.plan.enc(e, unsafe.Add(p, f.offset)); err != nil {
				return within(err, "."+f.name)
			}
		}
		return nil
	}
	pl.dec = func(d *decoder, p unsafe.Pointer) error {
		got, err := d.expect(majorArray)
		if err != nil {
			return err
		}
		if got != n {
			return d.malformed("%d fields where %d are expected", got, n)
		}
		for i := range fields {
			f := &fields[i]
			if err := f.plan.dec(d, unsafe.Add(p, f.offset)); err != nil {
				return err
			}
		}
		return nil
	}
}
