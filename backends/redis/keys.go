package redis

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"strings"
)

// maxReadableKey is the length up to which a key can be read back from its Redis key. Longer ones are hashed, because
// every Redis key is kept in the server's memory, and the key itself goes into the entry's trailer.
const maxReadableKey = 128

// maxReadablePart is the length up to which an escaped namespace or function name stands in a key as it is.
const maxReadablePart = 120

// names holds the Redis keys of one function.
type names struct {
	entries    string // what every entry's Redis key begins with, up to and with the brace
	leases     string
	generation string
	records    string // what every record's Redis key in the namespace begins with
}

// epochKey returns the Redis key of the epoch that all functions below the prefix share.
func epochKey(prefix string) string { return prefix + ":g:{" + prefix + "}" }

// functionNames returns the keys of a function. Escaping leaves no ":" in either part, so two functions never share one.
func functionNames(prefix, namespace, name string) names {
	part := escape(namespace) + ":" + escape(name)
	return names{
		entries:    entriesOf(prefix, part),
		leases:     prefix + ":l:" + part + ":{",
		generation: generationKey(prefix, part),
		records:    prefix + ":r:" + escape(namespace) + ":",
	}
}

// entriesOf returns what the entry keys of one function, given by its escaped part, begin with.
func entriesOf(prefix, part string) string { return prefix + ":e:" + part + ":{" }

// generationKey returns the Redis key of the generation of one function, given by its escaped part.
func generationKey(prefix, part string) string { return epochKey(prefix) + ":" + part }

// partOf returns the escaped namespace and function in an entry's Redis key.
func partOf(prefix, redisKey string) (part string, ok bool) {
	rest, ok := strings.CutPrefix(redisKey, prefix+":e:")
	if !ok {
		return "", false
	}
	part, _, ok = strings.Cut(rest, ":{")
	return part, ok
}

// tag returns what stands between the braces for a key: the key itself where it is plain and short, base64 where it is
// short, a hash otherwise. The first byte tells which, since "=" and "#" are not plain.
func tag(key string) string {
	switch {
	case len(key) > maxReadableKey:
		sum := sha256.Sum256([]byte(key))
		return "#" + hex.EncodeToString(sum[:])
	case key == "" || !plain(key):
		return "=" + base64.RawURLEncoding.EncodeToString([]byte(key))
	}
	return key
}

// hashed reports whether a key cannot be read back from its tag.
func hashed(key string) bool { return len(key) > maxReadableKey }

// untag returns the key of a tag, and false for a hash or something that is no tag.
func untag(t string) (key string, ok bool) {
	switch {
	case t == "" || t[0] == '#':
		return "", false
	case t[0] == '=':
		b, err := base64.RawURLEncoding.DecodeString(t[1:])
		return string(b), err == nil
	}
	return t, plain(t)
}

// plain reports whether every byte of s may stand in a Redis key as it is: no separator of ours, no brace, nothing
// that a pattern gives a meaning, nothing that a terminal interprets.
func plain(s string) bool {
	for i := range len(s) {
		if !plainByte(s[i]) {
			return false
		}
	}
	return true
}

func plainByte(c byte) bool { return plainBytes[c/64]&(1<<(c%64)) != 0 }

// plainBytes has a bit for each plain byte: letters, digits, and "-", "_", ".", "/". Every key of every read is looked at.
var plainBytes = [256 / 64]uint64{0x03ff_e000_0000_0000, 0x07ff_fffe_87ff_fffe}

// escape returns s with every byte that is not plain written as %XX. What becomes too long is cut and told apart by a
// hash; the "~" before it occurs in no escaped text.
func escape(s string) string {
	const digits = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(s) {
		if c := s[i]; plainByte(c) {
			b.WriteByte(c)
		} else {
			b.WriteByte('%')
			b.WriteByte(digits[c>>4])
			b.WriteByte(digits[c&15])
		}
	}
	if b.Len() <= maxReadablePart {
		return b.String()
	}
	sum := sha256.Sum256([]byte(s))
	return b.String()[:maxReadablePart-33] + "~" + hex.EncodeToString(sum[:16])
}

// unescape is the reverse of escape, and reports false for what was cut.
func unescape(s string) (string, bool) {
	if strings.Contains(s, "~") {
		return "", false
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '%' {
			b.WriteByte(s[i])
			continue
		}
		if i+2 >= len(s) {
			return "", false
		}
		c, err := hex.DecodeString(s[i+1 : i+3])
		if err != nil {
			return "", false
		}
		b.WriteByte(c[0])
		i += 2
	}
	return b.String(), true
}
