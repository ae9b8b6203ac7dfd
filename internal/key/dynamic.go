package key

import (
	"encoding/binary"
	"fmt"
	"reflect"
	"slices"
	"sync"
)

// A family is a set of rules: options, or what of them holds within the result of a hash function. Plans for the types that
// interfaces turn out to hold are made once for each family.
type family struct {
	options Options
	inside  bool // within the result of a hash function, which sees arguments only, and where a uintptr is an address

	rules  sync.Map // reflect.Type -> rule
	plans  sync.Map // reflect.Type -> *dynamicPlan
	beside sync.Map // likewise, for what stands beside a form

	once   sync.Once
	result *family
}

// A dynamicPlan is how to encode values of the type that an interface holds.
type dynamicPlan struct {
	header []byte // the type's name and structure
	prog   *prog
	direct bool
	fault  *fault

	addresses bool // of what a hash function returned: it may contain an address
}

func newFamily(o Options) (*family, error) {
	o.Hashers = slices.Clone(o.Hashers)
	seen := map[string]bool{}
	for i := range o.Hashers {
		h := &o.Hashers[i]
		if err := h.check(); err != nil {
			return nil, err
		}
		if target := h.target(); seen[target] {
			return nil, fmt.Errorf("two hash functions for `%s`: only one can decide what identifies its values", target)
		} else {
			seen[target] = true
		}
	}
	return &family{options: o}, nil
}

// results returns the rules for what hash functions return.
func (fam *family) results() *family {
	if fam.inside {
		return fam
	}
	fam.once.Do(func() { fam.result = &family{options: fam.options, inside: true} })
	return fam.result
}

// plan returns how to encode values of type t that an interface holds, beside a form or not.
func (fam *family) plan(t reflect.Type, beside bool) *dynamicPlan {
	plans := &fam.plans
	if beside {
		plans = &fam.beside
	}
	if d, ok := plans.Load(t); ok {
		return d.(*dynamicPlan)
	}
	d := &dynamicPlan{direct: heldDirectly(t)}
	d.addresses = fam.inside && containsAddress(t, map[reflect.Type]bool{})
	if d.header, d.fault = dynamicHeader(t); d.fault == nil {
		d.prog, d.fault = fam.compile(t, beside)
	}
	actual, _ := plans.LoadOrStore(t, d)
	return actual.(*dynamicPlan)
}

// headers remembers which type each header stands for.
var headers sync.Map // string -> reflect.Type

// dynamicHeader returns what tells values of type t apart from values of other types in the same interface: the full name,
// and unless the name is one of the language's own, the structure and the compiler's number for each declared type in it.
// Should two types share all that, nothing tells their values apart, and the second one has no key.
func dynamicHeader(t reflect.Type) ([]byte, *fault) {
	header := appendText(nil, fullName(t))
	if t.PkgPath() != "" || t.Name() == "" {
		structure := Fingerprint(t)
		header = append(header, structure[:]...)
		header = appendTypeHashes(header, t)
	}
	if other, loaded := headers.LoadOrStore(string(header), t); loaded && other != any(t) {
		return nil, &fault{typ: t, uncached: true, reason: "another type has the same package, name and structure: keys could not tell their values apart"}
	}
	return header, nil
}

// appendTypeHashes appends the compiler's numbers of the declared types that t is put together of.
func appendTypeHashes(dst []byte, t reflect.Type) []byte {
	if t.Name() != "" {
		if t.PkgPath() != "" {
			dst = binary.LittleEndian.AppendUint32(dst, typeHash(t))
		}
		return dst
	}
	switch t.Kind() {
	case reflect.Map:
		return appendTypeHashes(appendTypeHashes(dst, t.Key()), t.Elem())
	case reflect.Pointer, reflect.Slice, reflect.Array, reflect.Chan:
		return appendTypeHashes(dst, t.Elem())
	case reflect.Struct:
		for i := range t.NumField() {
			dst = appendTypeHashes(dst, t.Field(i).Type)
		}
	}
	return dst
}

// dynamic encodes what the interface at p holds.
func (e *encoder) dynamic(dst []byte, o *op, p ptr, beside bool) ([]byte, *fault) {
	t := dynamicType(p, o.full.methods)
	if t == nil {
		return append(dst, tagNil), nil
	}
	d := o.full.fam.plan(t, beside)
	if d.fault != nil {
		return dst, d.fault.copy()
	}
	if f := e.deeper(); f != nil {
		f.typ = t
		return dst, f
	}
	dst = append(append(dst, tagValue), d.header...)
	dst, f := e.run(dst, d.prog, dynamicValue(p, d.direct))
	e.depth--
	return dst, f
}
