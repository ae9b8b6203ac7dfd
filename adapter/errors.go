package adapter

import (
	"errors"
	"fmt"
	"io"
	"reflect"
	"strconv"
	"strings"

	"github.com/stillwarm/stillwarm/internal/clone"
	"github.com/stillwarm/stillwarm/internal/engine"
	"github.com/stillwarm/stillwarm/internal/engine/resource"
	"github.com/stillwarm/stillwarm/internal/key"
	"github.com/stillwarm/stillwarm/serialize"
)

// ErrRecursive is returned to a cached function that calls itself with the same arguments: it would wait for its own
// result forever. It also ends a ring of cached functions that wait for each other.
var ErrRecursive = engine.ErrRecursive

// ErrInvalid is what Resource.Get returns when an object that was opened in place of an invalid one does not pass its
// validation either. The error wraps the cause as well, where [ValidateErr] names one or the validation panicked.
var ErrInvalid = resource.ErrInvalid

// UnhashableParamError says that an argument cannot be part of a key: at wrap time wherever the types alone decide
// it, at call time for the dynamic value of an interface. Its text names both ways out; with the verb %+v they stand on
// lines of their own, to be copied.
type UnhashableParamError struct {
	Function string       // the cached function
	Argument string       // the field of In through which the culprit is reached, or "in"
	Type     reflect.Type // the type that needs a hash function
	Path     string       // the way to the culprit, such as "in.Session.conn"
	cause    error
}

// Error returns the message, with both ways out, on one line.
func (e *UnhashableParamError) Error() string { return oneLine(e.cause.Error()) }

// Format writes the message on several lines for %+v, and on one for every other verb.
func (e *UnhashableParamError) Format(s fmt.State, verb rune) { format(s, verb, e.cause.Error()) }

// Unwrap returns the cause, for a value whose own marshaler failed.
func (e *UnhashableParamError) Unwrap() error { return errors.Unwrap(e.cause) }

// UserHashError means that a hash function given with [HashFunc] or [HashFuncNamed] failed, panicked or returned
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

// UnserializableReturnValueError means that a result would lose something in the cache, so that a hit could differ from
// the miss. It is found when the function is wrapped.
type UnserializableReturnValueError struct {
	Function string       // the cached function
	Type     reflect.Type // its result type
	Culprit  reflect.Type // the type that cannot be restored
	Path     string       // the way to it, such as "out.Session.conn"
	Reason   string
}

// Error returns the message on one line: the type, the field, why, and what to use instead.
func (e *UnserializableReturnValueError) Error() string { return oneLine(e.full()) }

// Format writes the message on several lines for %+v, and on one for every other verb.
func (e *UnserializableReturnValueError) Format(s fmt.State, verb rune) { format(s, verb, e.full()) }

func (e *UnserializableReturnValueError) full() string {
	var b strings.Builder
	fmt.Fprintf(&b, "Cannot serialize the return value (of type `%v`) in '%s'.\n", e.Type, shortName(e.Function))
	fmt.Fprintf(&b, "%s (of type `%v`) cannot be restored: %s.\n", e.Path, e.Culprit, e.Reason)
	b.WriteString("CacheData keeps results as bytes and gives every caller a copy. For a connection, a client, a model or anything " +
		"else that must be shared, use adapter.CacheResource.")
	return b.String()
}

// oneLine is a message as a log record has it.
func oneLine(message string) string { return strings.Join(strings.Fields(message), " ") }

func format(s fmt.State, verb rune, message string) {
	switch {
	case verb == 'v' && s.Flag('+'):
	case verb == 'q':
		message = strconv.Quote(oneLine(message))
	default:
		message = oneLine(message)
	}
	_, _ = io.WriteString(s, message)
}

// inFull is what functions panic with that wrap for a package-level variable: whoever starts the program reads it in a
// terminal.
type inFull struct{ error }

func (e inFull) Error() string { return fmt.Sprintf("%+v", e.error) }
func (e inFull) Unwrap() error { return e.error }

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

// OptionError means that an option, or a setting of the configuration, cannot be used.
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
