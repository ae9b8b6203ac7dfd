package httpevent

import (
	"encoding/base64"
	"encoding/binary"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/aws/aws-lambda-go/events"

	"github.com/stillwarm/stillwarm/internal/httpreq"
)

// AppendJSON appends the answer's JSON, as encoding/json writes it without escaping HTML, of the response type that out
// points to. It is [Recorder.Response], [Response.Fill] and an encoder in one, without what lies between them. It reports false,
// having appended nothing that counts, where the answer is or may be larger than the event's source takes.
func (r *Recorder) AppendJSON(dst []byte, e *Event, out any) ([]byte, bool) {
	start := len(dst)
	h := r.final()
	l := layoutOf(out)
	dst = strconv.AppendInt(append(dst, `{"statusCode":`...), int64(r.status), 10)
	if l.describes {
		dst = appendQuoted(append(dst, `,"statusDescription":`...), description(r.status))
	}
	dst = e.appendFields(dst, l, h)
	text := r.form == httpreq.Plain && isText(r.body)
	if len(r.body) > 0 || !l.omitsBody {
		dst = append(dst, `,"body":`...)
		dst = r.appendBody(dst, text)
	}
	if isBase64 := !text; isBase64 || !l.omitsBase64 {
		dst = strconv.AppendBool(append(dst, `,"isBase64Encoded":`...), isBase64)
	}
	if l.cookies {
		dst = appendList(append(dst, `,"cookies":`...), h["Set-Cookie"])
	}
	dst = append(dst, '}')
	const unsure = 256 // [Response.TooLarge] decides on what is nearer to the limit
	return dst, len(dst)-start+unsure <= e.Source.limit()
}

// layout says what the JSON of a response type has.
type layout struct {
	describes, multi, cookies, omitsBody, omitsBase64 bool
}

func layoutOf(out any) layout {
	switch out.(type) {
	case *events.APIGatewayV2HTTPResponse:
		return layout{multi: true, cookies: true, omitsBase64: true}
	case *events.LambdaFunctionURLResponse:
		return layout{cookies: true}
	case *events.APIGatewayProxyResponse:
		return layout{multi: true, omitsBase64: true}
	}
	return layout{describes: true, multi: true, omitsBody: true} // events.ALBTargetGroupResponse
}

// appendBody appends the body, as base64 where it is no text or has that form.
func (r *Recorder) appendBody(dst []byte, text bool) []byte {
	if text || r.form == httpreq.Base64 {
		return appendQuoted(dst, r.body)
	}
	return append(base64.StdEncoding.AppendEncode(append(dst, '"'), r.body), '"')
}

// line is a field of an answer.
type line struct {
	name   string
	values []string
}

// appendFields appends the two maps of fields, where the type has both.
func (e *Event) appendFields(dst []byte, l layout, h http.Header) []byte {
	var room [16]line
	all := room[:0]
	for name, values := range h {
		switch {
		case name == "Set-Cookie" && e.Source.list(): // they have a list of their own
		case name == "Set-Cookie" && e.Source == ALB && !e.multi():
			for i, v := range values {
				all = append(all, line{spelling("set-cookie", i), []string{v}})
			}
		default:
			all = append(all, line{name, values})
		}
	}
	slices.SortFunc(all, func(a, b line) int { return strings.Compare(a.name, b.name) })
	joins := e.Source.list() || e.Source == ALB && !e.multi()
	dst = append(dst, `,"headers":`...)
	if e.multi() {
		dst = append(dst, "null"...)
	} else {
		dst = appendSingles(dst, all, joins)
	}
	if !l.multi {
		return dst
	}
	dst = append(dst, `,"multiValueHeaders":`...)
	return appendMultiples(dst, all, e.multi(), joins)
}

// appendSingles appends a map with the fields that have one value, or with all where values are joined.
func appendSingles(dst []byte, all []line, joins bool) []byte {
	dst = append(dst, '{')
	first := true
	for _, f := range all {
		if len(f.values) != 1 && !joins {
			continue
		}
		dst = appendName(dst, f.name, &first)
		if len(f.values) == 1 {
			dst = appendQuoted(dst, f.values[0])
		} else {
			dst = appendQuoted(dst, strings.Join(f.values, ", "))
		}
	}
	return append(dst, '}')
}

// appendMultiples appends a map with all fields, or with those that have several values, or null where there is none.
func appendMultiples(dst []byte, all []line, every, joins bool) []byte {
	if joins || !every && !slices.ContainsFunc(all, func(f line) bool { return len(f.values) != 1 }) {
		return append(dst, "null"...)
	}
	dst = append(dst, '{')
	first := true
	for _, f := range all {
		if every || len(f.values) != 1 {
			dst = appendList(appendName(dst, f.name, &first), f.values)
		}
	}
	return append(dst, '}')
}

func appendName(dst []byte, name string, first *bool) []byte {
	if !*first {
		dst = append(dst, ',')
	}
	*first = false
	return append(appendQuoted(dst, name), ':')
}

func appendList(dst []byte, list []string) []byte {
	if list == nil {
		return append(dst, "null"...)
	}
	dst = append(dst, '[')
	for i, s := range list {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendQuoted(dst, s)
	}
	return append(dst, ']')
}

// appendQuoted appends a string as JSON, as encoding/json does without escaping HTML.
func appendQuoted[text []byte | string](dst []byte, s text) []byte {
	dst = append(slices.Grow(dst, len(s)+2), '"')
	start := 0
	for i := plainPrefix(s); i < len(s); {
		b := s[i]
		if b >= utf8.RuneSelf {
			c, size := utf8.DecodeRuneInString(string(s[i:min(len(s), i+utf8.UTFMax)]))
			escape := ""
			switch {
			case c == utf8.RuneError && size == 1:
				escape = `\ufffd`
			case c == '\u2028':
				escape = `\u2028`
			case c == '\u2029':
				escape = `\u2029`
			}
			if escape != "" {
				dst = append(append(dst, s[start:i]...), escape...)
				start = i + size
			}
			i += size
			continue
		}
		if b < ' ' || b == '"' || b == '\\' {
			dst = appendEscaped(append(dst, s[start:i]...), b)
			start = i + 1
		}
		i++
		i += plainPrefix(s[i:])
	}
	return append(append(dst, s[start:]...), '"')
}

func appendEscaped(dst []byte, b byte) []byte {
	switch b {
	case '\\', '"':
		return append(dst, '\\', b)
	case '\b':
		return append(dst, '\\', 'b')
	case '\f':
		return append(dst, '\\', 'f')
	case '\n':
		return append(dst, '\\', 'n')
	case '\r':
		return append(dst, '\\', 'r')
	case '\t':
		return append(dst, '\\', 't')
	}
	const digits = "0123456789abcdef"
	return append(dst, '\\', 'u', '0', '0', digits[b>>4], digits[b&15])
}

// plainPrefix returns how many bytes at the front of s, in steps of eight, are ASCII that JSON takes as it is. It looks at eight
// bytes at once: a byte below the space, a quote or a backslash borrows from its top bit when that is taken off it.
func plainPrefix[text []byte | string](s text) int {
	const ones, tops = 0x0101010101010101, 0x8080808080808080
	n := 0
	for ; n+8 <= len(s); n += 8 {
		w := binary.LittleEndian.Uint64([]byte(s[n : n+8]))
		quote, backslash := w^ones*'"', w^ones*'\\'
		if ((w-ones*' ')|(quote-ones)|(backslash-ones)|w)&tops != 0 {
			break
		}
	}
	return n
}
