package adapter

import (
	"fmt"
	"reflect"
	"unsafe"
)

// differences says in which options two wraps differ. It looks at every field of the options that is not marked
// `same:"-"`, so an option that is added is compared by itself. Functions are the same if they are the same closure: the
// same code with other captured variables is another function.
func (c *options) differences(second *options) []string {
	a, b := reflect.ValueOf(c).Elem(), reflect.ValueOf(second).Elem()
	var all []string
	for i := range a.NumField() {
		field := a.Type().Field(i)
		if ignored(field) || same(a.Field(i), b.Field(i)) {
			continue
		}
		name := field.Tag.Get("option")
		there, here := describeOption(name, a.Field(i)), describeOption(name, b.Field(i))
		if there == here {
			all = append(all, name+" has another function")
		} else {
			all = append(all, there+" there, "+here+" here")
		}
	}
	return all
}

// ignored reports whether a field says nothing about what is cached.
func ignored(f reflect.StructField) bool { return f.Tag.Get("same") == "-" }

// same compares two values of one type. What it does not know differs, unless both are zero.
func same(a, b reflect.Value) bool {
	switch a.Kind() {
	case reflect.Func:
		return closureAt(a) == closureAt(b)
	case reflect.Interface:
		if a.IsNil() || b.IsNil() {
			return a.IsNil() && b.IsNil()
		}
		if a.Elem().Type() != b.Elem().Type() {
			return false
		}
		if a.Elem().Kind() == reflect.Func {
			return closureIn(a) == closureIn(b)
		}
		return a.Elem().Comparable() && a.Elem().Equal(b.Elem())
	case reflect.Struct:
		for i := range a.NumField() {
			if !ignored(a.Type().Field(i)) && !same(a.Field(i), b.Field(i)) {
				return false
			}
		}
		return true
	case reflect.Slice:
		for i := range min(a.Len(), b.Len()) {
			if !same(a.Index(i), b.Index(i)) {
				return false
			}
		}
		return a.Len() == b.Len()
	}
	if a.Comparable() && b.Comparable() {
		return a.Equal(b)
	}
	return a.IsZero() && b.IsZero()
}

// describeOption writes an option as a message shows it.
func describeOption(name string, v reflect.Value) string {
	if v.IsZero() {
		return "no " + name
	}
	shown := exported(v).Interface()
	if s, ok := shown.(fmt.Stringer); ok {
		return name + "=" + s.String()
	}
	switch v.Kind() {
	case reflect.Func, reflect.Slice, reflect.Struct:
		return name
	}
	return fmt.Sprintf("%s=%v", name, shown)
}

// exported returns an addressable value that was reached through an unexported field as one that may be used.
func exported(v reflect.Value) reflect.Value {
	return reflect.NewAt(v.Type(), unsafe.Pointer(v.UnsafeAddr())).Elem()
}
