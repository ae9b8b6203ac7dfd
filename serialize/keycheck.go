package serialize

import (
	"fmt"
	"strings"
)

// CheckKeys returns an error for keys that [NewSealer] accepts and nobody wants: a blank text, which would seal
// nothing, and keys that are no secret because they repeat one or two bytes. The error names the key by its id and
// repeats no key material.
func CheckKeys(keys string) error {
	if keys == "" {
		return nil
	}
	if strings.TrimSpace(keys) == "" {
		return fmt.Errorf("%s: it is set but blank; unset it to store entries unencrypted, or set a key (%s)", KeysVariable, howToMake)
	}
	for part := range strings.SplitSeq(keys, ",") {
		id, encoded, _ := strings.Cut(strings.TrimSpace(part), ":")
		material, err := decodeBase64(strings.TrimSpace(encoded))
		if err == nil && len(material) == sealKeySize && weak(material) {
			return keyError(fmt.Sprintf("key %q", id), "it repeats a few bytes, so it is no secret")
		}
	}
	return nil
}

// leastDifferent is how many different bytes a key must have. Of 32 random bytes about 30 are different.
const leastDifferent = 4

func weak(material []byte) bool {
	var seen [256]bool
	different := 0
	for _, b := range material {
		if !seen[b] {
			seen[b] = true
			different++
		}
	}
	return different < leastDifferent
}
