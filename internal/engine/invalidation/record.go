package invalidation

import (
	"context"
	"crypto/rand"
	"slices"
	"time"

	"github.com/stillwarm/stillwarm/backends"
)

// EpochRecord is the name of the record that moves with each invalidation.
const EpochRecord = "epoch"

// Kept is how long a record outlives its last write: longer than entries live. What needs a record that is gone is a miss.
const Kept = 400 * 24 * time.Hour

// A record's value: a random id, then 1 where an invalidation wrote it, 0 where it was made because there was none.
const (
	idSize     = 8
	recordSize = idSize + 1
)

// NewRecord returns the value of a new record.
func NewRecord(invalidated bool) []byte {
	v := make([]byte, recordSize)
	for [idSize]byte(v) == [idSize]byte{} { // which means that there is none
		_, _ = rand.Read(v[:idSize]) // documented never to fail
	}
	if invalidated {
		v[idSize] = 1
	}
	return v
}

// SplitRecord returns the id in a record's value, and whether an invalidation wrote it. The id is part of value, and nil
// where value is none of a record: a damaged record is like a lost one.
func SplitRecord(value []byte) (id []byte, invalidated bool) {
	if len(value) != recordSize {
		return nil, false
	}
	return value[:idSize:idSize], value[idSize] == 1
}

// Tell gives the records new ids and moves the epoch, by one write. The epoch is the last, so that nobody sees that it moved
// and still finds an older record.
func Tell(ctx context.Context, records backends.Records, names []string, now time.Time) error {
	names = append(slices.Clone(names), EpochRecord)
	values := make([][]byte, len(names))
	for i := range values {
		values[i] = NewRecord(true)
	}
	return records.WriteRecords(ctx, names, values, now.Add(Kept))
}
