package backends

import (
	"context"
	"errors"
	"fmt"
)

// Wrap gives an error that a backend's library returned its place: backend as in [Error.Backend], op as in [Error.Op].
// It returns nil for nil, and passes untouched what callers compare by itself: context errors, the errors of this
// package ([ErrConflict] and the others), and an [*Error] that is wrapped already. Where a hint or Permanent is known,
// build the [*Error] instead.
func Wrap(backend, op string, err error) error {
	if err == nil || passes(err) {
		return err
	}
	if _, ok := errors.AsType[*Error](err); ok {
		return err
	}
	return &Error{Backend: backend, Op: op, Err: err}
}

func passes(err error) bool {
	for _, target := range []error{
		context.Canceled, context.DeadlineExceeded,
		ErrConflict, ErrTooLarge, ErrLeased, ErrMarked, ErrLeaseLost, ErrClosed,
	} {
		if errors.Is(err, target) {
			return true
		}
	}
	return false
}

// CheckFunction returns an error for parameters that no backend can honour: an empty name or a negative limit. It is
// the common part of every [PersistenceManager]'s Check and Store.
func CheckFunction(fn Function) error {
	switch {
	case fn.Name == "":
		return errors.New("backends: the function has no name; every cached function needs one")
	case fn.TTL < 0:
		return fmt.Errorf("backends: function %q: ttl %v is negative; use zero for no end", fn.Name, fn.TTL)
	case fn.MaxEntries < 0:
		return fmt.Errorf("backends: function %q: max entries %d is negative; use zero for no limit", fn.Name, fn.MaxEntries)
	case fn.MaxSize < 0:
		return fmt.Errorf("backends: function %q: max size %d is negative; use zero for no limit", fn.Name, fn.MaxSize)
	case fn.NearTTL < 0:
		return fmt.Errorf("backends: function %q: near ttl %v is negative; use zero for always asking", fn.Name, fn.NearTTL)
	}
	return nil
}
