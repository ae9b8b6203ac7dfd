package serialize

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"encoding/hex"
	"math/big"
	"net/netip"
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"
)

// valueVectors are the values whose encodings docs/internals/format.md lists, by the names that it gives them.
var valueVectors = map[string]any{
	"negative":        int(-1),
	"byte":            uint8(200),
	"large":           uint64(1 << 40),
	"true":            true,
	"float32":         float32(1.5),
	"float64":         float64(-0.5),
	"complex":         complex(float64(1), float64(2)),
	"string":          "héllo",
	"bytes":           []byte("abc"),
	"empty bytes":     []byte{},
	"nil bytes":       []byte(nil),
	"struct":          inner{"a", 1},
	"not UTF-8":       inner{"\xff", 0},
	"nil slice":       []int(nil),
	"empty slice":     []int{},
	"slice":           []int{1, -2, 300},
	"array":           [2]bool{true, false},
	"byte array":      [3]byte{1, 2, 3},
	"floats":          []float64{1.5},
	"map":             map[string]int{"a": 1},
	"nil pointer":     (*int)(nil),
	"pointer":         ptr(7),
	"pointer to nil":  ptr((*int)(nil)),
	"time":            time.Date(2025, 1, 2, 3, 4, 5, 6, time.UTC),
	"time east":       time.Date(2025, 1, 2, 3, 4, 5, 0, time.FixedZone("CET", 3600)),
	"times east":      []time.Time{time.Unix(0, 0).In(east), time.Unix(1, 0).In(east)},
	"shared":          []*int{seven, seven, ptr(8)},
	"any":             []any{nil, 1.5, "s", int64(7)},
	"binary":          netip.AddrFrom4([4]byte{10, 0, 0, 1}),
	"binary in slice": []netip.Addr{netip.AddrFrom4([4]byte{10, 0, 0, 1})},
	"text":            []*big.Int{big.NewInt(-12)},
}

var east, seven = time.FixedZone("CET", 3600), ptr(7)

var vectorLine = regexp.MustCompile("(?m)^\\| (value|entry) ([^|`]+) \\|[^|]*\\| `([0-9a-f ]*)` \\|$")

// documented reads the test vectors of one kind out of docs/internals/format.md.
func documented(t *testing.T, kind string) map[string][]byte {
	t.Helper()
	text, err := os.ReadFile("../docs/internals/format.md")
	if err != nil {
		t.Fatal(err)
	}
	found := map[string][]byte{}
	for _, m := range vectorLine.FindAllStringSubmatch(string(text), -1) {
		if m[1] != kind {
			continue
		}
		b, err := hex.DecodeString(strings.ReplaceAll(m[3], " ", ""))
		if err != nil {
			t.Fatalf("%s: %v", m[2], err)
		}
		found[m[2]] = b
	}
	return found
}

func TestValuesEncodeAsDocumented(t *testing.T) {
	vectors := documented(t, "value")
	if len(vectors) != len(valueVectors) {
		t.Errorf("docs/internals/format.md has %d values, the test %d", len(vectors), len(valueVectors))
	}
	for name, v := range valueVectors {
		t.Run(name, func(t *testing.T) {
			want, ok := vectors[name]
			in := reflect.New(reflect.TypeOf(v))
			in.Elem().Set(reflect.ValueOf(v))
			codec, err := CodecFor(in.Type().Elem())
			if err != nil {
				t.Fatal(err)
			}
			got, err := codec.Append(nil, in.Interface())
			if err != nil || !ok || !bytes.Equal(got, want) {
				t.Errorf("got `%x`, %v, documented `%x`", got, err, want)
			}
			out := reflect.New(in.Type().Elem())
			err = codec.Decode(want, out.Interface())
			if shared, ok := out.Interface().(*[]*int); ok && err == nil && (*shared)[0] != (*shared)[1] {
				t.Error("what was shared is not")
			}
			if err != nil || !reflect.DeepEqual(in.Interface(), out.Interface()) {
				t.Errorf("decoded %#v, %v", out.Elem(), err)
			}
		})
	}
}

// entryPayloads are the payloads of the documented entries; all have testHeader and testAddress, and sealed ones the key
// k1 of 32 bytes 0x01.
var entryPayloads = map[string][]byte{
	"plain": []byte("hello"), "compressed": bytes.Repeat([]byte("warm"), 50), "sealed": []byte("hello"),
}

func TestEntriesAreLaidOutAsDocumented(t *testing.T) {
	vectors := documented(t, "entry")
	all := sealers(t)
	for name, payload := range entryPayloads {
		t.Run(name, func(t *testing.T) {
			want := vectors[name]
			if want == nil {
				s := all["plain"]
				if name == "sealed" {
					s = all["sealed"]
				}
				t.Fatalf("not documented; `%x`", mustSeal(t, s, testHeader(), payload))
			}
			s := all["plain"]
			got := mustSeal(t, s, testHeader(), payload)
			if name == "sealed" {
				s = all["sealed"]
				got = sealByHand(t, want, payload)
			}
			if !bytes.Equal(got, want) {
				t.Errorf("sealed `%x`, documented `%x`", got, want)
			}
			h, raw, err := s.Open(testAddress, want)
			if err != nil || h != testHeader() || !bytes.Equal(raw, payload) {
				t.Errorf("opened %+v, %q, %v", h, raw, err)
			}
		})
	}
}

// sealByHand makes the sealed entry from the document's description and the nonce in want, without the package's code.
func sealByHand(t *testing.T, want, payload []byte) []byte {
	t.Helper()
	block, err := aes.NewCipher(bytes.Repeat([]byte{1}, 32))
	if err != nil {
		t.Fatal(err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		t.Fatal(err)
	}
	clear := want[:108+len("k1")]
	nonce := want[len(clear) : len(clear)+12]
	entry := append(bytes.Clone(clear), nonce...)
	entry = aead.Seal(entry, nonce, payload, append(bytes.Clone(clear), testAddress...))
	entry = append(entry, 0, 0, 0, 0)
	fixChecksum(entry)
	return entry
}
