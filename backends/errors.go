package backends

import (
	"errors"
	"strings"
)

// Errors that stores return, for errors.Is.
var (
	// ErrNotFound: there is no entry under the key, or it has expired.
	ErrNotFound = errors.New("not found")
	// ErrTooLarge: the store does not accept entries of this size.
	ErrTooLarge = errors.New("entry too large")
	// ErrLeased: another holder has the lease.
	ErrLeased = errors.New("leased by another holder")
	// ErrLeaseLost: the lease is over, or another holder has taken it.
	ErrLeaseLost = errors.New("lease lost")
	// ErrClosed: the manager was closed.
	ErrClosed = errors.New("closed")
)

// LeasedError is an [ErrLeased] that tells one holder from another, so that whoever waits notices when the lease changes
// hands without leaving an entry. A store returns it where it knows.
type LeasedError struct {
	Holder string // opaque; the same as long as the same holder has the lease
}

// Error names no holder: it is of use to programs only.
func (e *LeasedError) Error() string { return ErrLeased.Error() }

// Is reports that it is an [ErrLeased].
func (e *LeasedError) Is(target error) bool { return target == ErrLeased }

// Error is what a backend returns when an operation failed for a reason of its own, for errors.As. Context errors and
// the errors above pass through it, for errors.Is.
type Error struct {
	Backend string // scheme and place, without credentials: "s3://bucket/prefix"
	Op      string // "get", "put", "clear", ...
	Hint    string // what to check or do about it; may be empty
	// Permanent says that trying again does not help until somebody changes something: wrong credentials, a
	// bucket that does not exist.
	Permanent bool
	Err       error
}

// Error returns backend, operation, cause and hint in one line.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Backend)
	b.WriteString(": ")
	b.WriteString(e.Op)
	b.WriteString(": ")
	if e.Err != nil {
		b.WriteString(e.Err.Error())
	}
	if e.Hint != "" {
		b.WriteString(" (")
		b.WriteString(e.Hint)
		b.WriteString(")")
	}
	return b.String()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }
