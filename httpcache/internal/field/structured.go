package field

import (
	"strconv"
	"strings"

	"github.com/dunglas/httpsfv"
)

// ParseTargeted parses a targeted cache control field (RFC 9213), a dictionary. ok is false where the field is empty, does
// not parse, or gives a directive that is known here a value of another type: the whole field is ignored then.
func ParseTargeted(lines []string) (ds Directives, ok bool) {
	dict, err := httpsfv.UnmarshalDictionary(lines)
	if err != nil || len(dict.Names()) == 0 {
		return nil, false
	}
	for _, name := range dict.Names() {
		m, _ := dict.Get(name)
		item, isItem := m.(httpsfv.Item)
		if !isItem {
			if kindOf(name) != anyKind {
				return nil, false
			}
			continue
		}
		d, use, valid := targetedDirective(name, item.Value)
		if !valid {
			return nil, false
		}
		if use {
			ds = append(ds, d)
		}
	}
	return ds, true
}

type kind uint8

const (
	anyKind kind = iota
	secondsKind
	flagKind
	flagOrNamesKind
)

// kindOf says of which type a directive's value is.
func kindOf(name string) kind {
	switch name {
	case "max-age", "s-maxage", "stale-while-revalidate", "stale-if-error":
		return secondsKind
	case "no-store", "public", "must-revalidate", "proxy-revalidate", "must-understand", "no-transform":
		return flagKind
	case "no-cache", "private":
		return flagOrNamesKind
	}
	return anyKind
}

// targetedDirective turns a dictionary's member into a directive. use is false for one that is set to false or unknown.
func targetedDirective(name string, value any) (d Directive, use, valid bool) {
	d.Name = name
	switch kindOf(name) {
	case secondsKind:
		n, ok := value.(int64)
		if !ok || n < 0 {
			return d, false, false
		}
		d.HasValue, d.Value = true, decimal(min(n, MaxSeconds))
		return d, true, true
	case flagKind:
		on, ok := value.(bool)
		return d, on, ok
	case flagOrNamesKind:
		switch v := value.(type) {
		case bool:
			return d, v, true
		case string:
			d.HasValue, d.Value = true, v
			return d, true, true
		case httpsfv.Token:
			d.HasValue, d.Value = true, string(v)
			return d, true, true
		}
		return d, false, false
	}
	return d, false, true
}

func decimal(n int64) string {
	return strconv.FormatInt(n, 10)
}

// ParseGroups parses Cache-Groups or Cache-Group-Invalidation (RFC 9875): a list of strings. ok is false where the field
// is none; it is ignored then.
func ParseGroups(lines []string) (groups []string, ok bool) {
	list, err := httpsfv.UnmarshalList(lines)
	if err != nil {
		return nil, false
	}
	for _, m := range list {
		item, isItem := m.(httpsfv.Item)
		s, isString := item.Value.(string)
		if !isItem || !isString {
			return nil, false
		}
		groups = append(groups, s)
	}
	return groups, true
}

// ParseTags returns the tags of a tag field: separated by spaces in Surrogate-Key, by commas in every other one.
func ParseTags(name string, lines []string) []string {
	var tags []string
	for _, line := range lines {
		sep := ","
		if strings.EqualFold(name, "Surrogate-Key") {
			sep = " "
		}
		for t := range strings.SplitSeq(line, sep) {
			if t = trim(t); t != "" {
				tags = append(tags, t)
			}
		}
	}
	return tags
}

// StatusMember is one member of a Cache-Status field as it was written.
type StatusMember struct{ Cache, Text string }

// ParseStatus splits a Cache-Status field into its members, by the name of the cache that each is from.
func ParseStatus(lines []string) []StatusMember {
	var all []StatusMember
	for _, m := range Members(lines) {
		name, _, _ := strings.Cut(m, ";")
		name = trim(name)
		if v, ok := unquote(name); ok {
			name = v
		}
		all = append(all, StatusMember{Cache: name, Text: m})
	}
	return all
}

// ParseForwarded returns the host and proto parameters of a Forwarded field's elements, in order, as written.
func ParseForwarded(lines []string) string {
	var b strings.Builder
	for _, m := range Members(lines) {
		for more := true; more; {
			var p string
			p, m, more = cutAt(m, ';')
			name, value, ok := strings.Cut(p, "=")
			if ok && (strings.EqualFold(name, "host") || strings.EqualFold(name, "proto")) {
				b.WriteString(strings.ToLower(name))
				b.WriteByte('=')
				b.WriteString(value)
				b.WriteByte(';')
			}
		}
		b.WriteByte(',')
	}
	return b.String()
}
