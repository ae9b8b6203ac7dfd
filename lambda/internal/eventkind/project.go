package eventkind

import (
	"reflect"
	"strings"
)

// Project returns the fields of an event, without those that are omitted, for a key. v is a struct or a pointer to one; nil is
// returned for a nil pointer. What v holds is not changed.
func Project(v any, omit []string) []any {
	rv := reflect.ValueOf(v)
	if rv.Kind() == reflect.Pointer {
		if rv.IsNil() {
			return nil
		}
		rv = rv.Elem()
	}
	rv = reflect.ValueOf(Without(rv.Interface(), omit))
	fields := make([]any, rv.NumField())
	for i := range fields {
		fields[i] = rv.Field(i).Interface()
	}
	return fields
}

// Without returns an event without the fields that are omitted. What v holds is not changed.
func Without(v any, omit []string) any {
	if len(omit) == 0 {
		return v
	}
	rv := reflect.ValueOf(v)
	for _, path := range omit {
		rv = without(rv, path)
	}
	return rv.Interface()
}

// Has reports whether a struct, or what a pointer points to, has the field set.
func Has(v any, field string) bool {
	rv := reflect.ValueOf(v)
	if rv.Kind() == reflect.Pointer {
		rv = rv.Elem()
	}
	if field == "" || rv.Kind() != reflect.Struct {
		return false
	}
	f := rv.FieldByName(field)
	return f.IsValid() && !f.IsZero()
}

// without returns v without what the path leads to. What is on the way is copied.
func without(v reflect.Value, path string) reflect.Value {
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			return v
		}
		p := reflect.New(v.Type().Elem())
		p.Elem().Set(without(v.Elem(), path))
		return p
	case reflect.Struct:
		name, rest, deeper := cutPath(path)
		c := reflect.New(v.Type()).Elem()
		c.Set(v)
		f := c.FieldByName(name)
		if !f.IsValid() {
			return v
		}
		if deeper {
			f.Set(without(f, rest))
		} else {
			f.SetZero()
		}
		return c
	case reflect.Map:
		return withoutKey(v, strings.Trim(path, "[]"))
	}
	return v
}

// cutPath cuts the first name off a path.
func cutPath(path string) (name, rest string, deeper bool) {
	i := strings.IndexAny(path, ".[")
	if i < 0 {
		return path, "", false
	}
	if path[i] == '.' {
		return path[:i], path[i+1:], true
	}
	return path[:i], path[i:], true
}

func withoutKey(m reflect.Value, name string) reflect.Value {
	if m.IsNil() || m.Type().Key().Kind() != reflect.String {
		return m
	}
	c := reflect.MakeMapWithSize(m.Type(), m.Len())
	for it := m.MapRange(); it.Next(); {
		if !strings.EqualFold(it.Key().String(), name) {
			c.SetMapIndex(it.Key(), it.Value())
		}
	}
	return c
}
