package adapter

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"reflect"

	"github.com/stillwarm/stillwarm/internal/key"
)

// keyFunc is a function given through Key.
type keyFunc struct {
	fn      any
	in      reflect.Type
	compile func(name string, o key.Options) (*key.Plan, error) `same:"-"`
}

// Key replaces the rules for In: the result of hash is the whole key of an argument. Use it if little of the argument
// decides the result, or if it cannot be hashed. The result is hashed by the ordinary rules, in one key space for each
// cached function. With false the call is not cached: the function runs, and nothing is read or stored.
//
// Everything that decides the cached result must be in the key. For a request, that includes the caller's
// authorization.
func Key[In, K any](hash func(In) (K, bool)) Option {
	return Option{func(c *options) {
		if hash == nil {
			c.problem("Key", "nil", "needs a function")
			return
		}
		c.key = keyFunc{
			fn: hash, in: reflect.TypeFor[In](),
			compile: func(name string, o key.Options) (*key.Plan, error) { return key.CompileKey(hash, name, o) },
		}
	}}
}

// argumentKey is how the argument of one function is encoded in its keys. It is safe for concurrent use.
type argumentKey struct {
	plan   *key.Plan
	assign func(dst, src ptr) // for arguments
}

// compileArgument compiles how the argument of a function is hashed. The errors are those of NewData.
func compileArgument(in reflect.Type, assign func(dst, src ptr), o *options, id identity, addresses bool) (*argumentKey, error) {
	ko := key.Options{Function: shortName(id.name), Package: id.pkg, AllowAddresses: addresses, CanonicalJSON: o.canonicalJSON}
	if o.key.fn != nil {
		name := funcName(o.key.fn)
		plan, err := o.key.compile(name, ko)
		if err != nil {
			return nil, badHashFunc(id, name, o.key.in, err)
		}
		return &argumentKey{plan, assign}, nil
	}
	for _, h := range o.hashers {
		ko.Hashers = append(ko.Hashers, key.Hasher{Type: h.arg, TypeName: h.typeName, Name: funcName(h.fn), Hash: h.hash})
	}
	for _, h := range o.hashers {
		if h.result == nil {
			continue
		}
		if err := key.CheckHashResult(h.result, ko); err != nil {
			return nil, badHashFunc(id, funcName(h.fn), h.arg, err)
		}
	}
	plan, err := key.Compile(in, ko)
	if err != nil {
		return nil, hashError(err)
	}
	return &argumentKey{plan, assign}, nil
}

// badHashFunc is the error of a hash function whose results cannot be hashed.
func badHashFunc(id identity, name string, arg reflect.Type, err error) error {
	return &UserHashError{
		Function: id.name, Hasher: name, Type: arg, err: err,
		cause: fmt.Errorf("%w (the hash function is %s, for `%v`)", err, shortName(name), arg),
	}
}

// boxed returns the address of a copy of the argument on the heap.
func (a *argumentKey) boxed(in ptr) ptr {
	box := newOf(a.plan.Type())
	a.assign(box, in)
	return box
}

// append appends the encoding of an argument. cached is false where Key says so, and where the argument has no key: see
// Runtime.withoutKey. After an error dst is as it was.
func (a *argumentKey) append(dst []byte, in ptr) (enc []byte, cached bool, err error) {
	enc, err = key.AppendAt(a.plan, dst, in, a.boxed)
	if err == nil {
		return enc, true, nil
	}
	if err == key.ErrDeclined { //nolint:errorlint // never wrapped
		return dst, false, nil
	}
	return dst, false, hashError(err)
}

// appendPinned is append for a resource, whose keys may hold addresses: pinned is what must stay in memory as long as
// the key means something, or nil.
func (a *argumentKey) appendPinned(dst []byte, in ptr) (enc []byte, cached bool, pinned any, err error) {
	if !a.plan.MayHoldAddresses() {
		enc, cached, err = a.append(dst, in)
		return enc, cached, nil, err
	}
	var held key.Report
	enc, err = key.AppendReportAt(a.plan, dst, a.boxed(in), &held)
	if err == key.ErrDeclined { //nolint:errorlint // never wrapped
		return dst, false, nil, nil
	}
	if err != nil {
		return dst, false, nil, hashError(err)
	}
	return enc, true, held.Held, nil
}

// withoutKey reports whether err says that the call's argument has no key, so that the call runs uncached. It is said once.
func (rt *Runtime) withoutKey(ctx context.Context, function string, err error) bool {
	u, ok := errors.AsType[*key.UncachedError](err)
	if ok {
		rt.logOnce(ctx, "no key "+function, slog.LevelWarn, "an argument has no key; the call runs uncached", "function", function, "error", u.Error())
	}
	return ok
}

// fingerprint identifies how the encodings are to be read: functions with different fingerprints must not share keys. The
// shape of the argument is always part of it.
func (a *argumentKey) fingerprint() [32]byte { return a.plan.Fingerprint() }
