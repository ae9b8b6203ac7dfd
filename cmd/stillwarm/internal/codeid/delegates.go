package codeid

import (
	"fmt"
	"go/ast"
	"go/types"
	"maps"
	"slices"
	"strings"
)

// delegate is a call that makes an object of the library out of functions: a cached function, a resource. Whoever has the
// object runs these functions, although he names none of them.
type delegate struct {
	*node
	within *node
	locals bool         // the call uses local variables of the declaration around it
	option bool         // it makes an option out of a function
	open   bool         // it gets options that are made elsewhere
	makes  []types.Type // what the call returns
}

// ask is the mention of a method of the library that runs what the object was made of.
type ask struct {
	recv      types.Type
	variable  *types.Var // the package's variable that it is called on, or nil
	called    bool       // not made a value
	signature string
	handed    bool
}

// foundDelegate registers a call that makes such an object, under the node of the wrap where it is one.
func (g *graph) foundDelegate(within *node, call *ast.CallExpr, fn *types.Func) {
	if !isLibrary(fn) || fn.Signature().Recv() != nil || within.kind == kindWrap {
		return
	}
	d := &delegate{within: within, open: within.unit.opensOptions(call)}
	results, ok := within.unit.info.TypeOf(call).(*types.Tuple)
	if !ok {
		results = types.NewTuple(types.NewVar(call.Pos(), nil, "", within.unit.info.TypeOf(call)))
	}
	for v := range results.Variables() {
		d.option = d.option || isOption(v.Type()) && within.unit.getsFunction(call)
		_, function := types.Unalias(v.Type()).(*types.Signature)
		if function || types.IsInterface(v.Type()) && !isError(v.Type()) || len(argumentsOf(v.Type())) > 0 {
			d.makes = append(d.makes, v.Type())
		}
	}
	if len(d.makes) == 0 && !d.option {
		return
	}
	if i := slices.IndexFunc(g.wraps, func(w *wrap) bool { return w.call == call }); i >= 0 {
		d.node, d.locals = g.wraps[i].node, g.wraps[i].locals
	} else {
		d.node = &node{kind: kindWrap, unit: within.unit, file: within.file, decl: call, place: g.place(call.Pos())}
		d.locals = g.usesLocals(&wrap{node: d.node, call: call, within: within})
		base := "made in " + within.id
		d.node.id = base
		for i := 2; g.byID[d.node.id] != nil; i++ {
			d.node.id = fmt.Sprintf("%s#%d", base, i)
		}
		g.byID[d.node.id] = d.node
	}
	g.delegates = append(g.delegates, d)
}

// isOption reports whether values of the type are options of the library.
func isOption(t types.Type) bool {
	name := typeName(t)
	return name != nil && name.Pkg() != nil && wrapping(name.Pkg().Path()) && strings.HasSuffix(name.Name(), "Option")
}

// opensOptions reports whether a call gets options that are not written there.
func (u *unit) opensOptions(call *ast.CallExpr) bool {
	return slices.ContainsFunc(call.Args, func(arg ast.Expr) bool {
		t := u.info.TypeOf(arg)
		if s, ok := under(t).(*types.Slice); ok {
			t = s.Elem()
		}
		inner, ok := ast.Unparen(arg).(*ast.CallExpr)
		if ok && calleeOf(u.info, inner) != nil && isLibrary(calleeOf(u.info, inner)) {
			return false
		}
		return t != nil && isOption(t)
	})
}

// getsFunction reports whether one of the arguments is a function.
func (u *unit) getsFunction(call *ast.CallExpr) bool {
	return slices.ContainsFunc(call.Args, func(arg ast.Expr) bool {
		_, ok := under(u.info.TypeOf(arg)).(*types.Signature)
		return ok
	})
}

// argumentsOf are the type arguments of a library's object: what its function takes and returns.
func argumentsOf(t types.Type) []types.Type {
	if p, ok := types.Unalias(t).(*types.Pointer); ok {
		t = p.Elem()
	}
	named, ok := types.Unalias(t).(*types.Named)
	if !ok || named.Obj().Pkg() == nil || !wrapping(named.Obj().Pkg().Path()) {
		return nil
	}
	return slices.Collect(named.TypeArgs().Types())
}

// asks notes a method of the library's objects.
func (w *walker) asks(sel *ast.SelectorExpr, s *types.Selection) {
	fn, ok := s.Obj().(*types.Func)
	if !ok || !isLibrary(fn) || fn.Name() == "Name" || fn.Name() == "Stats" || len(argumentsOf(fn.Signature().Recv().Type())) == 0 {
		return
	}
	w.n.asks = append(w.n.asks, ask{
		recv: fn.Signature().Recv().Type(), variable: packageVariable(w.info, sel.X), called: w.called[sel.Sel],
		signature: signatureKey(w.info.TypeOf(sel)), handed: w.inHanded > 0 || w.handed[sel.Sel],
	})
}

// packageVariable returns the variable of a package that the expression names, or nil.
func packageVariable(info *types.Info, e ast.Expr) *types.Var {
	id, _ := ast.Unparen(e).(*ast.Ident)
	if sel, ok := ast.Unparen(e).(*ast.SelectorExpr); ok && info.Selections[sel] == nil {
		id = sel.Sel
	}
	if id == nil {
		return nil
	}
	v, ok := info.Uses[id].(*types.Var)
	if !ok || v.IsField() || isLocal(v) {
		return nil
	}
	return v
}

// follows adds to the closure what objects of the library run that it asks without naming what they were made of.
func (q *inquiry) follows() {
	for {
		q.closure = reach(q.rootNodes(), func(*node, edge) bool { return true })
		q.code = maps.Clone(q.setup)
		maps.Copy(q.code, q.closure)
		before := len(q.delegated)
		for _, d := range q.asked(q.decides(), q.closure) {
			if d.node != q.w.node && !slices.Contains(q.delegated, d) {
				q.delegated = append(q.delegated, d)
			}
		}
		if len(q.delegated) == before {
			return
		}
	}
}

// closures are the calls that capture variables of the declarations around them: the wrap, and what it asks.
func (q *inquiry) closures() (found []*node) {
	if q.w.locals {
		found = append(found, q.w.node)
	}
	for _, d := range q.delegated {
		if d.locals {
			found = append(found, d.node)
		}
	}
	return found
}

// opened are the types of the resources that the function asks, and of what they hold.
func (q *inquiry) opened() (found []types.Type) {
	for _, d := range q.delegated {
		for _, t := range d.makes {
			if name := typeName(t); name != nil && name.Name() == "Resource" {
				found = append(found, t)
			}
		}
	}
	return found
}

// results notes where Set would be called: on what the wrap makes, and on the cached functions that it asks.
func (q *inquiry) results() {
	for _, d := range q.delegates {
		if d.node != q.w.node && !slices.Contains(q.delegated, d) {
			continue
		}
		for _, t := range d.makes {
			q.shared[heldBy(t)] = true
			q.shared[location{held: anyResults}] = true
		}
	}
}

// anyResults stands for the results of cached functions of which generic code has one.
const anyResults = "any results"

// decides is the code that decides about the results: the closure, and what that may call without naming it.
func (q *inquiry) decides() map[*node]bool { return q.calledBy(q.closure) }

// calledBy returns the code with what it may call without naming it.
func (q *inquiry) calledBy(code map[*node]bool) map[*node]bool {
	all := maps.Clone(code)
	inCode := func(_ *node, e edge) bool { return q.code[e.to] && !e.handed }
	for {
		before := len(all)
		more := q.installed(all)
		maps.Copy(more, q.given(all))
		maps.Copy(all, reach(slices.Collect(maps.Keys(more)), inCode))
		if len(all) == before {
			return all
		}
	}
}

// followsAtStart adds what objects of the library run that the setup asks itself.
func (an *analysis) followsAtStart() {
	for {
		an.setup = reachSetup(an.roots)
		q := &inquiry{analysis: an, code: an.setup}
		calling := map[*node]bool{}
		for n := range an.setup {
			calling[n] = n.calls()
		}
		before := len(an.roots)
		for _, d := range q.asked(an.setup, calling) {
			if !slices.Contains(an.roots, d.node) {
				d.node.loud = true
				an.roots = append(an.roots, d.node)
			}
		}
		if len(an.roots) == before {
			return
		}
	}
}

// asked returns the delegates that the declarations may ask; those of the second set also in functions that they hand over.
func (q *inquiry) asked(by, handing map[*node]bool) []*delegate {
	if len(q.delegates) == 0 {
		return nil
	}
	a := asking{signatures: map[string]bool{}, methods: map[string]bool{}}
	for n := range by {
		a.named(q, n, handing[n])
	}
	for n := range q.code {
		a.unnamed(n)
	}
	var found []*delegate
	open := false
	for _, d := range q.delegates {
		if q.code[d.within] && slices.ContainsFunc(d.makes, a.of) {
			found = append(found, d)
		}
		open = open || d.open && (by[d.node] || slices.Contains(found, d))
	}
	for _, d := range q.delegates {
		if open && d.option && q.code[d.within] {
			found = append(found, d)
		}
	}
	return found
}

// direct reports whether the variable holds from the beginning to the end what its initialiser makes: a mention brings it.
func (q *inquiry) direct(v *types.Var) bool {
	n := q.nodeOf(v)
	if v == nil || n == nil {
		return false
	}
	spec, ok := n.decl.(*ast.ValueSpec)
	if !ok || len(spec.Values) == 0 {
		return false
	}
	call, ok := ast.Unparen(spec.Values[max(n.value, 0)]).(*ast.CallExpr)
	if !ok {
		return false
	}
	fn := calleeOf(n.unit.info, call)
	return fn != nil && isLibrary(fn) && !slices.ContainsFunc(q.nodes, func(by *node) bool {
		return slices.ContainsFunc(by.events, func(e event) bool { return e.to.variable == v })
	})
}

// asking is what some code may ask: objects of the library by what their methods belong to, and whatever is a value of a
// signature or has a method of the name.
type asking struct {
	recvs      []types.Type
	signatures map[string]bool
	methods    map[string]bool
}

// named adds what the declaration asks itself. The setup has function values in its hands that it only hands over.
func (a *asking) named(q *inquiry, n *node, handing bool) {
	for _, at := range n.asks {
		if at.called && (!at.handed || handing) && !q.direct(at.variable) {
			a.recvs = append(a.recvs, at.recv)
		}
	}
	for _, i := range n.invoked {
		switch {
		case i.handed && i.kept == "" && !handing:
		case i.method != "":
			a.methods[i.method] = true
		case q.w != nil:
			a.signatures[i.signature] = true
		}
	}
	for _, signature := range n.values {
		a.signatures[signature] = true
	}
}

// unnamed adds the objects whose methods are asked as values, or through interfaces, that the declaration makes of them.
func (a *asking) unnamed(n *node) {
	for _, at := range n.asks {
		if !at.called && !at.handed && a.calls(at.signature) {
			a.recvs = append(a.recvs, at.recv)
		}
	}
	for _, t := range n.converted {
		for name := range a.methods {
			if name == anyMethod {
				name = "Get"
			}
			obj, _, _ := types.LookupFieldOrMethod(t, true, nil, name)
			if fn, ok := obj.(*types.Func); ok && isLibrary(fn) && fn.Signature().Recv() != nil {
				a.recvs = append(a.recvs, fn.Signature().Recv().Type())
			}
		}
	}
}

func (a *asking) calls(signature string) bool {
	return len(a.signatures) > 0 && (signature == anyFunction || a.signatures[anyFunction] || a.signatures[signature])
}

// of reports whether what has the type is asked: an object of the library, or a function.
func (a *asking) of(t types.Type) bool {
	switch u := t.Underlying().(type) {
	case *types.Signature:
		return a.calls(signatureKey(t))
	case *types.Interface:
		for m := range u.Methods() {
			if a.methods[m.Name()] {
				return true
			}
		}
	}
	made := argumentsOf(t)
	return slices.ContainsFunc(a.recvs, func(recv types.Type) bool {
		return slices.EqualFunc(made, argumentsOf(recv), func(x, y types.Type) bool {
			return hasTypeParam(x) || hasTypeParam(y) || canonical(x) == canonical(y)
		})
	})
}
