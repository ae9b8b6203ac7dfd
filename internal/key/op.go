package key

import "reflect"

type opKind uint8

// Simple operations run no user code, need no state and cannot fail.
const (
	opMem      opKind = iota // n bytes as they lie in memory
	opMem1                   // 1, 2, 4 or 8 bytes: the common cases of opMem without a call
	opMem2                   //
	opMem4                   //
	opMem8                   //
	opInt                    // an int, 8 bytes whatever its width here
	opUint                   // a uint or uintptr, likewise
	opReal16                 // two 4-byte numbers (complex64) where memory cannot be copied
	opReal32                 // two 8-byte numbers (complex128), likewise
	opString                 // a string: length, bytes
	opBytes                  // a []byte: count, bytes
	opSliceMem               // a slice of elements of n bytes that are encoded as they lie in memory
	opSlice                  // a slice of elements of n bytes
	opArray                  // count elements of n bytes
	opPtr                    // nil, or what it points to
	opTime                   // a time.Time
	opJSON                   // a json.RawMessage

	// Full operations need an encoder.
	opFullSlice
	opFullArray
	opFullPtr
	opMap
	opInterface
	opUser
	opForm   // a type that knows its canonical form
	opFile   // an os.File
	opZone   // a time.Location
	opSkip   // what only a form can speak for
	opLocked // a struct whose fields are read under its lock
)

// An op encodes one part of a value: what lies off bytes into it.
type op struct {
	kind  opKind
	off   uintptr
	n     uintptr // bytes, or the size of an element
	count int     // elements of an array
	sub   *prog   // for what a pointer points to, for elements, for map values, for the structure beside a form
	full  *fullOp // nil for simple operations
	run   int     // in a simple operation: how many simple ones follow each other from here
}

// A fullOp is what only full operations need.
type fullOp struct {
	typ     reflect.Type // the type of the value at off
	site    []seg        // the way from the program's value to it, for messages
	fam     *family
	tracked bool // the value may contain itself: remember that it is being encoded
	methods bool // an interface with methods
	hasher  int  // index in the family's hashers
	form    formKind
	open    bool // the form is encoded only where the structure is not the whole value
	mapping *mapOp
}

// A prog encodes the values of one type. Programs of recursive types refer to themselves.
type prog struct {
	ops    []op
	size   uintptr
	simple bool
	beside bool // it stands beside a form, which speaks for what it skips
	ready  bool // false while it is being compiled, when simple is not known yet
}

// asMemory reports whether the program copies the whole value as it lies in memory.
func (pr *prog) asMemory() bool {
	if len(pr.ops) != 1 || pr.ops[0].off != 0 {
		return false
	}
	o := pr.ops[0]
	return o.kind <= opMem8 && o.n == pr.size
}

// add appends an operation, and joins copies of neighbouring memory into one.
func (pr *prog) add(o op) {
	if last := len(pr.ops) - 1; packed && last >= 0 && o.kind <= opMem8 {
		if l := &pr.ops[last]; l.kind <= opMem8 && l.off+l.n == o.off {
			l.n += o.n
			l.kind = memKind(l.n)
			return
		}
	}
	pr.ops = append(pr.ops, o)
}

func memKind(n uintptr) opKind {
	switch n {
	case 1:
		return opMem1
	case 2:
		return opMem2
	case 4:
		return opMem4
	case 8:
		return opMem8
	}
	return opMem
}

// finish settles what is known only when all operations are there.
func (pr *prog) finish() {
	pr.simple, pr.ready = true, true
	run := 0
	for i := len(pr.ops) - 1; i >= 0; i-- {
		if pr.ops[i].full != nil {
			pr.simple, run = false, 0
			continue
		}
		run++
		pr.ops[i].run = run
	}
}
