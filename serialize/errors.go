package serialize

import (
	"errors"
	"fmt"
	"reflect"

	"github.com/stillwarm/stillwarm/internal/zone"
)

// Errors about values that cannot be written, for errors.Is. They are found when a value is encoded, because types
// alone do not decide them: the value is then not stored, and nothing else happens to it.
var (
	// ErrTooDeep: pointers, slices, maps and interfaces are nested deeper than the codec follows them (10,000).
	ErrTooDeep = errors.New("the value is nested too deeply")
	// ErrDynamicType: an interface holds a value of a type that could not be restored.
	ErrDynamicType = errors.New("an interface holds a value whose type cannot be restored")
	// ErrTooLarge: the encoding grows beyond what an entry may hold, or the value that it stands for beyond the memory that
	// it may take.
	ErrTooLarge = errors.New("too large")
	// ErrZone: a time is in a zone that cannot be loaded again under its name, or has other rules here.
	ErrZone = zone.ErrUnknown
	// ErrKeysCollide: two keys of a map are one once they are decoded: the same instant in two locations that are one zone.
	ErrKeysCollide = errors.New("two keys of a map are the same once decoded")
	// ErrMalformed: the bytes are not an encoding of the codec's type.
	ErrMalformed = errors.New("malformed encoding")
)

// UnserializableError says that values of a type would lose something between encoding and decoding, and where.
type UnserializableError struct {
	Type    reflect.Type // the type that a codec was asked for
	Culprit reflect.Type // the type that cannot be restored; Type itself or one that it contains
	Path    string       // where Culprit is, from the root "out": "out.Session.conn", "out.Items[].Next"
	Reason  string       // why it cannot, and what would help, without a final full stop
}

// Error names type, path, culprit and reason in one line, and the way out.
func (e *UnserializableError) Error() string {
	return fmt.Sprintf("cannot serialize %s: %s (of type %s): %s; what cannot be stored is kept by CacheResource",
		e.Type, e.Path, e.Culprit, e.Reason)
}

// ErrBadEntry is what every [EntryError] matches, for errors.Is: the entry must be treated as a miss.
var ErrBadEntry = errors.New("bad cache entry")

// Reason is the kind of an [EntryError].
type Reason uint8

// The reasons for which an entry is refused.
const (
	NotAnEntry   Reason = iota + 1 // the bytes do not begin as an entry does
	Truncated                      // there are fewer bytes than the entry says it has
	OtherVersion                   // written in a version of the format that this code does not know
	BadChecksum                    // the bytes have changed since they were written
	OtherAddress                   // written under another key
	TooLarge                       // larger than Options.MaxSize allows, or claims to be
	Inconsistent                   // fields contradict each other, or the compressed payload is damaged
	NotSealed                      // not sealed, although keys are set
	UnknownKey                     // sealed with a key that is not among those set
	DoesNotOpen                    // the key is known but the seal does not hold: altered, moved, or another key of that name
)

var reasonText = [...]string{
	NotAnEntry:   "not an entry",
	Truncated:    "truncated",
	OtherVersion: "written in another version of the format",
	BadChecksum:  "checksum does not match",
	OtherAddress: "written under another key",
	TooLarge:     "too large",
	Inconsistent: "inconsistent",
	NotSealed:    "not sealed, although sealing keys are set",
	UnknownKey:   "sealed with an unknown key",
	DoesNotOpen:  "the seal does not open",
}

// String returns the reason in words.
func (r Reason) String() string {
	if int(r) < len(reasonText) && reasonText[r] != "" {
		return reasonText[r]
	}
	return fmt.Sprintf("reason %d", uint8(r))
}

// EntryError says why bytes were refused as an entry, or a payload as the content of one. It matches [ErrBadEntry].
type EntryError struct {
	Reason Reason
	Detail string // figures or names that help to find the cause; may be empty; never key material or payload
}

// Error returns the reason and the detail in one line.
func (e *EntryError) Error() string {
	if e.Detail == "" {
		return ErrBadEntry.Error() + ": " + e.Reason.String()
	}
	return ErrBadEntry.Error() + ": " + e.Reason.String() + ": " + e.Detail
}

// Is reports whether target is [ErrBadEntry].
func (e *EntryError) Is(target error) bool { return target == ErrBadEntry }

func refuse(r Reason, format string, args ...any) error {
	return &EntryError{Reason: r, Detail: fmt.Sprintf(format, args...)}
}
