package codeid

import (
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
	"strings"
)

// kind says what a node is.
type kind string

const (
	kindFunc  kind = "func"
	kindVar   kind = "var"
	kindType  kind = "type"
	kindConst kind = "const"
	kindWrap  kind = "wrap"
)

// node is one declaration of an analysed package, or one call that wraps a function.
type node struct {
	id    string
	kind  kind
	unit  *unit
	file  *ast.File
	place string
	obj   types.Object // nil for init functions, blank variables and wrap calls
	decl  ast.Node     // *ast.FuncDecl, *ast.ValueSpec, *ast.TypeSpec or *ast.CallExpr
	value int          // which value of a ValueSpec; all for -1
	doc   []*ast.CommentGroup

	full, setup digest // of the declaration; setup leaves out the functions that are only handed over
	edges       []edge
	marks       []mark
	events      []event
	bound       []binding    // names under which state is known beside its own
	invoked     []invocation // function values and interface methods that it calls, or lets others call
	gives       []invocation // interface methods that dependencies may call from now on
	fillers     []string     // dependencies' functions with interface parameters that become values
	makes       []string     // the signatures of function values that it makes, beside those of declared functions
	captured    []*types.Var // the local variables that these use
	passes      []pass       // references that it passes on as interface values
	contexts    []keptContext
	positions   *mark    // where it has loggers write the position of the call
	logs        bool     // it makes a logger that does not write to a file
	logsAny     bool     // or to what it got as a parameter
	gifts       []gift   // what it gives dependencies to call
	values      []string // the signatures of function values that it calls
	asks        []ask    // methods of the library's objects
	uses        []use    // dependencies' objects and interfaces, which may call what they were given
	release     release  // whether these may outlive its call
	waits       []wait
	lateTypes   []types.Type // of local variables that goroutines use
	converted   []types.Type // types whose values become interface values here
	root        bool         // it runs at the start by itself, not because something mentions it
	loud        bool         // a variable that the setup may do more with than ask for its name
	params      bool         // a function that gets more than a context
	vars        []*types.Var // the variables that it declares
}

// edge is a mention.
type edge struct {
	to *node
	// handed: only in a function that is handed to lambda.Start, a wrap or http.Handle, and does not run there.
	handed bool
	// written: in a function that is written where it is handed over. What it mentions may get elsewhere from there.
	written bool
	// quiet: only to ask a cached function for its name or its counts, or to hand its method over: nothing of it runs.
	quiet bool
	// scope: only in the argument of Scope, whose value is part of the key.
	scope bool
	// value: a function that is not called there, but becomes a value that others may call.
	value bool
	// given: such a value that a dependency keeps, to call it whenever it likes.
	given bool
	// late: in a goroutine: it may run after the setup, although the setup has it.
	late bool
	// kept: in a function that is kept or given away, as events have it.
	kept string
}

// mark is a property of a declaration that the analysis cannot see through.
type mark struct {
	why   string
	place string
	// context: what it reads are values of a context, which a Scope may.
	context bool
	scope   bool // it is in the argument of Scope
	start   bool // it runs as often as the declaration around it: it is in no function that is written there
}

// graph holds the declarations of all analysed packages.
type graph struct {
	*program
	nodes []*node
	byObj map[types.Object]*node
	byID  map[string]*node

	inits     map[*unit][]*node // init functions in their order
	varNode   map[*ast.ValueSpec][]*node
	methods   map[*types.TypeName][]*node // declared methods by their type
	wraps     []*wrap
	delegates []*delegate                        // calls that make objects of the library out of functions
	everyone  []mark                             // what makes every function fall back
	dynamic   map[*types.Package]map[string]bool // names of methods that interfaces of a package have
	stateOf   map[*types.Package][]location      // what a dependency's own variables lead to
	shapes    *shapes
	uncopied  *uncopied
	byName    bool                  // a template may call methods of values
	leaking   map[types.Object]bool // tables that are used other than by reading; nil before the first question

	convertedTypes []types.Type // nil before the first question
	heldIn         map[heldKey][]location
	leadsTo        map[types.Type]map[location]bool
}

// build makes the nodes, then their mentions.
func (p *program) build() *graph {
	g := &graph{
		program: p, byObj: map[types.Object]*node{}, byID: map[string]*node{}, inits: map[*unit][]*node{},
		varNode: map[*ast.ValueSpec][]*node{}, methods: map[*types.TypeName][]*node{},
		dynamic: map[*types.Package]map[string]bool{}, stateOf: map[*types.Package][]location{},
		shapes: shapesOf(p.units), byName: p.callsByName(), uncopied: uncopiedBy(p.units), heldIn: map[heldKey][]location{}, leadsTo: map[types.Type]map[location]bool{},
	}
	for _, u := range p.units {
		for _, f := range u.files {
			g.directives(u, f)
			for _, d := range f.Decls {
				g.declare(u, f, d)
			}
		}
		g.dynamic[u.pkg] = interfaceMethods(u)
	}
	for _, n := range g.nodes {
		g.walk(n)
	}
	// Walking finds the calls that wrap, which are nodes, too.
	for _, w := range g.wraps {
		g.walk(w.node)
	}
	for _, d := range g.delegates {
		if len(d.edges) == 0 {
			g.walk(d.node)
		}
	}
	return g
}

func (g *graph) add(n *node) {
	for i := 2; g.byID[n.id] != nil; i++ {
		base, _, _ := strings.Cut(n.id, "#")
		n.id = fmt.Sprintf("%s#%d", base, i)
	}
	g.byID[n.id] = n
	g.nodes = append(g.nodes, n)
}

func (g *graph) declare(u *unit, f *ast.File, d ast.Decl) {
	switch d := d.(type) {
	case *ast.FuncDecl:
		g.declareFunc(u, f, d)
	case *ast.GenDecl:
		for _, spec := range d.Specs {
			switch spec := spec.(type) {
			case *ast.TypeSpec:
				obj := u.info.Defs[spec.Name]
				n := &node{id: u.path + "." + spec.Name.Name, kind: kindType, unit: u, file: f, obj: obj, decl: spec, place: g.place(spec.Pos())}
				g.add(n)
				g.byObj[obj] = n
			case *ast.ValueSpec:
				g.declareValues(u, f, d, spec)
			}
		}
	}
}

func (g *graph) declareFunc(u *unit, f *ast.File, d *ast.FuncDecl) {
	obj, _ := u.info.Defs[d.Name].(*types.Func)
	n := &node{kind: kindFunc, unit: u, file: f, decl: d, place: g.place(d.Pos()), id: u.path + "." + d.Name.Name}
	if obj != nil && d.Name.Name != "_" && (d.Recv != nil || d.Name.Name != "init") {
		n.obj = obj
		g.byObj[obj] = n
		sig := obj.Signature()
		for v := range sig.Params().Variables() {
			n.params = n.params || !isContext(v.Type())
		}
		if recv := sig.Recv(); recv != nil {
			if name := typeName(recv.Type()); name != nil {
				n.id = u.path + ".(" + name.Name() + ")." + d.Name.Name
				g.methods[name] = append(g.methods[name], n)
			}
		}
	}
	if d.Recv == nil && d.Name.Name == "init" {
		n.id += "#1"
		g.inits[u] = append(g.inits[u], n)
	}
	g.add(n)
	if d.Body == nil {
		n.marks = append(n.marks, mark{why: "it has no Go source: it is linked from elsewhere", place: n.place})
	}
}

// declareValues makes one node for each name, one for all names where one call gives all values.
func (g *graph) declareValues(u *unit, f *ast.File, d *ast.GenDecl, spec *ast.ValueSpec) {
	k := kindVar
	if d.Tok == token.CONST {
		k = kindConst
	}
	docs := []*ast.CommentGroup{spec.Doc}
	if !d.Lparen.IsValid() {
		docs = append(docs, d.Doc)
	}
	shared := k == kindVar && len(spec.Values) == 1 && len(spec.Names) > 1
	var n *node
	for i, name := range spec.Names {
		obj := u.info.Defs[name]
		if n == nil || !shared {
			n = &node{
				id: u.path + "." + name.Name, kind: k, unit: u, file: f, obj: obj, decl: spec, value: i,
				place: g.place(name.Pos()), doc: docs,
			}
			if shared {
				n.value = -1
			}
			g.add(n)
			if k == kindVar {
				g.varNode[spec] = append(g.varNode[spec], n)
			}
		}
		if obj != nil && name.Name != "_" {
			g.byObj[obj] = n
			if v, ok := obj.(*types.Var); ok {
				n.vars = append(n.vars, v)
			}
		}
	}
}

// directives looks for what makes a whole program unclear.
func (g *graph) directives(u *unit, f *ast.File) {
	for _, group := range f.Comments {
		for _, c := range group.List {
			if strings.HasPrefix(c.Text, "//go:linkname ") {
				g.everyone = append(g.everyone, mark{why: "go:linkname replaces or reaches code that is not named in the source", place: g.place(c.Pos())})
			}
		}
	}
	for _, spec := range f.Imports {
		if spec.Path.Value == `"plugin"` {
			g.everyone = append(g.everyone, mark{why: "plugins are loaded: their code is not part of the build", place: g.place(spec.Pos())})
		}
	}
}

// nodeOf returns the node that declares the object: an analysed package's function, method, variable, type or constant.
func (g *graph) nodeOf(obj types.Object) *node {
	if fn, ok := obj.(*types.Func); ok {
		obj = fn.Origin()
	}
	return g.byObj[obj]
}

// interfaceMethods are the names of all methods that interfaces written in the package have.
func interfaceMethods(u *unit) map[string]bool {
	names := map[string]bool{}
	for _, f := range u.files {
		ast.Inspect(f, func(n ast.Node) bool {
			if it, ok := n.(*ast.InterfaceType); ok {
				if t, ok := u.info.Types[it].Type.(*types.Interface); ok {
					for m := range t.Methods() {
						names[m.Name()] = true
					}
				}
			}
			return true
		})
	}
	return names
}

// typeName returns the declared name of a type or of what it points to, of its generic form for an instance; or nil.
func typeName(t types.Type) *types.TypeName {
	if p, ok := types.Unalias(t).(*types.Pointer); ok {
		t = p.Elem()
	}
	if named, ok := types.Unalias(t).(*types.Named); ok {
		return named.Origin().Obj()
	}
	return nil
}

func isContext(t types.Type) bool {
	name := typeName(t)
	return name != nil && name.Pkg() != nil && name.Pkg().Path() == "context" && name.Name() == "Context"
}
