package key

import (
	"reflect"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// goType returns t as it is written in a file of the package with the path home, which imports whatever it needs under its
// own name. It reports false for a type that cannot be written there.
func goType(t reflect.Type, home string) (string, bool) {
	if t.Name() != "" {
		return namedType(t, home)
	}
	switch t.Kind() {
	case reflect.Pointer:
		return prefixed("*", t.Elem(), home)
	case reflect.Slice:
		return prefixed("[]", t.Elem(), home)
	case reflect.Array:
		return prefixed("["+strconv.Itoa(t.Len())+"]", t.Elem(), home)
	case reflect.Chan:
		elem, ok := goType(t.Elem(), home)
		if t.Elem().Kind() == reflect.Chan && t.Elem().Name() == "" {
			elem = "(" + elem + ")"
		}
		return t.ChanDir().String() + " " + elem, ok
	case reflect.Map:
		key, ok := goType(t.Key(), home)
		elem, ok2 := goType(t.Elem(), home)
		return "map[" + key + "]" + elem, ok && ok2
	case reflect.Func:
		return funcType(t, home)
	case reflect.Struct:
		return structType(t, home)
	case reflect.Interface:
		// The methods are not enumerated: see writeInterface. Without a dot they name no package.
		text := t.String()
		return show(t), !strings.Contains(strings.ReplaceAll(text, "...", ""), ".")
	}
	return t.String(), false
}

func prefixed(prefix string, elem reflect.Type, home string) (string, bool) {
	text, ok := goType(elem, home)
	return prefix + text, ok
}

func funcType(t reflect.Type, home string) (string, bool) {
	all := true
	list := func(n int, at func(int) reflect.Type, variadic bool) string {
		var parts []string
		for i := range n {
			typ, dots := at(i), ""
			if variadic && i == n-1 {
				typ, dots = typ.Elem(), "..."
			}
			text, ok := goType(typ, home)
			all = all && ok
			parts = append(parts, dots+text)
		}
		return strings.Join(parts, ", ")
	}
	text := "func(" + list(t.NumIn(), t.In, t.IsVariadic()) + ")"
	switch results := list(t.NumOut(), t.Out, false); t.NumOut() {
	case 0:
	case 1:
		text += " " + results
	default:
		text += " (" + results + ")"
	}
	return text, all
}

func structType(t reflect.Type, home string) (string, bool) {
	var fields []string
	for i := range t.NumField() {
		f := t.Field(i)
		text, ok := goType(f.Type, home)
		if !ok || f.PkgPath != "" && f.PkgPath != home {
			return "", false
		}
		if !f.Anonymous {
			text = f.Name + " " + text
		}
		if f.Tag != "" {
			text += " " + strconv.Quote(string(f.Tag))
		}
		fields = append(fields, text)
	}
	if len(fields) == 0 {
		return "struct{}", true
	}
	return "struct { " + strings.Join(fields, "; ") + " }", true
}

// namedType writes a declared type: by its name alone in its own package, behind the package's name elsewhere.
func namedType(t reflect.Type, home string) (string, bool) {
	name, arguments, generic := strings.Cut(t.Name(), "[")
	if t.PkgPath() != "" && t.PkgPath() != home {
		if !exported(name) || !importable(t.PkgPath(), home) {
			return "", false
		}
		pkg, _, _ := strings.Cut(t.String(), ".")
		name = pkg + "." + name
	}
	if !generic {
		return name, true
	}
	arguments, ok := typeArguments(strings.TrimSuffix(arguments, "]"), home)
	return name + "[" + arguments + "]", ok
}

// typeArguments writes type arguments, which a type's name has with full package paths.
func typeArguments(list, home string) (string, bool) {
	var parts []string
	depth, begin := 0, 0
	for i := range len(list) + 1 {
		switch {
		case i == len(list), list[i] == ',' && depth == 0:
			text, ok := typeArgument(strings.TrimSpace(list[begin:i]), home)
			if !ok {
				return "", false
			}
			parts, begin = append(parts, text), i+1
		case list[i] == '[':
			depth++
		case list[i] == ']':
			depth--
		}
	}
	return strings.Join(parts, ", "), true
}

func typeArgument(full, home string) (string, bool) {
	base := strings.TrimLeft(full, "*[]")
	prefix := full[:len(full)-len(base)]
	base, inner, generic := strings.Cut(base, "[")
	path, name := "", base
	if i := strings.LastIndexByte(base, '.'); i >= 0 {
		path, name = base[:i], base[i+1:]
	}
	if !identifier(name) || strings.Contains(prefix, "[*") {
		return "", false
	}
	if path != "" && path != home {
		pkg := path[strings.LastIndexByte(path, '/')+1:]
		if !exported(name) || !importable(path, home) || !identifier(pkg) || majorVersion(pkg) {
			return "", false // the package's name is not in its path
		}
		name = pkg + "." + name
	}
	if !generic {
		return prefix + name, true
	}
	inner, ok := typeArguments(strings.TrimSuffix(inner, "]"), home)
	return prefix + name + "[" + inner + "]", ok
}

// majorVersion reports whether the last element of a path is a version, as in "example.com/module/v2".
func majorVersion(element string) bool {
	return len(element) > 1 && element[0] == 'v' && strings.Trim(element[1:], "0123456789") == ""
}

// importable reports whether a file of package home may import the package.
func importable(path, home string) bool {
	if path == "main" || strings.HasPrefix(path, "vendor/") {
		return false
	}
	parent, rest, found := strings.Cut("/"+path+"/", "/internal/")
	for found {
		if !strings.HasPrefix("/"+home+"/", parent+"/") || parent == "" {
			return false
		}
		var next string
		next, rest, found = strings.Cut("/"+rest, "/internal/")
		parent += "/internal" + next
	}
	return true
}

func exported(name string) bool {
	first, _ := utf8.DecodeRuneInString(name)
	return unicode.IsUpper(first)
}
