package key

import (
	"reflect"
	"slices"
)

// A compiler makes the program of one type and of all types within it.
type compiler struct {
	fam   *family
	progs map[progKey]*prog
	way   []seg // from the type that is compiled to the one that is looked at
	base  int   // where in way the current program begins
	loops map[reflect.Type]bool
	err   *fault

	beside bool // what is compiled stands beside a form
}

// A progKey tells the programs for one type apart.
type progKey struct {
	t      reflect.Type
	beside bool
	part   part
}

// A part is what of a value a program encodes.
type part uint8

const (
	partAll    part = iota
	partInner       // the structure of a type whose form is encoded as well
	partFields      // the fields of a struct whose locks are held
)

func (fam *family) compile(t reflect.Type, beside bool) (*prog, *fault) {
	c := &compiler{fam: fam, progs: map[progKey]*prog{}, loops: map[reflect.Type]bool{}, beside: beside}
	pr := c.program(t, partAll, false)
	return pr, c.err
}

// program returns the program for a part of the values of type t. For a type within itself it is one that is not ready yet.
func (c *compiler) program(t reflect.Type, what part, pointed bool) *prog {
	k := progKey{t, c.beside, what}
	if pr := c.progs[k]; pr != nil {
		return pr
	}
	pr := &prog{size: t.Size(), beside: c.beside}
	c.progs[k] = pr
	base := c.base
	c.base = len(c.way)
	switch what {
	case partAll:
		c.add(pr, t, 0, pointed)
	case partInner:
		c.byKind(pr, t, 0, pointed)
	case partFields:
		c.fields(pr, t, 0, pointed)
	}
	c.base = base
	pr.finish()
	return pr
}

// fail notes that a value of type t cannot be hashed. Types of which pointers were followed are named with the pointer:
// that is what the user has, and a hash function by value would copy what should not be copied.
func (c *compiler) fail(t, culprit reflect.Type, pointed bool, reason string, data bool) {
	if c.err != nil {
		return
	}
	if pointed {
		if culprit == t {
			culprit = reflect.PointerTo(t)
		}
		t = reflect.PointerTo(t)
	}
	c.err = (&fault{typ: t, culprit: culprit, reason: reason, data: data}).within(c.way...)
}

func (c *compiler) full(t reflect.Type) *fullOp {
	return &fullOp{typ: t, fam: c.fam, site: slices.Clone(c.way[c.base:]), tracked: c.loop(t)}
}

func (c *compiler) rule(t reflect.Type) rule {
	if c.beside {
		return c.fam.ruleBeside(t)
	}
	return c.fam.rule(t)
}

// add appends to pr what encodes the value of type t that lies off bytes into pr's value; pointed says that it is what
// a pointer points to.
func (c *compiler) add(pr *prog, t reflect.Type, off uintptr, pointed bool) {
	if c.err != nil {
		return
	}
	switch r := c.rule(t); r.kind {
	case ruleUser:
		f := c.full(t)
		f.hasher = r.hasher
		pr.add(op{kind: opUser, off: off, full: f})
	case ruleTime:
		pr.add(op{kind: opTime, off: off})
	case ruleJSON:
		pr.add(op{kind: opJSON, off: off})
	case ruleFile:
		pr.add(op{kind: opFile, off: off, full: c.full(t)})
	case ruleForm:
		c.form(pr, t, off, r)
	case ruleFields:
		c.known(pr, t, off, r.fields)
	case ruleRefused:
		c.fail(t, t, pointed, r.reason, r.data)
	case ruleZone:
		pr.add(op{kind: opZone, off: off, full: c.full(t)})
	case ruleSkipped:
		pr.add(op{kind: opSkip, off: off, full: c.full(t)})
	case ruleEmpty:
	default:
		c.byKind(pr, t, off, pointed)
	}
}

// form adds a type with a canonical form: the form, and the structure beside it.
func (c *compiler) form(pr *prog, t reflect.Type, off uintptr, r rule) {
	f := c.full(t)
	f.form, f.open = r.form, r.open
	o := op{kind: opForm, off: off, full: f}
	if r.beside {
		outer := c.beside
		c.beside = true
		o.sub = c.program(t, partInner, false)
		c.beside = outer
	}
	pr.add(o)
}

func (c *compiler) byKind(pr *prog, t reflect.Type, off uintptr, pointed bool) {
	switch k := t.Kind(); k {
	case reflect.Bool, reflect.Int8, reflect.Uint8, reflect.Int16, reflect.Uint16, reflect.Int32, reflect.Uint32,
		reflect.Int64, reflect.Uint64, reflect.Float32, reflect.Float64, reflect.Complex64, reflect.Complex128,
		reflect.Int, reflect.Uint, reflect.Uintptr:
		pr.add(number(k, off, t.Size()))
	case reflect.String:
		pr.add(op{kind: opString, off: off})
	case reflect.Pointer:
		o := op{kind: opPtr, off: off, sub: c.program(t.Elem(), partAll, true)}
		c.addSub(pr, o, opFullPtr, t)
	case reflect.Slice:
		c.slice(pr, t, off)
	case reflect.Array:
		c.array(pr, t, off)
	case reflect.Map:
		c.mapping(pr, t, off)
	case reflect.Interface:
		f := c.full(t)
		f.methods = t.NumMethod() > 0
		pr.add(op{kind: opInterface, off: off, full: f})
	case reflect.Struct:
		if c.beside && len(locksOf(t)) > 0 {
			pr.add(op{kind: opLocked, off: off, full: c.full(t), sub: c.program(t, partFields, pointed)})
			return
		}
		c.fields(pr, t, off, pointed)
	default:
		if c.beside {
			pr.add(op{kind: opSkip, off: off, full: c.full(t)})
			return
		}
		c.fail(t, t, pointed, "values of this kind have no content that could identify them", false)
	}
}

// addSub adds an operation with a program for what is within, which decides whether it is a simple one.
func (c *compiler) addSub(pr *prog, o op, full opKind, t reflect.Type) {
	if !o.sub.ready || !o.sub.simple || c.loop(t) {
		o.kind, o.full = full, c.full(t)
	}
	pr.add(o)
}

// number returns the operation for a number of kind k. Where memory is not laid out as the encoding is, numbers whose width
// or halves differ need operations of their own.
func number(k reflect.Kind, off, size uintptr) op {
	if !packed {
		switch k {
		case reflect.Int:
			return op{kind: opInt, off: off}
		case reflect.Uint, reflect.Uintptr:
			return op{kind: opUint, off: off}
		case reflect.Complex64:
			return op{kind: opReal16, off: off}
		case reflect.Complex128:
			return op{kind: opReal32, off: off}
		}
	}
	return op{kind: memKind(size), off: off, n: size}
}

func (c *compiler) element(t reflect.Type) *prog {
	c.way = append(c.way, segElem)
	sub := c.program(t, partAll, false)
	c.way = c.way[:len(c.way)-1]
	return sub
}

func (c *compiler) slice(pr *prog, t reflect.Type, off uintptr) {
	if t.Elem().Kind() == reflect.Uint8 && c.rule(t.Elem()).kind == ruleKind {
		pr.add(op{kind: opBytes, off: off})
		return
	}
	o := op{kind: opSlice, off: off, n: t.Elem().Size(), sub: c.element(t.Elem())}
	if packed && o.sub.ready && o.sub.asMemory() {
		o.kind = opSliceMem
	}
	c.addSub(pr, o, opFullSlice, t)
}

func (c *compiler) array(pr *prog, t reflect.Type, off uintptr) {
	o := op{kind: opArray, off: off, n: t.Elem().Size(), count: t.Len(), sub: c.element(t.Elem())}
	if packed && o.sub.ready && o.sub.asMemory() {
		if t.Len() > 0 {
			pr.add(op{kind: memKind(t.Size()), off: off, n: t.Size()})
		}
		return
	}
	c.addSub(pr, o, opFullArray, t)
}

func (c *compiler) mapping(pr *prog, t reflect.Type, off uintptr) {
	c.way = append(c.way, segKey)
	m := &mapOp{key: c.program(t.Key(), partAll, false)}
	c.way = c.way[:len(c.way)-1]
	sub := c.element(t.Elem())
	f := c.full(t)
	f.mapping = m
	pr.add(op{kind: opMap, off: off, sub: sub, full: f})
}

// fields adds a struct field by field. Fields that nobody outside the type's package can read decide for themselves whether
// they matter, so a struct that has such fields needs somebody to say what identifies it: beside a form they are all added.
func (c *compiler) fields(pr *prog, t reflect.Type, off uintptr, pointed bool) {
	for i := range t.NumField() {
		f := t.Field(i)
		if f.Name == "_" || excluded(f) {
			continue
		}
		c.way = append(c.way, seg{text: "." + f.Name, owner: t, field: i})
		if c.beside || readable(f) {
			c.add(pr, f.Type, off+f.Offset, false)
		} else {
			c.fail(t, f.Type, pointed, hiddenReason(t), isData(f.Type, map[reflect.Type]bool{}))
		}
		c.way = c.way[:len(c.way)-1]
	}
}

// known adds the fields of a type of the standard library that identify it, exported or not.
func (c *compiler) known(pr *prog, t reflect.Type, off uintptr, names []string) {
	for _, name := range names {
		f, _ := t.FieldByName(name)
		c.way = append(c.way, seg{text: "." + f.Name, owner: t, field: f.Index[0]})
		c.add(pr, f.Type, off+f.Offset, false)
		c.way = c.way[:len(c.way)-1]
	}
}

func excluded(f reflect.StructField) bool { return f.Tag.Get("cache") == "-" }

// readable reports whether the field is exported, or brings exported fields by embedding a struct.
func readable(f reflect.StructField) bool {
	if f.IsExported() {
		return true
	}
	t := f.Type
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return f.Anonymous && t.Kind() == reflect.Struct
}

// loop reports whether a value of type t may contain itself: through its own type or through an interface.
func (c *compiler) loop(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Map:
	default:
		return false
	}
	if known, ok := c.loops[t]; ok {
		return known
	}
	found := c.reaches(t, t, map[reflect.Type]bool{})
	c.loops[t] = found
	return found
}

func (c *compiler) reaches(from, target reflect.Type, seen map[reflect.Type]bool) bool {
	within := func(t reflect.Type) bool {
		if t == target || t.Kind() == reflect.Interface {
			return true
		}
		if seen[t] {
			return false
		}
		seen[t] = true
		switch r := c.fam.rule(t); r.kind {
		case ruleUser, ruleTime, ruleJSON, ruleFile:
			return false
		case ruleForm:
			if !r.beside {
				return false
			}
		}
		return c.reaches(t, target, seen)
	}
	switch from.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Array:
		return within(from.Elem())
	case reflect.Map:
		return within(from.Key()) || within(from.Elem())
	case reflect.Struct:
		for i := range from.NumField() {
			if within(from.Field(i).Type) {
				return true
			}
		}
	}
	return false
}
