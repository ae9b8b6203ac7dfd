package codeid

import (
	"container/heap"
	"crypto/sha256"
	"go/ast"
	"go/types"
	"hash"
	"slices"
	"strings"
)

// setupRoots returns what runs before the first call of a cached function, in the order in which it runs: the initialisers
// that may do more than give their variable a value, the init functions, and main.
func (g *graph) setupRoots() []*node {
	var roots []*node
	early := g.earlyChanges()
	for _, path := range g.initOrder() {
		u := g.unitByPath(path)
		if u == nil {
			continue
		}
		for _, init := range u.info.InitOrder {
			if n := g.initialiser(u, init, early); n != nil {
				roots = append(roots, n)
			}
		}
		roots = append(roots, g.inits[u]...)
	}
	if u := g.unitByPath(g.main.ImportPath); u != nil {
		if n := g.nodeOf(u.pkg.Scope().Lookup("main")); n != nil {
			roots = append(roots, n)
		}
	}
	return roots
}

func (g *graph) unitByPath(path string) *unit {
	i := slices.IndexFunc(g.units, func(u *unit) bool { return u.ImportPath == path })
	if i < 0 {
		return nil
	}
	return g.units[i]
}

// initialiser returns the node of an initialiser that has effects, or that reads what another one changes; or nil.
func (g *graph) initialiser(u *unit, init *types.Initializer, early *changes) *node {
	if g.inert(u, init.Rhs) && !early.readBy(u, init.Rhs) {
		return nil
	}
	for _, v := range init.Lhs {
		if n := g.byObj[v]; n != nil {
			return n
		}
	}
	for spec, nodes := range g.varNode { // a blank variable
		for i, value := range spec.Values {
			if value == init.Rhs {
				return nodes[min(i, len(nodes)-1)]
			}
		}
	}
	return nil
}

// pathHeap orders packages as the linker does.
type pathHeap []string

func (h pathHeap) Len() int           { return len(h) }
func (h pathHeap) Less(i, j int) bool { return h[i] < h[j] }
func (h pathHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }

// Push implements heap.Interface.
func (h *pathHeap) Push(x any) { *h = append(*h, x.(string)) }

// Pop implements heap.Interface.
func (h *pathHeap) Pop() any {
	old := *h
	last := old[len(old)-1]
	*h = old[:len(old)-1]
	return last
}

// initOrder is the order in which packages are initialised: always the first by path of those whose imports are.
func (g *graph) initOrder() []string {
	waits, importers := map[string]int{}, map[string][]string{}
	var ready pathHeap
	for _, p := range g.all {
		for _, path := range p.Imports {
			if path == "C" || path == "unsafe" || g.byPath[path] == nil {
				continue
			}
			waits[p.ImportPath]++
			importers[path] = append(importers[path], p.ImportPath)
		}
		if waits[p.ImportPath] == 0 {
			ready = append(ready, p.ImportPath)
		}
	}
	heap.Init(&ready)
	var order []string
	for ready.Len() > 0 {
		path := heap.Pop(&ready).(string)
		order = append(order, path)
		for _, by := range importers[path] {
			if waits[by]--; waits[by] == 0 {
				heap.Push(&ready, by)
			}
		}
	}
	return order
}

// inert reports whether evaluating the expression gives a value and does nothing else that a function could see.
func (g *graph) inert(u *unit, e ast.Expr) bool {
	inert := true
	ast.Inspect(e, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncLit:
			return false // it is made, not called
		case *ast.UnaryExpr:
			if n.Op.String() == "<-" {
				inert = false
			}
		case *ast.CallExpr:
			inert = inert && g.inertCall(u, n)
		}
		return inert
	})
	return inert
}

func (g *graph) inertCall(u *unit, call *ast.CallExpr) bool {
	if tv := u.info.Types[call.Fun]; tv.IsType() {
		return true
	} else if tv.IsBuiltin() {
		id, _ := ast.Unparen(call.Fun).(*ast.Ident)
		return id == nil || id.Name != "copy" && id.Name != "panic" && id.Name != "print" && id.Name != "println" && !appends(u.info, id.Name, call)
	}
	fn := calleeOf(u.info, call)
	if fn == nil || fn.Pkg() == nil {
		return false
	}
	if isLibrary(fn) {
		return true
	}
	if !inertFunction(fn) && !freshMethod(call, fn) || appends(u.info, fn.Name(), call) {
		return false
	}
	for _, arg := range call.Args {
		if t := u.info.TypeOf(arg); g.callable(t) && !keepsFunctions[fn.Pkg().Path()+"."+fn.Name()] {
			return false
		}
	}
	return true
}

// appends reports whether a call writes behind what a variable holds: the order of two such calls decides what is there.
func appends(info *types.Info, name string, call *ast.CallExpr) bool {
	return (name == "append" || strings.HasPrefix(name, "Append")) && len(call.Args) > 0 && rootOf(info, call.Args[0]) != nil
}

// callable reports whether a function that gets a value of the type may call user code: a function, or a type with
// methods of an analysed package.
func (g *graph) callable(t types.Type) bool {
	if t == nil {
		return false
	}
	if _, ok := t.Underlying().(*types.Signature); ok {
		return true
	}
	found := false
	eachNamed(t, func(name *types.TypeName) bool {
		found = found || len(g.methods[name]) > 0
		return true && !found && name.Pkg() != nil && g.unitOf[name.Pkg()] != nil
	})
	return found
}

// keepsFunctions are inert functions that keep a function and do not call it.
var keepsFunctions = map[string]bool{
	"sync.OnceFunc": true, "sync.OnceValue": true, "sync.OnceValues": true, "net/http.HandlerFunc": true,
	"net/http.StripPrefix": true, "net/http.TimeoutHandler": true,
}

// inertPackages hold functions that compute a value from their arguments, or make an object of their own.
var inertPackages = map[string]bool{
	"errors": true, "strings": true, "strconv": true, "bytes": true, "math": true, "math/bits": true, "math/big": true,
	"math/cmplx": true, "unicode": true, "unicode/utf8": true, "unicode/utf16": true, "path": true, "regexp": true,
	"regexp/syntax": true, "net/url": true, "net/netip": true, "html": true, "cmp": true,
	"encoding/hex": true, "encoding/base64": true, "encoding/base32": true, "encoding/binary": true, "hash/crc32": true,
	"hash/crc64": true, "hash/fnv": true, "hash/maphash": true, "crypto/sha256": true, "crypto/sha512": true,
	"crypto/sha1": true, "crypto/md5": true, "html/template": true, "text/template": true,
	"container/list": true, "container/ring": true, "iter": true, "unique": true, "fmt": true,
}

// inertFunctions are more of these, of packages that also have others.
var inertFunctions = map[string]bool{
	"time.Date": true, "time.Unix": true, "time.UnixMilli": true, "time.ParseDuration": true, "time.FixedZone": true,
	"time.LoadLocation": true, "time.Parse": true, "time.Now": true, "os.Getenv": true, "os.LookupEnv": true,
	"sync.OnceFunc": true, "sync.OnceValue": true, "sync.OnceValues": true, "sync.NewCond": true,
	"context.Background": true, "context.TODO": true, "net/http.NewServeMux": true, "net/http.NewRequest": true,
	"net/http.StripPrefix": true, "net/http.TimeoutHandler": true, "net/http.NotFoundHandler": true,
	"log/slog.New": true, "log/slog.NewJSONHandler": true, "log/slog.NewTextHandler": true, "log/slog.Default": true,
	"log.New": true, "log.Default": true, "math/rand.New": true, "math/rand.NewSource": true,
	"math/rand/v2.New": true, "math/rand/v2.NewPCG": true, "math/rand/v2.NewChaCha8": true,
	"path/filepath.Join": true, "path/filepath.Base": true, "path/filepath.Clean": true, "encoding/json.RawMessage": true,
	"github.com/google/uuid.MustParse": true, "reflect.TypeOf": true, "reflect.TypeFor": true, "reflect.ValueOf": true,
	"slices.Contains": true, "slices.Index": true, "slices.Max": true, "slices.Min": true, "slices.Clone": true,
	"slices.Sorted": true, "slices.Collect": true, "slices.Concat": true, "slices.Equal": true, "slices.Repeat": true,
	"slices.Values": true, "slices.All": true, "maps.Keys": true, "maps.Values": true, "maps.Clone": true, "maps.All": true,
	"maps.Collect": true,
}

// printing functions of inert packages do more than compute.
var printing = map[string]bool{
	"fmt.Print": true, "fmt.Println": true, "fmt.Printf": true, "fmt.Fprint": true, "fmt.Fprintln": true, "fmt.Fprintf": true,
	"fmt.Scan": true, "fmt.Scanln": true, "fmt.Scanf": true, "fmt.Fscan": true, "fmt.Fscanln": true, "fmt.Fscanf": true,
}

func inertFunction(fn *types.Func) bool {
	path := fn.Pkg().Path()
	if fn.Signature().Recv() != nil {
		return inertPackages[path] && valueReceiver(fn) || readOnlyMethod(fn)
	}
	name := path + "." + fn.Name()
	return inertPackages[path] && !printing[name] || inertFunctions[name]
}

// freshMethod reports whether the call is one in a chain that begins by making the object:
// template.New("page").Funcs(functions).Parse(text).
func freshMethod(call *ast.CallExpr, fn *types.Func) bool {
	if fn.Signature().Recv() == nil || !inertPackages[fn.Pkg().Path()] || strings.HasPrefix(fn.Name(), "Execute") {
		return false
	}
	sel, ok := ast.Unparen(call.Fun).(*ast.SelectorExpr)
	if !ok {
		return false
	}
	_, ok = ast.Unparen(sel.X).(*ast.CallExpr)
	return ok
}

func valueReceiver(fn *types.Func) bool {
	_, pointer := fn.Signature().Recv().Type().(*types.Pointer)
	return !pointer
}

// setupDigest hashes what runs at the start, in its order, and all that it mentions.
func setupDigest(roots []*node, reached map[*node]bool) digest {
	h := sha256.New()
	for _, n := range roots {
		writeText(h, n.id)
	}
	for _, n := range sorted(reached) {
		sum := n.setup
		if n.calls() {
			sum = n.full
		}
		writeText(h, n.id, string(sum[:]))
	}
	return digest(h.Sum(nil))
}

// calls reports whether code of the setup that mentions the declaration may call the functions that it hands over: a
// cached function in a variable is there to be called.
func (n *node) calls() bool { return n.loud && !n.root }

// reachSetup returns what runs at the start. A cached function's code counts where the setup may call it.
func reachSetup(roots []*node) map[*node]bool {
	for {
		reached := reach(roots, func(n *node, e edge) bool { return !e.handed || n.calls() })
		louder := false
		for n := range reached {
			for _, e := range n.edges {
				if e.to.kind == kindVar && !e.quiet && !e.to.loud && reached[e.to] && (!e.handed || n.calls()) {
					e.to.loud, louder = true, true
				}
			}
		}
		if !louder {
			return reached
		}
	}
}

func writeText(h hash.Hash, parts ...string) {
	for _, s := range parts {
		var size [8]byte
		for i := range size {
			size[i] = byte(len(s) >> (8 * i))
		}
		h.Write(size[:])
		h.Write([]byte(s))
	}
}

// sorted returns the nodes by id.
func sorted(set map[*node]bool) []*node {
	nodes := make([]*node, 0, len(set))
	for n := range set {
		nodes = append(nodes, n)
	}
	slices.SortFunc(nodes, func(a, b *node) int { return strings.Compare(a.id, b.id) })
	return nodes
}

// reach returns all nodes that the roots mention, directly or through others. follow decides which mentions count.
func reach(roots []*node, follow func(*node, edge) bool) map[*node]bool {
	reached := map[*node]bool{}
	queue := slices.Clone(roots)
	for _, n := range roots {
		reached[n] = true
	}
	for len(queue) > 0 {
		n := queue[0]
		queue = queue[1:]
		for _, e := range n.edges {
			if !reached[e.to] && follow(n, e) {
				reached[e.to] = true
				queue = append(queue, e.to)
			}
		}
	}
	return reached
}
