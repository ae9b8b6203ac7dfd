package lambda

import (
	"fmt"
	"reflect"
	"runtime"
	"sync"

	"github.com/stillwarm/stillwarm/adapter"
	"github.com/stillwarm/stillwarm/internal/hooks"
)

// handlerName returns the full name of a function, or "".
func handlerName(h any) string {
	v := reflect.ValueOf(h)
	if v.Kind() != reflect.Func || v.IsNil() {
		return ""
	}
	if f := runtime.FuncForPC(v.Pointer()); f != nil {
		return f.Name()
	}
	return ""
}

// callSite returns file and line of a caller.
func callSite(skip int) string {
	_, file, line, ok := runtime.Caller(skip)
	if !ok {
		return ""
	}
	return fmt.Sprintf("%s:%d", file, line)
}

var functions sync.Map // by functionKey

type functionKey struct {
	name string
	typ  reflect.Type
}

// once returns the same function each time for one name and type. An instance of a generic function is a new closure
// wherever it is named, and two wraps of one handler are one cache only where their options have the same functions.
func once[F any](name string, f F) F {
	v, _ := functions.LoadOrStore(functionKey{name, reflect.TypeFor[F]()}, f)
	return v.(F)
}

// atPlace returns an option that says where the user wraps a handler.
func atPlace(place string) adapter.DataOption { return hooks.At(place).(adapter.DataOption) }
