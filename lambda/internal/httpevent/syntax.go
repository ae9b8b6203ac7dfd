package httpevent

import "strings"

// tokenByte reports whether a token may have the character (RFC 9110, 5.6.2). A table would have to be filled at every cold
// start, also of functions that have no HTTP.
func tokenByte(c byte) bool {
	if letter := c | 0x20; 'a' <= letter && letter <= 'z' || '0' <= c && c <= '9' || c == '-' {
		return true
	}
	return strings.IndexByte("!#$%&'*+.^_`|~", c) >= 0
}

// validToken reports whether s is a token of RFC 9110, as a method and a field name must be.
func validToken(s string) bool {
	for i := range len(s) {
		if !tokenByte(s[i]) {
			return false
		}
	}
	return s != ""
}

// validValue reports whether s may be a field's value: no control characters but the tab.
func validValue(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' && c != '\t' || c == 0x7f {
			return false
		}
	}
	return true
}
