package s3

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"strings"

	"github.com/stillwarm/stillwarm/backends"
)

// Below the prefix:
//
//	e/<hash of function and key>.<function>   an entry
//	l/<hash of function and key>.<function>   a lease of the same key
//	g/<function>                              a function's generation
//	r/<hash of namespace and name>            a record
//	f/<hash of namespace and name>            a function's record
//	g/epoch                                   the generation of all functions together
//
// Entries and leases begin with a hash, because S3 spreads load over ranges of keys. They have folders of their own,
// because a lifecycle rule selects by prefix: leases go after a day, entries after the longest ttl, generations stay.
// Names of functions, namespaces and keys appear only hashed: they may be anything, and they may be nobody's business.
const (
	entryFolder      = "e/"
	leaseFolder      = "l/"
	generationFolder = "g/"
	recordFolder     = "r/"
	describedFolder  = "f/"
	epochName        = "epoch"
	conditionsName   = "conditions" // what the server's heed of conditions is tried on

	hashLen     = 2 * sha256.Size // in hex
	functionLen = 32              // in hex: 128 bits of a SHA-256
)

type layout struct {
	root string // the prefix with its slash, or ""
}

func newLayout(prefix string) layout {
	if prefix == "" {
		return layout{}
	}
	return layout{root: prefix + "/"}
}

// functionID names a function within a bucket. The namespace's length goes first, so that the pairs ("ab","c") and
// ("a","bc") differ.
func functionID(namespace, name string) string {
	h := sha256.New()
	h.Write([]byte("stillwarm function 1\x00"))
	h.Write(binary.BigEndian.AppendUint64(nil, uint64(len(namespace))))
	h.Write([]byte(namespace))
	h.Write([]byte(name))
	return hex.EncodeToString(h.Sum(nil))[:functionLen]
}

// entryID names one key of one function.
func entryID(function, key string) string {
	buf := make([]byte, 0, 256)
	buf = append(buf, "stillwarm entry 1\x00"...)
	buf = append(buf, function...) // of fixed length: no separator needed
	buf = append(buf, key...)
	sum := sha256.Sum256(buf)
	id := make([]byte, 0, hashLen+1+functionLen)
	id = hex.AppendEncode(id, sum[:])
	id = append(id, '.')
	return string(append(id, function...))
}

func (l layout) entries() string                   { return l.root + entryFolder }
func (l layout) leases() string                    { return l.root + leaseFolder }
func (l layout) entry(id string) string            { return l.root + entryFolder + id }
func (l layout) lease(id string) string            { return l.root + leaseFolder + id }
func (l layout) generation(function string) string { return l.root + generationFolder + function }
func (l layout) described() string                 { return l.root + describedFolder }
func (l layout) epoch() string                     { return l.root + generationFolder + epochName }

// record returns where a record is. Those that describe functions have a folder of their own, to be listed.
func (l layout) record(namespace, name string) string {
	folder := recordFolder
	if _, ok := backends.FunctionOfRecord(name); ok {
		folder = describedFolder
	}
	h := sha256.New()
	h.Write([]byte("stillwarm record 1\x00"))
	h.Write(binary.BigEndian.AppendUint64(nil, uint64(len(namespace))))
	h.Write([]byte(namespace))
	h.Write([]byte(name))
	return l.root + folder + hex.EncodeToString(h.Sum(nil))
}

// functionOf returns the function that an object in folder (entries or leases) belongs to, and false for an object that
// is not of this layout and so not ours to touch.
func functionOf(object, folder string) (function string, ok bool) {
	id, ok := strings.CutPrefix(object, folder)
	if !ok || len(id) != hashLen+1+functionLen || id[hashLen] != '.' {
		return "", false
	}
	if !isHex(id[:hashLen]) || !isHex(id[hashLen+1:]) {
		return "", false
	}
	return id[hashLen+1:], true
}

func isHex(s string) bool {
	for i := range len(s) {
		if c := s[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

func (l layout) conditions() string { return l.root + conditionsName }
