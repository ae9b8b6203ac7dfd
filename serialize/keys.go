package serialize

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
)

// KeysVariable is the environment variable that the keys for sealing are usually read from.
const KeysVariable = "STILLWARM_SEAL_KEYS"

const (
	sealKeySize = 32 // AES-256
	maxKeyID    = 64
	howToMake   = "make a key with: openssl rand -base64 32"
)

// sealKey is one key under its name.
type sealKey struct {
	id   string
	aead cipher.AEAD
}

// parseKeys reads "id:base64key,id2:base64key". Errors name the key by its position, or by its id once its key was read, and never repeat what might
// be key material.
func parseKeys(text string) ([]sealKey, error) {
	var keys []sealKey
	if strings.TrimSpace(text) == "" {
		return nil, nil
	}
	for i, part := range strings.Split(text, ",") {
		key, err := parseKey(strings.TrimSpace(part), i+1)
		if err != nil {
			return nil, err
		}
		for _, other := range keys {
			if other.id == key.id {
				return nil, keyError(fmt.Sprintf("key %q", key.id), "there are two keys of this id")
			}
		}
		keys = append(keys, key)
	}
	return keys, nil
}

func parseKey(part string, position int) (sealKey, error) {
	name := fmt.Sprintf("key number %d", position)
	if part == "" {
		return sealKey{}, keyError(name, "it is empty; is there a comma too many?")
	}
	id, encoded, found := strings.Cut(part, ":")
	if !found {
		return sealKey{}, keyError(name, "it has no id; write id:key")
	}
	if problem := badKeyID(id); problem != "" {
		return sealKey{}, keyError(name, problem)
	}
	material, err := decodeBase64(strings.TrimSpace(encoded))
	if err != nil {
		return sealKey{}, keyError(name, "what follows the colon is not base64")
	}
	if len(material) != sealKeySize {
		return sealKey{}, keyError(name, fmt.Sprintf("it has %d bytes, %d are needed", len(material), sealKeySize))
	}
	name = fmt.Sprintf("key %q", id) // not before: with the parts swapped the id is the key
	block, err := aes.NewCipher(material)
	if err != nil {
		return sealKey{}, keyError(name, err.Error())
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return sealKey{}, keyError(name, err.Error())
	}
	return sealKey{id: id, aead: aead}, nil
}

// badKeyID says what is wrong with an id, or "". The id is stored in the clear and shown in logs, so it is kept plain;
// it is not repeated here, because with the parts swapped it is the key.
func badKeyID(id string) string {
	if id == "" {
		return "its id is empty; write id:key"
	}
	if len(id) > maxKeyID {
		return fmt.Sprintf("its id has %d characters, at most %d are accepted", len(id), maxKeyID)
	}
	for _, r := range id {
		plain := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_.", r)
		if !plain {
			return "its id has other characters than letters, digits, '-', '_' and '.'"
		}
	}
	return ""
}

var errNotBase64 = errors.New("not base64")

// decodeBase64 accepts both alphabets, with or without padding: key stores differ in which they show.
func decodeBase64(s string) ([]byte, error) {
	s = strings.TrimRight(s, "=")
	for _, encoding := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
		if b, err := encoding.Strict().DecodeString(s); err == nil {
			return b, nil
		}
	}
	return nil, errNotBase64
}

func keyError(name, problem string) error {
	return fmt.Errorf("%s: %s: %s (%s)", KeysVariable, name, problem, howToMake)
}
