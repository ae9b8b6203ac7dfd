// Package shape describes types as trees of field names and kinds, so that tools can name what a positional encoding
// holds. A tree says nothing of any value.
package shape

import (
	"reflect"
	"time"
)

// Node is one type in a tree.
type Node struct {
	// Kind is the kind in Go's words ("struct", "int64", "slice", ...), or "time", or "recursive" for a type that is
	// described further up, or "cut" where the tree would be too large.
	Kind   string  `json:"kind"`
	Type   string  `json:"type,omitempty"`   // of named types
	Fields []Field `json:"fields,omitempty"` // of structs, in the order of their declaration
	Key    *Node   `json:"key,omitempty"`    // of maps
	Elem   *Node   `json:"elem,omitempty"`   // of maps, slices, arrays and pointers
	Len    int     `json:"len,omitempty"`    // of arrays
}

// Field is a field of a struct.
type Field struct {
	Name string `json:"name"`
	Node
}

// maxNodes bounds a tree.
const maxNodes = 1000

// Of returns the tree of a type. It never fails; what is too large is cut.
func Of(t reflect.Type) Node {
	b := builder{open: map[reflect.Type]bool{}}
	return b.node(t)
}

type builder struct {
	open  map[reflect.Type]bool // on the way from the root
	nodes int
}

var timeType = reflect.TypeFor[time.Time]()

func (b *builder) node(t reflect.Type) Node {
	b.nodes++
	n := Node{Kind: t.Kind().String()}
	if t.Name() != "" && t.PkgPath() != "" {
		n.Type = t.String()
	}
	switch {
	case t == timeType:
		n.Kind = "time"
		return n
	case b.open[t]:
		n.Kind, n.Type = "recursive", t.String()
		return n
	case b.nodes > maxNodes:
		n.Kind = "cut"
		return n
	}
	b.open[t] = true
	defer delete(b.open, t)
	switch t.Kind() {
	case reflect.Struct:
		for i := range t.NumField() {
			if f := t.Field(i); f.Name != "_" {
				n.Fields = append(n.Fields, Field{Name: f.Name, Node: b.node(f.Type)})
			}
		}
	case reflect.Map:
		n.Key, n.Elem = b.pointer(t.Key()), b.pointer(t.Elem())
	case reflect.Slice, reflect.Pointer:
		n.Elem = b.pointer(t.Elem())
	case reflect.Array:
		n.Elem, n.Len = b.pointer(t.Elem()), t.Len()
	}
	return n
}

func (b *builder) pointer(t reflect.Type) *Node {
	n := b.node(t)
	return &n
}
