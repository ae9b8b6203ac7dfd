package httpevent

import (
	"net/http"
	"unicode/utf8"

	"github.com/stillwarm/stillwarm/internal/httpreq"
)

// The most bytes of JSON that a function may answer with: Lambda's limit on a buffered response, and a load balancer's.
const (
	lambdaLimit = 6 << 20
	albLimit    = 1 << 20
)

// limit returns the bound on the JSON of an answer.
func (s Source) limit() int {
	if s == ALB {
		return albLimit
	}
	return lambdaLimit
}

// Fits reports whether an answer can be sent, going by its size alone: text is taken to grow by an eighth when it
// becomes JSON. [Response.TooLarge] counts exactly.
func (e *Event) Fits(_ int, h http.Header, bodyBytes int, form httpreq.Form) bool {
	const rest = 1 << 10 // status, names of members, fields of the cache's own
	n := bodyBytes + rest
	if form == httpreq.Plain {
		n += bodyBytes / 8
	}
	for name, lines := range h {
		for _, l := range lines {
			n += len(name) + len(l) + 8
		}
	}
	return n <= e.Source.limit()
}

// TooLarge returns the limit of the source, and whether the response's JSON is over it.
func (r *Response) TooLarge(s Source) (limit int, over bool) {
	limit = s.limit()
	return limit, r.longest() > limit && r.overhead()+quotedLen(r.Body) > limit
}

// MayBeTooLarge reports whether the response can be over the limit of the source once a cache has added its fields.
func (r *Response) MayBeTooLarge(s Source) bool {
	const added = 4 << 10
	return r.longest()+added > s.limit()
}

// longest is the most that the JSON can take: six bytes for each control character.
func (r *Response) longest() int { return r.overhead() + 2 + 6*len(r.Body) }

func (r *Response) overhead() int {
	n := 128 + quotedLen(r.StatusDescription)
	for name, v := range r.Headers {
		n += quotedLen(name) + quotedLen(v) + 2
	}
	for name, values := range r.MultiHeaders {
		n += quotedLen(name) + 4
		for _, v := range values {
			n += quotedLen(v) + 1
		}
	}
	for _, c := range r.Cookies {
		n += quotedLen(c) + 1
	}
	return n
}

// quotedLen returns the length of a string as JSON, as package encoding/json writes it without escaping HTML.
func quotedLen(s string) int {
	n := 2
	for i := 0; i < len(s); {
		b := s[i]
		if b < utf8.RuneSelf {
			i++
			switch {
			case b == '"' || b == '\\' || b == '\n' || b == '\r' || b == '\t' || b == '\b' || b == '\f':
				n += 2
			case b < ' ':
				n += 6
			default:
				n++
			}
			continue
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		i += size
		switch {
		case r == utf8.RuneError && size == 1, r == '\u2028', r == '\u2029':
			n += 6
		default:
			n += size
		}
	}
	return n
}
