package key

import (
	"fmt"
	"reflect"
	"slices"
	"sync"
)

// A family is a set of rules: options, less the hash functions within whose results we are. Plans for the types that
// interfaces turn out to hold are made once for each family.
type family struct {
	options Options
	off     []bool // hash functions that are not asked, by index
	inside  bool   // within the result of a hash function, where a uintptr is an address

	plans sync.Map // reflect.Type -> *dynamicPlan

	mu      sync.Mutex
	without map[int]*family
}

// A dynamicPlan is how to encode values of the type that an interface holds.
type dynamicPlan struct {
	header []byte // the type's name and structure
	prog   *prog
	direct bool
	fault  *fault
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
	return &family{options: o, off: make([]bool, len(o.Hashers))}, nil
}

// results returns the rules for what a hash function returns.
func (fam *family) results() *family { return fam.child(-1) }

// child returns the rules for the result of hash function i: without that function, so that one that returns its own type,
// or two that return each other's, come to an end.
func (fam *family) child(i int) *family {
	fam.mu.Lock()
	defer fam.mu.Unlock()
	if c := fam.without[i]; c != nil {
		return c
	}
	c := &family{options: fam.options, off: slices.Clone(fam.off), inside: true}
	if i >= 0 {
		c.off[i] = true
	}
	if fam.without == nil {
		fam.without = map[int]*family{}
	}
	fam.without[i] = c
	return c
}

// plan returns how to encode values of type t that an interface holds.
func (fam *family) plan(t reflect.Type) *dynamicPlan {
	if d, ok := fam.plans.Load(t); ok {
		return d.(*dynamicPlan)
	}
	d := &dynamicPlan{direct: heldDirectly(t)}
	if d.header, d.fault = dynamicHeader(t); d.fault == nil {
		d.prog, d.fault = fam.compile(t)
	}
	actual, _ := fam.plans.LoadOrStore(t, d)
	return actual.(*dynamicPlan)
}

// headers remembers which type each header stands for.
var headers sync.Map // string -> reflect.Type

// dynamicHeader returns what tells values of type t apart from values of other types in the same interface: the full name,
// and unless the name is one of the language's own, the structure. Two types that are declared in different functions
// may share both; nothing tells their values apart, so the second one is refused.
func dynamicHeader(t reflect.Type) ([]byte, *fault) {
	header := appendText(nil, fullName(t))
	if t.PkgPath() != "" || t.Name() == "" {
		structure := Fingerprint(t)
		header = append(header, structure[:]...)
	}
	if other, loaded := headers.LoadOrStore(string(header), t); loaded && other != any(t) {
		return nil, &fault{typ: t, reason: "another type has the same package, name and structure (two types declared within functions): keys could not tell their values apart"}
	}
	return header, nil
}

// dynamic encodes what the interface at p holds.
func (e *encoder) dynamic(dst []byte, o *op, p ptr) ([]byte, *fault) {
	t := dynamicType(p, o.full.methods)
	if t == nil {
		return append(dst, tagNil), nil
	}
	d := o.full.fam.plan(t)
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
