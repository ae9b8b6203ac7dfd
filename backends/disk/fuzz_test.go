package disk

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"testing"
	"time"

	"github.com/stillwarm/stillwarm/backends/internal/version"
)

// FuzzDecode gives the reader files that anybody may have written. It must return, and what it believes must be what the
// file holds.
func FuzzDecode(f *testing.F) {
	m, err := New(Options{Dir: f.TempDir(), NoSync: true})
	if err != nil {
		f.Fatal(err)
	}
	f.Add([]byte{}, false)
	f.Add([]byte("garbage"), false)
	for _, entry := range [][]byte{{}, []byte("the entry")} {
		whole := append(encodeHeader(kindEntry, version.New(time.Unix(1, 0)), time.Unix(1, 0), []byte("address"), entry), entry...)
		f.Add(whole, false)
		f.Add(whole, true)
		f.Add(whole[:len(whole)-1], true)
	}
	f.Fuzz(func(t *testing.T, b []byte, mend bool) {
		if mend && len(b) >= headerSize { // let the claims of the header through its checksum
			binary.BigEndian.PutUint32(b[headerSize-4:], crc32.Checksum(b[:headerSize-4], castagnoli))
		}
		e, err := m.decode(bytes.NewReader(b), int64(len(b)))
		if err != nil {
			return
		}
		if again := append(encodeHeader(e.kind, e.version, e.expires, e.address, e.content), e.content...); !bytes.Equal(again, b) {
			t.Fatalf("decoded %x as another file: %x", b, again)
		}
	})
}
