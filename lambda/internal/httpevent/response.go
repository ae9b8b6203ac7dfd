package httpevent

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/stillwarm/stillwarm/internal/httpreq"
)

// Response is an answer in the form that all services take: members that a service does not know are empty. What of it is sent
// depends on the source: see [Encode].
type Response struct {
	StatusCode        int                 `json:"statusCode"`
	StatusDescription string              `json:"statusDescription,omitempty"`
	Headers           map[string]string   `json:"headers,omitempty"`
	MultiHeaders      map[string][]string `json:"multiValueHeaders,omitempty"`
	Cookies           []string            `json:"cookies,omitempty"`
	Body              string              `json:"body"`
	Base64            bool                `json:"isBase64Encoded"`
}

// Header returns the response's fields under canonical names. A field counts wherever the handler put it; the same value of
// a name in two places counts once, as in a REST API.
func (r *Response) Header() http.Header {
	if len(r.MultiHeaders) == 0 && len(r.Cookies) == 0 {
		if h, ok := simpleHeader(r.Headers, func(string) {}); ok {
			return h
		}
	}
	h := make(http.Header, len(r.Headers)+len(r.MultiHeaders)+1)
	for _, name := range slices.Sorted(maps.Keys(r.MultiHeaders)) {
		for _, v := range r.MultiHeaders[name] {
			h.Add(name, v)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(r.Headers)) {
		addOnce(h, name, r.Headers[name])
	}
	for _, c := range r.Cookies {
		addOnce(h, "Set-Cookie", c)
	}
	return h
}

func addOnce(h http.Header, name, value string) {
	if !slices.Contains(h.Values(name), value) {
		h.Add(name, value)
	}
}

// UnsendableError says that a response is none that HTTP can carry, so that no cache may have it.
type UnsendableError struct{ Reason string }

// Error implements error.
func (e *UnsendableError) Error() string { return "the response cannot be sent: " + e.Reason }

// Write writes the response; head says that it answers a HEAD. An [UnsendableError] comes before anything is written.
func (r *Response) Write(w http.ResponseWriter, head bool) error {
	if r.StatusCode < 200 || r.StatusCode > 999 {
		return &UnsendableError{fmt.Sprintf("status %d", r.StatusCode)}
	}
	header := r.Header()
	for name, values := range header {
		if !validToken(name) || slices.ContainsFunc(values, func(v string) bool { return !validValue(v) }) {
			return &UnsendableError{"field " + strconv.Quote(name)}
		}
	}
	form := httpreq.Plain
	if r.Base64 {
		if !validBase64(r.Body) {
			return &UnsendableError{"the body is not base64"}
		}
		form = httpreq.Base64
	}
	maps.Copy(w.Header(), header)
	if r.Body != "" || !head && bodyAllowed(r.StatusCode) {
		w.Header().Del("Content-Length") // services count what they send, whatever the handler has counted
	}
	w.WriteHeader(r.StatusCode)
	if r.Body == "" {
		return nil
	}
	if fw, ok := w.(httpreq.FormWriter); ok {
		return fw.WriteForm([]byte(r.Body), form)
	}
	body, err := form.Decode([]byte(r.Body))
	if err != nil {
		return err
	}
	_, err = w.Write(body)
	return err
}

// validBase64 reports whether s is what [base64.StdEncoding] decodes, without the new lines that it would skip.
func validBase64(s string) bool {
	if strings.ContainsAny(s, "\r\n") {
		return false
	}
	var sink [3 << 10]byte
	for len(s) > 4<<10 {
		if n, err := base64.StdEncoding.Decode(sink[:], []byte(s[:4<<10])); err != nil || n != len(sink) {
			return false
		}
		s = s[4<<10:]
	}
	_, err := base64.StdEncoding.Decode(sink[:], []byte(s))
	return err == nil
}

// Encode returns the response that the event's source takes for an answer.
func (e *Event) Encode(status int, h http.Header, body []byte, form httpreq.Form) *Response {
	r := &Response{StatusCode: status}
	r.setBody(body, form)
	switch {
	case e.Source.list():
		r.Headers = make(map[string]string, len(h))
		for name, values := range h {
			if name == "Set-Cookie" {
				r.Cookies = slices.Clone(values)
				continue
			}
			r.Headers[name] = strings.Join(values, ", ")
		}
	case e.multi():
		r.StatusDescription = description(status)
		r.MultiHeaders = make(map[string][]string, len(h))
		for name, values := range h {
			r.MultiHeaders[name] = slices.Clone(values)
		}
	case e.Source == ALB:
		r.StatusDescription = description(status)
		r.Headers = single(h)
	default:
		r.both(h)
	}
	return r
}

// both puts fields with one value into one map and fields with several into the other, as REST APIs take them.
func (r *Response) both(h http.Header) {
	r.Headers = make(map[string]string, len(h))
	for name, values := range h {
		if len(values) == 1 {
			r.Headers[name] = values[0]
			continue
		}
		if r.MultiHeaders == nil {
			r.MultiHeaders = map[string][]string{}
		}
		r.MultiHeaders[name] = slices.Clone(values)
	}
}

// single joins the values of each name. Cookies cannot be joined: each gets a spelling of the name of its own.
func single(h http.Header) map[string]string {
	all := make(map[string]string, len(h))
	for name, values := range h {
		if name != "Set-Cookie" {
			all[name] = strings.Join(values, ", ")
			continue
		}
		for i, v := range values {
			all[spelling("set-cookie", i)] = v
		}
	}
	return all
}

// spelling returns the n-th way to write a name in upper and lower case.
func spelling(name string, n int) string {
	b := []byte(name)
	bit := 0
	for i, c := range b {
		if c < 'a' || c > 'z' {
			continue
		}
		if n>>bit&1 == 1 {
			b[i] = c - 'a' + 'A'
		}
		bit++
	}
	return string(b)
}

func description(status int) string {
	if text := http.StatusText(status); text != "" {
		return strconv.Itoa(status) + " " + text
	}
	return strconv.Itoa(status)
}

// setBody keeps a body in the form in which it is; bytes that are no text become base64.
func (r *Response) setBody(body []byte, form httpreq.Form) {
	switch {
	case form == httpreq.Base64:
		r.Body, r.Base64 = string(body), true
	case !isText(body):
		r.Body, r.Base64 = base64.StdEncoding.EncodeToString(body), true
	default:
		r.Body = string(body)
	}
}

func isText(b []byte) bool { return utf8.Valid(b) && bytes.IndexByte(b, 0) < 0 }
