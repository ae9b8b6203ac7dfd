package devchannel

import (
	"reflect"
	"strings"
)

// TreeOf returns a type with the names of its fields, to a bounded depth and size.
func TreeOf(t reflect.Type) *Tree {
	if t == nil {
		return nil
	}
	left := maxNodes
	tree := treeOf("", t, 0, &left)
	return &tree
}

func treeOf(name string, t reflect.Type, depth int, left *int) Tree {
	tree := Tree{Name: name, Type: t.String()}
	*left--
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice || t.Kind() == reflect.Array || t.Kind() == reflect.Map {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct || depth >= 6 {
		return tree
	}
	for i := range t.NumField() {
		f := t.Field(i)
		if !f.IsExported() {
			continue
		}
		if *left <= 0 {
			break
		}
		tree.Fields = append(tree.Fields, treeOf(f.Name, f.Type, depth+1, left))
	}
	return tree
}

// ValueOf returns a value with the names of its fields, bounded in depth, size and text. It hides what [Render] hides. A
// value as the cache keeps it is shown as its function returned it.
func ValueOf(v any) Value {
	left := maxNodes
	return valueOf("", unwrapped(reflect.ValueOf(v)), 0, &left)
}

// unwrapped returns what a *clone.Kept holds, and any other value as it is.
func unwrapped(v reflect.Value) reflect.Value {
	if !v.IsValid() || v.Kind() != reflect.Pointer || v.IsNil() || v.Elem().Kind() != reflect.Struct {
		return v
	}
	t := v.Elem().Type()
	if strings.HasSuffix(t.PkgPath(), "/internal/clone") && strings.HasPrefix(t.Name(), "Kept[") {
		return v.Elem().FieldByName("Value")
	}
	return v
}

func valueOf(name string, v reflect.Value, depth int, left *int) Value {
	*left--
	if !v.IsValid() {
		return Value{Name: name, Type: "nil", Text: "nil"}
	}
	out := Value{Name: name, Type: v.Type().String()}
	if secret(name) {
		out.Text = hidden
		return out
	}
	if text, ok := own(v); ok {
		out.Text = cut(text, maxText)
		return out
	}
	for v.Kind() == reflect.Pointer || v.Kind() == reflect.Interface {
		if v.IsNil() {
			out.Text = "nil"
			return out
		}
		if v = v.Elem(); depth > maxDepth {
			break
		}
		depth++
	}
	parts, all := partsOf(v, *left)
	if parts == nil && !all {
		out.Text = cut(text(v), maxText)
		return out
	}
	if depth > maxDepth {
		out.Cut = true
		return out
	}
	for _, p := range parts {
		if *left <= 0 {
			out.Cut = true
			return out
		}
		out.Children = append(out.Children, valueOf(p.name, p.value, depth+1, left))
	}
	out.Cut = !all
	if len(out.Children) == 0 {
		out.Text = map[bool]string{true: "empty"}[all]
	}
	return out
}

// partsOf returns the parts of a compound value, and whether those are all; nil and false for a leaf.
func partsOf(v reflect.Value, left int) (parts []field, all bool) {
	switch v.Kind() {
	case reflect.Struct:
		return visible(v), true
	case reflect.Slice, reflect.Array, reflect.Map:
		if _, ok := bytesOf(v); ok {
			return nil, false
		}
		parts = elements(v, max(left, 0))
		return parts, len(parts) == v.Len()
	}
	return nil, false
}

func text(v reflect.Value) string {
	if b, ok := bytesOf(v); ok {
		return leafBytes(b)
	}
	return leaf(v, maxText)
}
