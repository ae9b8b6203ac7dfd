package codeid

import (
	"fmt"
	"go/types"
	"strings"
)

// eachNamed calls visit for each declared type that a type is made of. Where visit returns true, it goes on with what
// that type is made of.
func eachNamed(t types.Type, visit func(*types.TypeName) bool) {
	(&typeWalk{visit: visit, seen: map[types.Type]bool{}}).walk(t)
}

type typeWalk struct {
	visit func(*types.TypeName) bool
	seen  map[types.Type]bool
}

func (w *typeWalk) walk(t types.Type) {
	if t == nil || w.seen[t] {
		return
	}
	w.seen[t] = true
	switch t := t.(type) {
	case *types.Alias:
		w.visit(t.Obj())
		for a := range t.TypeArgs().Types() {
			w.walk(a)
		}
		w.walk(types.Unalias(t))
	case *types.Named:
		for a := range t.TypeArgs().Types() {
			w.walk(a)
		}
		if w.visit(t.Origin().Obj()) {
			w.walk(t.Underlying())
		}
	case *types.Struct:
		for f := range t.Fields() {
			w.walk(f.Type())
		}
	case *types.Map:
		w.walk(t.Key())
		w.walk(t.Elem())
	case *types.Signature:
		w.tuple(t.Params())
		w.tuple(t.Results())
	case *types.Interface:
		for m := range t.ExplicitMethods() {
			w.walk(m.Type())
		}
		for e := range t.EmbeddedTypes() {
			w.walk(e)
		}
	case *types.Union:
		for term := range t.Terms() {
			w.walk(term.Type())
		}
	case *types.Tuple:
		w.tuple(t)
	case interface{ Elem() types.Type }: // pointers, slices, arrays, channels
		w.walk(t.Elem())
	}
}

func (w *typeWalk) tuple(t *types.Tuple) {
	for v := range t.Variables() {
		w.walk(v.Type())
	}
}

// canonical writes a type so that two ways to write the same one give the same text: aliases are followed, the names of
// parameters and the direction of channels left out.
func canonical(t types.Type) string {
	var b strings.Builder
	writeCanonical(&b, t)
	return b.String()
}

func writeCanonical(b *strings.Builder, t types.Type) {
	switch t := types.Unalias(t).(type) {
	case *types.Basic:
		if t.Kind() >= 0 && int(t.Kind()) < len(types.Typ) {
			b.WriteString(types.Typ[t.Kind()].Name()) // byte is uint8
			return
		}
		b.WriteString(t.Name())
	case *types.Named:
		if p := t.Obj().Pkg(); p != nil {
			b.WriteString(p.Path() + ".")
		}
		b.WriteString(t.Obj().Name())
		for a := range t.TypeArgs().Types() {
			b.WriteByte('[')
			writeCanonical(b, a)
			b.WriteByte(']')
		}
	case *types.Pointer:
		b.WriteByte('*')
		writeCanonical(b, t.Elem())
	case *types.Slice:
		b.WriteString("[]")
		writeCanonical(b, t.Elem())
	case *types.Array:
		fmt.Fprintf(b, "[%d]", t.Len())
		writeCanonical(b, t.Elem())
	case *types.Map:
		b.WriteString("map[")
		writeCanonical(b, t.Key())
		b.WriteByte(']')
		writeCanonical(b, t.Elem())
	case *types.Chan:
		b.WriteString("chan ")
		writeCanonical(b, t.Elem())
	case *types.Signature:
		b.WriteString("func")
		for _, tuple := range []*types.Tuple{t.Params(), t.Results()} {
			b.WriteByte('(')
			for v := range tuple.Variables() {
				writeCanonical(b, v.Type())
				b.WriteByte(',')
			}
			b.WriteByte(')')
		}
		if t.Variadic() {
			b.WriteString("...")
		}
	case *types.Struct:
		b.WriteString("struct{")
		for f := range t.Fields() {
			b.WriteString(f.Name() + " ")
			writeCanonical(b, f.Type())
			b.WriteByte(';')
		}
		b.WriteByte('}')
	case *types.Interface:
		b.WriteString("interface{")
		for m := range t.Methods() { // in the order of their names
			b.WriteString(m.Name() + ";")
		}
		b.WriteByte('}')
	default:
		b.WriteString(types.TypeString(t, func(p *types.Package) string { return p.Path() }))
	}
}

func isPointer(t types.Type) bool {
	if t == nil {
		return false
	}
	_, ok := t.Underlying().(*types.Pointer)
	return ok
}
