package backends

import (
	"crypto/rand"
	"encoding/binary"
)

// NewGeneration returns a new generation: 64 random bits, never 0, so that a zero field in a file or a message can mean
// "none". Random, not counted: a store that lost its generation and began to count anew would meet old entries again.
func NewGeneration() uint64 {
	var b [8]byte
	for {
		_, _ = rand.Read(b[:]) // documented never to fail
		if g := binary.BigEndian.Uint64(b[:]); g != 0 {
			return g
		}
	}
}
