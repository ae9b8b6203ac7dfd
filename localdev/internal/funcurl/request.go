// Package funcurl converts between HTTP and what a Lambda function URL sends to a function and takes from it: payload
// format 2.0, which API Gateway's HTTP APIs share.
package funcurl

import (
	"encoding/base64"
	"encoding/json"
	"mime"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// Event is a request in payload format 2.0.
type Event struct {
	Version               string            `json:"version"`
	RouteKey              string            `json:"routeKey"`
	RawPath               string            `json:"rawPath"`
	RawQueryString        string            `json:"rawQueryString"`
	Cookies               []string          `json:"cookies,omitempty"`
	Headers               map[string]string `json:"headers"`
	QueryStringParameters map[string]string `json:"queryStringParameters,omitempty"`
	RequestContext        RequestContext    `json:"requestContext"`
	Body                  string            `json:"body,omitempty"`
	IsBase64Encoded       bool              `json:"isBase64Encoded"`
}

// RequestContext is what the service knows of a request.
type RequestContext struct {
	AccountID    string `json:"accountId"`
	APIID        string `json:"apiId"`
	DomainName   string `json:"domainName"`
	DomainPrefix string `json:"domainPrefix"`
	HTTP         HTTP   `json:"http"`
	RequestID    string `json:"requestId"`
	RouteKey     string `json:"routeKey"`
	Stage        string `json:"stage"`
	Time         string `json:"time"`
	TimeEpoch    int64  `json:"timeEpoch"`
}

// HTTP is the request line and the peer.
type HTTP struct {
	Method    string `json:"method"`
	Path      string `json:"path"`
	Protocol  string `json:"protocol"`
	SourceIP  string `json:"sourceIp"`
	UserAgent string `json:"userAgent"`
}

// NewEvent returns the event for a request whose body has been read. traceID becomes the header X-Amzn-Trace-Id.
func NewEvent(r *http.Request, body []byte, requestID, traceID string, at time.Time) Event {
	host, source := hostname(r.Host), hostname(r.RemoteAddr)
	prefix, _, _ := strings.Cut(host, ".")
	path := r.URL.EscapedPath()
	if path == "" {
		path = "/"
	}
	e := Event{
		Version: "2.0", RouteKey: "$default",
		RawPath: path, RawQueryString: r.URL.RawQuery,
		Cookies: cookies(r.Header), Headers: headers(r, source, traceID),
		QueryStringParameters: query(r.URL.RawQuery),
		RequestContext: RequestContext{
			AccountID: "anonymous", APIID: prefix, DomainName: host, DomainPrefix: prefix,
			HTTP: HTTP{
				Method: r.Method, Path: path, Protocol: r.Proto, SourceIP: source, UserAgent: r.UserAgent(),
			},
			RequestID: requestID, RouteKey: "$default", Stage: "$default",
			Time: at.UTC().Format("02/Jan/2006:15:04:05 -0700"), TimeEpoch: at.UnixMilli(),
		},
	}
	if len(body) > 0 {
		e.IsBase64Encoded = !isText(r.Header, body)
		e.Body = string(body)
		if e.IsBase64Encoded {
			e.Body = base64.StdEncoding.EncodeToString(body)
		}
	}
	return e
}

// JSON returns the event as the function receives it.
func (e Event) JSON() ([]byte, error) { return json.Marshal(e) }

func hostname(hostport string) string {
	if host, _, err := net.SplitHostPort(hostport); err == nil {
		return host
	}
	return hostport
}

// cookies returns every cookie as name=value. They leave the headers: the format has a place of its own for them.
func cookies(h http.Header) []string {
	var list []string
	for _, line := range h.Values("Cookie") {
		for part := range strings.SplitSeq(line, ";") {
			if part = strings.TrimSpace(part); part != "" {
				list = append(list, part)
			}
		}
	}
	return list
}

// headers returns the headers in lower case, several of one name joined by commas, with those that the service adds.
func headers(r *http.Request, source, traceID string) map[string]string {
	out := map[string]string{}
	for name, values := range r.Header {
		if name != "Cookie" {
			out[strings.ToLower(name)] = strings.Join(values, ",")
		}
	}
	out["host"] = r.Host
	out["x-amzn-trace-id"] = traceID
	out["x-forwarded-for"] = source
	out["x-forwarded-proto"] = "http"
	out["x-forwarded-port"] = port(r)
	if r.ContentLength > 0 { // net/http takes it out of the headers
		out["content-length"] = strconv.FormatInt(r.ContentLength, 10)
	}
	return out
}

func port(r *http.Request) string {
	if _, port, err := net.SplitHostPort(r.Host); err == nil {
		return port
	}
	return "80"
}

// query returns the parameters decoded, several values of one name joined by commas. A part that does not decode is
// taken as it is: the function sees it in the raw query too.
func query(raw string) map[string]string {
	if raw == "" {
		return nil
	}
	out := map[string]string{}
	for part := range strings.SplitSeq(raw, "&") {
		if part == "" {
			continue
		}
		name, value, _ := strings.Cut(part, "=")
		name, value = unescape(name), unescape(value)
		if before, ok := out[name]; ok {
			value = before + "," + value
		}
		out[name] = value
	}
	return out
}

func unescape(s string) string {
	if decoded, err := url.QueryUnescape(s); err == nil && utf8.ValidString(decoded) {
		return decoded
	}
	return strings.ToValidUTF8(s, "\uFFFD")
}

// isText reports whether a body travels as a string. The service decides by the content type; what is not UTF-8 could
// not be told in JSON, whatever its type.
func isText(h http.Header, body []byte) bool {
	if h.Get("Content-Encoding") != "" || !utf8.Valid(body) {
		return false
	}
	contentType := h.Get("Content-Type")
	if contentType == "" {
		return true
	}
	media, _, err := mime.ParseMediaType(contentType)
	if err != nil {
		return false
	}
	switch media {
	case "application/json", "application/javascript", "application/xml":
		return true
	}
	return strings.HasPrefix(media, "text/") || strings.HasSuffix(media, "+json") || strings.HasSuffix(media, "+xml")
}
