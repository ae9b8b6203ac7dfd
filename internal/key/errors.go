package key

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// An UnhashableError says that a value cannot be part of a key, which value it is and what to do about it. Its Error
// is complete: several lines, ready to be shown.
type UnhashableError struct {
	// Function is the cached function's name.
	Function string
	// Argument is the field of the function's argument through which the value is reached, or "in" for the argument itself.
	Argument string
	// Type is the type that needs a hash function.
	Type reflect.Type
	// Path leads from the argument to the culprit: "in.Session.conn".
	Path string
	// Reason says why, in a clause without a full stop.
	Reason string
	// Err is the error of the type's own marshaler, nil where there is none.
	Err error

	culprit string       // the type of what Path leads to
	ways    string       // the lines that say what to do
	result  reflect.Type // the type that a hash function returns, where that is the culprit
}

func (e *UnhashableError) Error() string {
	var b strings.Builder
	if e.result != nil {
		fmt.Fprintf(&b, "A hash function in '%s' cannot return a `%s`", e.Function, show(e.result))
		if e.Path != "in" {
			fmt.Fprintf(&b, ": its `%s` (of type `%s`)", strings.TrimPrefix(e.Path, "in."), e.culprit)
		}
		fmt.Fprintf(&b, ": %s.", e.Reason)
		return b.String()
	}
	fmt.Fprintf(&b, "Cannot hash argument '%s' (of type `%s`) in '%s'.\n", e.Argument, show(e.Type), e.Function)
	fmt.Fprintf(&b, "`%s` (of type `%s`): %s.\n%s", e.Path, e.culprit, e.Reason, e.ways)
	return b.String()
}

// Unwrap returns Err.
func (e *UnhashableError) Unwrap() error { return e.Err }

// A UserHashError says that a user's hash function failed or panicked, or returned what cannot identify a value.
type UserHashError struct {
	// Function is the cached function's name, Hasher the hash function's.
	Function, Hasher string
	// Type is the type of the value that was hashed.
	Type reflect.Type
	// Path leads from the argument to the value: "in.Session".
	Path string
	// Err is the function's error, or its panic.
	Err error
}

func (e *UserHashError) Error() string {
	return fmt.Sprintf("Hash function %s failed on `%s` (of type `%v`) in '%s': %v.",
		e.Hasher, e.Path, e.Type, e.Function, e.Err)
}

// Unwrap returns Err.
func (e *UserHashError) Unwrap() error { return e.Err }

// ErrDeclined is what [Append] returns where the function given to [CompileKey] asks for no caching: the call runs uncached,
// and there is nothing to say about it.
var ErrDeclined = errors.New("the call asks for no caching")

// An UncachedError says that this value has no key, although values of its type can have one: its marshaler failed and its
// structure does not show everything, it is nested too deeply, it is a pipe, its lock is held. The call must not fail for it: it
// runs uncached, and that is said once.
type UncachedError struct {
	// Function is the cached function's name.
	Function string
	// Type is the type of the value.
	Type reflect.Type
	// Path leads from the argument to the value: "in.Session".
	Path string
	// Reason says why, in a clause without a full stop. It may contain the text of Err.
	Reason string
	// Err is the error of the type's own marshaler, nil where there is none.
	Err error
}

func (e *UncachedError) Error() string {
	return fmt.Sprintf("argument `%s` (of type `%s`) of '%s' has no key: %s", e.Path, show(e.Type), e.Function, e.Reason)
}

// Unwrap returns Err.
func (e *UncachedError) Unwrap() error { return e.Err }

// A seg is one step from a value to a part of it.
type seg struct {
	text  string
	owner reflect.Type // the struct, where the step is a field
	field int
}

// Values of map keys are arguments, and errors are logged: so no path shows them.
var (
	segElem = seg{text: "[*]"}
	segKey  = seg{text: "[key]"}
)

func indexed(i int) seg { return seg{text: "[" + strconv.Itoa(i) + "]"} }

// A fault is an error on its way out of a plan: each level adds where it came through.
type fault struct {
	typ     reflect.Type // what needs a hash function; nil: the value that the path leads to
	culprit reflect.Type // the type of what the path leads to; nil: typ
	reason  string
	err     error
	hasher  *Hasher
	segs    []seg // innermost first

	uncached bool // the value has no key, though its type can have one
	hard     bool // no form can speak for it
	data     bool // it is data, which may decide the answer
}

// final reports whether the fault stays one beside a form.
func (f *fault) final() bool { return f.hasher != nil || f.hard }

func (f *fault) within(site ...seg) *fault {
	for _, s := range slices.Backward(site) {
		f.segs = append(f.segs, s)
	}
	return f
}

func (f *fault) copy() *fault {
	c := *f
	c.segs = slices.Clone(f.segs)
	return &c
}

// inResult turns a fault within what h returned for a value of type t into h's.
func (f *fault) inResult(h *Hasher, t reflect.Type) *fault {
	if f.uncached {
		return &fault{typ: t, uncached: true, hard: true, err: f.err, reason: "of what its hash function returns, " + f.reason}
	}
	reason := f.reason
	if f.hasher != nil {
		reason = f.err.Error()
	}
	return &fault{typ: t, hasher: h, err: fmt.Errorf("what it returns cannot be hashed: %s", reason)}
}

// public returns the fault as one of the exported errors; root is the type of the argument.
func (f *fault) public(o *Options, root reflect.Type) error {
	if f.hasher == nil {
		e := f.unhashable(o, root)
		if f.uncached {
			return &UncachedError{Function: e.Function, Type: e.Type, Path: e.Path, Reason: e.Reason, Err: e.Err}
		}
		return e
	}
	_, path := f.route()
	return &UserHashError{Function: o.Function, Hasher: f.hasher.display(), Type: f.typ, Path: path, Err: f.err}
}

func (f *fault) unhashable(o *Options, root reflect.Type) *UnhashableError {
	segs, path := f.route()
	typ := f.typ
	if typ == nil {
		typ = root
		for _, s := range segs {
			if s.owner != nil {
				typ = s.owner.Field(s.field).Type
			}
		}
	}
	culprit := f.culprit
	if culprit == nil {
		culprit = typ
	}
	argument := "in"
	hidden := len(segs) == 1 && f.culprit != nil && f.culprit != f.typ // an unexported field: the argument is the culprit
	if len(segs) > 0 && segs[0].owner != nil && !hidden {
		argument = segs[0].owner.Field(segs[0].field).Name
	}
	a := advice{home: o.Package, root: root, typ: typ, segs: segs, data: f.data, reason: f.reason}
	if a.home == "" {
		a.home = homeOf(root)
	}
	return &UnhashableError{Function: o.Function, Argument: argument, Type: typ, Path: path, Reason: f.reason, Err: f.err,
		culprit: show(culprit), ways: a.String()}
}

// longPath is how much of a path is shown at either end of a very long one.
const longPath = 120

func (f *fault) route() ([]seg, string) {
	segs := slices.Clone(f.segs)
	slices.Reverse(segs)
	var b strings.Builder
	b.WriteString("in")
	for _, s := range segs {
		b.WriteString(s.text)
	}
	path := b.String()
	if len(path) > 2*longPath+3 {
		path = path[:longPath] + "..." + path[len(path)-longPath:]
	}
	return segs, path
}
