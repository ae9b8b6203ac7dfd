package serialize

import (
	"errors"
	"unsafe"
)

const (
	// maxDepth is how deeply pointers, slices, maps and interfaces may be nested. It keeps the stack below a few
	// megabytes.
	maxDepth = 10_000
	// watchDepth is the depth from which on the encoder looks for cycles. Few values get there, so the usual one
	// does not pay for it; a cycle gets there at once.
	watchDepth = 500
	// maxEncoded bounds an encoding. Without it a small value in which pointers share their targets level by level
	// would grow without end.
	maxEncoded = 1 << 30
)

// encoder appends the encoding of one value to buf.
type encoder struct {
	buf   []byte
	start int // where in buf the value began
	depth int
	seen  map[visit]struct{} // what the encoder is inside of, beyond watchDepth
}

// visit is a place in memory that the encoder is inside of. The plan is part of it because a struct and its first
// field share an address, the length because a slice and its prefix do.
type visit struct {
	at   unsafe.Pointer
	plan *plan
	n    int
}

// enter notes that the encoder goes into a pointer, slice, map or interface. Whoever enters without error leaves.
func (e *encoder) enter(v visit) error {
	e.depth++
	if e.depth <= watchDepth {
		if len(e.buf)-e.start > maxEncoded {
			return ErrTooLarge
		}
		return nil
	}
	if _, inside := e.seen[v]; inside {
		return ErrCycle
	}
	if e.depth > maxDepth {
		return ErrTooDeep
	}
	if len(e.buf)-e.start > maxEncoded {
		return ErrTooLarge
	}
	if e.seen == nil {
		e.seen = map[visit]struct{}{}
	}
	e.seen[v] = struct{}{}
	return nil
}

func (e *encoder) leave(v visit) {
	if e.depth > watchDepth {
		delete(e.seen, v)
	}
	e.depth--
}

// valueError says where in a value an encoder failed. Its path grows on the way out.
type valueError struct {
	path string
	err  error
}

func (v *valueError) Error() string { return "out" + v.path + ": " + v.err.Error() }
func (v *valueError) Unwrap() error { return v.err }

// maxPath keeps the path of an error deep inside a value readable.
const maxPath = 200

// within adds a step to the path of err.
func within(err error, step string) error {
	var v *valueError
	if !errors.As(err, &v) {
		return &valueError{path: step, err: err}
	}
	if len(v.path) < maxPath {
		v.path = step + v.path
	}
	return v
}
