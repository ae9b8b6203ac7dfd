package key

import (
	"fmt"
	"reflect"
)

func (h *Hasher) check() error {
	if h.Hash == nil {
		return fmt.Errorf("hash function %s is nil", h.display())
	}
	if h.Type != nil {
		return nil
	}
	if err := checkTypeName(h.TypeName); err != nil {
		return fmt.Errorf("hash function %s: %w", h.display(), err)
	}
	return nil
}

func (h *Hasher) display() string {
	if h.Name != "" {
		return "'" + h.Name + "'"
	}
	return "for `" + h.target() + "`"
}

// target returns the full name of the type that h is for.
func (h *Hasher) target() string {
	if h.Type != nil {
		return fullName(h.Type)
	}
	return h.TypeName
}

// hasher returns the index of the hash function for values of type t, or -1. A function given by type comes before one
// given by name.
func (fam *family) hasher(t reflect.Type) int {
	name, found := "", -1
	if fam.inside {
		return found
	}
	for i := range fam.options.Hashers {
		h := &fam.options.Hashers[i]
		if h.Type == t {
			return i
		}
		if h.Type == nil && found < 0 {
			if name == "" {
				name = fullName(t)
			}
			if h.TypeName == name {
				found = i
			}
		}
	}
	return found
}

// tagUser stands before the result of a hash function.
const tagUser = 0xff

// user encodes what the hash function says of the value at p.
func (e *encoder) user(dst []byte, o *op, p ptr) ([]byte, *fault) {
	v := valueAt(o.full.typ, p)
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface, reflect.Func, reflect.Chan, reflect.UnsafePointer:
		if v.IsNil() {
			return append(dst, tagNil), nil
		}
	}
	fam := o.full.fam
	h := &fam.options.Hashers[o.full.hasher]
	arg := v.Interface()
	result, err := callHasher(h, arg)
	if err != nil {
		return dst, &fault{typ: o.full.typ, hasher: h, err: err}
	}
	dst, f := e.result(append(dst, tagUser), result, fam.results())
	if f != nil {
		return dst, f.inResult(h, o.full.typ)
	}
	if fam.options.AllowAddresses && result != nil && fam.results().mayHoldAddress(reflect.TypeOf(result)) {
		e.report.hold(arg, result)
	}
	return dst, nil
}

// result encodes what a hash function returned.
func (e *encoder) result(dst []byte, result any, fam *family) ([]byte, *fault) {
	if result == nil {
		return append(dst, tagNil), nil
	}
	t := reflect.TypeOf(result)
	if isAddress(t) {
		if !fam.options.AllowAddresses {
			return dst, &fault{reason: addressReason(t)}
		}
		return appendUint(appendText(append(dst, tagValue), fullName(t)), addressIn(result)), nil
	}
	d := fam.plan(t, false)
	if d.fault != nil {
		return dst, d.fault.copy()
	}
	if f := e.deeper(); f != nil {
		return dst, f
	}
	dst = append(append(dst, tagValue), d.header...)
	dst, f := e.run(dst, d.prog, dynamicValue(addressOfAny(&result), d.direct))
	e.depth--
	return dst, f
}

func callHasher(h *Hasher, v any) (result any, err error) {
	defer func() {
		if r := recover(); r != nil {
			result, err = nil, recovered(r)
		}
	}()
	return h.Hash(v)
}

// recovered returns a panic's value as an error.
func recovered(r any) error {
	if err, ok := r.(error); ok {
		return fmt.Errorf("panic: %w", err)
	}
	return fmt.Errorf("panic: %v", r)
}

// isAddress reports whether values of type t identify by where they are.
func isAddress(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Pointer, reflect.UnsafePointer, reflect.Uintptr, reflect.Chan, reflect.Func:
		return true
	}
	return false
}

// mayHoldAddress reports whether the key of a hash function's result may be an address, or contain one as a number.
func (fam *family) mayHoldAddress(t reflect.Type) bool {
	return isAddress(t) || fam.plan(t, false).addresses
}

// containsAddress reports whether a uintptr, or an interface that may hold one, is within t.
func containsAddress(t reflect.Type, seen map[reflect.Type]bool) bool {
	if seen[t] {
		return false
	}
	seen[t] = true
	switch t.Kind() {
	case reflect.Uintptr, reflect.Interface:
		return true
	case reflect.Pointer, reflect.Slice, reflect.Array:
		return containsAddress(t.Elem(), seen)
	case reflect.Map:
		return containsAddress(t.Key(), seen) || containsAddress(t.Elem(), seen)
	case reflect.Struct:
		for i := range t.NumField() {
			if containsAddress(t.Field(i).Type, seen) {
				return true
			}
		}
	}
	return false
}

func addressReason(t reflect.Type) string {
	return fmt.Sprintf("a `%v` is an address, which is another one in every run and in every container, so nothing cached would ever be found; return a value that identifies the argument, such as a name or an id", t)
}

func addressIn(result any) uintptr {
	v := reflect.ValueOf(result)
	if v.Kind() == reflect.Uintptr {
		return uintptr(v.Uint())
	}
	return v.Pointer()
}

// checkResult is for the static result type of a hash function.
func (fam *family) checkResult(k reflect.Type) *fault {
	if k.Kind() == reflect.Interface { // what it holds is seen at call time
		return nil
	}
	if isAddress(k) {
		if fam.options.AllowAddresses {
			return nil
		}
		return &fault{typ: k, reason: addressReason(k)}
	}
	_, f := fam.compile(k, false)
	return f
}
