package field

import (
	"slices"
	"strings"
	"time"
)

// Directive is one member of a Cache-Control field.
type Directive struct {
	Name     string // in lower case
	Value    string // unquoted; empty where there is none
	HasValue bool
	// Malformed says that what follows the name is not an argument: the directive's meaning is that of its bare form,
	// or the strictest where it needs an argument.
	Malformed bool
}

// Directives is a parsed Cache-Control field, or one of its form.
type Directives []Directive

// ParseDirectives parses all lines of a field. What has no name is left out.
func ParseDirectives(lines []string) Directives {
	var ds Directives
	for _, line := range lines {
		for more := true; more; {
			var m string
			if m, line, more = cut(line); m != "" {
				if d, ok := parseDirective(m); ok {
					ds = append(ds, d)
				}
			}
		}
	}
	return ds
}

func parseDirective(m string) (Directive, bool) {
	n := 0
	for n < len(m) && tokenChar(m[n]) {
		n++
	}
	if n == 0 {
		return Directive{}, false
	}
	d := Directive{Name: strings.ToLower(m[:n])}
	rest := m[n:]
	if rest == "" {
		return d, true
	}
	if rest[0] != '=' {
		d.Malformed = true
		return d, true
	}
	d.HasValue, d.Value = true, rest[1:]
	if v, ok := unquote(d.Value); ok {
		d.Value = v
	} else if !isToken(d.Value) {
		d.Malformed = true
	}
	return d, true
}

// Has reports whether there is a directive of that name, with or without an argument.
func (ds Directives) Has(name string) bool {
	return slices.ContainsFunc(ds, func(d Directive) bool { return d.Name == name })
}

// MaxSeconds is the greatest value of delta-seconds: greater ones mean this one.
const MaxSeconds = 1 << 31

// Found says what there is of a directive with an argument.
type Found uint8

// What there is of a directive.
const (
	Absent  Found = iota
	Valid         // once, or several times with one value
	Invalid       // without a valid argument, or several times with different values
)

// Seconds returns the argument of a directive that takes delta-seconds.
func (ds Directives) Seconds(name string) (time.Duration, Found) {
	value, found := time.Duration(0), Absent
	for _, d := range ds {
		if d.Name != name {
			continue
		}
		n, ok := ParseSeconds(d.Value)
		if !ok || d.Malformed || found == Valid && n != value {
			return 0, Invalid
		}
		value, found = n, Valid
	}
	return value, found
}

// Fields returns how a directive that may list field names occurs: bare, which includes every malformed form, and with
// which names, in lower case.
func (ds Directives) Fields(name string) (bare bool, names []string) {
	for _, d := range ds {
		if d.Name != name {
			continue
		}
		listed, ok := Tokens([]string{d.Value})
		if !d.HasValue || d.Malformed || !ok || len(listed) == 0 {
			bare = true
			continue
		}
		names = append(names, listed...)
	}
	return bare, names
}

// ParseSeconds parses delta-seconds: 1*DIGIT, clamped to [MaxSeconds].
func ParseSeconds(s string) (time.Duration, bool) {
	if s == "" {
		return 0, false
	}
	n := int64(0)
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
		n = min(n*10+int64(s[i]-'0'), MaxSeconds)
	}
	return time.Duration(n) * time.Second, true
}

// ParseAge returns what an Age field says: the first member of its first line counts. What is not delta-seconds says
// nothing.
func ParseAge(lines []string) (time.Duration, bool) {
	if len(lines) == 0 {
		return 0, false
	}
	first, _, _ := cut(lines[0])
	return ParseSeconds(first)
}
