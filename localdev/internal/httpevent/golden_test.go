package httpevent

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stillwarm/stillwarm/localdev/internal/funcurl"
)

var update = flag.Bool("update", false, "write the golden files anew; read the difference before you commit it")

var at = time.Date(2026, 3, 12, 19, 3, 58, 390e6, time.UTC)

// odd are requests as a client sends them. Their events in each form were compared with what the services document: which
// decode, which join, which keep the last.
var odd = []struct{ name, raw string }{
	{"plain", "GET / HTTP/1.1\r\nHost: localhost:8787\r\nUser-Agent: curl/8\r\n\r\n"},
	{"encoded slash, space and percent in the path", "GET /a%2Fb/c%20d/100%25 HTTP/1.1\r\nHost: localhost\r\n\r\n"},
	{"encoded question mark in the path", "GET /a%3Fb?c=d HTTP/1.1\r\nHost: localhost\r\n\r\n"},
	{"doubled and dotted path", "GET //a/./b/../c/ HTTP/1.1\r\nHost: localhost\r\n\r\n"},
	{"unicode, encoded", "GET /caf%C3%A9?n=%E2%82%AC HTTP/1.1\r\nHost: localhost\r\n\r\n"},
	{"query with repeated names, no value, plus and bad escapes", "GET /?x=1&x=2&flag&e=&p=a+b&bad=%zz&y=a%26b HTTP/1.1\r\nHost: localhost\r\n\r\n"},
	{"empty query", "GET /? HTTP/1.1\r\nHost: localhost\r\n\r\n"},
	{"repeated headers", "GET / HTTP/1.1\r\nHost: localhost\r\nX-Two: one\r\nX-Two: two, three\r\nx-two: four\r\n\r\n"},
	{"cookies on two lines", "GET / HTTP/1.1\r\nHost: localhost\r\nCookie: a=1; b=2\r\nCookie: c=3\r\n\r\n"},
	{"text body", "POST /form HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json; charset=utf-8\r\nContent-Length: 9\r\n\r\n{\"a\":\"b\"}"},
	{"form body", "POST /form HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 7\r\n\r\na=1&b=2"},
	{"binary body", "PUT /file HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/octet-stream\r\nContent-Length: 4\r\n\r\n\x00\x01\xfe\xff"},
	{"text type with bytes that are not UTF-8", "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\n\xff\xfe"},
	{"compressed text", "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/plain\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\nxy"},
	{"chunked body", "POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"},
	{"HEAD with conditions", "HEAD /x HTTP/1.1\r\nHost: localhost\r\nIf-None-Match: \"a\", W/\"b\"\r\n\r\n"},
	{"OPTIONS of a browser", "OPTIONS /x HTTP/1.1\r\nHost: localhost\r\nOrigin: http://localhost:3000\r\nAccess-Control-Request-Method: PUT\r\n\r\n"},
	{"forwarded before", "GET / HTTP/1.1\r\nHost: [::1]:8787\r\nX-Forwarded-For: 203.0.113.9\r\n\r\n"},
}

func request(t *testing.T, raw string) Request {
	t.Helper()
	r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(raw)))
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	r.RemoteAddr = "192.0.2.7:4711"
	return Request{Request: r, Body: body, RequestID: "the-id", TraceID: "Root=1-0", At: at}
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s differs from its golden file:\n%s", name, got)
	}
}

func TestOddRequests(t *testing.T) {
	for _, f := range []*Form{HTTP, REST, ALB, ALBMulti} {
		t.Run(f.Name, func(t *testing.T) {
			var all bytes.Buffer
			for _, c := range odd {
				event, err := f.Event(request(t, c.raw))
				if err != nil {
					t.Fatal(err)
				}
				all.WriteString("// " + c.name + "\n")
				if err := json.Indent(&all, event, "", " "); err != nil {
					t.Fatal(err)
				}
				all.WriteString("\n")
			}
			golden(t, f.Name+".requests", all.Bytes())
		})
	}
}

// answers are what functions return, right and wrong.
var answers = []struct{ name, payload string }{
	{"plain", `{"statusCode":200,"headers":{"Content-Type":"text/html"},"body":"<p>"}`},
	{"no body", `{"statusCode":204}`},
	{"status as text", `{"statusCode":"201"}`},
	{"multi-value headers only", `{"statusCode":200,"multiValueHeaders":{"Set-Cookie":["a=1","b=2"]},"body":"x"}`},
	{"both kinds of headers", `{"statusCode":200,"headers":{"X-A":"single","X-B":"b"},"multiValueHeaders":{"X-A":["m1","m2"]}}`},
	{"cookies in spellings of one name", `{"statusCode":200,"headers":{"set-cookie":"a=1","Set-cookie":"b=2","sEt-cookie":"c=3"},"body":"x"}`},
	{"a status out of range", `{"statusCode":600}`},
	{"base64", `{"statusCode":200,"headers":{"content-type":"image/png"},"body":"AAH/","isBase64Encoded":true}`},
	{"not base64", `{"statusCode":200,"body":"?","isBase64Encoded":true}`},
	{"numbers and null as header values", `{"statusCode":200,"headers":{"X-N":7,"X-B":true,"X-Null":null}}`},
	{"hop-by-hop headers", `{"statusCode":200,"headers":{"Connection":"close","Content-Length":"999","X-Kept":"1"}}`},
	{"a header with a line end", `{"statusCode":200,"headers":{"X-A":"a\nb"}}`},
	{"no status", `{"body":"x"}`},
	{"a bare value", `"x"`},
	{"an informational status", `{"statusCode":103}`},
	{"a body that is no text", `{"statusCode":200,"body":{"a":1}}`},
	{"a list for a header", `{"statusCode":200,"headers":{"X-A":["a"]}}`},
}

func TestAnswers(t *testing.T) {
	for _, f := range []*Form{HTTP, REST, ALB, ALBMulti} {
		t.Run(f.Name, func(t *testing.T) {
			var all bytes.Buffer
			for _, c := range answers {
				all.WriteString("// " + c.name + "\n")
				response, err := f.Response([]byte(c.payload))
				if err != nil {
					if _, ok := errors.AsType[*funcurl.ConversionError](err); !ok {
						t.Errorf("%s: %T", c.name, err)
					}
					reason, _, _ := strings.Cut(err.Error(), ";")
					all.WriteString(reason + "\n")
					continue
				}
				full := http.Response{
					StatusCode: response.Status, ProtoMajor: 1, ProtoMinor: 1, Header: response.Header,
					Body: io.NopCloser(bytes.NewReader(response.Body)), ContentLength: int64(len(response.Body)),
				}
				var wire bytes.Buffer
				if err := full.Write(&wire); err != nil {
					t.Fatal(err)
				}
				all.WriteString(strings.ToValidUTF8(strings.ReplaceAll(wire.String(), "\r\n", "\n"), "?") + "\n")
			}
			golden(t, f.Name+".answers", all.Bytes())
		})
	}
}

func TestLimits(t *testing.T) {
	long := request(t, "GET / HTTP/1.1\r\nHost: localhost\r\nX-Long: "+strings.Repeat("x", 11_000)+"\r\n\r\n")
	for _, c := range []struct {
		form   *Form
		r      Request
		body   int
		status int
	}{
		{HTTP, long, 2 << 20, 0},
		{REST, long, 0, 431},
		{REST, request(t, odd[0].raw), 5 << 20, 0},
		{ALB, long, 0, 0},
		{ALB, request(t, odd[0].raw), 1<<20 + 1, 413},
		{ALB, request(t, odd[0].raw), 1 << 20, 0},
	} {
		err := c.form.Check(c.r.Request, c.body)
		limit, _ := errors.AsType[*LimitError](err)
		if (limit == nil) != (c.status == 0) || limit != nil && limit.Status != c.status {
			t.Errorf("%s, %d bytes: %v, want %d", c.form.Name, c.body, err, c.status)
		}
	}
	if _, err := ALB.Response([]byte(`{"statusCode":200,"body":"` + strings.Repeat("x", 1<<20) + `"}`)); err == nil {
		t.Error("a load balancer takes an answer of more than 1 MB")
	}
}

func TestRefusedAnswers(t *testing.T) {
	for form, takes := range map[*Form]string{
		HTTP:     `answer {"statusCode": 200, "headers": {...}, "body": "..."} or any JSON without statusCode`,
		REST:     `answer {"statusCode": 200, "headers": {...}, "body": "..."}`,
		ALB:      `answer {"statusCode": 200, "headers": {...}, "body": "..."}`,
		ALBMulti: `answer {"statusCode": 200, "multiValueHeaders": {"Content-Type": [...]}, "body": "..."}`,
	} {
		t.Run("the message says what is taken: "+form.Name, func(t *testing.T) {
			if _, err := form.Response([]byte(`{"statusCode":0}`)); err == nil || !strings.HasSuffix(err.Error(), "; "+takes) {
				t.Error(err)
			}
		})
	}
}

func FuzzAnswer(f *testing.F) {
	for _, c := range answers {
		f.Add([]byte(c.payload))
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		for _, form := range []*Form{HTTP, REST, ALB, ALBMulti} {
			response, err := form.Response(payload)
			if err != nil {
				continue
			}
			if response.Status < 200 || response.Status > 599 {
				t.Errorf("status %d", response.Status)
			}
			for name, values := range response.Header {
				for _, v := range values {
					if strings.ContainsAny(name+v, "\r\n") {
						t.Errorf("header %q: %q", name, v)
					}
				}
			}
		}
	})
}
