package field

import (
	"slices"
	"strings"
)

// ParseVary returns the field names of all lines in lower case, sorted, each once; any is true where one member is "*" or
// no field name, so that no request can be known to match.
func ParseVary(lines []string) (names []string, any bool) {
	for _, m := range Members(lines) {
		if m == "*" || !isToken(m) {
			return nil, true
		}
		names = append(names, strings.ToLower(m))
	}
	slices.Sort(names)
	return slices.Compact(names), false
}

// Normalize returns the lines of a request field in the form in which two requests are compared: joined by commas, without
// space around commas outside of quoted strings. present is false where the request has no such field, which differs from
// an empty one. Accept-Language is compared without case and space, Accept-Encoding by [Codings].
func Normalize(name string, lines []string) (value string, present bool) {
	if len(lines) == 0 {
		return "", false
	}
	switch name {
	case "accept-encoding":
		return Codings(lines), true
	case "accept-language":
		joined := strings.ToLower(strings.Join(lines, ","))
		return strings.NewReplacer(" ", "", "\t", "").Replace(joined), true
	}
	var b strings.Builder
	for i, line := range lines {
		if i > 0 {
			b.WriteByte(',')
		}
		for more := true; more; {
			var m string
			m, line, more = cut(line)
			b.WriteString(m)
			if more {
				b.WriteByte(',')
			}
		}
	}
	return b.String(), true
}

// Codings returns which of the content codings br and gzip an Accept-Encoding field accepts: "br, gzip", "br", "gzip" or
// "". It is both what requests are compared by and what is sent on, so that an answer fits every request that finds it.
func Codings(lines []string) string {
	br, gzip, rest := weightUnset, weightUnset, weightUnset
	for _, m := range Members(lines) {
		coding, params, _ := strings.Cut(m, ";")
		w := weight(params)
		switch strings.ToLower(trim(coding)) {
		case "br":
			br = w
		case "gzip", "x-gzip":
			gzip = w
		case "*":
			rest = w
		}
	}
	if br == weightUnset {
		br = rest
	}
	if gzip == weightUnset {
		gzip = rest
	}
	switch {
	case br > 0 && gzip > 0:
		return "br, gzip"
	case br > 0:
		return "br"
	case gzip > 0:
		return "gzip"
	}
	return ""
}

const weightUnset = -1

// weight returns 0 where the parameters say q=0 or are malformed, else 1.
func weight(params string) int {
	if trim(params) == "" {
		return 1
	}
	name, value, ok := strings.Cut(trim(params), "=")
	if !ok || !strings.EqualFold(trim(name), "q") {
		return 0
	}
	switch value = trim(value); {
	case len(value) == 0 || len(value) > 5 || value[0] != '0' && value[0] != '1':
		return 0
	case len(value) > 1 && value[1] != '.':
		return 0
	case strings.Trim(value[min(2, len(value)):], "0123456789") != "":
		return 0
	case value[0] == '1':
		return 1
	}
	if len(value) > 2 && strings.Trim(value[2:], "0") != "" {
		return 1
	}
	return 0
}
