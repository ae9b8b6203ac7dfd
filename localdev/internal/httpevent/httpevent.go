// Package httpevent converts between HTTP and the events in which AWS's services hand requests to functions: function URLs
// (payload format 2.0, as HTTP APIs), REST APIs and Application Load Balancers.
package httpevent

import (
	"encoding/base64"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/stillwarm/stillwarm/localdev/internal/funcurl"
)

// Request is a request whose body has been read, with what the service adds to it.
type Request struct {
	*http.Request
	Body      []byte
	RequestID string
	TraceID   string
	At        time.Time
}

// Form is one service's way to call a function. Its fields are constants and shared.
type Form struct {
	Name  string // as --event names it
	Title string
	// MaxBody and MaxResponse bound a request's body and a function's answer in bytes, beside what Lambda itself bounds; 0
	// for no bound of the service's own.
	MaxBody, MaxResponse int
	// MaxHeader bounds the names and values of a request's fields, and its request line, together.
	MaxHeader int
	// Streams says that an answer may come in parts.
	Streams bool

	event    func(Request) ([]byte, error)
	response func([]byte) (funcurl.Response, error)
}

// Event returns the event for a request.
func (f *Form) Event(r Request) ([]byte, error) { return f.event(r) }

// Response turns a function's whole answer into a response. An answer that the service would not take is a
// *funcurl.ConversionError.
func (f *Form) Response(payload []byte) (funcurl.Response, error) {
	if f.MaxResponse > 0 && len(payload) > f.MaxResponse {
		return funcurl.Response{}, &funcurl.ConversionError{
			Reason: fmt.Sprintf("it has %d bytes of JSON, and %s takes at most %d", len(payload), f.Title, f.MaxResponse),
			Takes:  "less, or a link to where it is",
		}
	}
	return f.response(payload)
}

// LimitError says that a request is larger than the service takes.
type LimitError struct {
	Status int // what the service answers
	Text   string
}

func (e *LimitError) Error() string { return e.Text }

// Check returns a *LimitError where the service would not take the request.
func (f *Form) Check(r *http.Request, body int) error {
	if f.MaxBody > 0 && body > f.MaxBody {
		return &LimitError{http.StatusRequestEntityTooLarge, fmt.Sprintf("the request's body has %d bytes, and %s takes at most %d", body, f.Title, f.MaxBody)}
	}
	size := len(r.Method) + len(r.URL.RequestURI()) + len(r.Proto) + len("Host") + len(r.Host)
	for name, values := range r.Header {
		for _, value := range values {
			size += len(name) + len(value)
		}
	}
	if f.MaxHeader > 0 && size > f.MaxHeader {
		return &LimitError{http.StatusRequestHeaderFieldsTooLarge, fmt.Sprintf(
			"the request line and the headers have %d bytes, and %s takes at most %d", size, f.Title, f.MaxHeader)}
	}
	return nil
}

// The forms.
var (
	HTTP = &Form{
		Name: "http", Title: "a function URL", Streams: true,
		event: func(r Request) ([]byte, error) {
			return funcurl.NewEvent(r.Request, r.Body, r.RequestID, r.TraceID, r.At).JSON()
		},
		response: funcurl.Convert,
	}
	REST = &Form{
		Name: "rest", Title: "a REST API", MaxHeader: 10_240, event: restEvent, response: restResponse,
	}
	ALB = &Form{
		Name: "alb", Title: "a load balancer", MaxBody: 1 << 20, MaxResponse: 1 << 20, MaxHeader: 64 << 10,
		event: albEvent(false), response: albResponse(false),
	}
	ALBMulti = &Form{
		Name: "alb-multi", Title: "a load balancer", MaxBody: 1 << 20, MaxResponse: 1 << 20, MaxHeader: 64 << 10,
		event: albEvent(true), response: albResponse(true),
	}
)

// ByName returns the form of that name, or an error that lists the names.
func ByName(name string) (*Form, error) {
	for _, f := range []*Form{HTTP, REST, ALB, ALBMulti} {
		if f.Name == name {
			return f, nil
		}
	}
	return nil, fmt.Errorf("there is no event form %q; there are http (function URLs and HTTP APIs, payload 2.0), rest (REST APIs), "+
		"alb and alb-multi (load balancers, without and with multi-value headers)", name)
}

// parameter is one name and value of a query, as it was sent.
type parameter struct{ name, value string }

// parameters splits a query. A value without "=" is empty.
func parameters(raw string) []parameter {
	var list []parameter
	for part := range strings.SplitSeq(raw, "&") {
		if part == "" {
			continue
		}
		name, value, _ := strings.Cut(part, "=")
		list = append(list, parameter{name, value})
	}
	return list
}

// decoded decodes what can be decoded and keeps the rest as it was sent.
func decoded(s string) string {
	if d, err := url.QueryUnescape(s); err == nil && utf8.ValidString(d) {
		return d
	}
	return strings.ToValidUTF8(s, "\uFFFD")
}

func hostname(hostport string) string {
	if host, _, err := net.SplitHostPort(hostport); err == nil {
		return host
	}
	return hostport
}

func port(r *http.Request) string {
	if _, port, err := net.SplitHostPort(r.Host); err == nil {
		return port
	}
	return "80"
}

func escapedPath(r *http.Request) string {
	if path := r.URL.EscapedPath(); path != "" {
		return path
	}
	return "/"
}

// encodeBody returns a body as an event carries it.
func encodeBody(body []byte, text bool) (s string, base64Encoded bool) {
	if len(body) == 0 || text && utf8.Valid(body) {
		return string(body), false
	}
	return base64.StdEncoding.EncodeToString(body), true
}

// fields returns a request's header fields as the service sees them, with those that it adds. net/http keeps Host and
// Content-Length apart.
func fields(r Request) http.Header {
	h := r.Header.Clone()
	h.Set("Host", r.Host)
	h.Set("X-Amzn-Trace-Id", r.TraceID)
	forwarded := hostname(r.RemoteAddr)
	if before := r.Header.Get("X-Forwarded-For"); before != "" {
		forwarded = before + ", " + forwarded
	}
	h.Set("X-Forwarded-For", forwarded)
	h.Set("X-Forwarded-Port", port(r.Request))
	h.Set("X-Forwarded-Proto", "http")
	if r.ContentLength > 0 {
		h.Set("Content-Length", fmt.Sprint(r.ContentLength))
	}
	return h
}
