package serialize

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"strings"
	"testing"
)

func TestKeysAreRotatedByPuttingANewOneFirst(t *testing.T) {
	one, two := "k1:"+testKey(1), "k2:"+testKey(2)
	before, during, after := newSealer(t, Options{Keys: one}), newSealer(t, Options{Keys: two + "," + one}), newSealer(t, Options{Keys: two})
	old := mustSeal(t, before, testHeader(), []byte("p"))
	if _, _, err := during.Open(testAddress, old); err != nil {
		t.Errorf("the old key does not open: %v", err)
	}
	fresh := mustSeal(t, during, testHeader(), []byte("p"))
	if _, _, err := after.Open(testAddress, fresh); err != nil {
		t.Errorf("the first key did not seal: %v", err)
	}
	if _, _, err := after.Open(testAddress, old); reasonOf(t, err) != UnknownKey {
		t.Errorf("got %v", err)
	}
}

func TestSealedEntriesShowNothingOfThePayload(t *testing.T) {
	s := newSealer(t, Options{Keys: "k1:" + testKey(1)})
	payload := []byte("a secret that must not be seen")
	a, b := mustSeal(t, s, testHeader(), payload), mustSeal(t, s, testHeader(), payload)
	if bytes.Contains(a, payload[:8]) || bytes.Contains(a, []byte(testAddress)) {
		t.Error("payload or address shows")
	}
	if bytes.Equal(a, b) {
		t.Error("two seals of one payload are equal: the nonce repeats")
	}
	if !s.Sealed() || newSealer(t, Options{}).Sealed() {
		t.Error("Sealed is wrong")
	}
}

func TestKeysAreAcceptedAsKeyStoresShowThem(t *testing.T) {
	key := bytes.Repeat([]byte{0xfb, 0xff}, 16)
	for name, text := range map[string]string{
		"standard":         "a:" + base64.StdEncoding.EncodeToString(key),
		"no padding":       "a:" + base64.RawStdEncoding.EncodeToString(key),
		"URL alphabet":     "a:" + base64.URLEncoding.EncodeToString(key),
		"spaces and lines": " a: " + base64.StdEncoding.EncodeToString(key) + "\n",
		"two":              "a:" + testKey(1) + ", b.c-d_9:" + testKey(2),
		"none":             "  \n",
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := NewSealer(Options{Keys: text}); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestBadKeysAreErrorsThatHelpAndTellNothing(t *testing.T) {
	secret := testKey(7)
	material, _ := base64.StdEncoding.DecodeString(secret)
	hexKey := hex.EncodeToString(material)
	for _, c := range []struct{ name, keys, want string }{
		{"no id", secret, "key number 1"},
		{"empty id", ":" + secret, "id is empty"},
		{"id and key swapped", strings.ReplaceAll(secret, "=", "+") + ":prod", "other characters"},
		{"swapped, the key without padding", strings.TrimRight(secret, "=") + ":prod", "key number 1: "},
		{"swapped, the key in hex", hexKey + ":prod", "key number 1: "},
		{"swapped, and no id", hexKey + ":", "key number 1: it has 0 bytes"},
		{"long id", strings.Repeat("a", 65) + ":" + secret, "at most 64"},
		{"not base64", "a:" + secret[:10] + "!" + secret[11:], "key number 1: what follows"},
		{"short", "a:" + secret[:20], `key number 1: it has 15 bytes, 32 are needed`},
		{"long", "a:" + base64.StdEncoding.EncodeToString(make([]byte, 33)), "it has 33 bytes"},
		{"empty key", "a:", "it has 0 bytes"},
		{"the second is bad", "a:" + secret + ",b", "key number 2"},
		{"a comma too many", "a:" + secret + ",", "key number 2: it is empty"},
		{"twice the same id", "a:" + secret + ",a:" + testKey(8), `key "a": there are two`},
	} {
		t.Run("N8 "+c.name, func(t *testing.T) {
			_, err := NewSealer(Options{Keys: c.keys})
			if err == nil {
				t.Fatal("accepted")
			}
			text := err.Error()
			if !strings.Contains(text, c.want) || !strings.Contains(text, KeysVariable) ||
				!strings.Contains(text, "openssl rand -base64 32") {
				t.Errorf("got %v", err)
			}
			if strings.Contains(text, secret[:8]) || strings.Contains(text, hexKey[:8]) {
				t.Errorf("key material shows: %v", err)
			}
		})
	}
	if _, err := NewSealer(Options{MaxSize: -1}); err == nil || !strings.Contains(err.Error(), "MaxSize is -1") {
		t.Errorf("got %v", err)
	}
}
