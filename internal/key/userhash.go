package key

import (
	"errors"
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
	for i := range fam.options.Hashers {
		h := &fam.options.Hashers[i]
		if fam.off[i] {
			continue
		}
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
	h := &o.full.fam.options.Hashers[o.full.hasher]
	result, err := callHasher(h, v.Interface())
	if err != nil {
		return dst, &fault{typ: o.full.typ, hasher: h, err: err}
	}
	dst = append(dst, tagUser)
	if result == nil {
		return append(dst, tagNil), nil
	}
	fam := o.full.fam.child(o.full.hasher)
	t := reflect.TypeOf(result)
	if fam.hasher(t) < 0 && isAddress(t) {
		if !fam.options.AllowAddresses {
			return dst, &fault{typ: o.full.typ, hasher: h, err: errors.New(addressReason(t))}
		}
		dst = append(dst, tagValue)
		dst = appendText(dst, fullName(t))
		return appendUint(dst, addressIn(result)), nil
	}
	dst, f := e.result(dst, result, fam)
	if f != nil {
		return dst, f.inResult(h, o.full.typ)
	}
	return dst, nil
}

func (e *encoder) result(dst []byte, result any, fam *family) ([]byte, *fault) {
	d := fam.plan(reflect.TypeOf(result))
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
	if fam.hasher(k) < 0 && isAddress(k) {
		if fam.options.AllowAddresses {
			return nil
		}
		return &fault{typ: k, reason: addressReason(k)}
	}
	_, f := fam.compile(k)
	return f
}
