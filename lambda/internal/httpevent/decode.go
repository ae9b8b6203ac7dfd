package httpevent

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/aws/aws-lambda-go/events"
)

// Decode does what [json.Unmarshal] does with a pointer to one of the events package's request types, several times as fast.
// data must be valid JSON. What the services do not send (an unexpected type, a list that comes twice) is left to
// encoding/json, whose errors are returned as they are.
func Decode(data []byte, in any) error {
	s := scanner{data: data, plain: bytes.IndexByte(data, '\\') < 0 && utf8.Valid(data)}
	if s.value(in); !s.unusual {
		return nil
	}
	reflect.ValueOf(in).Elem().SetZero() // what there is of it
	return json.Unmarshal(data, in)
}

// scanner reads valid JSON. It gives up where it meets what encoding/json would treat in a way of its own.
type scanner struct {
	data    []byte
	plain   bool // all strings are what is between their quotes: nothing is escaped, nothing is no UTF-8
	at      int
	unusual bool
}

// value reads a value into what a pointer points to.
func (s *scanner) value(to any) {
	s.space()
	switch to := to.(type) {
	case *string:
		*to = s.text(*to)
	case *map[string]string:
		if s.peek() == '{' {
			s.texts(to)
		} else if s.null() {
			*to = nil
		}
	case *map[string][]string:
		if s.peek() == '{' {
			s.lists(to)
		} else if s.null() {
			*to = nil
		}
	case *[]string:
		if *to != nil {
			s.unusual = true // elements of the first list might show through
			return
		}
		*to = s.list()
	case *bool:
		s.bool(to)
	case *int64:
		s.number(to)
	default:
		if _, known := member(to, nil); known {
			s.object(to)
		} else {
			s.other(to)
		}
	}
}

// other leaves a value to encoding/json.
func (s *scanner) other(to any) {
	start := s.at
	if s.skip(); bytes.Equal(s.data[start:s.at], []byte("null")) {
		switch v := reflect.ValueOf(to).Elem(); v.Kind() {
		case reflect.Pointer, reflect.Map:
			v.SetZero()
			return
		}
	}
	if !s.unusual && json.Unmarshal(s.data[start:s.at], to) != nil {
		s.unusual = true
	}
}

func (s *scanner) peek() byte {
	if s.at < len(s.data) {
		return s.data[s.at]
	}
	s.unusual = true
	return 0
}

func (s *scanner) space() {
	for s.at < len(s.data) {
		switch s.data[s.at] {
		case ' ', '\t', '\n', '\r':
			s.at++
		default:
			return
		}
	}
}

// literal reads a word that must be there.
func (s *scanner) literal(word string) bool {
	if !bytes.HasPrefix(s.data[s.at:], []byte(word)) {
		s.unusual = true
		return false
	}
	s.at += len(word)
	return true
}

// null reads a null, which leaves what it is read into as it is, unless that can be nil.
func (s *scanner) null() bool { return s.literal("null") }

func (s *scanner) bool(to *bool) {
	switch s.peek() {
	case 't':
		*to = s.literal("true")
	case 'f':
		*to = !s.literal("false")
	default:
		s.null()
	}
}

func (s *scanner) number(to *int64) {
	if s.peek() == 'n' {
		s.null()
		return
	}
	start := s.at
	for s.at < len(s.data) && (s.data[s.at] == '-' || s.data[s.at] >= '0' && s.data[s.at] <= '9') {
		s.at++
	}
	n, err := strconv.ParseInt(string(s.data[start:s.at]), 10, 64)
	if err != nil || s.at < len(s.data) && strings.IndexByte(".eE+", s.data[s.at]) >= 0 {
		s.unusual = true
		return
	}
	*to = n
}

// each reads an object or a list, element by element. at its first character.
func (s *scanner) each(last byte, element func()) {
	s.at++
	for s.space(); !s.unusual && s.peek() != last; s.space() {
		if s.data[s.at] == ',' {
			s.at++
			s.space()
		}
		element()
	}
	s.at++
}

// name reads a member's name up to its value.
func (s *scanner) name() []byte {
	if s.peek() != '"' {
		s.unusual = true
		return nil
	}
	name, plain := s.quoted()
	s.unusual = s.unusual || !plain
	s.space()
	if s.peek() == ':' {
		s.at++
	}
	return name
}

// object reads the members that are known. Others are skipped, unless encoding/json would take them for a known one in another
// case.
func (s *scanner) object(to any) {
	if s.peek() != '{' {
		s.null()
		return
	}
	s.each('}', func() {
		name := s.name()
		if s.unusual {
			return
		}
		if at, _ := member(to, name); at != nil {
			s.value(at)
			return
		}
		if foldsInto(name, to) {
			s.unusual = true
			return
		}
		s.space()
		s.skip()
	})
}

// foldsInto reports whether encoding/json may find the name in a struct by ignoring case. It is called for members that
// the events package does not know, of which a service sends few.
func foldsInto(name []byte, to any) bool {
	t := reflect.TypeOf(to).Elem()
	for i := range t.NumField() {
		tag, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
		if strings.EqualFold(tag, string(name)) {
			return true
		}
	}
	return false
}

func (s *scanner) texts(to *map[string]string) {
	if *to == nil {
		*to = make(map[string]string, 12)
	}
	s.each('}', func() {
		name := string(s.name())
		s.space()
		(*to)[name] = s.text("")
	})
}

func (s *scanner) lists(to *map[string][]string) {
	if *to == nil {
		*to = make(map[string][]string, 12)
	}
	s.each('}', func() {
		name := string(s.name())
		s.space()
		(*to)[name] = s.list()
	})
}

// list reads a list of strings, or null.
func (s *scanner) list() []string {
	if s.peek() != '[' {
		s.null()
		return nil
	}
	list := []string{}
	s.each(']', func() {
		list = append(list, s.text(""))
	})
	return list
}

// quoted reads a string, and returns what is between its quotes and whether that is the string itself.
func (s *scanner) quoted() (inside []byte, plain bool) {
	s.at++
	start := s.at
	for {
		n := bytes.IndexByte(s.data[s.at:], '"')
		if n < 0 {
			s.unusual = true
			return nil, false
		}
		s.at += n + 1
		inside = s.data[start : s.at-1]
		if s.plain {
			return inside, true
		}
		escapes := 0
		for escapes < len(inside) && inside[len(inside)-1-escapes] == '\\' {
			escapes++
		}
		if escapes%2 == 0 {
			return inside, bytes.IndexByte(inside, '\\') < 0 && utf8.Valid(inside)
		}
	}
}

// text reads a string, or a null, which leaves what there was.
func (s *scanner) text(old string) string {
	if s.peek() != '"' {
		s.null()
		return old
	}
	start := s.at
	inside, plain := s.quoted()
	if plain {
		return string(inside)
	}
	if s.unusual {
		return old
	}
	var v string
	s.unusual = json.Unmarshal(s.data[start:s.at], &v) != nil
	return v
}

// skip reads over a value.
func (s *scanner) skip() {
	for depth := 0; !s.unusual; {
		switch c := s.peek(); c {
		case '"':
			s.quoted()
		case '{', '[':
			s.at++
			depth++
		case '}', ']':
			s.at++
			depth--
		case ',', ':', ' ', '\t', '\n', '\r':
			s.at++
		default: // a number or a word
			for s.at < len(s.data) && strings.IndexByte(",:]} \t\n\r", s.data[s.at]) < 0 {
				s.at++
			}
		}
		if depth <= 0 {
			return
		}
	}
}

// member returns where the member of a name goes: a pointer, or nil where there is none of exactly that name. known says that
// what the pointer to points to is part of an event that is read here; authorizers and certificates are left to encoding/json.
func member(to any, name []byte) (at any, known bool) {
	switch to := to.(type) {
	case *events.APIGatewayV2HTTPRequest:
		return v2Member(to, name), true
	case *events.APIGatewayV2HTTPRequestContext:
		return v2ContextMember(to, name), true
	case *events.APIGatewayV2HTTPRequestContextHTTPDescription:
		return exchangeMember(name, &to.Method, &to.Path, &to.Protocol, &to.SourceIP, &to.UserAgent), true
	case *events.APIGatewayV2HTTPRequestContextAuthentication:
		if string(name) == "clientCert" {
			return &to.ClientCert, true
		}
		return nil, true
	case *events.APIGatewayV2HTTPRequestContextAuthenticationClientCert:
		return certMember(to, name), true
	case *events.APIGatewayV2HTTPRequestContextAuthenticationClientCertValidity:
		return validityMember(to, name), true
	case *events.LambdaFunctionURLRequest:
		return urlMember(to, name), true
	case *events.LambdaFunctionURLRequestContext:
		return urlContextMember(to, name), true
	case *events.LambdaFunctionURLRequestContextHTTPDescription:
		return exchangeMember(name, &to.Method, &to.Path, &to.Protocol, &to.SourceIP, &to.UserAgent), true
	}
	return memberOfMaps(to, name)
}

// memberOfMaps is member for the events whose query and fields come in maps.
func memberOfMaps(to any, name []byte) (at any, known bool) {
	switch to := to.(type) {
	case *events.APIGatewayProxyRequest:
		return restMember(to, name), true
	case *events.APIGatewayProxyRequestContext:
		return restContextMember(to, name), true
	case *events.APIGatewayRequestIdentity:
		return identityMember(to, name), true
	case *events.ALBTargetGroupRequest:
		return albMember(to, name), true
	case *events.ALBTargetGroupRequestContext:
		if string(name) == "elb" {
			return &to.ELB, true
		}
		return nil, true
	case *events.ELBContext:
		if string(name) == "targetGroupArn" {
			return &to.TargetGroupArn, true
		}
		return nil, true
	}
	return nil, false
}
