// Package field parses the header fields that a cache acts on. Parsers are strict: what a field's grammar does not allow
// says nothing, or says the safest thing, and never more than the next reader of the field would see in it. None of them
// panics or allocates more than a small multiple of its input.
package field

import "strings"

// isToken reports whether s is a token (RFC 9110, 5.6.2).
func isToken(s string) bool {
	if s == "" {
		return false
	}
	for i := range len(s) {
		if !tokenChar(s[i]) {
			return false
		}
	}
	return true
}

func tokenChar(c byte) bool {
	switch {
	case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		return true
	}
	return strings.IndexByte("!#$%&'*+-.^_`|~", c) >= 0
}

// trim removes optional white space from both ends.
func trim(s string) string { return strings.Trim(s, " \t") }

// cut returns the first element of a comma-separated list and the rest. more is false when s has been used up.
func cut(s string) (element, rest string, more bool) { return cutAt(s, ',') }

// cutAt is cut for another separator. Separators inside quoted strings do not separate. A quoted string that does not end
// takes the rest of the line.
func cutAt(s string, separator byte) (element, rest string, more bool) {
	quoted := false
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case c == separator && !quoted:
			return trim(s[:i]), s[i+1:], true
		}
	}
	return trim(s), "", false
}

// Members returns the elements of a list field in order, over all of its lines. Empty ones are left out.
func Members(lines []string) []string {
	var all []string
	for _, line := range lines {
		for more := true; more; {
			var m string
			if m, line, more = cut(line); m != "" {
				all = append(all, m)
			}
		}
	}
	return all
}

// Tokens returns the members of a list of tokens in lower case, and false where a member is no token.
func Tokens(lines []string) (names []string, ok bool) {
	ok = true
	for _, m := range Members(lines) {
		if !isToken(m) {
			ok = false
			continue
		}
		names = append(names, strings.ToLower(m))
	}
	return names, ok
}

// unquote returns what a quoted string stands for; ok is false where s is none.
func unquote(s string) (value string, ok bool) {
	if len(s) < 2 || s[0] != '"' || s[len(s)-1] != '"' {
		return "", false
	}
	s = s[1 : len(s)-1]
	if strings.IndexByte(s, '\\') < 0 {
		return s, strings.IndexByte(s, '"') < 0
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '"':
			return "", false
		case '\\':
			if i++; i == len(s) {
				return "", false
			}
		}
		b.WriteByte(s[i])
	}
	return b.String(), true
}
