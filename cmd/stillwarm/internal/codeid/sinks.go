package codeid

import (
	"go/ast"
	"go/types"
	"slices"
	"strings"
)

// logsInto notes what a logger writes to. Whoever logs changes it, at any time.
func (c *writer) logsInto(n *ast.CallExpr, fn *types.Func) {
	if len(n.Args) == 0 || !sinks[fn.Origin().FullName()] || c.processStream(n.Args[0]) {
		return
	}
	t := c.info.TypeOf(n.Args[0])
	if t == nil {
		return
	}
	if c.parameter(n.Args[0]) != nil {
		c.w.n.logsAny = true
	} else {
		c.w.n.logs = true
	}
	e := event{to: heldBy(t), deep: t, what: "written to by a logger", handed: true, kept: "given"}
	if types.IsInterface(t) {
		e = event{iface: t, method: "Write", what: e.what, handed: true, kept: "given"}
	}
	c.addEvent(e, n.Args[0])
}

// sinks are the functions whose first argument is what a logger writes to.
var sinks = map[string]bool{
	"log.New": true, "log.SetOutput": true, "(*log.Logger).SetOutput": true,
	"log/slog.NewTextHandler": true, "log/slog.NewJSONHandler": true,
}

// processStream reports whether the expression is a file, such as os.Stderr, or io.Discard.
func (c *writer) processStream(e ast.Expr) bool {
	if name := typeName(c.info.TypeOf(e)); name != nil && name.Pkg() != nil && name.Pkg().Path() == "os" && name.Name() == "File" {
		return true
	}
	sel, ok := ast.Unparen(e).(*ast.SelectorExpr)
	return ok && c.info.Uses[sel.Sel] != nil && c.info.Uses[sel.Sel].Pkg() != nil && c.info.Uses[sel.Sel].Pkg().Path() == "io"
}

// positionsLogged looks for a logger that writes the position of the call into something that the function may read. One that
// gets what it writes to as a parameter counts where a caller makes anything but a file a writer.
func (q *inquiry) positionsLogged() {
	var where *mark
	logs := false
	for _, n := range sorted(q.code) {
		if n.positions != nil && where == nil {
			where = n.positions
		}
		logs = logs || n.logs || n.logsAny && slices.ContainsFunc(q.mentioned[n], func(by *node) bool {
			return q.code[by] && slices.ContainsFunc(by.converted, isWriter)
		})
	}
	if where != nil && logs {
		q.doubt(where.why, where.place)
	}
}

// isWriter reports whether a logger could write to values of the type, which is not that of a file.
func isWriter(t types.Type) bool {
	name := typeName(t)
	if types.IsInterface(t) || name != nil && name.Pkg() != nil && name.Pkg().Path() == "os" {
		return false
	}
	obj, _, _ := types.LookupFieldOrMethod(t, true, nil, "Write")
	_, ok := obj.(*types.Func)
	return ok
}

// position notes where loggers are told to write the position of the call.
func (c *writer) position(id *ast.Ident) {
	obj := c.info.Uses[id]
	if obj == nil || obj.Pkg() == nil || c.w.n.positions != nil {
		return
	}
	switch obj.Pkg().Path() + "." + id.Name {
	case "log.Lshortfile", "log.Llongfile", "log/slog.AddSource":
		c.w.n.positions = &mark{why: "it reads the position of code in its file (" + id.Name + ")", place: c.w.g.place(id.Pos())}
	}
}

// writesTo notes the writers that a method gets which changes nothing else: a template's Execute.
func (c *writer) writesTo(n *ast.CallExpr, fn *types.Func) {
	for _, arg := range n.Args {
		t := c.info.TypeOf(arg)
		if t == nil || !types.IsInterface(t) || isContext(t) || isError(t) {
			continue
		}
		if obj, _, _ := types.LookupFieldOrMethod(t, true, nil, "Write"); obj != nil {
			c.written(arg, "Write", "handed to ."+fn.Name())
		}
	}
}

// cookies notes that a client of HTTP changes its cookies whenever it asks something.
func (c *writer) cookies(n *ast.CallExpr, fn *types.Func) {
	if fn.Pkg() == nil || fn.Pkg().Path() != "net/http" || !strings.HasPrefix(fn.Origin().FullName(), "(*net/http.Client).") {
		return
	}
	if jar := fn.Pkg().Scope().Lookup("CookieJar"); jar != nil {
		c.addEvent(event{iface: jar.Type(), method: "SetCookies", what: "changed by ." + fn.Name()}, n)
	}
}
