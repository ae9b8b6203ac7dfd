package slots

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"github.com/stillwarm/stillwarm/backends"
	"github.com/stillwarm/stillwarm/internal/engine/invalidation"
)

// epochRecord moves with each invalidation, after the record that it is about. It is the namespace's, and the one that
// package adapter's tags move, too.
const epochRecord = invalidation.EpochRecord

func tagRecord(tag string) string { return invalidation.TagRecord(tag) }

func resourceRecord(resource string) string {
	sum := sha256.Sum256([]byte(resource))
	return "url/" + hex.EncodeToString(sum[:])
}

// A record that is absent means "never invalidated" for a resource: those records are made by the first invalidation. For
// a tag it means that the record was lost: older entries are not believed.
func lostWhenAbsent(name string) bool { return isTag(name) }

// isTag reports whether a record is a tag's.
func isTag(name string) bool { return strings.HasPrefix(name, "tag/") }

// record is an invalidation record.
type record struct {
	id string // of the write that the backend has; empty: there is none
	at int64  // the time of the invalidation by the store's clock; 0: unknown, or it was made without one
	// invalidated says that an invalidation wrote it.
	invalidated bool
}

// recordID returns the id of one write of a record. The value alone would not do: each try to write it has the same one, and a
// late try of an earlier invalidation must not bring back what carries that.
func recordID(value []byte, v backends.Version) string {
	sum := sha256.Sum256(append(bytes.Clone(value), v...))
	return string(sum[:8])
}

// parseRecord returns the record that a value holds; a damaged one is like a lost one.
func parseRecord(r backends.Record) record {
	id, invalidated := invalidation.SplitRecord(r.Value)
	if id == nil {
		return record{}
	}
	rec := record{id: recordID(id, r.Version), invalidated: invalidated}
	if !r.Written.IsZero() {
		rec.at = r.Written.UnixNano()
	}
	return rec
}

func parseRecords(rs []backends.Record) []record {
	all := make([]record, len(rs))
	for i, r := range rs {
		all[i] = parseRecord(r)
	}
	return all
}

// written reports whether an invalidation wrote the record, whenever that was.
func (r record) written() bool { return r.invalidated }

// since reports whether the record was invalidated at or after a time, as far as clocks can tell; where the time of the
// invalidation is unknown, that counts as yes.
func (r record) since(began int64) bool {
	return r.invalidated && (r.at == 0 || r.at > began-int64(clocks))
}
