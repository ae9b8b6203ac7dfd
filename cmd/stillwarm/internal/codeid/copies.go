package codeid

import (
	"go/ast"
	"go/token"
	"go/types"
	"slices"
)

// copiesOf are the local variables that are copies of what exists, or have one in them: what such a value refers to belongs to
// both.
func copiesOf(g *graph, info *types.Info, root ast.Node) map[types.Object]bool {
	x := &copying{g: g, info: info, found: map[types.Object]bool{}}
	ast.Inspect(root, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncDecl:
			x.given(n.Recv)
			x.given(n.Type.Params)
		case *ast.FuncLit:
			x.given(n.Type.Params)
		case *ast.AssignStmt:
			for i, lhs := range n.Lhs {
				x.set(lhs, n.Rhs[min(i, len(n.Rhs)-1)])
			}
		case *ast.ValueSpec:
			for i, name := range n.Names {
				if len(n.Values) > 0 {
					x.set(name, n.Values[min(i, len(n.Values)-1)])
				}
			}
		case *ast.CaseClause: // of a switch over types
			if v := info.Implicits[n]; v != nil {
				x.found[v] = x.found[v] || !flat(v.Type())
			}
		case *ast.RangeStmt:
			if n.Value != nil {
				x.set(n.Value, n.X)
			}
		}
		return true
	})
	return x.found
}

type copying struct {
	g     *graph
	info  *types.Info
	found map[types.Object]bool
}

// given notes parameters, which have what the caller has.
func (x *copying) given(fields *ast.FieldList) {
	for v := range fieldObjects(x.info, fields) {
		x.found[v] = x.found[v] || !flat(v.Type())
	}
}

func (x *copying) set(lhs, rhs ast.Expr) {
	t := x.info.TypeOf(lhs)
	if v := rootOf(x.info, lhs); v != nil && t != nil && !flat(t) && !isReference(t) && x.copies(rhs) {
		x.found[v] = true
	}
}

// copies reports whether the value of the expression is one that something else has, too, or holds one.
func (x *copying) copies(e ast.Expr) bool {
	switch e := ast.Unparen(e).(type) {
	case *ast.CallExpr: // a dependency's function makes its results
		if x.info.Types[e.Fun].IsType() && len(e.Args) == 1 {
			return x.copies(e.Args[0])
		}
		fn := calleeOf(x.info, e)
		return !x.info.Types[e.Fun].IsBuiltin() && (fn == nil || fn.Pkg() != nil && x.g.unitOf[fn.Pkg()] != nil)
	case *ast.CompositeLit:
		return slices.ContainsFunc(e.Elts, func(elt ast.Expr) bool {
			if kv, ok := elt.(*ast.KeyValueExpr); ok {
				elt = kv.Value
			}
			t := x.info.TypeOf(elt)
			return t != nil && !flat(t) && !isReference(t) && x.copies(elt)
		})
	case *ast.UnaryExpr:
		return e.Op == token.ARROW
	}
	return true
}

// changedInPlace are packages with types that change what a copy shares.
var changedInPlace = map[string]bool{
	"math/big": true, "bytes": true, "bufio": true, "math/rand": true, "math/rand/v2": true, "container/list": true, "container/ring": true,
}

// copyAddressed notes a pointer to a copy of a dependency's object: who has it may change what the original refers to.
func (c *writer) copyAddressed(e ast.Expr) {
	p, t := c.follow(e), c.info.TypeOf(e)
	v, ok := p.root.(*types.Var)
	if !ok || !c.copies[v] || p.shared || t == nil || flat(t) || isReference(t) {
		return
	}
	if name := typeName(t); name != nil && name.Pkg() != nil && changedInPlace[name.Pkg().Path()] {
		c.add(heldBy(types.NewPointer(t)), e, "taken the address of a copy of")
	}
}

// namedResults visits what return statements give the named results of a function, which deferred functions can still change.
func namedResults(info *types.Info, fields *ast.FieldList, body *ast.BlockStmt, set func(lhs, rhs ast.Expr)) {
	if fields == nil || body == nil {
		return
	}
	var names []ast.Expr
	for _, f := range fields.List {
		for _, name := range f.Names {
			names = append(names, name)
		}
	}
	ast.Inspect(body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncLit:
			return false
		case *ast.ReturnStmt:
			for i, name := range names {
				switch {
				case len(n.Results) == len(names):
					set(name, n.Results[i])
				case len(n.Results) > 0:
					set(name, nil)
				}
			}
		}
		return true
	})
}
