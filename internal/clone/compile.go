package clone

import (
	"errors"
	"fmt"
	"reflect"
	"time"

	"github.com/stillwarm/stillwarm/serialize"
)

// A mode says what a copy is for.
type mode uint8

const (
	forCaller   mode = iota // of a value that is kept, for one caller
	forKeeping              // of a function's result, to be kept: checked, and with strings of its own
	forArgument             // of a function's argument: exact, or not at all
)

// compile makes the nodes for t and all that it contains. Whether values of t can be copied at all is the codec's
// decision, so that the two accept the same types.
func compile(t reflect.Type, m mode) (root *node, overlap bool, err error) {
	if _, err := serialize.CodecFor(t); err != nil {
		if bad, ok := errors.AsType[*serialize.UnserializableError](err); ok {
			return nil, false, &UnsupportedError{Type: t, Culprit: bad.Culprit, Path: bad.Path, Reason: bad.Reason}
		}
		return nil, false, fmt.Errorf("clone: %w", err)
	}
	return compileMode(t, m, "out")
}

func compileMode(t reflect.Type, m mode, path string) (root *node, overlap bool, err error) {
	c := compiler{root: t, nodes: map[reflect.Type]*node{}, mode: m}
	if root, err = c.node(t, path); err != nil {
		return nil, false, err
	}
	return root, c.settle(root), nil
}

var timeType = reflect.TypeFor[time.Time]()

type compiler struct {
	root  reflect.Type
	nodes map[reflect.Type]*node
	mode  mode
}

// node returns the node of t. The node of a type that is being compiled is returned unfinished, which ends the descent
// into a recursive type: its functions are looked up when they are called.
func (c *compiler) node(t reflect.Type, path string) (*node, error) {
	if n := c.nodes[t]; n != nil {
		return n, nil
	}
	n := &node{typ: t, id: typeID(t), bytes: t.Size(), noscan: pointerFree(t)}
	c.nodes[t] = n
	if err := c.fill(n, path); err != nil {
		return nil, err
	}
	n.done = true
	return n, nil
}

// fill gives n its functions: those of a known type, those of a type that marshals itself, or those of its kind.
func (c *compiler) fill(n *node, path string) error {
	if c.mode == forArgument {
		if done, err := c.fillArgument(n, path); done {
			return err
		}
	}
	if ops := knownTypes[n.typ]; ops != nil {
		ops(n, c.mode)
		return nil
	}
	if c.mode != forArgument && mayMarshal(n.typ) { // an exact copy of a type that marshals itself is one of its fields
		codec, err := serialize.CodecFor(n.typ)
		if err != nil {
			return c.refuse(n.typ, path, err.Error())
		}
		if codec.ID() >= serialize.EncodingBinary {
			codecOps(n, codec, c.mode)
			return nil
		}
	}
	switch n.typ.Kind() {
	case reflect.String:
		stringOps(n, c.mode)
	case reflect.Struct:
		if n.typ.ConvertibleTo(timeType) { // type Stamp time.Time
			timeOps(n, c.mode)
			return nil
		}
		return c.structNode(n, path)
	case reflect.Array:
		return c.withElem(n, path+"[]", n.typ.Len() > 1, func(elem *node) { arrayOps(n, elem, n.typ.Len()) })
	case reflect.Slice:
		return c.withElem(n, path+"[]", true, func(elem *node) { sliceOps(n, elem, c.mode) })
	case reflect.Pointer:
		return c.withElem(n, path, false, func(elem *node) { pointerOps(n, elem) })
	case reflect.Map:
		key, err := c.node(n.typ.Key(), path+"[key]")
		if err != nil {
			return err
		}
		return c.withElem(n, path+"[]", true, func(elem *node) {
			n.parts = append(n.parts, part{key, true})
			mapOps(n, key, elem)
		})
	case reflect.Interface:
		if n.typ.NumMethod() > 0 {
			return c.refuse(n.typ, path, "an interface with methods cannot be restored")
		}
		dynamicOps(n, c.mode)
	case reflect.Func, reflect.Chan, reflect.UnsafePointer, reflect.Invalid:
		return c.refuse(n.typ, path, "values of this kind cannot be copied")
	}
	return nil
}

// mayMarshal reports whether values of t can have methods at all: those of a defined type, those that a struct gets from
// what it embeds, or those of a pointer's target, as a protobuf message's. Asking the codec about every string and number
// takes most of the time of wrapping a function.
func mayMarshal(t reflect.Type) bool {
	return t.PkgPath() != "" || t.Kind() == reflect.Struct || t.Kind() == reflect.Pointer
}

// withElem compiles the element type of n and then n itself.
func (c *compiler) withElem(n *node, path string, many bool, ops func(elem *node)) error {
	elem, err := c.node(n.typ.Elem(), path)
	if err != nil {
		return err
	}
	n.parts = []part{{elem, many}}
	ops(elem)
	return nil
}

func (c *compiler) structNode(n *node, path string) error {
	fields := make([]field, 0, n.typ.NumField())
	for i := range n.typ.NumField() {
		f := n.typ.Field(i)
		if f.Name == "_" {
			continue // nobody can set it, and the codec leaves it out
		}
		if c.mode == forArgument && leftOut(f) {
			continue // assignment has shared it
		}
		inner, err := c.node(f.Type, path+"."+f.Name)
		if err != nil {
			return err
		}
		fields = append(fields, field{off: f.Offset, node: inner})
		n.parts = append(n.parts, part{inner, false})
	}
	structOps(n, fields)
	return nil
}

func (c *compiler) refuse(culprit reflect.Type, path, reason string) error {
	return &UnsupportedError{Type: c.root, Culprit: culprit, Path: path, Reason: reason}
}
