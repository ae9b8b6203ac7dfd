package clone

import (
	"reflect"
	"regexp"
	"sync"
)

var exactPlans sync.Map // reflect.Type -> *Plan

// CompileExact returns a plan whose copies keep what [Compile]'s give up for the sake of the codec: a time keeps its zone
// by name. It is for arguments, which a function must see as its caller gave them, where Compile is for results, which
// must look as if they had been stored and restored. As there, two pointers to one place become pointers to two, and
// slices lose capacity beyond their length. It accepts fewer types: what hides its fields, what an interface holds and
// maps with pointers in their keys cannot be copied so that nobody sees a difference. Fields tagged `cache:"-"` are shared with the source: they are no part of
// a key, and hold what callers share on purpose.
func CompileExact(t reflect.Type) (*Plan, error) {
	if p, ok := exactPlans.Load(t); ok {
		return p.(*Plan), nil
	}
	c := compiler{root: t, nodes: map[reflect.Type]*node{}, exact: true}
	root, err := c.node(t, "in")
	if err != nil {
		return nil, err
	}
	p, _ := exactPlans.LoadOrStore(t, &Plan{typ: t, root: root})
	return p.(*Plan), nil
}

// fillExact gives n its functions where an exact copy differs from a canonical one. It reports whether it did.
func (c *compiler) fillExact(n *node, path string) (done bool, err error) {
	switch {
	case n.typ == timeType, n.typ == regexpType:
		return true, nil // immutable once made: assignment is exact
	case n.typ.Kind() == reflect.Map && holdsPointer(n.typ.Key()):
		return true, c.refuse(n.typ, path, "its keys are found by their address")
	case knownTypes[n.typ] != nil:
		return false, nil
	case n.typ.Kind() == reflect.Interface:
		return true, c.refuse(n.typ, path, "what an interface holds cannot be copied exactly")
	case n.typ.Kind() == reflect.Struct:
		for i := range n.typ.NumField() {
			f := n.typ.Field(i)
			if !f.IsExported() && f.Name != "_" && !leftOut(f) {
				return true, c.refuse(n.typ, path+"."+f.Name, "it has an unexported field")
			}
		}
	}
	return false, nil
}

var regexpType = reflect.TypeFor[regexp.Regexp]()

// holdsPointer reports whether values of type t are compared by an address in them.
func holdsPointer(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Pointer, reflect.Chan, reflect.UnsafePointer, reflect.Interface:
		return true
	case reflect.Array:
		return holdsPointer(t.Elem())
	case reflect.Struct:
		for i := range t.NumField() {
			if holdsPointer(t.Field(i).Type) {
				return true
			}
		}
	}
	return false
}

// leftOut reports whether the field is no part of a key.
func leftOut(f reflect.StructField) bool { return f.Tag.Get("cache") == "-" }
