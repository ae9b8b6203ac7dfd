package codeid

import (
	"go/ast"
	"go/types"
	"slices"
)

// keptContext is a place where a context is read that was kept.
type keptContext struct {
	at    location
	place string
}

// keptContext notes that a context is read from a field, or is asked as an embedded one. It matters where others have the
// struct: they may end it.
func (w *walker) keptContext(sel *ast.SelectorExpr, s *types.Selection) {
	var field *types.Var
	switch obj := s.Obj().(type) {
	case *types.Var:
		if isContext(obj.Type()) && !w.assigned(sel) {
			field = obj
		}
	case *types.Func:
		if recv := obj.Signature().Recv(); recv != nil && isContext(recv.Type()) && len(s.Index()) > 1 && obj.Name() != "Value" {
			field = embeddedField(s)
		}
	}
	if field != nil && w.inScope == 0 {
		w.n.contexts = append(w.n.contexts, keptContext{location{field: w.g.shapes.field(field)}, w.g.place(sel.Pos())})
	}
}

// keptElement notes that a context is read from a map or a slice.
func (w *walker) keptElement(e *ast.IndexExpr) {
	t := w.info.TypeOf(e)
	if t == nil || !isContext(t) || w.info.Types[e].IsType() || w.assigned(e) || w.inScope > 0 {
		return
	}
	places := []location{heldBy(w.info.TypeOf(e.X))}
	if v, ok := rootOf(w.info, e.X).(*types.Var); ok && !isLocal(v) {
		places = append(places, location{variable: v})
	}
	for _, l := range places {
		w.n.contexts = append(w.n.contexts, keptContext{l, w.g.place(e.Pos())})
	}
}

// embeddedField returns the last embedded field on the way to a method, nil where it cannot be told.
func embeddedField(s *types.Selection) *types.Var {
	fields, all := embeddedFields(s)
	if !all || len(fields) == 0 {
		return nil
	}
	return fields[len(fields)-1]
}

// assigned reports whether the expression on top of the stack is given a value there.
func (w *walker) assigned(e ast.Expr) bool {
	if len(w.stack) < 2 {
		return false
	}
	as, ok := w.stack[len(w.stack)-2].(*ast.AssignStmt)
	return ok && slices.Contains(as.Lhs, e)
}

// contexts looks for contexts that others have, too, and may end.
func (q *inquiry) contexts() {
	for _, n := range sorted(q.decides()) {
		for _, k := range n.contexts {
			if q.shared[k.at] {
				q.doubt(short(n.id)+": it asks a context that is kept, which somebody may end", k.place)
			}
		}
	}
}

// contextAsked marks questions to a context that was kept somewhere: somebody may end it.
func (w *walker) contextAsked(sel *ast.SelectorExpr, s *types.Selection) {
	fn, ok := s.Obj().(*types.Func)
	if !ok || s.Kind() != types.MethodVal || fn.Name() == "Value" || !isContext(fn.Signature().Recv().Type()) || !types.IsInterface(s.Recv()) {
		return
	}
	if id, ok := ast.Unparen(sel.X).(*ast.Ident); !ok || w.info.Uses[id] != nil && !isLocal(w.info.Uses[id]) {
		w.mark("it asks a context that is kept, which somebody may end", sel, true)
	}
}
