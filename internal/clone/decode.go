package clone

import (
	"reflect"

	"github.com/stillwarm/stillwarm/serialize"
)

// Most of what is kept is encoded by its structure, and copied by it: the two cannot differ but by a mistake in these packages,
// which their tests look for. Maps whose keys may be times are another matter: two keys that differ by nothing but the address of
// their location are one after decoding. So those are decoded once, where the result is made.

// hasTimeKeys reports whether a map with times in its keys may be within t.
func hasTimeKeys(t reflect.Type, seen map[reflect.Type]bool) bool {
	if seen[t] {
		return false
	}
	seen[t] = true
	switch t.Kind() {
	case reflect.Map:
		return mayHoldTime(t.Key()) || hasTimeKeys(t.Elem(), seen)
	case reflect.Pointer, reflect.Slice, reflect.Array:
		return hasTimeKeys(t.Elem(), seen)
	case reflect.Struct:
		if t.ConvertibleTo(timeType) {
			return false
		}
		for i := range t.NumField() {
			if hasTimeKeys(t.Field(i).Type, seen) {
				return true
			}
		}
	}
	return false
}

func mayHoldTime(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Interface:
		return true
	case reflect.Array:
		return mayHoldTime(t.Elem())
	case reflect.Struct:
		if t.ConvertibleTo(timeType) {
			return true
		}
		for i := range t.NumField() {
			if mayHoldTime(t.Field(i).Type) {
				return true
			}
		}
	}
	return false
}

// decodesAs returns nil if the value of type t at p is what decoding its encoding gives.
func decodesAs(t reflect.Type, p ptr) error {
	codec, err := serialize.CodecFor(t)
	if err != nil {
		return err
	}
	decoded := newValue(t)
	if err := recode(&node{typ: t}, codec, decoded, p); err != nil {
		return err
	}
	if !(&comparison{}).equal(t, p, decoded, 0) {
		return &LossError{Type: t}
	}
	return nil
}
