package clone

import (
	"reflect"
	"sync"
)

var exactPlans sync.Map // reflect.Type -> *Plan

// CompileExact returns a plan whose copies are exact in every respect: a time keeps its zone by name. It is for
// arguments, which a function must see as its caller gave them, where [Compile] is for results, which must look as if
// they had been stored and restored. It accepts fewer types: what has to go through its own marshaler, and what an
// interface holds, cannot be copied exactly. Fields tagged `cache:"-"` are shared with the source: they are no part of
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
	case n.typ == timeType:
		return true, nil // immutable: assignment is exact
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

// leftOut reports whether the field is no part of a key.
func leftOut(f reflect.StructField) bool { return f.Tag.Get("cache") == "-" }
