package adapter

import (
	"context"
	"crypto/sha256"
	"reflect"

	"github.com/stillwarm/stillwarm/internal/clone"
)

// question is one call on its way to an answer.
type question struct {
	scope string
	args  int    // where the encoded argument begins in enc
	key   string // the key in this container's memory
	enc   []byte // the function's number, the scope, the encoded argument
	sum   [1 + sha256.Size]byte

	address string // the key in the backend, made when it is needed
	bad     bool   // what is there under it is no entry of this key
	codec   byte
	// detached says that nobody else can change the argument the run works on.
	detached bool

	// run calls the function and returns a pointer to the result, whether it may be cached, and the function's error.
	run func(ctx context.Context) (v any, cache bool, err error)
	// unchanged reports whether the argument still has the key it had when the call began.
	unchanged func() bool
	decode    func(payload []byte) (any, error)
	encode    func(dst []byte, v any) ([]byte, error)
	cost      func(v any) int64
}

// longKey is where a key in memory stops being the argument itself, exact and cheap, and becomes its digest: a megabyte
// of argument must not stay in memory for a result of eight bytes.
const longKey = 512

// local returns the key in memory for the encoded call: the encoding itself, or its digest where it is long. The two
// cannot be confused: a digest is marked by its length and by a function number that no function has.
func (q *question) local(enc []byte) []byte {
	if len(enc) <= longKey {
		return enc
	}
	q.sum[0] = 0xff
	h := sha256.Sum256(enc)
	copy(q.sum[1:], h[:])
	return q.sum[:]
}

// keep makes the question independent of the buffer that it was encoded in.
func (q *question) keep(enc []byte) {
	q.key = string(q.local(enc))
	q.enc = append([]byte(nil), enc...)
}

func (q *question) encodedArgument() []byte { return q.enc[q.args:] }

// answer is what a question got. Its value is a pointer to Out that several callers may share: each copies it.
type answer struct {
	value  any
	joined bool // the run was started by another caller
}

// argumentPlan says how a run keeps its argument to itself. A run can outlive the call that began it, when that caller
// leaves and others wait, or after the response; the caller may then change what the argument points to.
type argumentPlan struct {
	flat  bool // nothing in it can be changed by others
	exact *clone.Plan
}

func argumentPlanFor(t reflect.Type) argumentPlan {
	p, err := clone.CompileExact(t)
	if err != nil {
		return argumentPlan{}
	}
	return argumentPlan{flat: p.Flat(), exact: p}
}

// copyArgument returns the argument for the run, and whether nobody else can change it.
func copyArgument[In any](p argumentPlan, in *In) (*In, bool) {
	own := *in
	if p.flat {
		return &own, true
	}
	if p.exact == nil {
		return &own, false
	}
	deep := new(In)
	if clone.Copy(p.exact, deep, in) != nil {
		return &own, false
	}
	return deep, true
}
