package codeid

import (
	"fmt"
	"go/ast"
	"go/types"
	"slices"
	"strings"
)

// Doubt is a reason why a function has the identity of the whole build: what decides its results cannot be told.
type Doubt struct {
	Why   string `json:"why"`
	Place string `json:"place,omitempty"` // file:line
}

func (d Doubt) String() string {
	if d.Place == "" {
		return d.Why
	}
	return d.Why + " (" + d.Place + ")"
}

// analysis is what is known once all wraps have been found.
type analysis struct {
	*graph
	roots     []*node
	setup     map[*node]bool
	setupHash digest
	alive     []*node           // all that the program may reach
	mentioned map[*node][]*node // who mentions a function, handed over or not
	addresses map[location]bool // nil before the first question
}

// inquiry examines one wrap.
type inquiry struct {
	*analysis
	w         *wrap
	closure   map[*node]bool
	code      map[*node]bool // closure and setup: what the identity covers
	shared    map[location]bool
	kept      map[location]bool // what the dependencies' own variables lead to; nil before the first question
	open      map[*node]*node   // functions of the code that other code may run, too, and a declaration that does
	awaited   map[location]bool // what goroutines of the setup wait for that change what the function sees
	delegated []*delegate       // what objects of the library run that it may ask
	calls     calls             // what that code may call without naming it
	doubts    []Doubt

	behindOf map[types.Type][]types.Type
}

func (q *inquiry) doubt(why, place string) {
	d := Doubt{Why: why, Place: place}
	same := func(other Doubt) bool { return other == d || place != "" && other.Place == place } // seen under another name
	if !slices.ContainsFunc(q.doubts, same) {
		q.doubts = append(q.doubts, d)
	}
}

// examine collects the doubts about one wrap.
func (q *inquiry) examine() {
	for _, m := range q.everyone {
		q.doubt(m.why, m.place)
	}
	if q.w.fn == nil {
		q.doubt("responses of an HTTP cache belong to the build", q.w.place)
		return
	}
	if !q.w.name.exact {
		q.doubt("its name is not constant", q.w.place)
	}
	q.argument()
	q.construction()
	q.marks()
	q.openCode()
	q.events()
	q.contexts()
	q.positionsLogged()
	q.calledElsewhere()
}

// argument refuses arguments whose code the caller brings along.
func (q *inquiry) argument() {
	if q.w.fn == nil {
		return
	}
	if q.w.in == nil {
		q.doubt("the wrapped function's argument type cannot be told", q.w.place)
		return
	}
	for _, t := range []types.Type{q.w.in, q.w.out} {
		if hasTypeParam(t) {
			q.doubt("it is wrapped inside generic code", q.w.place)
		}
	}
	if where := interfaceIn(q.w.in, nil); where != "" {
		q.doubt("its argument holds an interface ("+where+"), whose code the caller chooses", q.w.place)
	}
}

// construction asks how closures and bound methods come about: the one that is wrapped, and those that it asks.
func (q *inquiry) construction() {
	if q.w.locals {
		q.made(q.w.within)
	}
	for _, d := range q.delegated {
		if d.locals && d.within != q.w.within {
			q.made(d.within)
		}
	}
}

func (q *inquiry) made(within *node) {
	fn, ok := within.obj.(*types.Func)
	if ok && within == q.w.within && (fn.Signature().TypeParams() != nil || fn.Signature().RecvTypeParams() != nil) {
		q.doubt("it is wrapped inside generic code", q.w.place)
	}
	if within.kind != kindFunc {
		return
	}
	if !q.setup[within] {
		q.doubt("it depends on variables of "+short(within.id)+", which does not run during the setup", q.w.place)
		return
	}
	for _, by := range q.mentioned[within] {
		if !q.code[by] {
			q.doubt("it depends on variables of "+short(within.id)+", which "+short(by.id)+" calls after the setup", by.place)
		}
	}
}

// marks are what the code contains that cannot be seen through.
func (q *inquiry) marks() {
	results := q.calledBy(reach(q.rootNodes(), func(_ *node, e edge) bool { return !e.scope }))
	decides := q.decides()
	ran := reach(q.roots, func(_ *node, e edge) bool { return !e.value && !e.handed })
	units := map[*unit]bool{}
	for _, n := range sorted(decides) {
		if n.kind == kindVar && slices.ContainsFunc(n.vars, func(v *types.Var) bool { return isContext(v.Type()) }) && !q.inertNode(n) {
			q.doubt(short(n.id)+" is a context, which somebody may end", n.place)
		}
	}
	for _, n := range sorted(q.code) {
		for _, m := range n.marks {
			if m.context && (m.scope || !results[n]) {
				continue // a Scope may read the context: what it returns is part of the key
			}
			if decides[n] || !m.context && (!strings.Contains(m.why, handlersElsewhere) || m.start && ran[n]) {
				q.doubt(short(n.id)+": "+m.why, m.place)
			}
		}
		if !units[n.unit] {
			units[n.unit] = true
			if n.unit.foreign != "" {
				q.doubt("package "+n.unit.path+" contains "+n.unit.foreign, "")
			}
			if n.unit.unsafe != "" {
				q.doubt("package "+n.unit.path+" imports unsafe", n.unit.unsafe)
			}
		}
	}
}

// inertNode reports whether a variable has the value of an initialiser that does nothing else.
func (q *inquiry) inertNode(n *node) bool {
	spec, ok := n.decl.(*ast.ValueSpec)
	return ok && n.value >= 0 && n.value < len(spec.Values) && q.inert(n.unit, spec.Values[n.value])
}

func (q *inquiry) rootNodes() []*node {
	roots := []*node{q.w.node}
	if q.w.locals {
		roots = append(roots, q.w.within)
	}
	for _, d := range q.delegated {
		roots = append(roots, d.node)
		if d.locals {
			roots = append(roots, d.within)
		}
	}
	return roots
}

// events looks for code outside of what the identity covers that changes state which the function can see.
func (q *inquiry) events() {
	q.shared = q.sharedBy(q.w, q.closure, q.code, q.closures(), slices.Concat(q.registered(q.closure), q.opened()))
	q.results()
	q.shareMore()
	modules := q.dependencies()
	for _, n := range q.alive {
		for _, e := range n.events {
			if !q.outside(n, e.handed) && !q.keptAndCalled(e) || q.ownOfCall(n, e) {
				continue
			}
			switch {
			case q.global(e, modules):
				q.doubt(short(n.id)+" changes the state of the process or of a dependency: "+e.what, e.place)
			case q.sees(e):
				q.doubt(fmt.Sprintf("%s is %s by %s, outside of the function's code", e, e.what, short(n.id)), e.place)
			}
		}
	}
}

// keptAndCalled reports whether the event is in a function that the covered code keeps as a value and that others may call.
func (q *inquiry) keptAndCalled(e event) bool {
	signature, kept := strings.CutPrefix(e.kept, "kept ")
	return kept && q.invoker(signature, "", true) != nil || e.kept == "given"
}

// dependencies are the packages of other modules that the code uses.
func (q *inquiry) dependencies() map[string]bool {
	used := map[string]bool{}
	for n := range q.code {
		for _, p := range n.unit.pkg.Imports() {
			used[p.Path()] = true
		}
	}
	return used
}

// onlyWraps reports whether a declaration mentions the function only where it is wrapped.
func (q *inquiry) onlyWraps(by, n *node) bool {
	for _, e := range by.edges {
		if e.to == n && !e.handed {
			return false
		}
	}
	return true
}

// interfaceIn returns the first interface that a value of the type may hold, or "".
func interfaceIn(t types.Type, seen map[types.Type]bool) string {
	if seen == nil {
		seen = map[types.Type]bool{}
	}
	if seen[t] || immutable(t) {
		return ""
	}
	seen[t] = true
	switch u := t.Underlying().(type) {
	case *types.Interface:
		return shortType((&walker{}).typeText(t))
	case *types.Struct:
		for f := range u.Fields() {
			if s := interfaceIn(f.Type(), seen); s != "" {
				return s
			}
		}
	case *types.Map:
		if s := interfaceIn(u.Key(), seen); s != "" {
			return s
		}
		return interfaceIn(u.Elem(), seen)
	case interface{ Elem() types.Type }:
		return interfaceIn(u.Elem(), seen)
	}
	return ""
}

func hasTypeParam(t types.Type) bool {
	found := false
	seen := map[types.Type]bool{}
	var walk func(types.Type)
	walk = func(t types.Type) {
		if t == nil || seen[t] || found {
			return
		}
		seen[t] = true
		switch u := types.Unalias(t).(type) {
		case *types.TypeParam:
			found = true
		case *types.Named:
			for a := range u.TypeArgs().Types() {
				walk(a)
			}
		case *types.Map:
			walk(u.Key())
			walk(u.Elem())
		case *types.Struct:
			for f := range u.Fields() {
				walk(f.Type())
			}
		case interface{ Elem() types.Type }:
			walk(u.Elem())
		}
	}
	walk(t)
	return found
}

// short leaves out the folders of a package's path.
func short(id string) string {
	if rest, ok := strings.CutPrefix(id, "wrap "); ok {
		return "the wrap of " + short(rest)
	}
	return id[strings.LastIndexByte(id, '/')+1:]
}

func shortType(t string) string {
	var b strings.Builder
	word := 0
	for i := range len(t) {
		switch c := t[i]; {
		case c == '/':
			kept := b.String()[:word]
			b.Reset()
			b.WriteString(kept)
		case strings.IndexByte("*[](){}, ;", c) >= 0:
			b.WriteByte(c)
			word = b.Len()
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

// shareLocals notes what the variables lead to that a closure captures or a method is bound to.
func (g *graph) shareLocals(s *sharing, n *node) {
	ast.Inspect(n.decl, func(at ast.Node) bool {
		if id, ok := at.(*ast.Ident); ok {
			if v, ok := n.unit.info.Uses[id].(*types.Var); ok && !v.IsField() && isLocal(v) {
				s.locations[location{variable: v}] = true
				s.share(v.Type())
			}
		}
		return true
	})
}
