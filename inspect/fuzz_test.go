package inspect

import (
	"encoding/json"
	"testing"

	"github.com/stillwarm/stillwarm/internal/httpentry"
	"github.com/stillwarm/stillwarm/internal/shape"
	"github.com/stillwarm/stillwarm/serialize"
)

// FuzzDecode: whatever a payload and a tree hold, decoding neither panics nor makes what JSON cannot write.
func FuzzDecode(f *testing.F) {
	tree := `{"kind":"struct","fields":[{"name":"A","kind":"time"},{"name":"B","kind":"slice","elem":{"kind":"ptr","elem":{"kind":"map","key":{"kind":"string"},"elem":{"kind":"int"}}}}]}`
	f.Add(byte(1), []byte{0x82, 0x82, 1, 2, 0x81, 0x81, 0xa1, 0x61, 'x', 1}, tree)
	f.Add(byte(1), []byte{0xd8, 85, 0x44, 0, 0, 0x80, 0x7f}, `{"kind":"slice"}`)
	f.Add(byte(0x81), []byte{0, 1, 1, 'a', 1, 2, 3, 4, 5, 6, 7, 8, 0xf6}, tree)
	f.Add(byte(2), []byte{}, "")
	f.Add(byte(6), []byte("{"), "null")
	f.Fuzz(func(t *testing.T, codec byte, payload []byte, text string) {
		var n shape.Node
		_ = json.Unmarshal([]byte(text), &n)
		_, untagged, value, err := cutRecords(codec, payload)
		if err != nil {
			return
		}
		v, err := decodeValue(untagged, value, n)
		if err != nil {
			return
		}
		if _, err := json.Marshal(v); err != nil {
			t.Errorf("%v of %x", err, payload)
		}
		_, _ = httpEntry(serialize.Header{Type: httpentry.Layout}, payload)
	})
}
