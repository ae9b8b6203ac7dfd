package key

import (
	"crypto/sha256"
	"encoding/binary"
	"strings"
	"testing"
)

func TestDigest(t *testing.T) {
	p := NewPrefix("shop.quotes", "build")
	t.Run("is the SHA-256 that the documentation describes, for messages of all lengths", func(t *testing.T) {
		for n := range 700 {
			args := []byte(strings.Repeat("x", n))
			message := append([]byte(nil), p.digest[:]...)
			message = binary.LittleEndian.AppendUint64(message, 6)
			message = append(append(message, "tenant"...), args...)
			if p.Sum("tenant", args) != sha256.Sum256(message) {
				t.Fatalf("%d bytes", n)
			}
		}
	})
	t.Run("parts and scope are framed", func(t *testing.T) {
		seen := map[[32]byte]bool{}
		for _, p := range []Prefix{NewPrefix("a b", "c"), NewPrefix("a", "b c"), NewPrefix("a b c"), NewPrefix("a b c", ""), NewPrefix[string]()} {
			for _, call := range [][2]string{{"s", "x"}, {"sx", ""}, {"", "sx"}, {strings.Repeat("s", 600), "x"}, {strings.Repeat("s", 599), "sx"}} {
				seen[p.Sum(call[0], []byte(call[1]))] = true
			}
		}
		if len(seen) != 25 {
			t.Errorf("%d digests of 25", len(seen))
		}
	})
	t.Run("strings and bytes are the same parts", func(t *testing.T) {
		if NewPrefix("a", "b") != NewPrefix([]byte("a"), []byte("b")) {
			t.Error("two prefixes")
		}
	})
	t.Run("allocates nothing", func(t *testing.T) {
		short, long := make([]byte, 100), make([]byte, 5000)
		if n := testing.AllocsPerRun(100, func() { p.Sum("tenant", short) }); n != 0 {
			t.Errorf("%v allocations", n)
		}
		if n := testing.AllocsPerRun(100, func() { p.Sum("tenant", long) }); n > 0 && !raceEnabled {
			t.Errorf("%v allocations for long arguments", n)
		}
	})
}
