package key

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"reflect"
	"slices"
)

// Version is the version of the encoding. It is part of every [Prefix], so keys of two versions never meet. It changes
// whenever the bytes that any value encodes to change.
const Version = 1

// A Hasher is a user's hash function for the values of exactly one type. It beats every built-in rule, at any depth:
// fields, elements, map keys, and what interfaces hold. A Hasher for T is not one for *T, but values behind a *T are
// values of type T and do reach it. Nil pointers, interfaces, functions and channels are hashed as nil and not offered.
type Hasher struct {
	// Type is the type whose values are hashed; nil where TypeName says it.
	Type reflect.Type
	// TypeName is the type's fully qualified name: "example.com/pkg.Type", "*example.com/pkg.Type", "time.Duration",
	// "main.Session". The short form that reflect and error messages use ("pkg.Type") is not accepted in its stead:
	// two packages may share it, and one's values would be given to the other's function.
	TypeName string
	// Name is what messages call the function.
	Name string
	// Hash returns what identifies v. It is called once for each value in each call of Append. What it returns is
	// hashed by these rules, except that this Hasher is not asked again within it, so a function may return its
	// own type.
	Hash func(v any) (any, error)
}

// Options say how arguments are hashed.
type Options struct {
	// Function is the cached function's name in messages.
	Function string
	Hashers  []Hasher
	// AllowAddresses lets a hash function return an address (a pointer, channel, function or uintptr), which is then
	// the identity. Addresses mean nothing outside the process, so only resources, which never leave it, allow them.
	AllowAddresses bool
}

// A Plan is how to encode the values of one type. It is immutable and safe for concurrent use.
type Plan struct {
	typ  reflect.Type
	prog *prog
	fam  *family
}

// Compile returns the plan for values of type t, the type of a cached function's argument. Wherever types alone decide
// that a value cannot be hashed, the error is an [*UnhashableError]; other errors speak of the options.
func Compile(t reflect.Type, o Options) (*Plan, error) {
	if t == nil {
		return nil, errors.New("key: no type to compile a plan for")
	}
	fam, err := newFamily(o)
	if err != nil {
		return nil, err
	}
	pr, f := fam.compile(t)
	if f != nil {
		return nil, f.public(o.Function, t)
	}
	return &Plan{typ: t, prog: pr, fam: fam}, nil
}

// Append appends the canonical encoding of *v to dst. Within one plan, different values have different encodings and
// equal values the same one, in every process and on every machine. It allocates nothing when dst has room and *v
// holds no maps, interfaces or values that marshal themselves. It does not change or keep *v.
//
// Errors are [*UnhashableError], for what interfaces turn out to hold, and [*UserHashError]. dst is then returned as it was.
func Append[T any](p *Plan, dst []byte, v *T) ([]byte, error) {
	if p.typ != reflect.TypeFor[T]() {
		return dst, fmt.Errorf("key: a plan for %v cannot encode a %v", p.typ, reflect.TypeFor[T]())
	}
	if p.prog.simple {
		return runSimple(dst, p.prog.ops, addressOfVar(v)), nil
	}
	// What follows hands addresses to user code, so the compiler moves what they point to to the heap. A copy keeps
	// that cost away from the callers of simple plans, whose arguments stay on their stack.
	c := new(T)
	*c = *v
	return p.appendFull(dst, addressOfVar(c))
}

func (p *Plan) appendFull(dst []byte, v ptr) ([]byte, error) {
	e := encoders.Get().(*encoder)
	out, f := e.run(dst, p.prog, v)
	e.release()
	if f != nil {
		return dst, f.public(p.fam.options.Function, p.typ)
	}
	return out, nil
}

// Type returns the type whose values the plan encodes.
func (p *Plan) Type() reflect.Type { return p.typ }

// Fingerprint covers what decides how the plan's encodings are to be read: the type's [Fingerprint] and the types that
// have a hash function. Two plans with different fingerprints must not share keys.
func (p *Plan) Fingerprint() [32]byte {
	structure := Fingerprint(p.typ)
	var names []string
	for _, h := range p.fam.options.Hashers {
		names = append(names, h.target())
	}
	slices.Sort(names)
	b := append([]byte(nil), structure[:]...)
	for _, name := range names {
		b = appendText(b, name)
	}
	return sha256.Sum256(b)
}

// CheckHashResult reports whether a hash function may return values of type k, as far as types alone decide.
func CheckHashResult(k reflect.Type, o Options) error {
	fam, err := newFamily(o)
	if err != nil {
		return err
	}
	if f := fam.results().checkResult(k); f != nil {
		e := f.unhashable(o.Function, k)
		e.result = k
		return e
	}
	return nil
}
