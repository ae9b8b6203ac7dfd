package key

import (
	"reflect"
	"strings"
)

// This file decides what of a type's structure is encoded beside its canonical form: everything, hidden fields among it,
// that has content. What has none to compare (functions, channels, locks) or is no value (connections, contexts) is left
// to the form.

// shown says how much of the values of a type its structure shows.
type shown uint8

const (
	shownAll     shown = iota // no unexported field, function or the like is reachable
	shownPerhaps              // likewise, but for what interfaces may hold, and for forms that may fail
	shownPart
)

// shown returns how much the structure of t, a type with a canonical form, shows of its values. Types within it that have
// rules or forms of their own speak for themselves.
func (fam *family) shown(t reflect.Type) shown {
	return fam.shownWithin(t, map[reflect.Type]bool{t: true})
}

func (fam *family) shownWithin(t reflect.Type, seen map[reflect.Type]bool) shown {
	switch t.Kind() {
	case reflect.Func, reflect.Chan, reflect.UnsafePointer:
		return shownPart
	case reflect.Interface:
		if fam.interfaceRule(t).kind == ruleRefused {
			return shownPart
		}
		return shownPerhaps
	case reflect.Pointer, reflect.Slice, reflect.Array:
		return fam.shownBy(t.Elem(), seen)
	case reflect.Map:
		return max(fam.shownBy(t.Key(), seen), fam.shownBy(t.Elem(), seen))
	case reflect.Struct:
		least := shownAll
		for i := range t.NumField() {
			f := t.Field(i)
			if f.Name == "_" || excluded(f) {
				continue
			}
			if !readable(f) {
				return shownPart
			}
			least = max(least, fam.shownBy(f.Type, seen))
		}
		return least
	}
	return shownAll
}

// shownBy is shownWithin for a part of a type.
func (fam *family) shownBy(t reflect.Type, seen map[reflect.Type]bool) shown {
	if seen[t] {
		return shownAll
	}
	seen[t] = true
	if fam.hasher(t) >= 0 || t.Kind() == reflect.Struct && t.ConvertibleTo(typeTime) || t == typeFile {
		return shownAll
	}
	if t.Kind() != reflect.Pointer && t.Kind() != reflect.Interface {
		form := formOf(t)
		if _, known := knownFields[t.PkgPath()+"."+t.Name()]; known || form == formGob || t.PkgPath() == "net/netip" {
			return shownAll
		}
		if form != formNone {
			return shownPerhaps
		}
		if refused(t) != "" {
			return shownPart
		}
	}
	return fam.shownWithin(t, seen)
}

// ruleBeside returns how values of type t are encoded beside the form of a value that they are part of.
func (fam *family) ruleBeside(t reflect.Type) rule {
	r := fam.rule(t)
	if r.kind != ruleKind && r.kind != ruleRefused {
		return r
	}
	switch {
	case t == typeLocation:
		return rule{kind: ruleZone}
	case t.Kind() == reflect.Struct && contentless[t.PkgPath()+"."+t.Name()]:
		return rule{kind: ruleEmpty}
	case t.Kind() == reflect.Struct && isLive(t), r.reason == reasonContext:
		return rule{kind: ruleSkipped}
	}
	switch t.Kind() {
	case reflect.Func, reflect.Chan, reflect.UnsafePointer:
		return rule{kind: ruleSkipped}
	}
	return rule{kind: ruleKind}
}

// contentless are the types of package sync that hold nothing of a value.
var contentless = map[string]bool{
	"sync.Mutex": true, "sync.RWMutex": true, "sync.Once": true, "sync.WaitGroup": true, "sync.Cond": true, "sync.noCopy": true,
	"sync/atomic.noCopy": true, "sync/atomic.align64": true,
}

// isLive reports whether t is a type of package sync, or one of the standard library that guards itself by one: a connection,
// a pool, a logger. What such a type holds is changed by goroutines of its own while it is looked at, and means nothing
// outside of the process.
func isLive(t reflect.Type) bool {
	if isSync(t) {
		return true
	}
	if !standard(t.PkgPath()) {
		return false
	}
	for i := range t.NumField() {
		if f := t.Field(i).Type; f.Kind() == reflect.Struct && (isSync(f) || f.PkgPath() == "internal/poll") {
			return true
		}
	}
	return false
}

func isSync(t reflect.Type) bool {
	switch t.PkgPath() {
	case "sync", "sync/atomic", "internal/sync", "internal/poll":
		return true
	}
	return false
}

// standard reports whether the package belongs to the standard library. That its path has no dot in its first element does
// not tell: a program's own module may be called "shop".
func standard(path string) bool {
	first, _, _ := strings.Cut(path, "/")
	return standardRoots[first]
}

// standardRoots are the first elements of the paths of the standard library's packages.
var standardRoots = func() map[string]bool {
	roots := map[string]bool{}
	for name := range strings.FieldsSeq(`archive arena bufio bytes cmp compress container context crypto database debug embed
		encoding errors expvar flag fmt go hash html image index internal io iter log maps math mime net os path plugin
		reflect regexp runtime simd slices sort strconv strings structs sync syscall testing text time unicode unique unsafe
		vendor weak`) {
		roots[name] = true
	}
	return roots
}()
