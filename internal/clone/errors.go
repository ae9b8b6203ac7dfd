package clone

import (
	"errors"
	"fmt"
	"reflect"

	"github.com/stillwarm/stillwarm/serialize"
)

// Errors of Copy and Keep, for errors.Is. They match the errors of the same name in package serialize too: what cannot be copied
// for one of these reasons cannot be encoded either.
var (
	// ErrTooDeep reports a value that nests deeper than 10,000 pointers, slices and maps.
	ErrTooDeep = fmt.Errorf("clone: %w", serialize.ErrTooDeep)
	// ErrTooLarge reports a value whose copy would take more than a gibibyte.
	ErrTooLarge = fmt.Errorf("clone: %w", serialize.ErrTooLarge)
	// ErrKeysCollide reports a map with two keys that become one when they are copied or stored.
	ErrKeysCollide = fmt.Errorf("clone: %w: use keys that are equal only if they are the same", serialize.ErrKeysCollide)
)

// ErrOverlap reports a value whose parts share memory in a way that a copy cannot keep: a slice and its beginning, a pointer to an
// element or to a field.
var ErrOverlap = errors.New("clone: parts of the value share memory otherwise than by equal pointers, maps or slices")

// A LossError reports a value that a type's own methods do not restore: they redact, round or forget something.
type LossError struct {
	Type reflect.Type // the type with the methods
}

// Error names the type.
func (e *LossError) Error() string {
	return fmt.Sprintf("clone: the methods by which a %v stores itself do not restore this value exactly", e.Type)
}

// An UnsupportedError says why the values of a type cannot be copied.
type UnsupportedError struct {
	Type    reflect.Type // the type given to Compile
	Culprit reflect.Type // the part of it that cannot be copied; Type itself or one that it contains
	Path    string       // where the part is, from the function's result on: "out.Session.conn"
	Reason  string       // why it cannot, without a final full stop
}

// Error names the type, the culprit, its place and the reason in one line.
func (e *UnsupportedError) Error() string {
	return fmt.Sprintf("cannot copy %v: %s (of type %v): %s", e.Type, e.Path, e.Culprit, e.Reason)
}

// A DynamicTypeError reports an interface that holds a value whose type the codec would not restore. It matches
// serialize.ErrDynamicType.
type DynamicTypeError struct {
	Dynamic reflect.Type
}

// Error names the type.
func (e *DynamicTypeError) Error() string {
	return fmt.Sprintf("clone: %v: it holds a %v", serialize.ErrDynamicType, e.Dynamic)
}

// Unwrap returns serialize.ErrDynamicType.
func (e *DynamicTypeError) Unwrap() error { return serialize.ErrDynamicType }
