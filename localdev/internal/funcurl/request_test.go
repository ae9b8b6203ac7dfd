package funcurl

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
)

var at = time.Date(2026, 3, 12, 19, 3, 58, 390e6, time.UTC)

// event converts a request and reads the result with both of aws-lambda-go's types for it.
func event(t *testing.T, r *http.Request, body string) (events.LambdaFunctionURLRequest, events.APIGatewayV2HTTPRequest) {
	t.Helper()
	r.RemoteAddr = "192.0.2.7:4711"
	b, err := NewEvent(r, []byte(body), "the-id", "Root=1", at).JSON()
	if err != nil {
		t.Fatal(err)
	}
	var u events.LambdaFunctionURLRequest
	var g events.APIGatewayV2HTTPRequest
	for _, into := range []any{&u, &g} {
		if err := json.Unmarshal(b, into); err != nil {
			t.Fatalf("%T: %v", into, err)
		}
	}
	return u, g
}

func TestNewEvent(t *testing.T) {
	r := httptest.NewRequest(http.MethodGet, "http://localhost:8787/a%2Fb/c?x=1&y=a%20b&x=2&flag&bad=%zz", nil)
	r.Header.Set("User-Agent", "curl/8")
	r.Header.Add("X-Multi", "one")
	r.Header.Add("X-Multi", "two")
	r.Header.Add("Cookie", "a=1; b=2")
	r.Header.Add("Cookie", "c=3")
	u, g := event(t, r, "")
	for name, pair := range map[string][2]any{
		"version":                        {u.Version, "2.0"},
		"the path stays encoded":         {u.RawPath, "/a%2Fb/c"},
		"the query stays as it is":       {u.RawQueryString, "x=1&y=a%20b&x=2&flag&bad=%zz"},
		"parameters are decoded, joined": {u.QueryStringParameters, map[string]string{"x": "1,2", "y": "a b", "flag": "", "bad": "%zz"}},
		"headers are joined":             {u.Headers["x-multi"], "one,two"},
		"the host is a header":           {u.Headers["host"], "localhost:8787"},
		"cookies leave the headers":      {u.Headers["cookie"], ""},
		"cookies are listed":             {u.Cookies, []string{"a=1", "b=2", "c=3"}},
		"the client is forwarded":        {u.Headers["x-forwarded-for"], "192.0.2.7"},
		"the port is forwarded":          {u.Headers["x-forwarded-port"], "8787"},
		"the trace is a header":          {u.Headers["x-amzn-trace-id"], "Root=1"},
		"source":                         {u.RequestContext.HTTP.SourceIP, "192.0.2.7"},
		"user agent":                     {u.RequestContext.HTTP.UserAgent, "curl/8"},
		"protocol":                       {u.RequestContext.HTTP.Protocol, "HTTP/1.1"},
		"method":                         {u.RequestContext.HTTP.Method, "GET"},
		"request id":                     {u.RequestContext.RequestID, "the-id"},
		"time":                           {u.RequestContext.Time, "12/Mar/2026:19:03:58 +0000"},
		"epoch in milliseconds":          {u.RequestContext.TimeEpoch, int64(1773342238390)},
		"no body":                        {u.Body, ""},
		"no body is not base64":          {u.IsBase64Encoded, false},
		"the gateway's type: route":      {g.RouteKey, "$default"},
		"the gateway's type: path":       {g.RawPath, "/a%2Fb/c"},
		"the gateway's type: domain":     {g.RequestContext.DomainName, "localhost"},
	} {
		t.Run(name, func(t *testing.T) {
			if !reflect.DeepEqual(pair[0], pair[1]) {
				t.Errorf("%#v, want %#v", pair[0], pair[1])
			}
		})
	}
}

func TestBodies(t *testing.T) {
	for _, c := range []struct {
		name, contentType, encoding, body string
		base64                            bool
	}{
		{"JSON is text", "application/json; charset=utf-8", "", `{"a":1}`, false},
		{"a JSON dialect is text", "application/problem+json", "", `{}`, false},
		{"plain text is text", "text/plain", "", "hällo", false},
		{"XML is text", "image/svg+xml", "", "<svg/>", false},
		{"no type and UTF-8 is text", "", "", "a", false},
		{"a form is base64", "application/x-www-form-urlencoded", "", "a=1", true},
		{"octets are base64", "application/octet-stream", "", "a", true},
		{"compressed text is base64", "text/plain", "gzip", "a", true},
		{"text that is not UTF-8 is base64", "text/plain", "", "\xff", true},
		{"a broken type is base64", "text/", "", "a", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(c.body))
			r.Header.Set("Content-Type", c.contentType)
			if c.encoding != "" {
				r.Header.Set("Content-Encoding", c.encoding)
			}
			u, _ := event(t, r, c.body)
			if u.IsBase64Encoded != c.base64 || (!c.base64 && u.Body != c.body) {
				t.Errorf("base64 %v, body %q", u.IsBase64Encoded, u.Body)
			}
			if u.Headers["content-length"] == "" {
				t.Error("no content-length")
			}
		})
	}
}
