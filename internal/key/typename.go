package key

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"unicode"
)

// fullName returns the name of t with full package paths throughout, so that types of different packages never share one.
func fullName(t reflect.Type) string {
	var b strings.Builder
	writeName(&b, t)
	return b.String()
}

func writeName(b *strings.Builder, t reflect.Type) {
	if t.Name() != "" {
		if t.PkgPath() != "" {
			b.WriteString(t.PkgPath())
			b.WriteByte('.')
		}
		b.WriteString(t.Name()) // of a generic type: with its arguments' full names
		return
	}
	switch t.Kind() {
	case reflect.Pointer:
		b.WriteByte('*')
		writeName(b, t.Elem())
	case reflect.Slice:
		b.WriteString("[]")
		writeName(b, t.Elem())
	case reflect.Array:
		b.WriteString("[" + strconv.Itoa(t.Len()) + "]")
		writeName(b, t.Elem())
	case reflect.Map:
		b.WriteString("map[")
		writeName(b, t.Key())
		b.WriteByte(']')
		writeName(b, t.Elem())
	case reflect.Chan:
		b.WriteString(t.ChanDir().String() + " ")
		writeName(b, t.Elem())
	case reflect.Func:
		b.WriteString("func")
		writeSignature(b, t)
	case reflect.Struct:
		writeStruct(b, t)
	case reflect.Interface:
		writeInterface(b, t)
	default:
		b.WriteString(t.String())
	}
}

func writeSignature(b *strings.Builder, t reflect.Type) {
	b.WriteByte('(')
	for i := range t.NumIn() {
		if t.IsVariadic() && i == t.NumIn()-1 {
			b.WriteString("...")
		}
		writeName(b, t.In(i))
		b.WriteByte(',')
	}
	b.WriteString(")(")
	for i := range t.NumOut() {
		writeName(b, t.Out(i))
		b.WriteByte(',')
	}
	b.WriteByte(')')
}

func writeStruct(b *strings.Builder, t reflect.Type) {
	b.WriteString("struct{")
	for i := range t.NumField() {
		f := t.Field(i)
		if f.PkgPath != "" {
			b.WriteString(f.PkgPath + ".")
		}
		b.WriteString(f.Name)
		if f.Anonymous {
			b.WriteByte('!')
		}
		b.WriteByte(' ')
		writeName(b, f.Type)
		if f.Tag != "" {
			b.WriteString(" " + strconv.Quote(string(f.Tag)))
		}
		b.WriteByte(';')
	}
	b.WriteByte('}')
}

// writeInterface writes an interface type without a name. It does not enumerate the methods: a program that links a call
// of reflect's Method keeps every exported method of every type, which made a function with the AWS SDK twice as
// large. Package names are short in this form, which is no loss: what an interface holds carries its own full name.
func writeInterface(b *strings.Builder, t reflect.Type) { b.WriteString(t.String()) }

// checkTypeName reports what is wrong with a fully qualified type name: any number of "*", a package path and a ".", and an
// identifier, with type arguments in brackets where the type is generic. The language's own types have no path.
func checkTypeName(s string) error {
	bad := func(why string) error {
		return fmt.Errorf("`%s` is no fully qualified type name: %s; examples: \"example.com/shop/model.Session\", \"*database/sql.DB\", \"main.Session\"", s, why)
	}
	name := strings.TrimLeft(s, "*")
	if name == "" {
		return bad("it names no type")
	}
	base, arguments, generic := strings.Cut(name, "[")
	if generic && !balanced("["+arguments) {
		return bad("its brackets do not match")
	}
	path, ident := "", base
	if i := strings.LastIndexByte(base, '.'); i >= 0 {
		path, ident = base[:i], base[i+1:]
		if path == "" || strings.ContainsFunc(path, unicode.IsSpace) || strings.Contains(path, "*") {
			return bad("what stands before the last \".\" is no package path")
		}
	}
	if !identifier(ident) {
		return bad("what stands after the last \".\" is no identifier")
	}
	if path == "" && !predeclared(ident) {
		return bad("the package path is missing")
	}
	return nil
}

// predeclared reports whether Go itself has a type of the name.
func predeclared(name string) bool {
	switch name {
	case "bool", "string", "error", "uintptr", "int", "int8", "int16", "int32", "int64", "uint", "uint8", "uint16", "uint32",
		"uint64", "float32", "float64", "complex64", "complex128":
		return true
	}
	return false
}

func identifier(s string) bool {
	for i, r := range s {
		if r != '_' && !unicode.IsLetter(r) && (i == 0 || !unicode.IsDigit(r)) {
			return false
		}
	}
	return s != ""
}

func balanced(s string) bool {
	depth := 0
	for i := range len(s) {
		switch s[i] {
		case '[':
			depth++
		case ']':
			depth--
			if depth == 0 && i != len(s)-1 || depth < 0 {
				return false
			}
		}
	}
	return depth == 0
}
