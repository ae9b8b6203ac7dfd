package codeid

import (
	"go/ast"
	"go/types"
	"slices"
	"strings"
)

// call notes what a call may change: what a builtin changes, what a dependency's function or method gets.
func (c *writer) call(n *ast.CallExpr) {
	tv := c.info.Types[n.Fun]
	if tv.IsType() {
		c.conversion(n)
		return
	}
	if tv.IsBuiltin() {
		c.builtin(n)
		return
	}
	fn := calleeOf(c.info, n)
	if fn == nil {
		c.calledValue(n)
		return
	}
	c.logsInto(n, fn)
	if fn.Pkg() != nil && c.w.g.unitOf[fn.Pkg()] != nil {
		c.userCall(n, fn)
		if sel, ok := ast.Unparen(n.Fun).(*ast.SelectorExpr); ok && fn.Signature().Recv() != nil {
			c.written(sel.X, fn.Name(), "changed by ."+fn.Name())
			c.implemented(n, sel, fn)
		}
		return
	}
	if sel, ok := ast.Unparen(n.Fun).(*ast.SelectorExpr); ok && fn.Signature().Recv() != nil {
		if fn.Pkg() != nil && processState[fn.Origin().FullName()] {
			c.add(location{global: "std"}, n, "changed by ."+fn.Name())
		}
		c.partOf(n, sel)
		c.method(n, sel, fn)
		return
	}
	if fn.Pkg() == nil {
		return
	}
	c.bind(n, fn)
	switch {
	case fn.Pkg().Path() == "errors" && fn.Name() == "As": // it sets its target, which holds an error then
		if len(n.Args) == 2 && c.localTarget(n.Args[1]) == nil {
			c.held(n.Args[1], "handed to errors.As")
		}
	case !pure(fn):
		c.global(n, fn)
		before := *c
		if sig, ok := under(c.info.TypeOf(n)).(*types.Signature); ok { // which may change the arguments later
			c.handed, c.kept = true, "kept "+signatureKey(sig)
		}
		c.arguments(n)
		c.handed, c.kept = before.handed, before.kept
	case fillingName(fn.Name()) && !isLibrary(fn):
		c.arguments(n)
	case writingName(fn) && len(n.Args) > 0:
		c.written(n.Args[0], "", "handed to "+types.ExprString(n.Fun))
	}
}

// writingName reports whether a function that changes nothing else writes to its first argument.
func writingName(fn *types.Func) bool {
	return strings.HasPrefix(fn.Name(), "Fprint") || strings.HasPrefix(fn.Name(), "Write") || strings.HasPrefix(fn.Name(), "Copy") ||
		fn.Pkg().Path() == "net/http" && (fn.Name() == "Error" || fn.Name() == "Redirect")
}

// conversion notes new names for what exists: a slice that becomes an array's pointer, a pointer that becomes one to another
// type.
func (c *writer) conversion(n *ast.CallExpr) {
	if len(n.Args) != 1 {
		return
	}
	from, to := c.info.TypeOf(n.Args[0]), c.info.TypeOf(n)
	p, ok := under(to).(*types.Pointer)
	if !ok || from == nil {
		return
	}
	switch under(from).(type) {
	case *types.Pointer:
		c.alias(heldBy(to), heldBy(from))
		c.alias(heldBy(from), heldBy(to))
	case *types.Slice:
		if _, ok := under(p.Elem()).(*types.Array); ok {
			c.held(n.Args[0], "made an array's pointer")
			c.alias(heldBy(to), heldBy(from))
		}
	}
}

// newObject reports whether the expression is a chain of methods on an object that it makes itself:
// template.New("page").Funcs(functions).
func (c *writer) newObject(e ast.Expr) bool {
	call, ok := ast.Unparen(e).(*ast.CallExpr)
	if !ok {
		return false
	}
	fn := calleeOf(c.info, call)
	if fn == nil || fn.Pkg() == nil || !inertPackages[fn.Pkg().Path()] {
		return false
	}
	if fn.Signature().Recv() == nil {
		return fn.Name() == "New"
	}
	sel, ok := ast.Unparen(call.Fun).(*ast.SelectorExpr)
	return ok && c.newObject(sel.X)
}

// methodValue notes the mention of a dependency's method that is not called here: whoever has it changes what it is bound
// to.
func (c *writer) methodValue(sel *ast.SelectorExpr) {
	s := c.info.Selections[sel]
	if s == nil || s.Kind() != types.MethodVal {
		return
	}
	fn, ok := s.Obj().(*types.Func)
	if !ok || fn.Pkg() == nil || c.w.g.unitOf[fn.Pkg()] != nil || readOnlyMethod(fn) {
		return
	}
	t := c.info.TypeOf(sel.X)
	if types.IsInterface(t) && !setterName(fn.Name()) {
		return
	}
	p, what := c.follow(sel.X), "bound to ."+fn.Name()
	before := *c
	defer func() { c.handed, c.kept = before.handed, before.kept }()
	c.handed, c.kept = true, "kept "+signatureKey(c.info.TypeOf(sel))
	if c.w.given[sel] {
		c.kept = "given"
	}
	if c.ownValue(p, t, sel) {
		c.bindsOwn(p, sel, what)
		return
	}
	c.w.n.makes = append(c.w.n.makes, signatureKey(c.info.TypeOf(sel)))
	c.held(sel.X, what)
	if !isReference(t) {
		c.add(heldBy(types.NewPointer(t)), sel, what)
	}
	c.embedded(sel, p, what)
}

func (c *writer) builtin(n *ast.CallExpr) {
	id, ok := ast.Unparen(n.Fun).(*ast.Ident)
	if !ok || len(n.Args) == 0 {
		return
	}
	switch id.Name {
	case "delete", "clear", "copy", "close":
		c.elements(n.Args[0], "changed by "+id.Name)
	case "append": // it writes behind the end where there is room
		switch {
		case len(n.Args) < 2:
		case !c.appendsToOwn(n.Args[0]):
			c.elements(n.Args[0], "appended to")
		case c.follow(n.Args[0]).captured: // functions that have captured the same one see it
			c.addEvent(event{to: heldBy(c.info.TypeOf(n.Args[0])), what: "appended to", captured: true}, n)
		}
	}
}

// elements notes that what a reference holds is changed, with the parts of a slice's elements.
func (c *writer) elements(e ast.Expr, what string) {
	c.held(e, what)
	p := c.follow(e)
	p.shared = true
	if s, ok := under(c.info.TypeOf(e)).(*types.Slice); ok && !c.private(p) && !isFresh(c.info, e, nil) {
		c.parts(s.Elem(), e, event{what: what})
	}
}

// global notes functions of dependencies that exist for what they change: those that return nothing or an error only.
func (c *writer) global(n *ast.CallExpr, fn *types.Func) {
	path := fn.Pkg().Path()
	name := path + "." + fn.Name()
	std := !strings.Contains(strings.SplitN(path, "/", 2)[0], ".")
	if std {
		if processState[name] {
			c.add(location{global: "std"}, n, "changed by "+fn.Pkg().Name()+"."+fn.Name())
		}
		return
	}
	results := fn.Signature().Results()
	silent := results.Len() == 0 || results.Len() == 1 && types.Identical(results.At(0).Type(), types.Universe.Lookup("error").Type())
	if silent && !remoteCall(fn) && !strings.HasPrefix(fn.Name(), "Start") || setterName(fn.Name()) {
		c.add(location{global: path}, n, "changed by "+fn.Pkg().Name()+"."+fn.Name())
	}
}

// arguments notes that what the arguments lead to may be changed.
func (c *writer) arguments(n *ast.CallExpr) {
	what := "handed to " + types.ExprString(n.Fun)
	for _, arg := range n.Args {
		if several, ok := c.info.TypeOf(arg).(*types.Tuple); ok {
			for v := range several.Variables() {
				if t := v.Type(); !flat(t) && !immutable(t) && !isError(t) {
					c.addEvent(event{to: heldBy(t), deep: t, what: what}, arg)
				}
			}
			continue
		}
		c.filled(arg, what)
	}
}

// method notes what a dependency's method may do to what it is called on.
func (c *writer) method(n *ast.CallExpr, sel *ast.SelectorExpr, fn *types.Func) {
	if readOnlyMethod(fn) {
		c.signals(n, sel, fn)
		c.writesTo(n, fn)
		c.cookies(n, fn)
		if (fillingName(fn.Name()) || strings.Contains(fn.Name(), "Reader")) && !isLibrary(fn) && !remoteCall(fn) {
			c.arguments(n)
		}
		return
	}
	what := "changed by ." + fn.Name()
	p := c.follow(sel.X)
	t := c.info.TypeOf(sel.X)
	if isLibrary(fn) && hasTypeParam(fn.Signature().Recv().Type()) {
		c.add(location{held: anyResults}, n, what)
	}
	if c.changesOwn(p, sel, what) {
		if !encodes(fn) {
			c.arguments(n)
		}
		return
	}
	if c.newObject(sel.X) {
		c.arguments(n)
		return
	}
	if types.IsInterface(t) {
		c.written(sel.X, fn.Name(), what)
		if p.inner != (location{}) && !c.private(p) {
			c.add(p.inner, n, what)
		}
		if !setterName(fn.Name()) {
			if !encodes(fn) {
				c.arguments(n)
			}
			return
		}
	}
	c.held(sel.X, what)
	if !isReference(t) && !immutable(t) {
		c.add(heldBy(types.NewPointer(t)), n, what)
	}
	c.embedded(sel, p, what)
	if !encodes(fn) {
		c.arguments(n)
	}
}

// encodes reports whether a method only reads what it is given, as those of writers and encoders do.
func encodes(fn *types.Func) bool {
	return strings.HasPrefix(fn.Name(), "Write") || fn.Name() == "Encode" && strings.HasPrefix(fn.Pkg().Path(), "encoding/")
}

// calledValue notes the call of a function that a field holds: it may keep state.
func (c *writer) calledValue(n *ast.CallExpr) {
	sig, ok := under(c.info.TypeOf(n.Fun)).(*types.Signature)
	if ok && !c.handed {
		c.w.n.values = append(c.w.n.values, signatureKey(sig))
	}
	for _, arg := range n.Args {
		if t := c.info.TypeOf(arg); ok && t != nil && !flat(t) && !immutable(t) && !isError(t) && !c.owns(arg) {
			c.addEvent(event{deep: t, filler: "by " + signatureKey(sig), what: "handed to " + types.ExprString(n.Fun), captured: c.ownsCaptured(arg)}, arg)
		}
	}
	if p := c.follow(n.Fun); p.inner.field != nil && !c.private(p) {
		c.add(p.inner, n, "called")
	}
}

// functionValue notes the mention of a dependency's function that is not called here: whoever has it changes what he
// calls it with.
func (c *writer) functionValue(id *ast.Ident) {
	fn, ok := c.info.Uses[id].(*types.Func)
	if !ok || fn.Pkg() == nil || c.w.g.unitOf[fn.Pkg()] != nil || c.w.called[id] || isLibrary(fn) || fn.Signature().Recv() != nil {
		return
	}
	if processState[fn.Pkg().Path()+"."+fn.Name()] {
		c.addEvent(event{to: location{global: "std"}, what: "changed by " + fn.Pkg().Name() + "." + fn.Name(), handed: true, kept: "kept " + signatureKey(fn.Signature())}, id)
	}
	if blank := c.w.n.kind == kindVar && (c.w.n.obj == nil || c.w.n.obj.Name() == "_"); !blank && (!pure(fn) || fillingName(fn.Name())) {
		c.changesParameters(id, fn)
	}
}

// methodExpression notes the mention of a dependency's method as a function of what it is called on.
func (c *writer) methodExpression(sel *ast.SelectorExpr) {
	s := c.info.Selections[sel]
	if s == nil || s.Kind() != types.MethodExpr {
		return
	}
	fn, ok := s.Obj().(*types.Func)
	if !ok || fn.Pkg() == nil || c.w.g.unitOf[fn.Pkg()] != nil || readOnlyMethod(fn) {
		return
	}
	if types.IsInterface(s.Recv()) {
		c.addEvent(event{iface: s.Recv(), method: fn.Name(), what: "changed by ." + fn.Name()}, sel)
	}
	c.changesParameters(sel, fn)
}

func (c *writer) changesParameters(e ast.Expr, fn *types.Func) {
	sig, ok := c.info.TypeOf(e).(*types.Signature)
	if !ok {
		return
	}
	kept := "kept " + signatureKey(sig)
	if slices.ContainsFunc(slices.Collect(sig.Params().Variables()), func(v *types.Var) bool { return types.IsInterface(v.Type()) }) {
		c.w.n.fillers = append(c.w.n.fillers, "by "+signatureKey(sig))
	}
	if c.w.given[e] {
		kept = "given"
	}
	for v := range sig.Params().Variables() {
		if t := v.Type(); !flat(t) && !immutable(t) && !types.IsInterface(t) {
			c.addEvent(event{to: heldBy(t), deep: t, what: "handed to " + fn.Name(), handed: true, kept: kept}, e)
		}
	}
}

// stateful notes the mention of a variable that holds a function with state of its own: whoever has it can call it.
func (c *writer) stateful(id *ast.Ident) {
	v, ok := c.info.Uses[id].(*types.Var)
	if !ok || v.IsField() || isLocal(v) {
		return
	}
	if _, ok := v.Type().Underlying().(*types.Signature); !ok {
		return
	}
	if to := c.w.g.nodeOf(v); to != nil && !statelessValue(c.info, to) {
		c.add(location{variable: v}, id, "used")
	}
}

// statelessValue reports whether a variable's initial value is a function that keeps no state of its own.
func statelessValue(info *types.Info, n *node) bool {
	spec, ok := n.decl.(*ast.ValueSpec)
	if !ok || n.value < 0 || n.value >= len(spec.Values) {
		return false
	}
	switch v := ast.Unparen(spec.Values[n.value]).(type) {
	case *ast.FuncLit:
		return true
	case *ast.Ident:
		_, ok := n.unit.info.Uses[v].(*types.Func)
		return ok
	case *ast.SelectorExpr:
		_, ok := n.unit.info.Uses[v.Sel].(*types.Func)
		return ok
	case *ast.CallExpr:
		fn := calleeOf(n.unit.info, v)
		return fn != nil && fn.Pkg() != nil && fn.Pkg().Path() == "sync"
	}
	return false
}
