package serialize

import (
	"sync"

	"github.com/golang/snappy"
)

const (
	// smallPayload is the size below which compressing is not tried: it saves a few bytes at most.
	smallPayload = 128
	// leastGain is the share of a payload, one part in so many, that compression has to save. Decompressing costs
	// every reader; less than this does not pay for it.
	leastGain = 16
	// largePayload is the size above which compressing is not tried. The block format counts in 32 bits.
	largePayload = 1 << 31
	// greatestRatio bounds what a block can expand to: its densest element makes 64 bytes of 3.
	greatestRatio = 22
	// keptScratch is the greatest buffer that is kept for the next entry; one huge entry must not occupy the
	// function's memory for good.
	keptScratch = 1 << 20
)

var scratches = sync.Pool{New: func() any { return new([]byte) }}

// takeScratch returns a buffer with at least n bytes of capacity. It goes back with putScratch.
func takeScratch(n int) *[]byte {
	s := scratches.Get().(*[]byte)
	if cap(*s) < n {
		*s = make([]byte, n)
	}
	*s = (*s)[:cap(*s)]
	return s
}

func putScratch(s *[]byte) {
	if cap(*s) <= keptScratch {
		scratches.Put(s)
	}
}

// compress returns payload compressed, in a buffer that the caller gives back, or ok == false where that does not pay.
func compress(payload []byte) (block []byte, scratch *[]byte, ok bool) {
	if len(payload) < smallPayload || int64(len(payload)) > largePayload {
		return nil, nil, false
	}
	scratch = takeScratch(snappy.MaxEncodedLen(len(payload)))
	block = snappy.Encode(*scratch, payload)
	if len(block) > len(payload)-len(payload)/leastGain {
		putScratch(scratch)
		return nil, nil, false
	}
	return block, scratch, true
}

// decompress returns the rawSize bytes that block expands to, freshly allocated. Whether the claim can be true is
// checked before anything is allocated for it.
func decompress(block []byte, rawSize uint64) ([]byte, error) {
	claimed, err := snappy.DecodedLen(block)
	if err != nil {
		return nil, refuse(Inconsistent, "damaged compressed payload: %v", err)
	}
	if uint64(claimed) != rawSize {
		return nil, refuse(Inconsistent, "%d bytes in the header, %d in the compressed payload", rawSize, claimed)
	}
	if rawSize > greatestRatio*uint64(len(block)) {
		return nil, refuse(TooLarge, "%d compressed bytes cannot hold the %d that are claimed", len(block), rawSize)
	}
	raw, err := snappy.Decode(nil, block)
	if err != nil {
		return nil, refuse(Inconsistent, "damaged compressed payload: %v", err)
	}
	return raw, nil
}
