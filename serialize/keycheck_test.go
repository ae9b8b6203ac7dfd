package serialize

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"strings"
	"testing"
)

func TestCheckKeys(t *testing.T) {
	random := make([]byte, 32)
	_, _ = rand.Read(random)
	encode := base64.StdEncoding.EncodeToString
	good := "good:" + encode(random)
	for _, tt := range []struct{ name, keys, says string }{
		{"none", "", ""},
		{"a random one", good, ""},
		{"blank", " ", "blank"},
		{"lines", "\n\t", "blank"},
		{"all zero", "a:" + encode(make([]byte, 32)), `"a"`},
		{"one byte over and over", "a:" + encode(bytes.Repeat([]byte{0x5a}, 32)), `"a"`},
		{"two bytes", "a:" + encode(bytes.Repeat([]byte("xy"), 16)), `"a"`},
		{"the second", good + ", b:" + encode(make([]byte, 32)), `"b"`},
		{"another alphabet", "a:" + base64.RawURLEncoding.EncodeToString(bytes.Repeat([]byte{0xff}, 32)), `"a"`},
		{"what NewSealer refuses is its business", "a:secret", ""},
	} {
		t.Run("W9 "+tt.name, func(t *testing.T) {
			err := CheckKeys(tt.keys)
			if (err == nil) != (tt.says == "") || err != nil && !strings.Contains(err.Error(), tt.says) {
				t.Fatal(err)
			}
			if err != nil && strings.Contains(err.Error(), encode(make([]byte, 32))) {
				t.Fatal("the message shows the key")
			}
		})
	}
}
