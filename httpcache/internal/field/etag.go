package field

// ETag is an entity tag.
type ETag struct {
	Weak   bool
	Opaque string // with its quotes
}

// ParseETag parses one entity tag.
func ParseETag(s string) (ETag, bool) {
	e, rest, ok := cutETag(s)
	return e, ok && rest == ""
}

// cutETag parses the entity tag at the beginning of s. It is not a quoted string: a backslash escapes nothing.
func cutETag(s string) (e ETag, rest string, ok bool) {
	if len(s) >= 2 && s[0] == 'W' && s[1] == '/' {
		e.Weak, s = true, s[2:]
	}
	if s == "" || s[0] != '"' {
		return ETag{}, "", false
	}
	for i := 1; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"':
			e.Opaque = s[:i+1]
			return e, s[i+1:], true
		case c < 0x21, c == 0x7f:
			return ETag{}, "", false
		}
	}
	return ETag{}, "", false
}

// WeakMatch compares by the weak comparison function.
func (e ETag) WeakMatch(o ETag) bool { return e.Opaque != "" && e.Opaque == o.Opaque }

// StrongMatch compares by the strong comparison function.
func (e ETag) StrongMatch(o ETag) bool { return !e.Weak && !o.Weak && e.WeakMatch(o) }

// ETagList is an If-None-Match or If-Match field.
type ETagList struct {
	Any  bool // "*"
	Tags []ETag
}

// ParseETags parses all lines of a list of entity tags. ok is false where a line is no such list: the condition must not
// be taken for true then.
func ParseETags(lines []string) (l ETagList, ok bool) {
	if len(lines) == 1 && trim(lines[0]) == "*" {
		return ETagList{Any: true}, true
	}
	for _, line := range lines {
		for line = trim(line); line != ""; {
			if line[0] == ',' {
				line = trim(line[1:])
				continue
			}
			e, rest, good := cutETag(line)
			if line = trim(rest); !good || line != "" && line[0] != ',' {
				return ETagList{}, false
			}
			l.Tags = append(l.Tags, e)
		}
	}
	return l, len(l.Tags) > 0
}

// WeakMatch reports whether the list has a tag that matches e weakly.
func (l ETagList) WeakMatch(e ETag) bool {
	for _, t := range l.Tags {
		if t.WeakMatch(e) {
			return true
		}
	}
	return false
}
