package key

import (
	"crypto/sha256"
	"encoding/binary"
	"hash"
)

// A pooledHash keeps what hashing a long message needs, so that doing so leaves no garbage.
type pooledHash struct {
	h       hash.Hash
	scratch [sha256.Size]byte
}

func (p *Prefix) sumLong(scope string, args []byte) (sum [32]byte) {
	ph := hashes.Get().(*pooledHash)
	defer hashes.Put(ph)
	if ph.h == nil {
		ph.h = sha256.New()
	}
	ph.h.Reset()
	copy(ph.scratch[:], p.digest[:])
	ph.h.Write(ph.scratch[:])
	binary.LittleEndian.PutUint64(ph.scratch[:], uint64(len(scope)))
	ph.h.Write(ph.scratch[:8])
	for rest := scope; rest != ""; { // by way of scratch: converting the string would allocate
		n := copy(ph.scratch[:], rest)
		ph.h.Write(ph.scratch[:n])
		rest = rest[n:]
	}
	ph.h.Write(args)
	copy(sum[:], ph.h.Sum(ph.scratch[:0]))
	return sum
}
