// Package codeid holds the identities that "stillwarm build" computed for the code of this program's cached functions.
//
// They are linked in as one string, so that a program that was built otherwise has none, and nothing of them is written
// into any source.
package codeid

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"sort"
	"strings"
	"sync"
)

// Variable is what the linker's -X flag sets: the import path of this package, a dot and the variable's name.
const Variable = "github.com/stillwarm/stillwarm/internal/codeid.table"

// table is set by the linker: the version of the form, and base64 of one record a function, sorted by its first part.
var table string

const (
	version  = "1:"
	nameSize = 16 // bytes of SHA-256 of the function's name
	idSize   = 16
	size     = nameSize + idSize
)

// Encode returns the text of a table of identities by the functions' names.
func Encode(identities map[string][idSize]byte) string {
	records := make([]string, 0, len(identities))
	for name, id := range identities {
		sum := sha256.Sum256([]byte(name))
		records = append(records, string(sum[:nameSize])+string(id[:]))
	}
	sort.Strings(records)
	return version + base64.RawURLEncoding.EncodeToString([]byte(strings.Join(records, "")))
}

var errForm = errors.New("codeid: the linked table has an unknown form")

// decode returns the records of a table.
func decode(text string) ([]byte, error) {
	if text == "" {
		return nil, nil
	}
	text, ok := strings.CutPrefix(text, version)
	if !ok {
		return nil, errForm
	}
	records, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || len(records)%size != 0 {
		return nil, errForm
	}
	return records, nil
}

var linked = sync.OnceValue(func() []byte {
	records, err := decode(table)
	if err != nil {
		return nil
	}
	return records
})

// Of returns the identity of the code of the function that has the name in keys; false where the build gave it none, so
// that the identity of the whole build holds. It is safe for concurrent use and decodes the table at its first call.
func Of(name string) (id [idSize]byte, ok bool) { return find(linked(), name) }

func find(records []byte, name string) (id [idSize]byte, ok bool) {
	if len(records) == 0 {
		return id, false
	}
	sum := sha256.Sum256([]byte(name))
	want := string(sum[:nameSize])
	at := func(i int) string { return string(records[i*size : i*size+nameSize]) }
	n := len(records) / size
	i := sort.Search(n, func(i int) bool { return at(i) >= want })
	if i == n || at(i) != want {
		return id, false
	}
	copy(id[:], records[i*size+nameSize:(i+1)*size])
	return id, true
}
