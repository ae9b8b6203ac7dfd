package key

import (
	"fmt"
	"reflect"
	"strings"
	"unicode"
	"unicode/utf8"
)

// tagLines returns how to leave the culprit out of the key: the field to tag, as it is declared. Of the fields on the way
// it is the innermost one in the package of the argument's type, for the user cannot edit other packages' types.
func tagLines(segs []seg, root reflect.Type) string {
	home := homeOf(root)
	pick := -1
	for i, s := range segs {
		if s.owner == nil {
			continue
		}
		if p := s.owner.PkgPath(); pick < 0 || p == home || p == "" {
			pick = i
		}
	}
	if pick < 0 || !editable(segs[pick].owner, home) {
		return fmt.Sprintf("make it a field of a struct that is the argument, and tag it.\n\n\tValue %s `cache:\"-\"`\n\n", show(root))
	}
	f := segs[pick].owner.Field(segs[pick].field)
	name := f.Name + " "
	if f.Anonymous {
		name = ""
	}
	return fmt.Sprintf("tag the field in `%s`.\n\n\t%s%s `%s`\n\n", show(segs[pick].owner), name, show(f.Type), joinTag(f.Tag))
}

func joinTag(tag reflect.StructTag) string {
	if tag == "" {
		return `cache:"-"`
	}
	return string(tag) + ` cache:"-"`
}

func editable(owner reflect.Type, home string) bool {
	return owner.PkgPath() == "" || owner.PkgPath() == home && !standard(home)
}

// homeOf returns the package in which the argument's type is declared.
func homeOf(t reflect.Type) string {
	for t.Name() == "" {
		switch t.Kind() {
		case reflect.Pointer, reflect.Slice, reflect.Array, reflect.Map:
			t = t.Elem()
		default:
			return ""
		}
	}
	return t.PkgPath()
}

// hashFuncLine returns the line that gives a hash function for t, with the field that looks like its identity. A type that
// cannot be written in the package home is given by name.
func hashFuncLine(t reflect.Type, home string) string {
	if !writable(t, home) {
		return fmt.Sprintf("adapter.HashFuncNamed(%q, func(v any) (any, error) { return \"...\" /* what identifies v */, nil })", fullName(t))
	}
	if name, typ := identity(t); name != "" {
		return fmt.Sprintf("adapter.HashFunc(func(v %s) %s { return v.%s })", show(t), show(typ), name)
	}
	return fmt.Sprintf("adapter.HashFunc(func(v %s) string { return \"...\" /* what identifies v */ })", show(t))
}

func writable(t reflect.Type, home string) bool {
	if t.Kind() == reflect.Pointer && t.Name() == "" {
		return writable(t.Elem(), home)
	}
	return t.PkgPath() == "" || t.PkgPath() == home || exported(t.Name())
}

func exported(name string) bool {
	first, _ := utf8.DecodeRuneInString(name)
	return unicode.IsUpper(first)
}

// show returns the type as it is written in code.
func show(t reflect.Type) string { return strings.ReplaceAll(t.String(), "interface {}", "any") }

// identity returns the exported field of a struct, or of what points to one, that its author probably calls it by.
func identity(t reflect.Type) (string, reflect.Type) {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct {
		return "", nil
	}
	best, rank := -1, 0
	for i := range t.NumField() {
		f := t.Field(i)
		if !f.IsExported() || f.Anonymous || !basic(f.Type) {
			continue
		}
		if r := identityRank(f); best < 0 || r > rank {
			best, rank = i, r
		}
	}
	if best < 0 {
		return "", nil
	}
	return t.Field(best).Name, t.Field(best).Type
}

func identityRank(f reflect.StructField) int {
	name := strings.ToLower(f.Name)
	for i, known := range []string{"path", "url", "addr", "name", "key", "uuid", "id"} {
		if name == known {
			return 10 + i
		}
	}
	switch {
	case strings.HasSuffix(f.Name, "ID"):
		return 3
	case f.Type.Kind() == reflect.String:
		return 2
	}
	return 1
}

func basic(t reflect.Type) bool {
	k := t.Kind()
	return k == reflect.String || k >= reflect.Int && k <= reflect.Uint64
}
