package codeid

import (
	"go/ast"
	"go/token"
	"go/types"
)

// conversions collects the types whose values become interface values in the declaration, or are handed to generic code.
// Their methods may be called there without being mentioned: each is an edge.
func (w *walker) conversions() {
	c := &converter{w: w, info: w.info}
	root := w.n.decl
	if spec, ok := root.(*ast.ValueSpec); ok {
		c.valueSpec(spec, w.n.value)
		c.declared(spec.Type)
		for i, v := range spec.Values {
			if w.n.value < 0 || w.n.value == i {
				c.inspect(v, nil)
			}
		}
		return
	}
	if fn, ok := root.(*ast.FuncDecl); ok {
		sig := w.info.Defs[fn.Name].(*types.Func).Signature()
		c.declared(fn.Type)
		if fn.Body != nil {
			c.inspect(fn.Body, sig)
		}
		return
	}
	c.inspect(root, nil)
}

// converter visits every place where the language converts implicitly.
type converter struct {
	w    *walker
	info *types.Info
}

// inspect visits a syntax tree inside a function of the signature.
func (c *converter) inspect(root ast.Node, sig *types.Signature) {
	ast.Inspect(root, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncLit:
			inner, _ := c.info.TypeOf(n).Underlying().(*types.Signature)
			handed := c.w.handed[n]
			c.declared(n.Type)
			if handed {
				c.w.hand(n, 1)
			}
			c.inspect(n.Body, inner)
			if handed {
				c.w.hand(n, -1)
			}
			return false
		case *ast.Ident:
			if inst, ok := c.info.Instances[n]; ok {
				for t := range inst.TypeArgs.Types() {
					c.becomes(t)
				}
			}
		case *ast.ReturnStmt:
			c.returns(n, sig)
		case *ast.AssignStmt:
			c.assignment(n)
		case *ast.ValueSpec:
			c.valueSpec(n, -1)
		case *ast.SendStmt:
			if ch, ok := under(c.info.TypeOf(n.Chan)).(*types.Chan); ok {
				c.expr(ch.Elem(), n.Value)
			}
		case *ast.CompositeLit:
			c.composite(n)
		case *ast.CallExpr:
			c.call(n)
		case *ast.IndexExpr:
			if m, ok := under(c.info.TypeOf(n.X)).(*types.Map); ok {
				c.expr(m.Key(), n.Index)
			}
		case *ast.BinaryExpr:
			if n.Op == token.EQL || n.Op == token.NEQ {
				c.compared(c.info.TypeOf(n.X), c.info.TypeOf(n.Y))
			}
		case *ast.SwitchStmt:
			c.switched(n)
		case *ast.RangeStmt:
			c.ranged(n)
		}
		return true
	})
}

func (c *converter) enter(handed bool) {
	if handed {
		c.w.inHanded++
	}
}

func (c *converter) leave(handed bool) {
	if handed {
		c.w.inHanded--
	}
}

func under(t types.Type) types.Type {
	if t == nil {
		return nil
	}
	if tp, ok := types.Unalias(t).(*types.TypeParam); ok {
		return coreOf(tp)
	}
	return t.Underlying()
}

// coreOf returns the single underlying type of a type parameter's type set, or nil.
func coreOf(tp *types.TypeParam) types.Type {
	it, ok := tp.Constraint().Underlying().(*types.Interface)
	if !ok {
		return nil
	}
	var core types.Type
	for e := range it.EmbeddedTypes() {
		u, ok := e.Underlying().(*types.Union)
		if !ok {
			core = e.Underlying()
			continue
		}
		for t := range u.Terms() {
			core = t.Type().Underlying()
		}
	}
	return core
}

// expr notes that the value of an expression goes where a type is expected.
func (c *converter) expr(to types.Type, e ast.Expr) {
	if e == nil {
		return
	}
	from := c.info.TypeOf(e)
	c.assign(to, from)
	if to != nil && from != nil && types.IsInterface(to) && !types.IsInterface(from) {
		c.w.converts[e] = append(c.w.converts[e], conversion{to, from, e})
	}
}

// conversion is a value that becomes an interface value.
type conversion struct {
	to, from types.Type
	value    ast.Expr
}

// assign notes that a value of one type goes where another is expected.
func (c *converter) assign(to, from types.Type) {
	if to == nil || from == nil || !types.IsInterface(to) || types.IsInterface(from) && !isTypeParam(from) {
		return
	}
	c.becomes(from)
}

func isTypeParam(t types.Type) bool {
	_, ok := types.Unalias(t).(*types.TypeParam)
	return ok
}

// becomes notes that values of the type become interface values. Whoever has one can reach the methods of all types that
// it is made of, by reflection.
func (c *converter) becomes(t types.Type) {
	if b, ok := t.(*types.Basic); ok && b.Kind() != types.Invalid {
		return
	}
	c.w.n.converted = append(c.w.n.converted, t)
	c.w.methodsOf(t)
}

// valueEdge adds an edge to a method that others may call from now on.
func (w *walker) valueEdge(to *node) {
	before := w.inGiven
	if w.keeping > 0 {
		w.inGiven++
	}
	w.edge(to, true)
	w.inGiven = before
}

// methodsOf adds edges to the methods, embedded ones too, of each declared type that the type is made of. Unexported ones
// count where an interface of their package has a method of that name.
func (w *walker) methodsOf(t types.Type) {
	all := &typeWalk{seen: map[types.Type]bool{}}
	all.visit = func(name *types.TypeName) bool {
		if w.g.nodeOf(name) == nil && len(w.g.methods[name]) == 0 {
			return name.Pkg() != nil && w.g.unitOf[name.Pkg()] != nil
		}
		if to := w.g.nodeOf(name); to != nil && to != w.n {
			w.edge(to, false)
		}
		for _, m := range w.g.methods[name] {
			if m != w.n && (m.obj == nil || m.obj.Exported() || w.g.dynamic[m.unit.pkg][m.obj.Name()]) {
				w.valueEdge(m)
				w.g.methodResults(m, all)
			}
		}
		return true
	}
	all.walk(t)
}

func (c *converter) returns(n *ast.ReturnStmt, sig *types.Signature) {
	if sig == nil {
		return
	}
	if len(n.Results) == 1 && sig.Results().Len() > 1 {
		c.tuple(n.Results[0], func(i int) types.Type { return sig.Results().At(i).Type() })
		return
	}
	for i, e := range n.Results {
		c.expr(sig.Results().At(i).Type(), e)
	}
}

// tuple notes what becomes of the values of an expression that has several.
func (c *converter) tuple(e ast.Expr, to func(int) types.Type) {
	tuple, ok := c.info.TypeOf(e).(*types.Tuple)
	if !ok {
		return
	}
	for i := range tuple.Len() {
		c.assign(to(i), tuple.At(i).Type())
	}
}

func (c *converter) assignment(n *ast.AssignStmt) {
	if n.Tok != token.ASSIGN && n.Tok != token.DEFINE {
		return
	}
	if len(n.Lhs) != len(n.Rhs) {
		c.tuple(n.Rhs[0], func(i int) types.Type { return c.info.TypeOf(n.Lhs[i]) })
		return
	}
	for i, lhs := range n.Lhs {
		c.expr(c.info.TypeOf(lhs), n.Rhs[i])
	}
}

// valueSpec visits the values of a declaration, one of them or all for -1.
func (c *converter) valueSpec(n *ast.ValueSpec, only int) {
	if n.Type == nil || len(n.Values) == 0 {
		return
	}
	to := c.info.TypeOf(n.Type)
	if len(n.Values) == 1 && len(n.Names) > 1 {
		c.tuple(n.Values[0], func(int) types.Type { return to })
		return
	}
	for i, v := range n.Values {
		if only < 0 || only == i {
			c.expr(to, v)
		}
	}
}

func (c *converter) composite(n *ast.CompositeLit) {
	t := under(c.info.TypeOf(n))
	if p, ok := t.(*types.Pointer); ok {
		t = under(p.Elem())
	}
	if name := typeName(c.info.TypeOf(n)); name != nil && name.Pkg() != nil && c.w.g.unitOf[name.Pkg()] == nil {
		c.w.keeping++
		defer func() { c.w.keeping-- }()
	}
	for i, e := range n.Elts {
		kv, keyed := e.(*ast.KeyValueExpr)
		value := e
		if keyed {
			value = kv.Value
		}
		switch t := t.(type) {
		case *types.Struct:
			if !keyed && i < t.NumFields() {
				c.expr(t.Field(i).Type(), value)
			} else if id, ok := kv.Key.(*ast.Ident); ok && c.info.Uses[id] != nil {
				c.expr(c.info.Uses[id].Type(), value)
			}
		case *types.Map:
			c.expr(t.Key(), kv.Key)
			c.expr(t.Elem(), value)
		case interface{ Elem() types.Type }: // slices and arrays
			c.expr(t.Elem(), value)
		}
	}
}

func (c *converter) call(n *ast.CallExpr) {
	c.hidden(n, calleeOf(c.info, n))
	tv := c.info.Types[n.Fun]
	if tv.IsType() {
		if len(n.Args) == 1 {
			c.expr(tv.Type, n.Args[0])
		}
		return
	}
	sig, ok := under(tv.Type).(*types.Signature)
	if !ok || len(n.Args) == 0 {
		return
	}
	param := func(i int) types.Type {
		last := sig.Params().Len() - 1
		if !sig.Variadic() || i < last || n.Ellipsis.IsValid() {
			if i > last {
				return nil
			}
			return sig.Params().At(i).Type()
		}
		if s, ok := under(sig.Params().At(last).Type()).(*types.Slice); ok {
			return s.Elem()
		}
		return sig.Params().At(last).Type()
	}
	fn := calleeOf(c.info, n)
	handed := fn != nil && isHandover(fn)
	c.enter(handed)
	defer c.leave(handed)
	if fn != nil && c.w.g.keeps(fn) {
		c.w.keeping++
		defer func() { c.w.keeping-- }()
	}
	if _, ok := c.info.TypeOf(n.Args[0]).(*types.Tuple); ok && len(n.Args) == 1 {
		c.tuple(n.Args[0], param)
		return
	}
	for i, arg := range n.Args {
		c.expr(param(i), arg)
	}
}

// compared covers comparisons: of an interface value with another, and of structs, whose fields may be interface values.
func (c *converter) compared(x, y types.Type) {
	c.assign(x, y)
	c.assign(y, x)
}

func (c *converter) switched(n *ast.SwitchStmt) {
	if n.Tag == nil {
		return
	}
	tag := c.info.TypeOf(n.Tag)
	for _, s := range n.Body.List {
		for _, e := range s.(*ast.CaseClause).List {
			c.compared(tag, c.info.TypeOf(e))
		}
	}
}

func (c *converter) ranged(n *ast.RangeStmt) {
	if n.Tok != token.ASSIGN {
		return
	}
	key, elem := rangeTypes(c.info.TypeOf(n.X))
	if n.Key != nil {
		c.assign(c.info.TypeOf(n.Key), key)
	}
	if n.Value != nil {
		c.assign(c.info.TypeOf(n.Value), elem)
	}
}

// rangeTypes returns the types of what a range over the type gives; nil where there is none, or a basic type.
func rangeTypes(t types.Type) (key, elem types.Type) {
	switch t := under(t).(type) {
	case *types.Map:
		return t.Key(), t.Elem()
	case *types.Slice:
		return nil, t.Elem()
	case *types.Array:
		return nil, t.Elem()
	case *types.Chan:
		return t.Elem(), nil
	case *types.Pointer:
		if a, ok := t.Elem().Underlying().(*types.Array); ok {
			return nil, a.Elem()
		}
	case *types.Signature: // an iterator
		if t.Params().Len() == 1 {
			if yield, ok := under(t.Params().At(0).Type()).(*types.Signature); ok {
				if yield.Params().Len() > 0 {
					key = yield.Params().At(0).Type()
				}
				if yield.Params().Len() > 1 {
					elem = yield.Params().At(1).Type()
				}
			}
		}
	}
	return key, elem
}
