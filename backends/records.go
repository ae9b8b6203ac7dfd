package backends

import (
	"context"
	"time"
)

// Records are small named values of a namespace, shared by its functions. Names are any non-empty strings. [Store.Clear]
// must not touch them; ClearAll may. Every [Store] of this module implements it.
type Records interface {
	// ReadRecords returns the records in the order of names, and the time by the store's clock; zero: unknown. A record
	// that does not exist, or has expired, is the zero Record. Nothing there is no error.
	ReadRecords(ctx context.Context, names []string) ([]Record, time.Time, error)
	// WriteRecord stores a value where the record has the version seen: Absent creates only, [AnyVersion] replaces whatever
	// is there. Otherwise the error must match [ErrConflict]. The zero time means that the record does not expire.
	//
	// It returns the record as it is stored. With AnyVersion the version must be made anew for each try of a request
	// that is repeated, as a generation is: who tells one state of a record from another does it by the version.
	WriteRecord(ctx context.Context, name string, value []byte, expires time.Time, seen Version) (Record, error)
	// WriteRecords replaces many records (AnyVersion), by one request where the store can do that. Whoever reads the last
	// of them as it was written must find the others so too: where one request cannot hold that, the last is written
	// when the others are. After an error some may have been written, the last only after all others.
	WriteRecords(ctx context.Context, names []string, values [][]byte, expires time.Time) error
}

// A Record is one small named value.
type Record struct {
	// Value is nil where there is no record. An empty value is not nil. The caller may keep and change it.
	Value []byte
	// Version is Absent where there is no record.
	Version Version
	// Written is when the record was written, by the store's clock; zero: unknown, or there is none.
	Written time.Time
}

// FunctionRecord returns the name of the record in which the library describes a function, in the function's namespace.
func FunctionRecord(name string) string { return functionRecords + name }

// FunctionOfRecord returns the name of the function that a record describes, and whether it describes one.
func FunctionOfRecord(record string) (name string, ok bool) {
	if len(record) <= len(functionRecords) || record[:len(functionRecords)] != functionRecords {
		return "", false
	}
	return record[len(functionRecords):], true
}

const functionRecords = "function/"

// FunctionLister is implemented by a [PersistenceManager] that can enumerate the functions that have a record, for
// inspection. It may be slow.
type FunctionLister interface {
	// Functions calls yield for each function that has a record, in all namespaces, until yield returns false. What comes
	// and goes meanwhile may be missed. yield may use the manager.
	Functions(ctx context.Context, yield func(FunctionInfo) bool) error
}

// FunctionInfo is one function's record.
type FunctionInfo struct {
	Namespace, Name string
	Record          []byte    // the library's; opaque to the store
	Written         time.Time // by the store's clock; zero: unknown
}
