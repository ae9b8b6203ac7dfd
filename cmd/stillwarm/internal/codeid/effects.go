package codeid

import (
	"go/ast"
	"go/types"
	"strings"
)

// immutableTypes never change, although they hold references.
var immutableTypes = map[string]bool{
	"time.Time": true, "time.Location": true, "net/netip.Addr": true, "net/netip.Prefix": true, "net/netip.AddrPort": true,
	"reflect.Type": true, "regexp.Regexp": true, "strings.Replacer": true, "encoding/base64.Encoding": true,
	"encoding/base32.Encoding": true, "unique.Handle": true, "context.Context": true, "log/slog.Logger": true,
	"encoding/binary.ByteOrder": true, "log/slog.Handler": true, "embed.FS": true,
}

// immutable reports whether the type, or what it points to, is known never to change.
func immutable(t types.Type) bool {
	name := typeName(t)
	return name != nil && name.Pkg() != nil && immutableTypes[name.Pkg().Path()+"."+name.Name()]
}

// harmlessTypes change by being used, in ways that no result is made of.
var harmlessTypes = map[string]bool{
	"sync.Mutex": true, "sync.RWMutex": true, "sync.Once": true, "sync.WaitGroup": true, "sync.Pool": true, "sync.Cond": true,
	"sync.Locker": true, "log.Logger": true, "os.File": true, "testing.T": true, "net/http.ServeMux": false, "database/sql.DB": true,
	"database/sql.Stmt": true, "database/sql.Rows": true, "database/sql.Tx": true,
}

// readMethods are methods that change nothing, of types that have others.
var readMethods = map[string]bool{
	"(*net/http.Client).Do": true, "(*net/http.Client).Get": true, "(*net/http.Client).Head": true, "(*net/http.Client).Post": true,
	"(*net/http.Client).PostForm": true, "(net/http.Header).Get": true, "(net/http.Header).Values": true,
	"(net/http.Header).Clone": true, "(net/url.Values).Get": true, "(net/url.Values).Has": true, "(net/url.Values).Encode": true,
	"(*net/url.URL).String": true, "(*net/url.URL).Query": true, "(*net/url.URL).Hostname": true, "(*net/url.URL).Port": true,
	"(*net/http.ServeMux).ServeHTTP": true, "(net/http.Handler).ServeHTTP": true, "(net/http.HandlerFunc).ServeHTTP": true,
	"(*sync/atomic.Bool).Load": true, "(*sync/atomic.Int32).Load": true, "(*sync/atomic.Int64).Load": true,
	"(*sync/atomic.Uint32).Load": true, "(*sync/atomic.Uint64).Load": true, "(*sync/atomic.Pointer[T]).Load": true,
	"(*sync/atomic.Value).Load": true, "(*sync.Map).Load": true, "(*sync.Map).Range": true,
	"(error).Error": true, "(fmt.Stringer).String": true, "(net/http.RoundTripper).RoundTrip": true,
}

// readOnlyMethod reports whether a method of a dependency is known to change nothing that a result is made of.
func readOnlyMethod(fn *types.Func) bool {
	recv := fn.Signature().Recv().Type()
	if isLibrary(fn) {
		return fn.Name() != "Set" // which stores a result that the caller made
	}
	if fn.Pkg() == nil || immutable(recv) {
		return fn.Name() != "Longest" // of a regexp
	}
	if flat(recv) {
		return true // a value that is copied
	}
	full := fn.Origin().FullName()
	if name := typeName(recv); name != nil && name.Pkg() != nil {
		path := name.Pkg().Path()
		if harmlessTypes[path+"."+name.Name()] && !strings.HasPrefix(fn.Name(), "Set") {
			return true
		}
		if (path == "html/template" || path == "text/template") && (strings.HasPrefix(fn.Name(), "Execute") || fn.Name() == "Lookup" || fn.Name() == "Name") {
			return true
		}
	}
	return readMethods[full] || remoteCall(fn)
}

// remoteCall reports whether a method looks like one that asks another system: it takes a context first. What such a
// method changes is not in this process.
func remoteCall(fn *types.Func) bool {
	params := fn.Signature().Params()
	return params.Len() > 0 && isContext(params.At(0).Type()) && !setterName(fn.Name())
}

// setterName reports whether a function with the name is likely to change what it is called on.
func setterName(name string) bool {
	for _, prefix := range []string{
		"Set", "Add", "Put", "Store", "Register", "Insert", "Push", "Append", "Update", "Swap", "CompareAnd", "Reset",
		"Enable", "Disable", "Use", "Configure", "Replace", "Merge", "Load", "Init", "Override", "Remove", "Delete", "Clear", "Unset",
	} {
		if rest, ok := strings.CutPrefix(name, prefix); ok && (rest == "" || rest[0] < 'a' || rest[0] > 'z') {
			return true
		}
	}
	return false
}

// pureFunctions are dependencies' functions that leave what they are given as it is, beside those of inert packages.
var pureFunctions = map[string]bool{
	"encoding/json.Marshal": true, "encoding/json.MarshalIndent": true, "encoding/json.NewEncoder": true, "encoding/json.Valid": true,
	"encoding/xml.Marshal": true, "io.WriteString": true, "sort.SearchStrings": true, "sort.SearchInts": true, "sort.Search": true,
	"os.WriteFile": true, "reflect.DeepEqual": true, "net/http.NewRequestWithContext": true, "io.Copy": true, "io.ReadAll": true,
	"net/http.Error": true, "net/http.Redirect": true, "net/http.StatusText": true, "log.Print": true, "log.Printf": true,
	"log.Println": true, "log.Fatal": true, "log.Fatalf": true, "fmt.Print": true, "fmt.Println": true, "fmt.Printf": true,
	"fmt.Fprint": true, "fmt.Fprintln": true, "fmt.Fprintf": true, "maps.Keys": true, "maps.Values": true, "maps.Clone": true,
	"slices.ContainsFunc": true, "slices.IndexFunc": true, "slices.SortedFunc": true, "slices.MaxFunc": true, "slices.MinFunc": true,
	"encoding/csv.NewReader": true, "encoding/csv.NewWriter": true, "encoding/json.NewDecoder": true, "bufio.NewReader": true,
	"bufio.NewWriter": true, "bufio.NewScanner": true,
	"slices.BinarySearch": true, "slices.EqualFunc": true, "context.WithValue": true, "context.WithTimeout": true,
	"context.WithCancel": true, "context.WithDeadline": true, "maps.Equal": true, "reflect.TypeOf": true,
}

// pure reports whether a dependency's function changes nothing through its arguments, and nothing of its own.
func pure(fn *types.Func) bool {
	path := fn.Pkg().Path()
	name := path + "." + fn.Name()
	if name == "reflect.ValueOf" {
		return false // what it returns can set
	}
	return isLibrary(fn) || inertPackages[path] || inertFunctions[name] || pureFunctions[name] || path == "log/slog" && !setterName(fn.Name())
}

// processState are functions of the standard library that change the state of the process.
var processState = map[string]bool{
	"os.Setenv": true, "os.Unsetenv": true, "os.Clearenv": true, "os.Chdir": true, "syscall.Setenv": true, "syscall.Unsetenv": true,
	"syscall.Clearenv": true, "syscall.Chdir": true, "math/rand.Seed": true, "log.SetOutput": true, "log.SetFlags": true,
	"log.SetPrefix": true, "log/slog.SetDefault": true, "log/slog.SetLogLoggerLevel": true, "encoding/gob.Register": true,
	"encoding/gob.RegisterName": true, "database/sql.Register": true, "image.RegisterFormat": true, "mime.AddExtensionType": true,
	"net/http.Handle": true, "net/http.HandleFunc": true, "expvar.Publish": true, "crypto.RegisterHash": true,
	"archive/zip.RegisterCompressor": true, "archive/zip.RegisterDecompressor": true, "crypto/x509.SetFallbackRoots": true,
	"flag.Set": true, "flag.Parse": true, "internal/godebug.Setenv": true, "crypto/elliptic.Register": true,
}

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
	if fn.Pkg() != nil && c.w.g.unitOf[fn.Pkg()] != nil {
		c.userCall(n, fn)
		if sel, ok := ast.Unparen(n.Fun).(*ast.SelectorExpr); ok && fn.Signature().Recv() != nil {
			c.written(sel.X, fn.Name(), "changed by ."+fn.Name())
		}
		return
	}
	if sel, ok := ast.Unparen(n.Fun).(*ast.SelectorExpr); ok && fn.Signature().Recv() != nil {
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
		c.arguments(n)
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

// fillingName reports whether a function with the name may fill what it is given: fmt.Sscan, strconv.AppendInt,
// binary.BigEndian.PutUint64.
func fillingName(name string) bool {
	switch name {
	case "Encode", "EncodeRune", "Decode", "Sum", "Copy":
		return true
	}
	for _, prefix := range []string{"Append", "Put", "Scan", "Sscan", "Fscan", "Read", "Expand", "Unmarshal", "Fill"} {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}

// conversion notes a slice that becomes an array's pointer: another name for its elements.
func (c *writer) conversion(n *ast.CallExpr) {
	if len(n.Args) != 1 {
		return
	}
	_, slice := under(c.info.TypeOf(n.Args[0])).(*types.Slice)
	if p, ok := under(c.info.TypeOf(n)).(*types.Pointer); ok && slice {
		if _, ok := under(p.Elem()).(*types.Array); ok {
			c.held(n.Args[0], "made an array's pointer")
		}
	}
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
	p := c.follow(sel.X)
	if v, ok := p.root.(*types.Var); ok && isLocal(v) && !p.shared && !isReference(t) {
		return
	}
	what := "bound to ." + fn.Name()
	c.held(sel.X, what)
	if !isReference(t) {
		c.add(heldBy(types.NewPointer(t)), sel, what)
	}
}

func (c *writer) builtin(n *ast.CallExpr) {
	id, ok := ast.Unparen(n.Fun).(*ast.Ident)
	if !ok || len(n.Args) == 0 {
		return
	}
	switch id.Name {
	case "delete", "clear", "copy", "close":
		c.held(n.Args[0], "changed by "+id.Name)
	case "append": // it writes behind the end where there is room
		if len(n.Args) > 1 {
			c.held(n.Args[0], "appended to")
		}
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
	for _, arg := range n.Args {
		c.filled(arg, "handed to "+types.ExprString(n.Fun))
	}
}

// method notes what a dependency's method may do to what it is called on.
func (c *writer) method(n *ast.CallExpr, sel *ast.SelectorExpr, fn *types.Func) {
	if readOnlyMethod(fn) {
		if fillingName(fn.Name()) && !isLibrary(fn) && !remoteCall(fn) {
			c.arguments(n)
		}
		return
	}
	what := "changed by ." + fn.Name()
	p := c.follow(sel.X)
	t := c.info.TypeOf(sel.X)
	if v, ok := p.root.(*types.Var); ok && isLocal(v) && !p.shared && !isReference(t) {
		return
	}
	if types.IsInterface(t) && !setterName(fn.Name()) {
		c.written(sel.X, fn.Name(), what)
		return
	}
	c.held(sel.X, what)
	if !isReference(t) {
		c.add(heldBy(types.NewPointer(t)), n, what)
	}
	if !encodes(fn) {
		c.arguments(n)
	}
}

// encodes reports whether a method only reads what it is given, as those of writers and encoders do.
func encodes(fn *types.Func) bool {
	return strings.HasPrefix(fn.Name(), "Write") || fn.Name() == "Encode" && strings.HasPrefix(fn.Pkg().Path(), "encoding/")
}

// converted notes a dependency's object that becomes a value of an interface with a method that changes it.
func (c *writer) converted(conv conversion) {
	it, ok := conv.to.Underlying().(*types.Interface)
	if !ok || !isReference(conv.from) || immutable(conv.from) {
		return
	}
	for m := range it.Methods() {
		obj, _, _ := types.LookupFieldOrMethod(conv.from, true, m.Pkg(), m.Name())
		fn, ok := obj.(*types.Func)
		if ok && fn.Pkg() != nil && c.w.g.unitOf[fn.Pkg()] == nil && !readOnlyMethod(fn) {
			c.held(conv.value, "made an interface with ."+m.Name())
			return
		}
	}
}

// calledValue notes the call of a function that a field holds: it may keep state.
func (c *writer) calledValue(n *ast.CallExpr) {
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
	for v := range sig.Params().Variables() {
		if t := v.Type(); !flat(t) && !immutable(t) && !types.IsInterface(t) {
			c.addEvent(event{to: heldBy(t), deep: t, what: "handed to " + fn.Name()}, e)
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
