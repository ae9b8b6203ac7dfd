package codeid

import (
	"go/ast"
	"go/token"
	"go/types"
)

// exposed reports whether a reference that the variable holds may be known under another name. A table that is only ever
// indexed, ranged over or measured is known by the variable alone.
func (g *graph) exposed(v *types.Var) bool {
	if immutable(v.Type()) {
		return false
	}
	switch t := v.Type().Underlying().(type) {
	case *types.Basic:
		return false
	case *types.Map:
		return !flat(t.Key()) || !flat(t.Elem()) || g.leaks(v)
	case *types.Slice:
		return !flat(t.Elem()) || g.leaks(v)
	}
	return true
}

// leaks reports whether a table is used other than by reading from it. It looks at the whole program, once.
func (g *graph) leaks(v *types.Var) bool {
	if g.leaking == nil {
		g.leaking = map[types.Object]bool{}
		for _, u := range g.units {
			for _, f := range u.files {
				g.findLeaks(u, f)
			}
		}
	}
	return g.leaking[v]
}

func (g *graph) findLeaks(u *unit, f *ast.File) {
	var stack []ast.Node
	ast.Inspect(f, func(n ast.Node) bool {
		if n == nil {
			stack = stack[:len(stack)-1]
			return true
		}
		if id, ok := n.(*ast.Ident); ok {
			if v, ok := u.info.Uses[id].(*types.Var); ok && !v.IsField() && !isLocal(v) && !g.reading(u.info, stack, id) {
				g.leaking[v] = true
			}
		}
		stack = append(stack, n)
		return true
	})
}

// reading reports whether a table is only read where the identifier stands.
func (g *graph) reading(info *types.Info, stack []ast.Node, id *ast.Ident) bool {
	var self ast.Node = id
	i := len(stack) - 1
	if sel, ok := parent(stack, i).(*ast.SelectorExpr); ok && sel.Sel == id {
		self, i = sel, i-1
	}
	for {
		paren, ok := parent(stack, i).(*ast.ParenExpr)
		if !ok {
			break
		}
		self, i = paren, i-1
	}
	switch p := parent(stack, i).(type) {
	case *ast.IndexExpr:
		return p.X == self && !addressTaken(info, stack[:i+1])
	case *ast.RangeStmt:
		return p.X == self
	case *ast.BinaryExpr: // with nil
		return true
	case *ast.AssignStmt:
		for k, lhs := range p.Lhs {
			if lhs == self { // an event of its own; what it is given may have another name
				return len(p.Lhs) == len(p.Rhs) && isFresh(info, p.Rhs[k], nil)
			}
		}
	case *ast.CallExpr:
		if tv := info.Types[p.Fun]; tv.IsBuiltin() {
			name, _ := ast.Unparen(p.Fun).(*ast.Ident)
			return name != nil && (name.Name == "len" || name.Name == "cap" || name.Name == "delete" || name.Name == "clear" || name.Name == "copy")
		} else if tv.IsType() {
			return flat(tv.Type) // string(bytes)
		}
		fn := calleeOf(info, p)
		return fn != nil && fn.Pkg() != nil && readsOnly[fn.Pkg().Path()+"."+fn.Name()] && !g.callable(info.TypeOf(id))
	}
	return false
}

// addressTaken reports whether a pointer is made of the expression on top of the stack, or of a part of it.
func addressTaken(info *types.Info, stack []ast.Node) bool {
	for i := len(stack) - 1; i > 0; i-- {
		switch p := stack[i-1].(type) {
		case *ast.ParenExpr, *ast.IndexExpr:
		case *ast.SliceExpr:
			return true
		case *ast.SelectorExpr:
			if s := info.Selections[p]; s != nil && s.Kind() == types.MethodVal {
				recv := s.Obj().(*types.Func).Signature().Recv()
				return recv != nil && isPointer(recv.Type())
			}
		case *ast.UnaryExpr:
			return p.Op == token.AND
		default:
			return false
		}
	}
	return false
}

func parent(stack []ast.Node, i int) ast.Node {
	if i < 0 {
		return nil
	}
	return stack[i]
}

// readsOnly are functions whose results do not refer to what they are given.
var readsOnly = map[string]bool{
	"slices.Contains": true, "slices.Index": true, "slices.Max": true, "slices.Min": true, "slices.Clone": true,
	"slices.Equal": true, "slices.BinarySearch": true, "slices.Sorted": true, "maps.Clone": true, "strings.Join": true,
	"bytes.Equal": true, "bytes.Contains": true, "bytes.Compare": true, "crypto/sha256.Sum256": true, "math/rand/v2.IntN": true,
	"sort.SearchStrings": true, "sort.SearchInts": true, "sort.SearchFloat64s": true, "encoding/json.Marshal": true,
	"encoding/json.Unmarshal": true, "encoding/hex.EncodeToString": true,
}
