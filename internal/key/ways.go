package key

import (
	"fmt"
	"reflect"
	"strings"
)

// advice is what a message tells the user to do about a type that cannot be hashed.
type advice struct {
	home   string // the package in which the options are written
	root   reflect.Type
	typ    reflect.Type // what needs a hash function
	segs   []seg        // the way to the culprit
	data   bool         // the culprit may decide the answer: it must not be left out of the key
	reason string
}

// String returns both ways out, ready to be copied.
func (a advice) String() string {
	return a.first() + "Or give a hash function that says what identifies it:\n\n\t" + a.hashFunc()
}

// first returns the way without a hash function. Data is never left out of the key: the result may depend on it.
func (a advice) first() string {
	switch {
	case a.reason == reasonReader:
		return "Either pass its bytes in its place.\n"
	case a.data && a.editable(a.typ):
		return fmt.Sprintf("Either export the field, or give `%s` a canonical form (MarshalText or MarshalBinary) that says everything.\n", show(a.typ))
	case !a.data:
		if tag := a.tag(); tag != "" {
			return "Either leave it out of the key, if the result does not depend on it: " + tag
		}
	}
	return "Either pass what identifies it in its place, such as a name or an id.\n"
}

// tag returns how to leave the culprit out of the key: the field to tag, as it is declared. Of the fields on the way
// it is the innermost one in a type that the user can edit. Where that field holds more than the culprit it is "".
func (a advice) tag() string {
	pick := -1
	for i, s := range a.segs {
		if s.owner != nil && a.editable(s.owner) {
			pick = i
		}
	}
	if pick < 0 {
		if !leadsTo(a.root, a.typ) {
			return ""
		}
		return fmt.Sprintf("make it a field of a struct that is the argument, and tag it.\n\n\tValue %s `cache:\"-\"`\n\n", a.code(a.root, a.home))
	}
	owner := a.segs[pick].owner
	f := owner.Field(a.segs[pick].field)
	if hidden := pick == len(a.segs)-1 && leadsTo(a.typ, owner); !hidden && !leadsTo(f.Type, a.typ) {
		return ""
	}
	name := f.Name + " "
	if f.Anonymous {
		name = ""
	}
	place := owner.PkgPath()
	if place == "" {
		place = a.home
	}
	return fmt.Sprintf("tag the field in `%s`.\n\n\t%s%s `%s`\n\n", show(owner), name, a.code(f.Type, place), joinTag(f.Tag))
}

// leadsTo reports whether values of type t are nothing but values of type typ, or pointers to and lists of them.
func leadsTo(t, typ reflect.Type) bool {
	for t != typ {
		switch t.Kind() {
		case reflect.Pointer, reflect.Slice, reflect.Array:
			t = t.Elem()
		default:
			return typ.Kind() == reflect.Pointer && typ.Name() == "" && leadsTo(t, typ.Elem())
		}
	}
	return true
}

func joinTag(tag reflect.StructTag) string {
	if tag == "" {
		return `cache:"-"`
	}
	return string(tag) + ` cache:"-"`
}

// editable reports whether the user can change the declaration of t, or of what it points to.
func (a advice) editable(t reflect.Type) bool {
	if t.Name() == "" && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	path := t.PkgPath()
	return path == "" && t.Kind() == reflect.Struct || path != "" && !standard(path) && (path == a.home || path == homeOf(a.root))
}

// code returns t as it is written in the package, or as reflection shows it where it cannot be written there.
func (a advice) code(t reflect.Type, home string) string {
	if text, ok := goType(t, home); ok {
		return text
	}
	return show(t)
}

// homeOf returns the package in which the argument's type is declared, if it can be the user's.
func homeOf(t reflect.Type) string {
	for t.Name() == "" {
		switch t.Kind() {
		case reflect.Pointer, reflect.Slice, reflect.Array, reflect.Map:
			t = t.Elem()
		default:
			return ""
		}
	}
	if standard(t.PkgPath()) {
		return ""
	}
	return t.PkgPath()
}

// hashFunc returns the line that gives a hash function for the type, with all its fields that can be part of a key. A type
// that cannot be written in the user's package is given by name.
func (a advice) hashFunc() string {
	text, ok := goType(a.typ, a.home)
	if !ok {
		return fmt.Sprintf("adapter.HashFuncNamed(%q, func(v any) (any, error) { return \"...\" /* what identifies v */, nil })", fullName(a.typ))
	}
	return fmt.Sprintf("adapter.HashFunc(func(v %s) any { return %s })", text, a.identity())
}

// identity returns an expression for everything in v that the user's package can read and that can be part of a key.
func (a advice) identity() string {
	t := a.typ
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct {
		return `"..." /* what identifies v */`
	}
	var parts []string
	rest := ""
	for i := range t.NumField() {
		f := t.Field(i)
		if f.Name == "_" || excluded(f) {
			continue
		}
		fam := &family{}
		if _, unhashable := fam.compile(f.Type, false); unhashable != nil {
			continue
		}
		if f.IsExported() || f.PkgPath == a.home {
			parts = append(parts, "v."+f.Name)
		} else {
			rest = " /* and what else tells two of them apart */"
		}
	}
	switch len(parts) {
	case 0:
		return `"..." /* what identifies v */`
	case 1:
		return parts[0] + rest
	}
	return "[]any{" + strings.Join(parts, ", ") + "}" + rest
}

// show returns the type as messages name it.
func show(t reflect.Type) string { return strings.ReplaceAll(t.String(), "interface {}", "any") }

// hiddenReason says why an unexported field of t stands in the way.
func hiddenReason(t reflect.Type) string {
	if excludesFields(t) {
		return "it is an unexported field, and `" + show(t) + "` has fields that are left out of the key, which a canonical form may contain, so that none speaks for it"
	}
	return "it is an unexported field, and `" + show(t) + "` has no canonical form (no AppendBinary, MarshalBinary, AppendText or MarshalText of its own) that would speak for it"
}

// isData reports whether values of type t are data like any other, in contrast to connections, locks and functions.
func isData(t reflect.Type, seen map[reflect.Type]bool) bool {
	if seen[t] {
		return true
	}
	seen[t] = true
	switch t.Kind() {
	case reflect.Func, reflect.Chan, reflect.UnsafePointer:
		return false
	case reflect.Interface:
		return t.NumMethod() == 0
	case reflect.Pointer, reflect.Slice, reflect.Array:
		return isData(t.Elem(), seen)
	case reflect.Map:
		return isData(t.Key(), seen) && isData(t.Elem(), seen)
	case reflect.Struct:
		if isLive(t) {
			return false
		}
		for i := range t.NumField() {
			if !isData(t.Field(i).Type, seen) {
				return false
			}
		}
	}
	return true
}
