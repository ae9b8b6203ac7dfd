package disk

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"path/filepath"
	"strings"

	"github.com/stillwarm/stillwarm/backends"
)

// What the folder holds. Every name that a caller chose is hashed: what is left has one case, no separators and a fixed
// length, which every file system can keep.
//
//	epoch                          generation of the whole folder, replaced by ClearAll
//	locks/<2 hex>                  guards, never removed
//	records/<64 hex>               records of all namespaces
//	fn-<32 hex>/generation         generation of one function
//	fn-<32 hex>/e/<2 hex>/<64 hex> entries
//	fn-<32 hex>/leases/<64 hex>    leases
const (
	epochName      = "epoch"
	locksName      = "locks"
	recordsName    = "records"
	generationName = "generation"
	entriesName    = "e"
	leasesName     = "leases"
	functionPrefix = "fn-"
	tempPrefix     = ".tmp-"
	hashLen        = 2 * sha256.Size
)

func (m *Manager) epochFile() string { return filepath.Join(m.dir, epochName) }

func (m *Manager) functionDir(fn backends.Function) string {
	sum := sha256.Sum256(frame(nil, fn.Namespace, fn.Name))
	return filepath.Join(m.dir, functionPrefix+hex.EncodeToString(sum[:16]))
}

// frame puts each part's length before it, so that no two lists of parts give the same bytes.
func frame(b []byte, parts ...string) []byte {
	for _, p := range parts {
		b = binary.BigEndian.AppendUint32(b, uint32(len(p)))
		b = append(b, p...)
	}
	return b
}

// unframe is the reverse of frame.
func unframe(b []byte) (parts []string, ok bool) {
	for len(b) > 0 {
		if len(b) < 4 || uint64(binary.BigEndian.Uint32(b)) > uint64(len(b)-4) {
			return nil, false
		}
		n := int(binary.BigEndian.Uint32(b))
		parts = append(parts, string(b[4:4+n]))
		b = b[4+n:]
	}
	return parts, true
}

func hashName(address []byte) string {
	sum := sha256.Sum256(address)
	return hex.EncodeToString(sum[:])
}

// isHash tells our files from foreign ones, which are never touched.
func isHash(name string) bool {
	return len(name) == hashLen && strings.Trim(name, "0123456789abcdef") == ""
}
