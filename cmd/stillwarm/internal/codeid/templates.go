package codeid

import (
	"go/types"
	"strings"
)

// templating are packages whose functions call methods that a text names: also of what other methods return.
var templating = map[string]bool{"text/template": true, "html/template": true, "net/rpc": true}

// callsByName reports whether an analysed package, or one of another module, uses templates. What becomes an interface value
// anywhere may be given to one then.
func (p *program) callsByName() bool {
	for _, l := range p.all {
		if l.Standard || strings.HasPrefix(l.ImportPath, root) {
			continue
		}
		for _, path := range l.Imports {
			if templating[path] {
				return true
			}
		}
	}
	return false
}

// methodResults goes on with what an exported method returns, whose methods a template may call in turn.
func (g *graph) methodResults(m *node, all *typeWalk) {
	if fn, ok := m.obj.(*types.Func); ok && g.byName && fn.Exported() {
		all.walk(fn.Signature().Results())
	}
}
