package backends

import (
	"errors"
	"strings"
	"time"
)

// Errors that stores return, for errors.Is.
var (
	// ErrConflict: a conditional write found another version than the caller saw. It is not an outage.
	ErrConflict = errors.New("changed by another writer")
	// ErrTooLarge: the store does not accept entries of this size.
	ErrTooLarge = errors.New("entry too large")
	// ErrLeased: another holder has the lease.
	ErrLeased = errors.New("leased by another holder")
	// ErrMarked: the key is marked, so no lease was taken.
	ErrMarked = errors.New("the key is marked")
	// ErrLeaseLost: the lease is over, or another holder has taken it.
	ErrLeaseLost = errors.New("lease lost")
	// ErrClosed: the manager was closed.
	ErrClosed = errors.New("closed")
)

// LeasedError is an [ErrLeased] with what those who wait need to know. Times are by the server's clock.
type LeasedError struct {
	// Holder is the token of whoever has the lease.
	Holder string
	// Age is how long ago the holder's run began. It survives renewals.
	Age time.Duration
	// Left is how long the lease still lasts unless it is renewed; 0: unknown.
	Left time.Duration
	// RunTime is how long the holder expects its run to take; 0: unknown.
	RunTime time.Duration
}

// Error names no holder: it is of use to programs only.
func (e *LeasedError) Error() string { return ErrLeased.Error() }

// Is reports that it is an [ErrLeased].
func (e *LeasedError) Is(target error) bool { return target == ErrLeased }

// MarkedError is an [ErrMarked] with the mark.
type MarkedError struct {
	// Mark is what was set; its TTL is 0.
	Mark Mark
	// Left is how long the mark still lasts; 0: unknown.
	Left time.Duration
}

// Error says that the key is marked.
func (e *MarkedError) Error() string { return ErrMarked.Error() }

// Is reports that it is an [ErrMarked].
func (e *MarkedError) Is(target error) bool { return target == ErrMarked }

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
