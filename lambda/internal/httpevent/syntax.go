package httpevent

// tokens are the characters of a token (RFC 9110, 5.6.2).
var tokens = func() (all [256]bool) {
	for _, c := range []byte("!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz") {
		all[c] = true
	}
	return all
}()

// validToken reports whether s is a token of RFC 9110, as a method and a field name must be.
func validToken(s string) bool {
	for i := range len(s) {
		if !tokens[s[i]] {
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
