package codeid

import (
	"crypto/sha256"
	"encoding/binary"
	"go/ast"
	"go/types"
	"hash"
)

// digest is the hash of something that decides results.
type digest [sha256.Size]byte

// walker reads one declaration: it hashes its normalised source and collects what it mentions.
type walker struct {
	g    *graph
	n    *node
	info *types.Info

	full, setup hash.Hash
	locals      map[types.Object]uint64 // local objects by the order in which they are met: their names do not matter
	handed      map[ast.Node]bool       // function values that are only handed over
	scoped      map[ast.Node]bool       // arguments of Scope
	stack       []ast.Node
	inHanded    int
	inWritten   int               // in a function that is written where it is handed over
	late        map[ast.Node]bool // what runs in a goroutine
	inLate      int
	inGiven     int
	keeping     int // what becomes an interface value is kept by a dependency
	signatures  map[*ast.FuncLit]string
	given       map[ast.Node]bool // arguments and elements that a dependency keeps
	inScope     int
	seen        map[edge]bool
	called      map[*ast.Ident]bool // names that are called
	converts    map[ast.Expr][]conversion
}

// walk fills in the node's digests, mentions, marks and events.
func (g *graph) walk(n *node) {
	w := &walker{
		g: g, n: n, info: n.unit.info, full: sha256.New(), setup: sha256.New(), locals: map[types.Object]uint64{},
		handed: map[ast.Node]bool{}, scoped: map[ast.Node]bool{}, late: map[ast.Node]bool{}, given: map[ast.Node]bool{},
		signatures: map[*ast.FuncLit]string{}, seen: map[edge]bool{}, converts: map[ast.Expr][]conversion{}, called: map[*ast.Ident]bool{},
	}
	w.text(string(n.kind), n.unit.path, n.unit.Name, n.unit.info.FileVersions[n.file], g.version(n.unit)) // %T shows the name
	if n.kind == kindConst {
		w.constant()
	} else {
		w.declaration()
	}
	w.full.Sum(n.full[:0])
	w.setup.Sum(n.setup[:0])
}

// version is the language version of the package, as its module's go line has it.
func (g *graph) version(u *unit) string {
	if u.Module == nil {
		return ""
	}
	return u.Module.GoVersion
}

// constant hashes a constant's type and value, which is all that its users see.
func (w *walker) constant() {
	c, ok := w.n.obj.(*types.Const)
	if !ok {
		return // blank
	}
	w.text(c.Name(), w.typeText(c.Type()), c.Val().ExactString())
	w.mentionTypes(c.Type())
}

func (w *walker) declaration() {
	switch d := w.n.decl.(type) {
	case *ast.FuncDecl:
		w.visit(d.Recv)
		w.visit(d.Name)
		w.visit(d.Type)
		w.visit(d.Body)
	case *ast.TypeSpec:
		w.visit(d)
	case *ast.CallExpr:
		w.visit(d)
	case *ast.ValueSpec:
		for i, name := range d.Names {
			if w.n.value < 0 || w.n.value == i {
				w.visit(name)
			}
		}
		w.visit(d.Type)
		for i, v := range d.Values {
			if w.n.value < 0 || w.n.value == i {
				w.visit(v)
			}
		}
		w.embedded()
		if w.n.obj != nil {
			if v, ok := w.g.config.Values[w.n.unit.linkPath()+"."+w.n.obj.Name()]; ok {
				w.text("-X", v)
			}
		}
	}
	w.conversions()
	w.writes()
}

// linkPath is how the linker calls the package.
func (u *unit) linkPath() string {
	if u.Name == "main" {
		return "main"
	}
	return u.path
}

// text hashes strings so that their bounds are part of the hash.
func (w *walker) text(parts ...string) {
	for _, s := range parts {
		w.number(uint64(len(s)))
		w.full.Write([]byte(s))
		if w.inHanded == 0 {
			w.setup.Write([]byte(s))
		}
	}
}

func (w *walker) number(v uint64) {
	var b [binary.MaxVarintLen64]byte
	n := binary.PutUvarint(b[:], v)
	w.full.Write(b[:n])
	if w.inHanded == 0 {
		w.setup.Write(b[:n])
	}
}

// visit reads a part of the declaration. Positions, comments and formatting leave no trace.
func (w *walker) visit(root ast.Node) {
	if isNil(root) {
		w.text("none")
		return
	}
	ast.Inspect(root, func(n ast.Node) bool {
		if n == nil {
			w.leave()
			return false
		}
		if _, ok := n.(*ast.CommentGroup); ok {
			return false
		}
		w.enter(n)
		return true
	})
}

func (w *walker) runsLate(n ast.Node) bool {
	_, started := n.(*ast.GoStmt)
	return started || w.late[n]
}

func (w *walker) enter(n ast.Node) {
	if w.handed[n] {
		w.text("handed over")
		w.hand(n, 1)
	}
	if w.scoped[n] {
		w.inScope++
	}
	if w.runsLate(n) {
		w.inLate++
	}
	if w.given[n] && w.isFunction(n) {
		w.inGiven++
	}
	w.gives(n)
	w.stack = append(w.stack, n)
	if _, ok := n.(*ast.ParenExpr); ok {
		return // the tree says what belongs together
	}
	w.text(shape(n))
	switch n := n.(type) {
	case *ast.Ident:
		w.ident(n)
	case *ast.SelectorExpr:
		w.selection(n)
	case *ast.IndexExpr:
		w.keptElement(n)
	case *ast.TypeAssertExpr:
		if t := w.info.TypeOf(n.X); t != nil && isContext(t) {
			w.mark("it looks at what kind of context it gets", n, true)
		}
	case *ast.CallExpr:
		w.call(n)
	}
}

func (w *walker) leave() {
	n := w.stack[len(w.stack)-1]
	w.stack = w.stack[:len(w.stack)-1]
	if _, ok := n.(*ast.ParenExpr); !ok {
		w.text(")")
	}
	if w.scoped[n] {
		w.inScope--
	}
	if w.runsLate(n) {
		w.inLate--
	}
	if w.given[n] && w.isFunction(n) {
		w.inGiven--
	}
	if w.handed[n] {
		w.hand(n, -1)
	}
}

// ident hashes what an identifier stands for.
func (w *walker) ident(id *ast.Ident) {
	obj := w.info.Defs[id]
	if obj == nil {
		obj = w.info.Uses[id]
	} else {
		w.text("def")
	}
	if obj == nil { // a blank, a label's use, the name in a type switch, package main's name
		w.text("name", id.Name)
		return
	}
	w.object(obj, id)
	if inst, ok := w.info.Instances[id]; ok {
		for t := range inst.TypeArgs.Types() {
			w.text("instance", w.typeText(t))
			w.mentionTypes(t)
		}
	}
}

func (w *walker) object(obj types.Object, id *ast.Ident) {
	switch o := obj.(type) {
	case *types.PkgName:
		return // what is selected from it says it
	case *types.Label:
		w.text("label", o.Name())
		return
	case *types.Builtin, *types.Nil:
		w.text("builtin", o.Name())
		if p := o.Pkg(); p != nil && p.Path() == "unsafe" {
			w.mark("unsafe", id, false)
		}
		return
	}
	if obj.Pkg() == nil {
		w.text("universe", obj.Name())
		return
	}
	if obj.Pkg().Path() == "unsafe" {
		w.mark("unsafe", id, false)
	}
	switch {
	case isMember(obj):
		w.text("member", memberText(obj))
	case isLocal(obj):
		number, met := w.locals[obj]
		if !met {
			number = uint64(len(w.locals))
			w.locals[obj] = number
		}
		w.text("local")
		w.number(number)
		if c, ok := obj.(*types.Const); ok {
			w.text(c.Val().ExactString())
		}
		if _, ok := obj.(*types.TypeName); ok {
			w.text(obj.Name()) // it can be seen by reflection
		}
	default:
		w.text("global", obj.Pkg().Path(), obj.Name())
		if c, ok := obj.(*types.Const); ok {
			w.text(w.typeText(c.Type()), c.Val().ExactString())
		}
	}
	w.mention(obj, id)
}

// isMember reports whether the object is a field or a method.
func isMember(obj types.Object) bool {
	switch o := obj.(type) {
	case *types.Var:
		return o.IsField()
	case *types.Func:
		return o.Signature().Recv() != nil
	}
	return false
}

func memberText(obj types.Object) string {
	if f, ok := obj.(*types.Func); ok {
		return f.Origin().FullName()
	}
	return obj.Pkg().Path() + "." + obj.Name()
}

// isLocal reports whether the object is declared inside a function, or is a type parameter.
func isLocal(obj types.Object) bool {
	return obj.Parent() != nil && obj.Parent() != obj.Pkg().Scope() || obj.Parent() == nil && !isMember(obj) && localWithoutScope(obj)
}

// localWithoutScope covers parameters of function types, results without a body, and names of type switches, which the
// type checker puts in no scope.
func localWithoutScope(obj types.Object) bool {
	_, ok := obj.(*types.Var)
	return ok
}

// selection hashes the way to a field or method: through which embedded fields and pointers it goes.
func (w *walker) selection(sel *ast.SelectorExpr) {
	s := w.info.Selections[sel]
	if s == nil {
		return
	}
	w.text("selection", w.typeText(s.Recv()))
	w.number(uint64(s.Kind()))
	for _, i := range s.Index() {
		w.number(uint64(i))
	}
	if s.Indirect() {
		w.text("indirect")
	}
	w.mentionTypes(s.Recv())
	w.contextAsked(sel, s)
	w.keptContext(sel, s)
	w.asks(sel, s)
}

func (w *walker) typeText(t types.Type) string {
	return types.TypeString(t, func(p *types.Package) string { return p.Path() })
}

// mention adds an edge to what the identifier stands for.
func (w *walker) mention(obj types.Object, id *ast.Ident) {
	if to := w.g.nodeOf(obj); to != nil && to != w.n {
		w.edge(to, to.kind == kindFunc && !w.called[id])
	}
	if fn, ok := obj.(*types.Func); ok && wrapperName(fn) != "" && !w.called[id] {
		if _, wraps := wrappers[wrapperName(fn)]; wraps {
			w.g.everyone = append(w.g.everyone, mark{why: wrapperName(fn) + " is used as a value: what it wraps, and under which name, is unknown", place: w.g.place(id.Pos())})
		}
	}
	if why, context := opaque(obj); why != "" {
		w.mark(why, id, context)
	} else if fn, ok := obj.(*types.Func); ok && fn.Pkg() != nil && w.g.unitOf[fn.Pkg()] == nil {
		w.depends(fn, id)
	}
}

// edge adds a mention, once for each way in which it is made.
func (w *walker) edge(to *node, value bool) {
	value = value || w.inGiven > 0
	e := edge{to: to, handed: w.inHanded > 0, written: w.inWritten > 0, scope: w.inScope > 0, quiet: w.asked(to), value: value, given: value && w.inGiven > 0, late: w.inLate > 0}
	if to.kind == kindFunc {
		e.kept = w.keptIn()
	}
	if !w.seen[e] {
		w.seen[e] = true
		w.n.edges = append(w.n.edges, e)
	}
}

// asked reports whether the variable stands where it is only asked for its name or its counts, or where its method is
// handed over.
func (w *walker) asked(to *node) bool {
	if to.kind != kindVar || len(w.stack) < 2 {
		return false
	}
	sel, ok := w.stack[len(w.stack)-2].(*ast.SelectorExpr)
	if !ok || sel.X != w.stack[len(w.stack)-1] {
		return false
	}
	fn, ok := w.info.Uses[sel.Sel].(*types.Func)
	return ok && isLibrary(fn) && (fn.Name() == "Name" || fn.Name() == "Stats" || w.handed[sel.Sel])
}

func (w *walker) mark(why string, at ast.Node, context bool) {
	w.n.marks = append(w.n.marks, mark{why: why, place: w.g.place(at.Pos()), context: context, scope: w.inScope > 0, start: !w.inLiteral()})
}

// mentionTypes adds edges to the declared types that a type is made of.
func (w *walker) mentionTypes(t types.Type) {
	eachNamed(t, func(name *types.TypeName) bool {
		if to := w.g.nodeOf(name); to != nil && to != w.n {
			w.edge(to, false)
		}
		return false
	})
}
