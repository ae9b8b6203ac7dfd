package codeid

import (
	"go/ast"
	"go/types"
	"slices"
	"strings"
)

// opaqueFunctions are functions whose results depend on more of the program than on what they are called with. Positions in
// the source, build settings and names are not part of any identity.
var opaqueFunctions = map[string]string{
	"runtime.Caller":                   "the position of code in its file",
	"runtime.Callers":                  "the position of code in its file",
	"runtime.CallersFrames":            "the position of code in its file",
	"runtime.FuncForPC":                "the position of code in its file",
	"runtime.Stack":                    "the position of code in its file",
	"runtime/debug.Stack":              "the position of code in its file",
	"runtime/debug.PrintStack":         "the position of code in its file",
	"runtime/debug.ReadBuildInfo":      "how the program was built",
	"runtime/debug.ParseBuildInfo":     "how the program was built",
	"debug/buildinfo.ReadFile":         "how the program was built",
	"os.Executable":                    "the program's own file",
	"(reflect.Value).MethodByName":     "a method that is found by name",
	"(reflect.Value).Method":           "a method that is found by number",
	"(reflect.Type).MethodByName":      "a method that is found by name",
	"(reflect.Type).Method":            "a method that is found by number",
	"(reflect.Value).FieldByName":      "a field that is found by name",
	"(reflect.Type).FieldByName":       "a field that is found by name",
	"(reflect.Value).FieldByNameFunc":  "a field that is found by name",
	"(reflect.Type).FieldByNameFunc":   "a field that is found by name",
	"(reflect.Value).UnsafePointer":    "memory by its address",
	"(reflect.Value).UnsafeAddr":       "memory by its address",
	"(reflect.Value).Pointer":          "memory by its address",
	"runtime.GOMAXPROCS":               "a setting of the process",
	"runtime.NumGoroutine":             "what else the process does",
	"runtime.ReadMemStats":             "what else the process does",
	"runtime/metrics.Read":             "what else the process does",
	"runtime/pprof.Lookup":             "what else the process does",
	"runtime/pprof.Profiles":           "what else the process does",
	"runtime/debug.ReadGCStats":        "what else the process does",
	"runtime.GoroutineProfile":         "what else the process does",
	"(*database/sql.DB).Stats":         "what else the process does",
	"(weak.Pointer[T]).Value":          "what else the process still uses",
	"(context.Context).Deadline":       "how long its caller waits",
	"plugin.Open":                      "code that is not part of the build",
	"(*net/http.ServeMux).ServeHTTP":   handlersElsewhere,
	"(net/http.Handler).ServeHTTP":     handlersElsewhere,
	"(net/http.HandlerFunc).ServeHTTP": handlersElsewhere,
	"(*sync.Mutex).TryLock":            "whether somebody holds a lock",
	"(*sync.RWMutex).TryLock":          "whether somebody holds a lock",
	"(*sync.RWMutex).TryRLock":         "whether somebody holds a lock",
}

// handlersElsewhere is said of a call of a handler: the setup hands handlers over, and nothing follows them from there.
const handlersElsewhere = "what handlers return that are registered elsewhere"

// opaque says why a use of the object cannot be seen through, or "". With context, what it reads is a value that some
// caller put into the context.
func opaque(obj types.Object) (why string, context bool) {
	fn, ok := obj.(*types.Func)
	if !ok || fn.Pkg() == nil {
		return "", false
	}
	sig := fn.Signature()
	if sig.Recv() == nil {
		if why := opaqueFunctions[fn.Pkg().Path()+"."+fn.Name()]; why != "" {
			return "it reads " + why + " (" + fn.Pkg().Name() + "." + fn.Name() + ")", false
		}
		if strings.HasSuffix(fn.Name(), "FromContext") && takesContext(sig) && !tracing(fn.Pkg().Path()) {
			return "it reads a value of the context (" + fn.Pkg().Name() + "." + fn.Name() + ")", true
		}
		return "", false
	}
	if why := opaqueFunctions[fn.Origin().FullName()]; why != "" {
		return "it reads " + why + " (" + fn.Name() + ")", false
	}
	if fn.Name() == "Value" && sig.Params().Len() == 1 && sig.Results().Len() == 1 &&
		types.IsInterface(sig.Params().At(0).Type()) && types.IsInterface(sig.Results().At(0).Type()) {
		return "it reads a value of the context", true
	}
	return "", false
}

// depends marks what is not to be seen through of a dependency's function where the result depends on it.
func (w *walker) depends(fn *types.Func, id *ast.Ident) {
	switch {
	case asksContext(fn):
		w.mark("it asks a context ("+fn.Pkg().Name()+"."+fn.Name()+")", id, true)
	case isLibrary(fn) && fn.Signature().Recv() != nil && (fn.Name() == "Stats" || fn.Name() == "Explain"):
		w.mark("it reads who else has called a cached function ("+fn.Name()+")", id, true)
	}
}

// asksContext reports whether a function of a dependency looks like one that finds something in a context: it takes that first
// and returns something plain, or whether there was anything. What asks another system returns an error.
func asksContext(fn *types.Func) bool {
	params, results := fn.Signature().Params(), fn.Signature().Results()
	if fn.Signature().Recv() != nil || isLibrary(fn) || tracing(fn.Pkg().Path()) || params.Len() == 0 || !isContext(params.At(0).Type()) {
		return false
	}
	switch fn.FullName() {
	case "runtime/pprof.ForLabels", "net/http/httptrace.ContextClientTrace":
		return true
	}
	if results.Len() == 0 {
		return false
	}
	last := results.At(results.Len() - 1).Type()
	_, plain := last.Underlying().(*types.Basic)
	it, ok := last.Underlying().(*types.Interface)
	return plain || ok && it.NumMethods() == 0
}

func takesContext(sig *types.Signature) bool {
	for v := range sig.Params().Variables() {
		if isContext(v.Type()) {
			return true
		}
	}
	return false
}

// tracing reports whether the package's context values are spans, which no result is made of.
func tracing(path string) bool { return strings.HasPrefix(path, "go.opentelemetry.io/otel") }

// inLiteral reports whether the node on top of the stack is in a function that is written there.
func (w *walker) inLiteral() bool {
	return slices.ContainsFunc(w.stack, func(n ast.Node) bool { _, ok := n.(*ast.FuncLit); return ok })
}
