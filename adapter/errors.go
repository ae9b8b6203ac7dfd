package adapter

import (
	"errors"
	"fmt"
	"reflect"
	"strings"

	"github.com/stillwarm/stillwarm/internal/clone"
	"github.com/stillwarm/stillwarm/internal/engine"
	"github.com/stillwarm/stillwarm/internal/engine/resource"
	"github.com/stillwarm/stillwarm/internal/key"
	"github.com/stillwarm/stillwarm/serialize"
)

// ErrRecursive is what a cached function gets that calls itself with the arguments it is running for: waiting for its
// own result would never end. It also ends a ring of cached functions that wait for each other.
var ErrRecursive = engine.ErrRecursive

// ErrInvalid is what Resource.Get returns when an object that was opened in place of an invalid one does not pass its
// validation either. The error wraps the cause as well, where [ValidateErr] names one or the validation panicked.
var ErrInvalid = resource.ErrInvalid

// UnhashableParamError says that an argument cannot be part of a key: at wrap time wherever the types alone decide
// it, at call time for the dynamic value of an interface. Its text names both ways out.
type UnhashableParamError struct {
	Function string       // the cached function
	Argument string       // the field of In through which the culprit is reached, or "in"
	Type     reflect.Type // the type that needs a hash function
	Path     string       // the way to the culprit, such as "in.Session.conn"
	cause    error
}

// Error returns the message in full, with both ways out.
func (e *UnhashableParamError) Error() string { return e.cause.Error() }

// Unwrap returns the cause, for a value whose own marshaler failed.
func (e *UnhashableParamError) Unwrap() error { return errors.Unwrap(e.cause) }

// UserHashError says that a hash function given with [HashFunc] or [HashFuncNamed] failed, panicked or returned
// something that cannot identify a value.
type UserHashError struct {
	Function string       // the cached function
	Hasher   string       // the hash function
	Type     reflect.Type // the type it was given for
	Path     string       // the way to the value
	cause    error
	err      error
}

// Error returns the message in full.
func (e *UserHashError) Error() string { return e.cause.Error() }

// Unwrap returns what the hash function failed with.
func (e *UserHashError) Unwrap() error { return e.err }

// hashError turns what package key reports into the errors of this package.
func hashError(err error) error {
	if err == nil {
		return nil
	}
	if u, ok := errors.AsType[*key.UnhashableError](err); ok {
		return &UnhashableParamError{Function: u.Function, Argument: u.Argument, Type: u.Type, Path: u.Path, cause: u}
	}
	if h, ok := errors.AsType[*key.UserHashError](err); ok {
		return &UserHashError{Function: h.Function, Hasher: h.Hasher, Type: h.Type, Path: h.Path, cause: h, err: h.Err}
	}
	return err
}

// UnserializableReturnValueError says that a result would lose something on its way into the cache and back, so that a
// hit could differ from the miss. It is found when the function is wrapped.
type UnserializableReturnValueError struct {
	Function string       // the cached function
	Type     reflect.Type // its result type
	Culprit  reflect.Type // the type that cannot be restored
	Path     string       // the way to it, such as "out.Session.conn"
	Reason   string
}

// Error returns the message in full: the type, the field, why, and what to use instead.
func (e *UnserializableReturnValueError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "Cannot serialize the return value (of type `%v`) in '%s'.\n", e.Type, shortName(e.Function))
	fmt.Fprintf(&b, "%s (of type `%v`) cannot be restored: %s.\n", e.Path, e.Culprit, e.Reason)
	b.WriteString("CacheData keeps results as bytes and gives every caller a copy. For a connection, a client, a model or anything " +
		"else that must be shared, use adapter.CacheResource.")
	return b.String()
}

func unserializable(function string, err error) error {
	var u *serialize.UnserializableError
	if errors.As(err, &u) {
		return &UnserializableReturnValueError{Function: function, Type: u.Type, Culprit: u.Culprit, Path: u.Path, Reason: u.Reason}
	}
	return err
}

// uncopyable is unserializable for what package clone reports.
func uncopyable(function string, err error) error {
	var u *clone.UnsupportedError
	if errors.As(err, &u) {
		return &UnserializableReturnValueError{Function: function, Type: u.Type, Culprit: u.Culprit, Path: u.Path, Reason: u.Reason}
	}
	return err
}

// OptionError says that an option, or a setting of the configuration, cannot be honoured.
type OptionError struct {
	Function string // the cached function; empty for a setting
	Option   string // such as "TTL" or "STILLWARM_BACKEND"
	Value    string // what was given
	Reason   string // what is accepted
	Place    string // file:line of the call that wraps; empty for a setting
}

// Error names the option, its value, the place and what is accepted.
func (e *OptionError) Error() string {
	var b strings.Builder
	b.WriteString(e.Option)
	if e.Value != "" {
		fmt.Fprintf(&b, "(%s)", e.Value)
	}
	if e.Function != "" {
		fmt.Fprintf(&b, " of '%s'", shortName(e.Function))
	}
	if e.Place != "" {
		fmt.Fprintf(&b, " at %s", e.Place)
	}
	fmt.Fprintf(&b, ": %s", e.Reason)
	return b.String()
}
