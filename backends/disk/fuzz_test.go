package disk

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"testing"
	"time"
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
		whole := append(encodeHeader(time.Unix(1, 0), []byte("address"), entry), entry...)
		f.Add(whole, false)
		f.Add(whole, true)
		f.Add(whole[:len(whole)-1], true)
	}
	f.Fuzz(func(t *testing.T, b []byte, mend bool) {
		if mend && len(b) >= headerSize { // let the claims of the header through its checksum
			binary.BigEndian.PutUint32(b[28:], crc32.Checksum(b[:28], castagnoli))
		}
		e, err := m.decode(bytes.NewReader(b), int64(len(b)))
		if err != nil {
			return
		}
		if again := append(encodeHeader(e.expires, e.address, e.entry), e.entry...); !bytes.Equal(again, b) {
			t.Fatalf("decoded %x as another file: %x", b, again)
		}
	})
}
