package adapter

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"reflect"

	"github.com/stillwarm/stillwarm/internal/key"
)

// keyFunc is a function given through Key.
type keyFunc struct {
	fn         any
	in, result reflect.Type
	call       any `same:"-"` // func(*In) (result any, cached bool)
}

// Key makes what the function returns the whole key of an argument, in place of the rules for In: for arguments of
// which little decides the result, or that cannot be hashed. What it returns is hashed by the ordinary rules, in one
// key-space for each cached function. False says that this call is not to be cached: the function runs, nothing is read
// or stored.
//
// Everything that decides the result must be in what it returns. For a request, that is the caller's authorization too.
func Key[In, K any](key func(In) (K, bool)) Option {
	return Option{func(c *options) {
		if key == nil {
			c.problem("Key", "nil", "needs a function")
			return
		}
		c.key = keyFunc{
			fn: key, in: reflect.TypeFor[In](), result: reflect.TypeFor[K](),
			call: func(in *In) (any, bool) { return key(*in) },
		}
	}}
}

// argumentKey is how the argument of one function is encoded in its keys. It is safe for concurrent use.
type argumentKey[In any] struct {
	plan     *key.Plan
	function string
	hasher   string                // the name of Key's function
	key      func(*In) (any, bool) // Key's function; nil: the argument itself
}

// keyOfCall is what the plan of a function with Key encodes.
type keyOfCall struct{ result any }

// compileArgument compiles how the argument of a function is hashed. The errors are those of NewData.
func compileArgument[In any](o *options, id identity, addresses bool) (*argumentKey[In], error) {
	ko := key.Options{Function: shortName(id.name), AllowAddresses: addresses}
	results := make([]hashFunc, 0, len(o.hashers)+1)
	for _, h := range o.hashers {
		ko.Hashers = append(ko.Hashers, key.Hasher{Type: h.arg, TypeName: h.typeName, Name: funcName(h.fn), Hash: h.hash})
		if h.result != nil {
			results = append(results, h)
		}
	}
	a := &argumentKey[In]{function: id.name}
	typ := reflect.TypeFor[In]()
	if o.key.fn != nil {
		a.key, a.hasher = o.key.call.(func(*In) (any, bool)), funcName(o.key.fn)
		results = append(results, hashFunc{fn: o.key.fn, arg: typ, result: o.key.result})
		typ = reflect.TypeFor[keyOfCall]()
		ko.Hashers = append(ko.Hashers, key.Hasher{
			Type: typ, Name: a.hasher, Hash: func(v any) (any, error) { return v.(keyOfCall).result, nil },
		})
	}
	for _, h := range results {
		if err := key.CheckHashResult(h.result, ko); err != nil {
			name := funcName(h.fn)
			return nil, &UserHashError{
				Function: id.name, Hasher: name, Type: h.arg, err: err,
				cause: fmt.Errorf("%w (the hash function is %s, for `%v`)", err, shortName(name), h.arg),
			}
		}
	}
	var err error
	if a.plan, err = key.Compile(typ, ko); err != nil {
		return nil, hashError(err)
	}
	return a, nil
}

// append appends the encoding of an argument. cached is false where Key says so. After an error dst is as it was.
func (a *argumentKey[In]) append(dst []byte, in *In) (enc []byte, cached bool, err error) {
	if a.key == nil {
		enc, err = key.Append(a.plan, dst, in)
		return enc, true, hashError(err)
	}
	return a.appendKey(dst, *in)
}

// appendKey is append with Key. It gets a copy, so that the arguments of other functions stay on their stack.
func (a *argumentKey[In]) appendKey(dst []byte, in In) (enc []byte, cached bool, err error) {
	result, cached, err := a.call(&in)
	if !cached || err != nil {
		return dst, false, err
	}
	enc, err = key.Append(a.plan, dst, &keyOfCall{result})
	return enc, true, a.keyError(err)
}

// call calls Key's function.
func (a *argumentKey[In]) call(in *In) (result any, cached bool, err error) {
	defer func() {
		if r := recover(); r != nil {
			cause := fmt.Errorf("panic: %v", r)
			if e, ok := r.(error); ok {
				cause = fmt.Errorf("panic: %w", e)
			}
			err = a.userError(cause)
		}
	}()
	result, cached = a.key(in)
	return result, cached, nil
}

// keyError turns an error about what Key's function returned into one that names that function.
func (a *argumentKey[In]) keyError(err error) error {
	if err == nil {
		return nil
	}
	if h, ok := errors.AsType[*key.UserHashError](err); ok {
		return a.userError(h.Err)
	}
	return hashError(err)
}

func (a *argumentKey[In]) userError(cause error) error {
	typ := reflect.TypeFor[In]()
	return &UserHashError{
		Function: a.function, Hasher: a.hasher, Type: typ, Path: "in", err: cause,
		cause: fmt.Errorf("the key function %s of '%s' failed for its argument (of type `%v`): %w",
			shortName(a.hasher), shortName(a.function), typ, cause),
	}
}

// fingerprint identifies how the encodings are to be read: functions with different fingerprints must not share keys. The
// shape of the argument is always part of it.
func (a *argumentKey[In]) fingerprint() [32]byte {
	sum := a.plan.Fingerprint()
	if a.key == nil {
		return sum
	}
	in := key.Fingerprint(reflect.TypeFor[In]())
	return sha256.Sum256(append(sum[:], in[:]...))
}
