package serialize

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"math"
	"strings"
	"testing"
	"time"
)

const testAddress = "example.com/shop.quotes:4f2c"

func testKey(fill byte) string {
	return base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{fill}, sealKeySize))
}

func newSealer(t testing.TB, o Options) *Sealer {
	t.Helper()
	s, err := NewSealer(o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func testHeader() Header {
	return Header{
		Generation: 0x0102030405060708,
		Created:    time.Date(2025, 3, 4, 5, 6, 7, 8, time.UTC),
		FreshUntil: time.Date(2025, 3, 4, 6, 6, 7, 8, time.UTC),
		Expires:    time.Date(2025, 3, 5, 5, 6, 7, 8, time.UTC),
		RunTime:    1500 * time.Millisecond,
		Type:       [16]byte{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16},
		Codec:      EncodingCBOR,
	}
}

func mustSeal(t testing.TB, s *Sealer, h Header, payload []byte) []byte {
	t.Helper()
	entry, err := s.Seal(nil, testAddress, h, payload)
	if err != nil {
		t.Fatal(err)
	}
	return entry
}

func reasonOf(t *testing.T, err error) Reason {
	t.Helper()
	var bad *EntryError
	if !errors.As(err, &bad) || !errors.Is(err, ErrBadEntry) {
		t.Fatalf("got %v, not an entry error", err)
	}
	return bad.Reason
}

// sealers are the ways to make entries that every test of an entry goes through.
func sealers(t testing.TB) map[string]*Sealer {
	return map[string]*Sealer{
		"plain":  newSealer(t, Options{}),
		"sealed": newSealer(t, Options{Keys: "k1:" + testKey(1)}),
	}
}

func payloads() map[string][]byte {
	random := make([]byte, 5000)
	_, _ = rand.Read(random)
	return map[string][]byte{
		"empty": {}, "short": []byte("x"), "repetitive": bytes.Repeat([]byte("stillwarm "), 500), "random": random,
	}
}

func TestAnEntryOpensToWhatWasSealed(t *testing.T) {
	headers := map[string]Header{
		"usual": testHeader(), "zero": {},
		"extreme": {
			Generation: math.MaxUint64, RunTime: -1, Codec: 255,
			Created: time.Unix(-1<<40, 999999999).UTC(), Expires: time.Date(9999, 12, 31, 0, 0, 0, 1, time.UTC),
		},
	}
	for name, s := range sealers(t) {
		for hname, h := range headers {
			for pname, payload := range payloads() {
				t.Run(name+"/"+hname+"/"+pname, func(t *testing.T) {
					entry, err := s.Seal([]byte("before"), testAddress, h, payload)
					if err != nil {
						t.Fatal(err)
					}
					entry, _ = bytes.CutPrefix(entry, []byte("before"))
					got, raw, err := s.Open(testAddress, entry)
					if err != nil || got != h || !bytes.Equal(raw, payload) {
						t.Errorf("got %+v, %d bytes, %v", got, len(raw), err)
					}
					if generation, ok := PeekGeneration(entry); !ok || generation != h.Generation {
						t.Errorf("generation %d, %v", generation, ok)
					}
				})
			}
		}
	}
}

func TestHeaderTimesComeBackInUTC(t *testing.T) {
	s := newSealer(t, Options{})
	at := time.Now().In(time.FixedZone("X", 3600))
	h, _, err := s.Open(testAddress, mustSeal(t, s, Header{Created: at}, nil))
	if err != nil || !h.Created.Equal(at) || h.Created.Location() != time.UTC || !h.Expires.IsZero() {
		t.Errorf("%+v, %v", h, err)
	}
}

func TestCompressionIsUsedWhereItShrinks(t *testing.T) {
	s := newSealer(t, Options{})
	for name, want := range map[string]bool{"empty": false, "short": false, "repetitive": true, "random": false} {
		t.Run(name, func(t *testing.T) {
			payload := payloads()[name]
			entry := mustSeal(t, s, testHeader(), payload)
			if got := entry[offFlags]&flagCompressed != 0; got != want {
				t.Errorf("compressed: %v", got)
			}
			if len(entry) > headerSize+len(payload)+checksumSize {
				t.Errorf("%d bytes became %d", len(payload), len(entry))
			}
		})
	}
}

func TestEveryFlippedBitIsRefused(t *testing.T) {
	for name, s := range sealers(t) {
		for _, pname := range []string{"short", "repetitive"} {
			t.Run(name+"/"+pname, func(t *testing.T) {
				entry := mustSeal(t, s, testHeader(), payloads()[pname])
				for bit := range 8 * len(entry) {
					entry[bit/8] ^= 1 << (bit % 8)
					if _, _, err := s.Open(testAddress, entry); !errors.Is(err, ErrBadEntry) {
						t.Fatalf("bit %d of byte %d: got %v", bit%8, bit/8, err)
					}
					entry[bit/8] ^= 1 << (bit % 8)
				}
			})
		}
	}
}

// TestTheSealHoldsWithoutTheChecksum flips bits and repairs the checksum, as somebody does who alters entries on purpose.
func TestTheSealHoldsWithoutTheChecksum(t *testing.T) {
	s := sealers(t)["sealed"]
	entry := mustSeal(t, s, testHeader(), []byte("payload"))
	for bit := range 8 * (len(entry) - checksumSize) {
		forged := bytes.Clone(entry)
		forged[bit/8] ^= 1 << (bit % 8)
		fixChecksum(forged)
		if _, _, err := s.Open(testAddress, forged); !errors.Is(err, ErrBadEntry) {
			t.Fatalf("bit %d of byte %d: got %v", bit%8, bit/8, err)
		}
	}
}

func fixChecksum(entry []byte) {
	end := len(entry) - checksumSize
	binary.BigEndian.PutUint32(entry[end:], crc32.Checksum(entry[:end], castagnoli))
}

func TestEveryTruncatedEntryIsRefused(t *testing.T) {
	for name, s := range sealers(t) {
		t.Run(name, func(t *testing.T) {
			entry := mustSeal(t, s, testHeader(), payloads()["repetitive"])
			for n := range entry {
				_, _, err := s.Open(testAddress, entry[:n])
				want := Truncated
				if n < len(magic) {
					want = NotAnEntry
				}
				if got := reasonOf(t, err); got != want {
					t.Fatalf("%d of %d bytes: got %v", n, len(entry), err)
				}
			}
		})
	}
}

func TestEntriesAreRefusedForTheRightReason(t *testing.T) {
	plain, sealed := sealers(t)["plain"], sealers(t)["sealed"]
	long := payloads()["repetitive"]
	edit := func(s *Sealer, payload []byte, change func([]byte)) []byte {
		entry := mustSeal(t, s, testHeader(), payload)
		change(entry)
		fixChecksum(entry)
		return entry
	}
	none := func([]byte) {}
	put := func(at int, v uint64) func([]byte) {
		return func(e []byte) { binary.BigEndian.PutUint64(e[at:], v) }
	}
	for _, c := range []struct {
		name    string
		s       *Sealer
		address string
		entry   []byte
		want    Reason
	}{
		{"text", plain, testAddress, []byte("<html>not found</html>"), NotAnEntry},
		{"a later version", plain, testAddress, edit(plain, long, func(e []byte) { e[offVersion] = version + 1 }), OtherVersion},
		{"an earlier version", plain, testAddress, edit(plain, long, func(e []byte) { e[offVersion] = 1 }), OtherVersion},
		{"bytes after the end", plain, testAddress, append(edit(plain, long, none), 0), Inconsistent},
		{"another address", plain, "other", edit(plain, long, none), OtherAddress},
		{"another address, sealed", sealed, "other", edit(sealed, long, none), OtherAddress},
		{"a flag of the future", plain, testAddress, edit(plain, long, func(e []byte) { e[offFlags] |= 0x80 }), Inconsistent},
		{"10 GB claimed", plain, testAddress, edit(plain, long, put(offRawSize, 10<<30)), TooLarge},
		{"2^64 bytes claimed", plain, testAddress, edit(plain, long, put(offRawSize, math.MaxUint64)), TooLarge},
		{"another raw size than the block says", plain, testAddress, edit(plain, long, put(offRawSize, 400<<20)), Inconsistent},
		{"another raw size than stored", plain, testAddress, edit(plain, []byte("x"), put(offRawSize, 2)), Inconsistent},
		{"a payload of 2^64 bytes claimed", plain, testAddress, edit(plain, long, put(offStoredSize, math.MaxUint64)), Truncated},
		{"2e9 nanoseconds", plain, testAddress, edit(plain, long, put(offCreated+4, 2_000_000_000)), Inconsistent},
		{"a block that claims 400 MB as the header does", plain, testAddress, bomb(t, plain), TooLarge},
		{"plain where keys are set", sealed, testAddress, edit(plain, long, none), NotSealed},
		{"sealed where no keys are set", plain, testAddress, edit(sealed, long, none), UnknownKey},
		{"sealed by an unknown key", newSealer(t, Options{Keys: "k2:" + testKey(1)}), testAddress, edit(sealed, long, none), UnknownKey},
		{"another key of the same id", newSealer(t, Options{Keys: "k1:" + testKey(2)}), testAddress, edit(sealed, long, none), DoesNotOpen},
		{"a raised expiry, sealed", sealed, testAddress, edit(sealed, long, put(offExpires, 1<<40)), DoesNotOpen},
		{"the seal's flag removed", sealed, testAddress, edit(sealed, long, func(e []byte) { e[offFlags] &^= flagSealed }), NotSealed},
		{"above the limit", newSealer(t, Options{MaxSize: 100}), testAddress, edit(plain, long, none), TooLarge},
	} {
		t.Run(c.name, func(t *testing.T) {
			h, payload, err := c.s.Open(c.address, c.entry)
			if got := reasonOf(t, err); got != c.want {
				t.Errorf("got %v, want %v", err, c.want)
			}
			if h != (Header{}) || payload != nil {
				t.Error("something was returned with the error")
			}
		})
	}
	t.Run("sealing above the limit", func(t *testing.T) {
		out, err := newSealer(t, Options{MaxSize: 3}).Seal([]byte("x"), testAddress, Header{}, []byte("1234"))
		if reasonOf(t, err) != TooLarge || string(out) != "x" {
			t.Errorf("%q, %v", out, err)
		}
	})
}

// bomb returns an entry whose header and whose compressed block agree on a size that the block cannot hold.
func bomb(t *testing.T, s *Sealer) []byte {
	const claimed = 400 << 20
	entry := mustSeal(t, s, testHeader(), binary.AppendUvarint(nil, claimed))
	entry[offFlags] |= flagCompressed
	binary.BigEndian.PutUint64(entry[offRawSize:], claimed)
	fixChecksum(entry)
	return entry
}

func TestOpenSaysWhoOwnsThePayload(t *testing.T) {
	for name, s := range sealers(t) {
		for pname, payload := range payloads() {
			t.Run(name+"/"+pname, func(t *testing.T) {
				entry := mustSeal(t, s, testHeader(), payload)
				kept := bytes.Clone(entry)
				_, got, err := s.Open(testAddress, entry)
				if err != nil {
					t.Fatal(err)
				}
				if !bytes.Equal(entry, kept) {
					t.Error("Open changed the entry")
				}
				clear(entry)
				fresh := s.Sealed() || kept[offFlags]&flagCompressed != 0
				if fresh && !bytes.Equal(got, payload) {
					t.Error("the payload is not the caller's own")
				}
			})
		}
	}
}

func TestPeekGenerationRefusesWhatIsNoEntry(t *testing.T) {
	entry := mustSeal(t, newSealer(t, Options{}), testHeader(), nil)
	for n := range offFixed {
		if _, ok := PeekGeneration(entry[:n]); ok {
			t.Errorf("%d bytes are an entry", n)
		}
	}
	if _, ok := PeekGeneration(bytes.Repeat([]byte("x"), 200)); ok {
		t.Error("text is an entry")
	}
	entry[offVersion] = 9
	if g, ok := PeekGeneration(entry); !ok || g != testHeader().Generation {
		t.Error("the generation of a later version is not read")
	}
}

func TestReasonsHaveWords(t *testing.T) {
	seen := map[string]bool{}
	for r := NotAnEntry; r <= DoesNotOpen; r++ {
		if text := r.String(); text == "" || seen[text] || strings.HasPrefix(text, "reason") {
			t.Errorf("reason %d reads %q", r, text)
		}
		seen[r.String()] = true
	}
	if Reason(0).String() != "reason 0" || Reason(200).String() != "reason 200" {
		t.Error("unknown reasons have no number")
	}
}
