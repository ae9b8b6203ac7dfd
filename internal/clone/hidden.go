package clone

import (
	"reflect"
	"strings"

	"github.com/stillwarm/stillwarm/internal/heapsize"
	"github.com/stillwarm/stillwarm/internal/refs"
)

// hiddenSize counts what a value refers to in fields of whatever kind, hidden ones too: what its own methods allocated. What the
// process shares (locations, types) is not its own.
func hiddenSize(w walk, t reflect.Type, p ptr) int64 {
	if w.depth > maxDepth || pointerFree(t) || isCommon(t) {
		return 0
	}
	w.depth++
	switch t.Kind() {
	case reflect.String:
		return textSize(*at[string](p))
	case reflect.Struct:
		var total int64
		for i := range t.NumField() {
			f := t.Field(i)
			total += hiddenSize(w, f.Type, add(p, f.Offset))
		}
		return total
	case reflect.Array:
		return hiddenElements(w, t.Elem(), p, t.Len())
	case reflect.Slice:
		data := addrOf(p)
		if !w.visit(t, data, sliceCap(p)) {
			return 0
		}
		return heapsize.Alloc(int64(t.Elem().Size())*int64(sliceCap(p))) + hiddenElements(w, t.Elem(), data, sliceLen(p))
	case reflect.Pointer:
		if isCommon(t.Elem()) || !w.visit(t, addrOf(p), sizedType(t.Elem())) {
			return 0
		}
		return heapsize.Alloc(int64(t.Elem().Size())) + hiddenSize(w, t.Elem(), addrOf(p))
	case reflect.Map:
		return hiddenMap(w, t, p)
	case reflect.Interface:
		if v := valueAt(t, p).Elem(); v.IsValid() && v.Kind() != reflect.Func && v.Kind() != reflect.Chan {
			return heapsize.Alloc(int64(v.Type().Size())) + hiddenSize(w, v.Type(), held(v))
		}
	}
	return 0
}

func sizedType(t reflect.Type) int { return min(1, int(t.Size())) }

func hiddenElements(w walk, t reflect.Type, p ptr, n int) (total int64) {
	if pointerFree(t) {
		return 0
	}
	for i := range uintptr(n) {
		total += hiddenSize(w, t, add(p, i*t.Size()))
	}
	return total
}

func hiddenMap(w walk, t reflect.Type, p ptr) int64 {
	if !w.visit(t, addrOf(p), 1) {
		return 0
	}
	m := valueAt(t, p)
	total := heapsize.Map(m.Len(), t.Key().Size(), t.Elem().Size())
	if pointerFree(t.Key()) && pointerFree(t.Elem()) {
		return total
	}
	for iter := m.MapRange(); iter.Next(); {
		total += hiddenSize(w, t.Key(), held(iter.Key())) + hiddenSize(w, t.Elem(), held(iter.Value()))
	}
	return total
}

// visit reports whether what a hidden reference refers to is there and is met for the first time.
func (w walk) visit(t reflect.Type, at ptr, n int) bool {
	if at == nil || n == 0 {
		return false
	}
	r := refs.Ref{At: at, Len: n, Type: typeID(t)}
	if w.refs.Find(r) != nil {
		return false
	}
	w.refs.Add(r, at)
	return true
}

// isCommon reports whether values of type t belong to the process and not to the value that refers to them.
func isCommon(t reflect.Type) bool {
	switch t.PkgPath() {
	case "sync", "sync/atomic", "reflect", "internal/abi", "google.golang.org/protobuf/internal/impl":
		return true
	case "time":
		return t.Name() == "Location"
	}
	return strings.HasPrefix(t.PkgPath(), "internal/runtime/")
}
