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
const Version = 2

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
	// hashed by the built-in rules: hash functions see arguments only, so one may return its own type.
	Hash func(v any) (any, error)
}

// Options say how arguments are hashed.
type Options struct {
	// Function is the cached function's name in messages.
	Function string
	// Package is the path of the package in which the options are written, for the lines that messages suggest. Without
	// it that is the package of the argument's type.
	Package string
	Hashers []Hasher
	// AllowAddresses lets a hash function return an address (a pointer, channel, function or uintptr), which is then
	// the identity. Addresses mean nothing outside the process, so only resources, which never leave it, allow them.
	AllowAddresses bool
	// CanonicalJSON makes the key of a json.RawMessage its canonical form (RFC 8785) instead of its bytes.
	CanonicalJSON bool
}

// A Report is what Append found out about one argument besides its key. It may be used again after Reset.
type Report struct {
	// Held are the objects whose addresses are part of the key: what a hash function returned, and what it was given. As
	// long as an entry is stored under the key they must stay reachable, or others may come to lie there.
	Held []any
}

// Reset empties the report.
func (r *Report) Reset() {
	clear(r.Held)
	r.Held = r.Held[:0]
}

func (r *Report) hold(v ...any) {
	if r != nil {
		r.Held = append(r.Held, v...)
	}
}

// A Plan is how to encode the values of one type. It is immutable and safe for concurrent use.
type Plan struct {
	typ  reflect.Type
	prog *prog
	fam  *family
	hook *hook // by what a function says of the whole argument
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
	pr, f := fam.compile(t, false)
	if f != nil {
		return nil, f.public(&fam.options, t)
	}
	return &Plan{typ: t, prog: pr, fam: fam}, nil
}

// Append appends the canonical encoding of *v to dst. Within one plan, different values have different encodings and
// equal values the same one, in every process and on every machine. It allocates nothing when dst has room and *v
// holds no maps, interfaces or values that marshal themselves. It does not change or keep *v, which nobody may change meanwhile.
//
// Errors are [*UnhashableError], for what interfaces turn out to hold, [*UserHashError], [*UncachedError] and [ErrDeclined].
// With the last two the call runs uncached. dst is then returned as it was.
func Append[T any](p *Plan, dst []byte, v *T) ([]byte, error) {
	if p.typ == reflect.TypeFor[T]() && p.prog.simple {
		return runSimple(dst, p.prog.ops, addressOfVar(v)), nil
	}
	// What follows hands addresses to user code, so the compiler moves what they point to to the heap. A copy keeps
	// that cost away from the callers of simple plans, whose arguments stay on their stack.
	return AppendReport(p, dst, copyOf(v), nil)
}

// AppendReport is Append for plans with [Plan.MayHoldAddresses]: it adds to the report, which may be nil.
func AppendReport[T any](p *Plan, dst []byte, v *T, r *Report) ([]byte, error) {
	if p.typ != reflect.TypeFor[T]() {
		return dst, fmt.Errorf("key: a plan for %v cannot encode a %v", p.typ, reflect.TypeFor[T]())
	}
	return AppendReportAt(p, dst, addressOfVar(v), r)
}

// AppendAt is [Append] for the value at v, of the plan's type, for callers that do not know the type. The value may be on a
// stack if heap copies it to the heap, which it does for plans that are not simple.
func AppendAt(p *Plan, dst []byte, v ptr, heap func(ptr) ptr) ([]byte, error) {
	if p.prog.simple {
		return runSimple(dst, p.prog.ops, v), nil
	}
	return AppendReportAt(p, dst, heap(v), nil)
}

// AppendReportAt is [AppendReport] for the value at v, of the plan's type and on the heap.
func AppendReportAt(p *Plan, dst []byte, v ptr, r *Report) ([]byte, error) {
	if p.hook != nil {
		return p.hook.append(dst, v, r)
	}
	return p.appendFull(dst, v, r)
}

func copyOf[T any](v *T) *T {
	c := new(T)
	*c = *v
	return c
}

func (p *Plan) appendFull(dst []byte, v ptr, r *Report) ([]byte, error) {
	e := encoders.Get().(*encoder)
	e.report = r
	out, f := e.run(dst, p.prog, v)
	e.release()
	if f != nil {
		return dst, f.public(&p.fam.options, p.typ)
	}
	return out, nil
}

// MayHoldAddresses reports whether keys may contain addresses of objects, which a [Report] then names. That is so for plans
// that allow addresses and have hash functions.
func (p *Plan) MayHoldAddresses() bool {
	return p.fam.options.AllowAddresses && (p.hook != nil || len(p.fam.options.Hashers) > 0)
}

// Type returns the type whose values the plan encodes.
func (p *Plan) Type() reflect.Type { return p.typ }

// Fingerprint covers what decides how the plan's encodings are to be read: the type's [Fingerprint], the types that
// have a hash function, and whether JSON counts by its canonical form. Two plans with different fingerprints must not share keys.
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
	if p.fam.options.CanonicalJSON {
		b = appendText(b, " canonical JSON") // no type has this name
	}
	if p.hook != nil {
		result := p.hook.plan.Fingerprint()
		b = append(appendText(b, " key"), result[:]...)
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
		e := f.unhashable(&o, k)
		e.result = k
		return e
	}
	return nil
}
