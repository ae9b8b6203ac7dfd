package key

import (
	"crypto/sha256"
	"encoding/binary"
	"sync"
)

// A Prefix stands for everything in a persistent key that is the same for all calls of one function: its identity,
// the identity of its code, the fingerprints of its types. It is a value: copy it freely, use it from any goroutine.
type Prefix struct{ digest [sha256.Size]byte }

// NewPrefix returns the prefix of the parts. Each part is framed by its length and the encoding's [Version] is among
// them, so ("a b", "c") and ("a", "b c") are two prefixes, and a new version of the encoding starts afresh.
func NewPrefix[P ~string | ~[]byte](parts ...P) Prefix {
	b := binary.LittleEndian.AppendUint64(nil, Version)
	for _, part := range parts {
		b = binary.LittleEndian.AppendUint64(b, uint64(len(part)))
		b = append(b, part...)
	}
	return Prefix{digest: sha256.Sum256(b)}
}

// stackMessage is how many bytes Sum assembles on its stack. Beyond that the message is hashed in pieces, where the
// cost of fetching a hash from the pool no longer shows.
const stackMessage = 512

var hashes = sync.Pool{New: func() any { return new(pooledHash) }}

// Sum returns SHA-256(prefix, length of scope, scope, args): the persistent digest of a call with these encoded
// arguments in this scope. The prefix has a fixed width and the scope is framed, so no two inputs run into each other.
// It allocates nothing and may be called concurrently.
func (p *Prefix) Sum(scope string, args []byte) [32]byte {
	if n := len(p.digest) + 8 + len(scope) + len(args); n > stackMessage {
		return p.sumLong(scope, args)
	}
	var message [stackMessage]byte
	b := append(message[:0], p.digest[:]...)
	b = binary.LittleEndian.AppendUint64(b, uint64(len(scope)))
	b = append(b, scope...)
	b = append(b, args...)
	return sha256.Sum256(b)
}
