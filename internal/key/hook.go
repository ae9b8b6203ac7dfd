package key

import (
	"errors"
	"reflect"
)

// A hook is a function that says what identifies a whole argument.
type hook struct {
	plan   *Plan // for what it returns
	arg    reflect.Type
	fam    *family
	hasher Hasher // stands for the function in errors
	append func(dst []byte, arg ptr, r *Report) ([]byte, error)
}

// CompileKey returns a plan for arguments of type In that are keyed by what f returns of them: a hash function for the whole
// argument. Where f returns false, [Append] returns [ErrDeclined]. The name of f is for messages. The result is hashed by the
// built-in rules; the error is that of [CheckHashResult].
func CompileKey[In, K any](f func(In) (K, bool), name string, o Options) (*Plan, error) {
	if f == nil {
		return nil, errors.New("the key function is nil")
	}
	k := reflect.TypeFor[K]()
	if err := CheckHashResult(k, o); err != nil {
		return nil, err
	}
	o.Hashers = nil
	fam, err := newFamily(o)
	if err != nil {
		return nil, err
	}
	inside := fam.results()
	h := &hook{arg: reflect.TypeFor[In](), fam: fam, hasher: Hasher{Type: reflect.TypeFor[In](), Name: name}}
	h.plan = &Plan{typ: k, fam: inside}
	if !isAddress(k) {
		var fault *fault
		if h.plan.prog, fault = inside.compile(k, false); fault != nil {
			return nil, fault.public(&fam.options, k)
		}
	}
	h.append = func(dst []byte, arg ptr, r *Report) ([]byte, error) {
		in := (*In)(arg)
		result, ok, err := callHook(f, in)
		switch {
		case err != nil:
			return dst, h.public(&fault{typ: h.arg, hasher: &h.hasher, err: err})
		case !ok:
			return dst, ErrDeclined
		}
		return appendHook(h, dst, *in, &result, r)
	}
	return &Plan{typ: h.arg, prog: &prog{ready: true}, fam: fam, hook: h}, nil
}

func callHook[In, K any](f func(In) (K, bool), in *In) (result K, ok bool, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = recovered(r)
		}
	}()
	result, ok = f(*in)
	return result, ok, nil
}

func appendHook[K any](h *hook, dst []byte, arg any, result *K, r *Report) ([]byte, error) {
	e := encoders.Get().(*encoder)
	defer e.release()
	var out []byte
	var f *fault
	if h.plan.prog == nil { // an address
		out, f = e.result(dst, *result, h.plan.fam)
	} else {
		out, f = e.run(dst, h.plan.prog, addressOfVar(result))
	}
	if f != nil {
		return dst, h.public(f.inResult(&h.hasher, h.arg))
	}
	if h.fam.options.AllowAddresses && h.plan.fam.mayHoldAddress(h.plan.typ) {
		r.hold(arg, *result)
	}
	return out, nil
}

func (h *hook) public(f *fault) error { return f.public(&h.fam.options, h.arg) }
