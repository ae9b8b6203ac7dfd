package key

import (
	"encoding/binary"
	"fmt"
	"reflect"
	"sync"
)

// maxDepth bounds how deeply values may be nested through pointers, slices, maps and interfaces of recursive types, so
// that no value overflows the stack.
const maxDepth = 10_000

// maxVisits bounds how many parts of recursive types one value may have. A graph in which many pointers share what they
// point to is encoded as the tree that it unfolds to, and that tree can be larger than any memory.
const maxVisits = 1 << 22

// searched is how many enclosing values are searched one by one; beyond that an index is kept.
const searched = 32

// An encoder is the state of encoding one value with full operations.
type encoder struct {
	enclosing []visit // the values of recursive types that are being encoded, outermost first
	index     map[visit]int
	depth     int
	visits    int
	skipped   int     // parts that were left to the form beside which they stand
	report    *Report // nil where nobody asks
}

// A visit identifies a value that may contain itself. The address alone does not: a struct and its first field share it.
type visit struct {
	at  uintptr
	n   int // of a slice: two slices of different lengths may begin at one address
	typ any // a reflect.Type
	fam *family
}

var encoders = sync.Pool{New: func() any { return new(encoder) }}

func (e *encoder) release() {
	clear(e.enclosing)
	*e = encoder{enclosing: e.enclosing[:0]}
	encoders.Put(e)
}

// run encodes the value at base.
func (e *encoder) run(dst []byte, pr *prog, base ptr) ([]byte, *fault) {
	var f *fault
	for i := 0; i < len(pr.ops); {
		o := &pr.ops[i]
		if o.full == nil {
			dst = runSimple(dst, pr.ops[i:i+o.run], base)
			i += o.run
			continue
		}
		start := len(dst)
		if dst, f = e.runFull(dst, o, at(base, o.off), pr.beside); f != nil {
			if !pr.beside || f.final() {
				return dst, f.within(o.full.site...)
			}
			dst = e.skip(dst[:start])
		}
		i++
	}
	return dst, nil
}

// skip leaves a part to the form beside which it stands.
func (e *encoder) skip(dst []byte) []byte {
	e.skipped++
	return append(dst, tagSkip)
}

func (e *encoder) runFull(dst []byte, o *op, p ptr, beside bool) ([]byte, *fault) {
	switch o.kind {
	case opFullPtr:
		return e.pointer(dst, o, p)
	case opFullSlice:
		return e.slice(dst, o, p)
	case opFullArray:
		return e.elements(dst, o, p, o.count)
	case opMap:
		return e.mapping(dst, o, p)
	case opInterface:
		return e.dynamic(dst, o, p, beside)
	case opUser:
		return e.user(dst, o, p)
	case opForm:
		return e.form(dst, o, p)
	case opLocked:
		return e.locked(dst, o, p)
	case opZone:
		return appendZone(dst, o, p), nil
	case opSkip:
		if o.full.typ.Kind() != reflect.Struct && isNil(p) {
			return append(dst, tagNil), nil
		}
		return e.skip(dst), nil
	default: // opFile
		return appendFile(dst, o, p)
	}
}

func (e *encoder) pointer(dst []byte, o *op, p ptr) ([]byte, *fault) {
	q := loadPtr(p)
	if q == nil {
		return append(dst, tagNil), nil
	}
	if !o.full.tracked {
		return e.run(append(dst, tagValue), o.sub, q)
	}
	dst, again, f := e.enter(dst, visit{address(q), 0, o.full.typ, o.full.fam})
	if again || f != nil {
		return dst, f
	}
	defer e.leave()
	return e.run(dst, o.sub, q)
}

func (e *encoder) slice(dst []byte, o *op, p ptr) ([]byte, *fault) {
	first, n := loadSlice(p)
	if o.full.tracked && n > 0 {
		var again bool
		var f *fault
		dst, again, f = e.enter(dst, visit{address(first), n, o.full.typ, o.full.fam})
		if again || f != nil {
			return dst, f
		}
		defer e.leave()
	} else if o.full.tracked {
		dst = append(dst, tagValue)
	}
	return e.elements(appendCount(dst, first, n), o, first, n)
}

func (e *encoder) elements(dst []byte, o *op, first ptr, n int) ([]byte, *fault) {
	if len(o.sub.ops) == 0 && o.sub.ready {
		return dst, nil
	}
	var f *fault
	for i := range n {
		if dst, f = e.run(dst, o.sub, at(first, uintptr(i)*o.n)); f != nil {
			return dst, f.within(indexed(i))
		}
	}
	return dst, nil
}

// enter begins a value that may contain itself. If it is being encoded already, enter appends a reference to it in place of
// its content and reports true: so a cycle ends, and the same cycle always ends at the same place.
func (e *encoder) enter(dst []byte, v visit) ([]byte, bool, *fault) {
	if i, ok := e.find(v); ok {
		return binary.AppendUvarint(append(dst, tagCycle), uint64(i)), true, nil
	}
	if f := e.deeper(); f != nil {
		return dst, false, f
	}
	if e.visits++; e.visits > maxVisits {
		e.depth--
		return dst, false, &fault{uncached: true, reason: fmt.Sprintf("the value unfolds to more than %d parts: parts of it share what they point to", maxVisits)}
	}
	if e.index != nil {
		e.index[v] = len(e.enclosing)
	}
	e.enclosing = append(e.enclosing, v)
	if e.index == nil && len(e.enclosing) > searched {
		e.index = make(map[visit]int, 2*searched)
		for i, v := range e.enclosing {
			e.index[v] = i
		}
	}
	return append(dst, tagValue), false, nil
}

func (e *encoder) find(v visit) (int, bool) {
	if e.index != nil {
		i, ok := e.index[v]
		return i, ok
	}
	for i := range e.enclosing {
		if e.enclosing[i] == v {
			return i, true
		}
	}
	return 0, false
}

func (e *encoder) leave() {
	last := len(e.enclosing) - 1
	if e.index != nil {
		delete(e.index, e.enclosing[last])
	}
	e.enclosing = e.enclosing[:last]
	e.depth--
}

func (e *encoder) deeper() *fault {
	if e.depth++; e.depth > maxDepth {
		e.depth--
		return &fault{uncached: true, reason: fmt.Sprintf("the value is nested more than %d levels deep", maxDepth)}
	}
	return nil
}
