package serialize

import (
	"bytes"
	"fmt"
	"math"
)

// DefaultMaxSize is the bound on a payload's size where Options set none.
const DefaultMaxSize = 512 << 20

// sealOverhead is what AES-GCM adds to a payload: a nonce of 12 bytes before it and a tag of 16 after it.
const sealOverhead = 28

// Options configure a [Sealer]. The zero value seals nothing and bounds payloads at [DefaultMaxSize].
type Options struct {
	// Keys is the value of STILLWARM_SEAL_KEYS: "id:base64key", several separated by commas. Each key has 32
	// bytes. The first seals, all of them open, so a key is replaced by putting the new one before it.
	Keys string
	// MaxSize bounds the size of a payload before compression, in bytes; 0 means DefaultMaxSize. An entry that
	// claims more is refused before anything is allocated for it.
	MaxSize int64
}

// Sealer makes entries and opens them. It is immutable and safe for concurrent use.
type Sealer struct {
	keys    []sealKey
	maxSize uint64
}

// NewSealer returns a sealer, or an error that names the option that is wrong. It never repeats key material.
func NewSealer(o Options) (*Sealer, error) {
	if o.MaxSize < 0 {
		return nil, fmt.Errorf("serialize: Options.MaxSize is %d; it must be 0 (for %d) or more", o.MaxSize, DefaultMaxSize)
	}
	if o.MaxSize == 0 {
		o.MaxSize = DefaultMaxSize
	}
	keys, err := parseKeys(o.Keys)
	if err != nil {
		return nil, err
	}
	return &Sealer{keys: keys, maxSize: min(uint64(o.MaxSize), math.MaxInt-1<<20)}, nil
}

// Sealed reports whether the sealer encrypts what it seals and refuses what is not encrypted.
func (s *Sealer) Sealed() bool { return len(s.keys) > 0 }

// Seal appends to dst an entry that holds header and payload and opens under address only, and returns the extended
// slice. The payload is compressed where that shrinks it, and encrypted where keys are set. It is only read, and must
// not lie in the spare capacity of dst. A payload above the size limit is refused with an [*EntryError].
func (s *Sealer) Seal(dst []byte, address string, h Header, payload []byte) ([]byte, error) {
	if uint64(len(payload)) > s.maxSize {
		return dst, refuse(TooLarge, "a payload of %d bytes, at most %d are accepted", len(payload), s.maxSize)
	}
	env := envelope{header: h, rawSize: uint64(len(payload))}
	if block, scratch, ok := compress(payload); ok {
		defer putScratch(scratch)
		env.flags |= flagCompressed
		payload = block
	}
	stored := len(payload)
	if s.Sealed() {
		env.flags |= flagSealed
		env.keyID = s.keys[0].id
		stored += sealOverhead
	}
	start := len(dst)
	dst = grow(dst, headerSize+len(env.keyID)+stored+checksumSize)
	dst = appendHeader(dst, &env, address, stored)
	if s.Sealed() {
		dst = s.keys[0].aead.Seal(dst, nil, payload, associated(dst[start:], address))
	} else {
		dst = append(dst, payload...)
	}
	return appendChecksum(dst, start), nil
}

// associated returns what a seal binds besides the payload: the clear header with the key id, then the address itself.
// The header's length follows from its contents, so the two cannot be taken for each other.
func associated(clear []byte, address string) []byte {
	return append(bytes.Clone(clear), address...)
}

// grow makes room for n more bytes.
func grow(dst []byte, n int) []byte {
	if cap(dst)-len(dst) >= n {
		return dst
	}
	return append(make([]byte, 0, len(dst)+n), dst...)
}

// Open takes the entry that was stored under address apart and returns its header and payload. The entry is only read.
// The payload aliases entry where it is neither compressed nor sealed, and is freshly allocated otherwise: so the
// caller must not change the entry while it uses the payload, and must not change the payload while it needs the entry.
//
// Every error is an [*EntryError] and matches [ErrBadEntry]: the entry is to be treated as a miss. Of a sealed entry
// nothing is returned before the seal was checked.
func (s *Sealer) Open(address string, entry []byte) (Header, []byte, error) {
	var env envelope
	payload, err := s.open(&env, address, entry)
	if err != nil {
		return Header{}, nil, err
	}
	return env.header, payload, nil
}

func (s *Sealer) open(env *envelope, address string, entry []byte) ([]byte, error) {
	if err := env.parse(entry); err != nil {
		return nil, err
	}
	if digest := addressDigest(address); !bytes.Equal(digest[:], env.address) {
		return nil, refuse(OtherAddress, "")
	}
	if env.rawSize > s.maxSize {
		return nil, refuse(TooLarge, "%d bytes claimed, at most %d are accepted", env.rawSize, s.maxSize)
	}
	if env.flags&flagSealed == 0 {
		if s.Sealed() {
			return nil, refuse(NotSealed, "")
		}
		if env.keyID != "" {
			return nil, refuse(Inconsistent, "a key id without a seal")
		}
		return env.unpack(env.stored)
	}
	return s.unseal(env, address)
}

// unseal decrypts and unpacks what the envelope stores. Where it is compressed the decrypted block is needed for a
// moment only, and lies in a buffer that is used again.
func (s *Sealer) unseal(env *envelope, address string) ([]byte, error) {
	if env.flags&flagCompressed == 0 {
		plain, err := s.decrypt(make([]byte, 0, len(env.stored)), env, address)
		if err != nil {
			return nil, err
		}
		return env.unpack(plain)
	}
	scratch := takeScratch(len(env.stored))
	defer putScratch(scratch)
	block, err := s.decrypt((*scratch)[:0], env, address)
	if err != nil {
		return nil, err
	}
	return env.unpack(block)
}

// unpack returns the payload out of what was stored, after decryption. It aliases stored where it is not compressed.
func (env *envelope) unpack(stored []byte) ([]byte, error) {
	if env.flags&flagCompressed != 0 {
		return decompress(stored, env.rawSize)
	}
	if uint64(len(stored)) != env.rawSize {
		return nil, refuse(Inconsistent, "%d bytes in the header, %d stored", env.rawSize, len(stored))
	}
	return stored, nil
}

func (s *Sealer) decrypt(dst []byte, env *envelope, address string) ([]byte, error) {
	key, err := s.key(env.keyID)
	if err != nil {
		return nil, err
	}
	if len(env.stored) < sealOverhead {
		return nil, refuse(DoesNotOpen, "%d bytes are less than a seal takes", len(env.stored))
	}
	plain, err := key.aead.Open(dst, nil, env.stored, associated(env.clear, address))
	if err != nil {
		return nil, refuse(DoesNotOpen, "key %q", env.keyID)
	}
	return plain, nil
}

func (s *Sealer) key(id string) (*sealKey, error) {
	for i := range s.keys {
		if s.keys[i].id == id {
			return &s.keys[i], nil
		}
	}
	if len(s.keys) == 0 {
		return nil, refuse(UnknownKey, "%q; no keys are set", id)
	}
	return nil, refuse(UnknownKey, "%q", id)
}
