package clone

import "reflect"

// A node is the plan of one type within a plan. The nodes of a recursive type refer to each other in a circle.
type node struct {
	typ    reflect.Type
	id     ptr     // stands for typ
	bytes  uintptr // size of the value itself
	noscan bool    // no pointer in it at all, not even a string's
	// copy gets a dst that is a shallow copy of src already, and replaces in it every reference to memory that the two
	// must not share. It is nil where there is nothing to replace: see flat.
	copy func(w walk, dst, src ptr) error
	// size counts what the value at src refers to, without its own bytes. It is nil where the value refers to nothing.
	size func(w walk, src ptr) int64
	// done says that copy and size are known. They are not while the parts of a recursive type are being compiled; who
	// needs them then must look them up when called, and may rely on both being there, since only types with
	// references can contain themselves.
	done bool

	target *node  // of a pointer or slice: what it refers to
	parts  []part // the nodes within this one
	many   bool   // a value may hold several references of this type, of which two may refer to one thing
	opaque bool   // it is copied by methods of its own
}

// A part is a node within another one, several times where it is that of elements.
type part struct {
	*node
	many bool
}

// flat reports whether assignment is the whole copy. It must not be asked before the node is done.
func (n *node) flat() bool { return n.copy == nil }

// pointerFree reports whether the memory of a value of type t can never hold a pointer.
func pointerFree(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Bool, reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64,
		reflect.Float32, reflect.Float64, reflect.Complex64, reflect.Complex128:
		return true
	case reflect.Array:
		return t.Len() == 0 || pointerFree(t.Elem())
	case reflect.Struct:
		for i := range t.NumField() {
			if !pointerFree(t.Field(i).Type) {
				return false
			}
		}
		return true
	}
	return false
}

// settle finds out which references a value of the root type may hold several of, and whether what two of them refer to may
// overlap otherwise.
func (c *compiler) settle(root *node) (overlap bool) {
	count := map[*node]int{}
	for changed := true; changed; {
		changed = false
		next := map[*node]int{root: 1}
		for _, n := range c.nodes {
			for _, p := range c.within(n) {
				times := count[n]
				if p.many {
					times *= 2
				}
				next[p.node] = min(2, next[p.node]+times)
			}
		}
		for n, times := range next {
			if times > count[n] {
				count[n], changed = times, true
			}
		}
	}
	var references []*node
	for n, times := range count {
		n.many = times > 1 || c.mode == forArgument && c.holdsAny()
		if n.target != nil {
			references = append(references, n)
		}
		overlap = overlap || n.opaque || n.typ.Kind() == reflect.Interface
	}
	for i, a := range references {
		for _, b := range references[i:] {
			if (a != b || a.many) && (holds(a.target.typ, b.target.typ) || holds(b.target.typ, a.target.typ)) {
				overlap = true
			}
		}
	}
	return overlap
}

// holdsAny reports whether an interface is among the nodes: in an argument it may hold anything.
func (c *compiler) holdsAny() bool {
	for _, n := range c.nodes {
		if n.typ.Kind() == reflect.Interface {
			return true
		}
	}
	return false
}

// within returns the nodes within n. What an empty interface holds may be of any type of its list.
func (c *compiler) within(n *node) []part {
	if n.typ.Kind() != reflect.Interface {
		return n.parts
	}
	var all []part
	for _, t := range dynamicReferences {
		if inner := c.nodes[t]; inner != nil {
			all = append(all, part{inner, true})
		}
	}
	return all
}

// holds reports whether a value of type t lies within one of type outer, or is one.
func holds(outer, t reflect.Type) bool {
	if outer == t {
		return true
	}
	switch outer.Kind() {
	case reflect.Array:
		return outer.Len() > 0 && holds(outer.Elem(), t)
	case reflect.Struct:
		for i := range outer.NumField() {
			if holds(outer.Field(i).Type, t) {
				return true
			}
		}
	}
	return false
}
