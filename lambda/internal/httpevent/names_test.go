package httpevent

import (
	"net/http"
	"strings"
	"testing"
)

// Every name that is known here is the one that net/http would make of it.
func TestCanonicalName(t *testing.T) {
	for known := range canonicalNames() {
		for _, name := range []string{known, strings.ToUpper(known), known + "x", "x" + known} {
			if got, want := canonicalName(name), http.CanonicalHeaderKey(name); got != want {
				t.Errorf("%q is %q, want %q", name, got, want)
			}
		}
	}
}

func TestValidToken(t *testing.T) {
	for c := range 256 {
		s := string([]byte{'a', byte(c)})
		want := c < 0x80 && strings.ContainsAny(s[1:], "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")
		if got := validToken(s); got != want {
			t.Errorf("%q: %v", s, got)
		}
	}
	if validToken("") {
		t.Error("an empty name is none")
	}
}
