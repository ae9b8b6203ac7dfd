package codeid

import (
	"fmt"
	"go/ast"
	"go/types"
	"strings"
)

// calls are what code may call without naming it, each with a declaration that does: by the method's name, "" for values of
// function types, and by the signature.
type calls map[string]map[string]*node

// anyOf stands for all signatures of a name.
const anyOf = "*"

// add reports whether the invocation is new.
func (c calls) add(i invocation, by *node) bool {
	all := c[i.method]
	if all == nil {
		all = map[string]*node{anyOf: by}
		c[i.method] = all
	}
	if all[i.signature] != nil {
		return false
	}
	all[i.signature] = by
	return true
}

// fit returns who calls methods of the name, or values, with the signature.
func (c calls) fit(method, signature string) *node {
	if signature == anyFunction {
		return c[method][anyOf]
	}
	if by := c[method][signature]; by != nil {
		return by
	}
	return c[method][anyFunction]
}

// openCode finds the covered functions that other code may run as well: what it names or gives to a dependency, what it may
// call as a value or as the method of an interface, and what these run in turn. The same for what it may call without
// naming it.
func (q *inquiry) openCode() {
	q.open, q.calls = map[*node]*node{}, calls{}
	for _, by := range q.alive {
		for _, i := range by.gives {
			q.calls.add(i, by)
		}
		for _, i := range by.invoked {
			if q.outside(by, i.handed) {
				q.calls.add(i, by)
			}
		}
	}
	for grown := true; grown; {
		grown = false
		for _, by := range q.alive {
			opened, invoked := q.openedBy(by), q.code[by] && q.invokedBy(by)
			grown = grown || opened || invoked
		}
	}
}

// openedBy opens the functions that a declaration mentions, as far as other code runs these mentions.
func (q *inquiry) openedBy(by *node) (grown bool) {
	for _, e := range by.edges {
		if e.to.kind != kindFunc || e.to.obj == nil || !q.code[e.to] || q.open[e.to] != nil || by == q.w.within && q.onlyWraps(by, e.to) {
			continue
		}
		if who := q.runs(by, e); who != nil {
			q.open[e.to], grown = who, true
		}
	}
	return grown
}

// runs returns a declaration outside of the covered code that may call what is mentioned, or one that gives it to a dependency;
// or nil.
func (q *inquiry) runs(by *node, e edge) *node {
	switch {
	case e.given && !e.handed || q.outside(by, e.handed):
		return by
	case e.handed && !e.written:
		return nil
	case q.open[by] != nil:
		return q.open[by]
	}
	if who := q.keptRuns(by, e.kept); who != nil || !e.value {
		return who
	}
	fn := e.to.obj.(*types.Func)
	method := ""
	if fn.Signature().Recv() != nil {
		method = fn.Name()
	}
	return q.invoker(signatureKey(fn.Signature()), method, true)
}

// invokedBy adds what open code calls without naming it. Where that is its own parameter, its callers know what it is.
func (q *inquiry) invokedBy(by *node) (grown bool) {
	for _, i := range by.invoked {
		who := q.open[by]
		if who != nil && i.parameter {
			continue
		}
		if who == nil {
			who = q.keptRuns(by, i.kept)
		}
		if who != nil && q.calls.add(i, who) {
			grown = true
		}
	}
	return grown
}

// keptRuns returns who may call a function that a covered declaration keeps, or nil. What it gives to a dependency while the
// cached function runs is part of that.
func (q *inquiry) keptRuns(by *node, kept string) *node {
	if signature, ok := strings.CutPrefix(kept, "kept "); ok {
		return q.invoker(signature, "", true)
	}
	if kept == "given" && (by.kind == kindVar || q.setup[by]) {
		return by
	}
	return nil
}

// invoker returns a declaration that may call a function without naming it, or nil: as a value of the signature where one is
// made of it, or as the method of an interface. It is outside of the covered code, or open, or gives an interface to a
// dependency.
func (q *inquiry) invoker(signature, method string, value bool) *node {
	if value {
		if by := q.calls.fit("", signature); by != nil {
			return by
		}
	}
	if method == "" {
		return nil
	}
	if by := q.calls.fit(method, signature); by != nil {
		return by
	}
	return q.calls.fit(anyMethod, signature)
}

// calledElsewhere looks for functions of the covered code that other code may run, too, and that change state which the
// function can see.
func (q *inquiry) calledElsewhere() {
	modules := q.dependencies()
	for _, n := range sorted(q.code) {
		by := q.open[n]
		if by == nil {
			continue
		}
		for _, e := range n.events {
			if !e.captured && (q.sees(e) || q.global(e, modules)) {
				q.doubt(fmt.Sprintf("%s is %s by %s, which %s calls or gives away, too", e, e.what, short(n.id), short(by.id)), e.place)
			}
		}
	}
}

// global reports whether the event changes the state of the process or of a dependency that the code uses.
func (q *inquiry) global(e event, modules map[string]bool) bool {
	return e.to.global == "std" || e.to.global != "" && modules[e.to.global]
}

// keptIn returns what the function that is written around the mention is kept as, if it does not run where it stands.
func (w *walker) keptIn() string {
	for i, n := range w.stack {
		lit, ok := n.(*ast.FuncLit)
		if !ok || w.inPlace(lit, i) {
			continue
		}
		if w.given[lit] {
			return "given"
		}
		if w.signatures[lit] == "" {
			w.signatures[lit] = "kept " + signatureKey(w.info.TypeOf(lit))
		}
		return w.signatures[lit]
	}
	return ""
}

// inPlace reports whether the function at this depth of the stack is handed over or runs before the next statement does.
func (w *walker) inPlace(lit *ast.FuncLit, depth int) bool {
	if w.handed[lit] {
		return true
	}
	for depth--; depth >= 0; depth-- {
		if _, ok := w.stack[depth].(*ast.ParenExpr); !ok {
			break
		}
	}
	if depth < 0 {
		return false
	}
	call, ok := w.stack[depth].(*ast.CallExpr)
	return ok && (ast.Unparen(call.Fun) == lit || runsArguments(calleeOf(w.info, call)))
}
