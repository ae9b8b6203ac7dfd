package serialize

import (
	"bytes"
	"math/big"
	"net/netip"
	"net/url"
	"reflect"
	"testing"
	"time"
)

// fuzzTypes are what FuzzDecode decodes into: every plan is in one of them.
var fuzzTypes = []reflect.Type{
	reflect.TypeFor[everything](), reflect.TypeFor[any](), reflect.TypeFor[tree](), reflect.TypeFor[*list](),
	reflect.TypeFor[map[any][]any](), reflect.TypeFor[[]embedding](), reflect.TypeFor[[]byte](), reflect.TypeFor[string](),
	reflect.TypeFor[struct {
		A netip.Addr
		B *big.Int
		C big.Float
		U *url.URL
		J jsonOnly
		P map[netip.Prefix]time.Time
	}](), reflect.TypeFor[big.Rat](), reflect.TypeFor[[3][]complex128](), reflect.TypeFor[***[]string](),
}

func FuzzDecode(f *testing.F) {
	for i, typ := range fuzzTypes {
		codec, err := CodecFor(typ)
		if err != nil {
			f.Fatal(err)
		}
		data, err := codec.Append(nil, reflect.New(typ).Interface())
		if err != nil {
			f.Fatal(err)
		}
		f.Add(byte(i), data)
	}
	full := fullValue()
	codec, _ := CodecFor(fuzzTypes[0])
	data, err := codec.Append(nil, &full)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(byte(0), data)
	f.Add(byte(1), []byte{0x82, 0xd9, 0xea, 0x63, 0x01, 0xa1, 0x61, 'k', 0xfb, 0, 0, 0, 0, 0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, which byte, data []byte) {
		typ := fuzzTypes[int(which)%len(fuzzTypes)]
		codec, err := CodecFor(typ)
		if err != nil {
			t.Fatal(err)
		}
		kept := bytes.Clone(data)
		first, second := reflect.New(typ), reflect.New(typ)
		if codec.Decode(data, first.Interface()) != nil {
			return
		}
		if !bytes.Equal(data, kept) {
			t.Fatal("Decode changed its input")
		}
		again, err := codec.Append(nil, first.Interface())
		if err != nil {
			t.Fatalf("a decoded %s does not encode: %v", typ, err)
		}
		if err := codec.Decode(again, second.Interface()); err != nil {
			t.Fatalf("what was encoded again does not decode: %v", err)
		}
	})
}

func FuzzOpen(f *testing.F) {
	all := sealers(f)
	for _, s := range all {
		for _, payload := range payloads() {
			f.Add(mustSeal(f, s, testHeader(), payload))
		}
	}
	f.Add([]byte(magic))
	f.Fuzz(func(t *testing.T, entry []byte) {
		for _, fix := range []bool{false, true} {
			if fix && len(entry) > checksumSize { // get past the checksum, to what lies behind it
				entry = bytes.Clone(entry)
				fixChecksum(entry)
			}
			for name, s := range all {
				h, payload, err := s.Open(testAddress, entry)
				if err != nil {
					reasonOf(t, err)
					continue
				}
				if g, ok := PeekGeneration(entry); !ok || g != h.Generation {
					t.Fatalf("%s: PeekGeneration disagrees with Open", name)
				}
				if _, err := s.Seal(nil, testAddress, h, payload); err != nil {
					t.Fatalf("%s: what was opened does not seal: %v", name, err)
				}
			}
		}
	})
}

func FuzzPeekGeneration(f *testing.F) {
	f.Add(mustSeal(f, newSealer(f, Options{}), testHeader(), nil))
	f.Add([]byte(magic))
	f.Fuzz(func(t *testing.T, entry []byte) {
		if _, ok := PeekGeneration(entry); ok && !bytes.HasPrefix(entry, []byte(magic)) {
			t.Fatal("a generation without an entry")
		}
	})
}

func FuzzKeys(f *testing.F) {
	f.Add("k1:" + testKey(1))
	f.Add("k1:" + testKey(1) + ", k2:" + testKey(2))
	f.Add(",:,a:b")
	f.Fuzz(func(t *testing.T, text string) {
		s, err := NewSealer(Options{Keys: text})
		if err != nil || !s.Sealed() {
			return
		}
		entry, err := s.Seal(nil, testAddress, testHeader(), []byte("p"))
		if err != nil {
			t.Fatal(err)
		}
		if _, payload, err := s.Open(testAddress, entry); err != nil || string(payload) != "p" {
			t.Fatalf("%q, %v", payload, err)
		}
	})
}
