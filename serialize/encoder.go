package serialize

import (
	"errors"
	"sync"
	"time"
	"unsafe"

	"github.com/stillwarm/stillwarm/internal/refs"
	"github.com/stillwarm/stillwarm/internal/zone"
)

const (
	// maxDepth is how deeply pointers, slices, maps and interfaces may be nested. It keeps the stack below a few
	// megabytes.
	maxDepth = 10_000
	// maxEncoded bounds an encoding.
	maxEncoded = 1 << 30
)

// encoder appends the encoding of one value to buf.
type encoder struct {
	buf   []byte
	start int // where in buf the value began
	depth int
	zones []zoneUse // those of the times so far; a time names its zone by number

	// Sharing. A first pass finds out what two references refer to, and leaves nothing but that where there is any. A
	// second one then marks it.
	refs   refs.Table[int]
	shared bool // the first pass has found something
	second bool
	marked int // how many values were marked
}

// What the encoder knows of a reference, beside numbers from marks on: the number of a marked value.
const (
	once = iota
	shared
	marks
)

// A zoneUse is a location and how it is made again.
type zoneUse struct {
	loc *time.Location
	ref zone.Ref
}

var encoders = sync.Pool{New: func() any { return new(encoder) }}

func (e *encoder) release() {
	e.refs.Reset()
	clear(e.zones)
	*e = encoder{refs: e.refs, zones: e.zones[:0]}
	encoders.Put(e)
}

// run encodes the value at p by the plan.
func (e *encoder) run(pl *plan, p unsafe.Pointer) error {
	if err := pl.enc(e, p); err != nil || !e.shared {
		return err
	}
	e.buf, e.zones, e.depth, e.second = e.buf[:e.start], e.zones[:0], 0, true
	return pl.enc(e, p)
}

// A value that several references refer to is marked with tag 28 where it stands first; the others refer to it by its
// number, under tag 29. See http://cbor.schmorp.de/value-sharing.
const (
	tagShared    = 28
	tagReference = 29
)

// reference notes that a pointer, slice or map refers to n elements at the address. It reports true where what it refers to is
// written already.
func (e *encoder) reference(pl *plan, at unsafe.Pointer, n int) bool {
	if !pl.many || n == 0 {
		return false
	}
	r := refs.Ref{At: at, Len: n, Type: pl.id}
	found := e.refs.Find(r)
	switch {
	case found == nil:
		e.refs.Add(r, once)
		return false
	case !e.second:
		*found, e.shared = shared, true
		return true
	case *found == once:
		return false
	case *found == shared:
		e.buf = appendHead(e.buf, majorTag, tagShared)
		*found = marks + e.marked
		e.marked++
		return false
	}
	e.buf = appendHead(e.buf, majorTag, tagReference)
	e.buf = appendHead(e.buf, majorUint, uint64(*found-marks))
	return true
}

// enter notes that the encoder goes into a pointer, slice, map or interface. Each enter without an error needs a leave.
func (e *encoder) enter() error {
	if e.depth++; e.depth > maxDepth {
		return ErrTooDeep
	}
	if len(e.buf)-e.start > maxEncoded {
		return ErrTooLarge
	}
	return nil
}

func (e *encoder) leave() { e.depth-- }

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
