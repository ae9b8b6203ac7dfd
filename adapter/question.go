package adapter

import (
	"crypto/sha256"
	"reflect"

	"github.com/stillwarm/stillwarm/backends"
	"github.com/stillwarm/stillwarm/internal/clone"
	"github.com/stillwarm/stillwarm/internal/engine/memory"
)

// question is one call on its way to an answer.
type question struct {
	typed
	scope callScope
	key   string // the key in this container's memory
	enc   []byte // the function's number, the scope, the encoded argument

	seen    backends.Version // of its slot in the backend, as the last read found it
	sawSlot bool             // it was read
	address string           // the key in the backend, made when it is needed
	looked  bool             // a glance has just asked the backend in vain
	asked   int64            // wall clock
	bad     bool             // what is there under it is no entry of this key
	codec   byte
	// detached says that nobody else can change the argument the run works on.
	detached bool

	// Room for what most questions need, so that it takes no allocations of its own.
	room    [128]byte             // of enc
	digest  [2 * sha256.Size]byte // of address
	look    glance
	mayPass bool         // what is found may be for this caller alone
	found   memory.Entry // what a glance found, where memory has no room for it
	reply   answer
}

// longKey is where a key in memory stops being the argument itself, exact and cheap, and becomes its digest: a megabyte
// of argument must not stay in memory for a result of eight bytes.
const longKey = 512

// keyBuffer is where the key of a call is made. It is reused, and apart from the question, so that a hit in memory
// allocates nothing.
type keyBuffer struct {
	enc []byte // the function's number, the scope, the encoded argument
	sum [1 + sha256.Size]byte
}

// local returns the key in memory for the encoded call: the encoding itself, or its digest where it is long. The two
// cannot be confused: a digest is marked by its length and by a function number that no function has. The key is good
// until the buffer is used again.
func (b *keyBuffer) local() []byte {
	if len(b.enc) <= longKey {
		return b.enc
	}
	b.sum[0] = 0xff
	h := sha256.Sum256(b.enc)
	copy(b.sum[1:], h[:])
	return b.sum[:]
}

// largestKey bounds the buffers that are kept for the next call.
const largestKey = 64 << 10

func (b *keyBuffer) giveBack() {
	if cap(b.enc) <= largestKey {
		keyBuffers.Put(b)
	}
}

// encodedArgument is what follows the function's number and the scope in enc: see dataCore.prefix.
func (q *question) encodedArgument() []byte { return q.enc[headLen+q.scope.size():] }

// answer is what a question got. Its value is a pointer to Out that several callers may share: each copies it.
type answer struct {
	value  any
	own    bool // nobody else has the value, so it need not be copied
	joined bool // the run was started by another caller
	// doubtful says that the caller that started the run has left it, and may have changed the argument under it.
	doubtful bool
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

// copyArgument returns the argument for the run, and whether nobody else can change it. It may return in.
func copyArgument[In any](p argumentPlan, in *In) (*In, bool) {
	if p.flat || p.exact == nil {
		return in, p.flat
	}
	deep := new(In)
	if clone.Copy(p.exact, deep, in) != nil {
		return in, false
	}
	return deep, true
}
