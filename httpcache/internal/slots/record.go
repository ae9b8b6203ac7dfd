package slots

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"hash/fnv"
	"strconv"
	"strings"
)

// buckets is how many records tags share: two tags in one bucket are invalidated together, which costs a run and is never
// wrong.
const buckets = 1 << 16

// epochRecord moves with each invalidation, after the record that it is about.
const epochRecord = "epoch"

func tagRecord(tag string) string {
	h := fnv.New64a()
	_, _ = h.Write([]byte(tag))
	return "tag/" + strconv.FormatUint(h.Sum64()%buckets, 16)
}

func resourceRecord(resource string) string {
	sum := sha256.Sum256([]byte(resource))
	return "url/" + hex.EncodeToString(sum[:])
}

// A record that is absent means "never invalidated" for a resource: those records are made by the first invalidation. For
// a tag it means that the record was lost: older entries are not believed.
func lostWhenAbsent(name string) bool { return strings.HasPrefix(name, "tag/") }

// record is the value of an invalidation record.
type record struct {
	id string // 16 bytes; empty: there is none
	at int64  // wall clock of the invalidation; 0: it was made without one
}

const idSize = 16

func newRecord(at int64) record {
	var id [idSize]byte
	_, _ = rand.Read(id[:]) // documented never to fail
	return record{string(id[:]), at}
}

func (r record) bytes() []byte {
	return binary.BigEndian.AppendUint64([]byte(r.id), uint64(r.at))
}

// parseRecord returns the record that a value holds; a damaged one is like a lost one.
func parseRecord(b []byte) record {
	if len(b) != idSize+8 {
		return record{}
	}
	return record{string(b[:idSize]), int64(binary.BigEndian.Uint64(b[idSize:]))}
}
