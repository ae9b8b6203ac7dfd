package httpevent_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/quick"

	"github.com/aws/aws-lambda-go/events"

	"github.com/stillwarm/stillwarm/internal/httpreq"
	"github.com/stillwarm/stillwarm/lambda/internal/httpevent"
)

func TestResponses(t *testing.T) {
	h := http.Header{
		"Content-Type": {"text/html"}, "Set-Cookie": {"a=1; Path=/", "b=2"}, "Vary": {"Accept", "Cookie"},
	}
	multi := map[string][]string{"host": {"lb"}}
	for name, tt := range map[string]struct {
		event *httpevent.Event
		want  string
	}{
		"HTTP API": {&httpevent.Event{Source: httpevent.HTTPAPI},
			`{"statusCode":200,"headers":{"Content-Type":"text/html","Vary":"Accept, Cookie"},"cookies":["a=1; Path=/","b=2"],"body":"hi","isBase64Encoded":false}`},
		"function URL": {&httpevent.Event{Source: httpevent.FunctionURL},
			`{"statusCode":200,"headers":{"Content-Type":"text/html","Vary":"Accept, Cookie"},"cookies":["a=1; Path=/","b=2"],"body":"hi","isBase64Encoded":false}`},
		"REST": {&httpevent.Event{Source: httpevent.REST},
			`{"statusCode":200,"headers":{"Content-Type":"text/html"},"multiValueHeaders":{"Set-Cookie":["a=1; Path=/","b=2"],"Vary":["Accept","Cookie"]},"body":"hi","isBase64Encoded":false}`},
		"HTTP API with payload 1.0": {&httpevent.Event{Source: httpevent.HTTPAPIv1},
			`{"statusCode":200,"headers":{"Content-Type":"text/html"},"multiValueHeaders":{"Set-Cookie":["a=1; Path=/","b=2"],"Vary":["Accept","Cookie"]},"body":"hi","isBase64Encoded":false}`},
		"load balancer": {&httpevent.Event{Source: httpevent.ALB},
			`{"statusCode":200,"statusDescription":"200 OK","headers":{"Content-Type":"text/html","Set-cookie":"b=2","Vary":"Accept, Cookie","set-cookie":"a=1; Path=/"},"body":"hi","isBase64Encoded":false}`},
		"load balancer with multi-value maps": {&httpevent.Event{Source: httpevent.ALB, MultiHeaders: multi},
			`{"statusCode":200,"statusDescription":"200 OK","multiValueHeaders":{"Content-Type":["text/html"],"Set-Cookie":["a=1; Path=/","b=2"],"Vary":["Accept","Cookie"]},"body":"hi","isBase64Encoded":false}`},
	} {
		t.Run("L4 "+name, func(t *testing.T) {
			r := tt.event.Encode(200, h, []byte("hi"), httpreq.Plain)
			if got := marshal(t, r); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
			// What a service takes is read back as the same answer.
			w := httptest.NewRecorder()
			if err := r.Write(w, false); err != nil {
				t.Fatal(err)
			}
			back := w.Result()
			slices.Sort(back.Header["Set-Cookie"])
			if !slices.Equal(back.Header["Set-Cookie"], h["Set-Cookie"]) || w.Body.String() != "hi" || back.StatusCode != 200 ||
				strings.Join(back.Header["Vary"], ", ") != "Accept, Cookie" {
				t.Errorf("read back as %v %q", back.Header, w.Body)
			}
		})
	}
	t.Run("L4 bodies keep their form; bytes become base64", func(t *testing.T) {
		e := &httpevent.Event{Source: httpevent.HTTPAPI}
		for _, tt := range []struct {
			body string
			form httpreq.Form
			want string
			b64  bool
		}{
			{"text <é>", httpreq.Plain, "text <é>", false}, {"aGk=", httpreq.Base64, "aGk=", true},
			{"\xff\xfe", httpreq.Plain, "//4=", true}, {"a\x00b", httpreq.Plain, "YQBi", true}, {"", httpreq.Plain, "", false},
		} {
			if r := e.Encode(200, nil, []byte(tt.body), tt.form); r.Body != tt.want || r.Base64 != tt.b64 {
				t.Errorf("%q: %q, base64 %v", tt.body, r.Body, r.Base64)
			}
		}
	})
	t.Run("L4 forty cookies behind a load balancer with single values", func(t *testing.T) {
		var cookies []string
		for i := range 40 {
			cookies = append(cookies, "c="+strings.Repeat("x", i))
		}
		e := &httpevent.Event{Source: httpevent.ALB}
		r := e.Encode(200, http.Header{"Set-Cookie": cookies}, nil, 0)
		if len(r.Headers) != len(cookies) {
			t.Fatalf("%d names for %d cookies", len(r.Headers), len(cookies))
		}
		if n := len(r.Header()["Set-Cookie"]); n != len(cookies) {
			t.Fatalf("%d read back", n)
		}
	})
}

func marshal(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestHandlersResponses(t *testing.T) {
	t.Run("L4 a cookie counts wherever it is, once", func(t *testing.T) {
		r := httpevent.ResponseOf(&events.APIGatewayV2HTTPResponse{
			StatusCode: 200, Headers: map[string]string{"set-COOKIE": "a=1"},
			MultiValueHeaders: map[string][]string{"Set-Cookie": {"a=1", "b=2"}}, Cookies: []string{"c=3", "a=1"},
		})
		got := r.Header()["Set-Cookie"]
		slices.Sort(got)
		if !slices.Equal(got, []string{"a=1", "b=2", "c=3"}) {
			t.Fatal(got)
		}
	})
	t.Run("L4 what cannot be sent is refused before anything is written", func(t *testing.T) {
		for name, r := range map[string]httpevent.Response{
			"no status":      {},
			"informational":  {StatusCode: 101},
			"large status":   {StatusCode: 1000},
			"field name":     {StatusCode: 200, Headers: map[string]string{"a b": "1"}},
			"field value":    {StatusCode: 200, Headers: map[string]string{"a": "1\r\nSet-Cookie: x=1"}},
			"base64":         {StatusCode: 200, Body: "%%%", Base64: true},
			"base64, folded": {StatusCode: 200, Body: "aG\nk=", Base64: true},
			"base64, long":   {StatusCode: 200, Body: strings.Repeat("aGk=", 3000), Base64: true},
		} {
			w := &httpevent.Recorder{}
			if err := r.Write(w, false); err == nil || len(w.Header()) != 0 {
				t.Errorf("%s: %v, written %v", name, err, w.Header())
			}
		}
	})
	t.Run("L4 every type of the events package fills and reads alike", func(t *testing.T) {
		in := &httpevent.Response{StatusCode: 418, Headers: map[string]string{"A": "1"}, Body: "b", Base64: true}
		for _, out := range []any{
			&events.APIGatewayV2HTTPResponse{}, &events.LambdaFunctionURLResponse{}, &events.APIGatewayProxyResponse{}, &events.ALBTargetGroupResponse{},
		} {
			in.Fill(out)
			if got := httpevent.ResponseOf(out); !reflect.DeepEqual(got, in) {
				t.Errorf("%T: %+v", out, got)
			}
		}
		if httpevent.ResponseOf(&events.SQSEvent{}) != nil || httpevent.Of(&events.SQSEvent{}) != nil {
			t.Error("a queue is no request")
		}
	})
}

func TestLimits(t *testing.T) {
	t.Run("L4 the JSON's length is counted exactly", func(t *testing.T) {
		f := func(body string, field []byte) bool {
			r := &httpevent.Response{StatusCode: 200, Body: body + string(field), Headers: map[string]string{"A": string(field)}}
			var b bytes.Buffer
			enc := json.NewEncoder(&b)
			enc.SetEscapeHTML(false)
			_ = enc.Encode(r)
			slack := httpevent.Size(r) - b.Len()
			return 0 <= slack && slack < 128
		}
		if err := quick.Check(f, &quick.Config{MaxCount: 2000}); err != nil {
			t.Error(err)
		}
		for _, s := range []string{"\"\\\b\f\n\r\t", "\x00\x1f\x7f", "\u2028\u2029", "\xff\xc0", "<>&", "é\U0001F600"} {
			if !f(s, []byte(s)) {
				t.Errorf("%q", s)
			}
		}
	})
	t.Run("L4 6 MiB, 1 MiB behind a load balancer, as it is sent", func(t *testing.T) {
		for _, tt := range []struct {
			source httpevent.Source
			body   string
			over   bool
		}{
			{httpevent.HTTPAPI, strings.Repeat("x", 6<<20-1<<10), false},
			{httpevent.HTTPAPI, strings.Repeat("x", 6<<20), true},
			{httpevent.FunctionURL, strings.Repeat("\"", 3<<20), true},
			{httpevent.REST, strings.Repeat("\x01", 1<<20), true},
			{httpevent.ALB, strings.Repeat("x", 1<<20-1<<10), false},
			{httpevent.ALB, strings.Repeat("x", 1<<20), true},
		} {
			r := &httpevent.Response{StatusCode: 200, Body: tt.body}
			if _, over := r.TooLarge(tt.source); over != tt.over {
				t.Errorf("%s, %d bytes of %q: over %v", tt.source, len(tt.body), tt.body[:1], over)
			}
		}
		alb := &httpevent.Event{Source: httpevent.ALB}
		if !alb.Fits(200, nil, 900<<10, httpreq.Plain) || alb.Fits(200, nil, 1<<20, httpreq.Base64) ||
			alb.Fits(200, http.Header{"A": {strings.Repeat("x", 1<<20)}}, 0, httpreq.Plain) {
			t.Error("what fits a load balancer")
		}
	})
}

func TestRewrite(t *testing.T) {
	t.Run("L4 fields that the cache changed reach the handler's event; the caller's event stays", func(t *testing.T) {
		headers := map[string]string{"accept": "*/*", "if-none-match": `"1"`, "Accept-Encoding": "gzip, br"}
		multi := map[string][]string{"accept": {"*/*"}, "if-none-match": {`"1"`}, "Accept-Encoding": {"gzip, br"}}
		before := http.Header{"Accept": {"*/*"}, "If-None-Match": {`"1"`}, "Accept-Encoding": {"gzip, br"}}
		after := http.Header{"Accept": {"*/*"}, "Accept-Encoding": {"gzip"}, "If-Modified-Since": {"x"}}
		for _, in := range []any{
			&events.APIGatewayV2HTTPRequest{Headers: headers}, &events.LambdaFunctionURLRequest{Headers: headers},
			&events.APIGatewayProxyRequest{Headers: headers, MultiValueHeaders: multi}, &events.ALBTargetGroupRequest{Headers: headers},
			&events.ALBTargetGroupRequest{MultiValueHeaders: multi},
		} {
			httpevent.Rewrite(in, before, after)
			e := httpevent.Of(in)
			e.Method = "GET"
			r, err := e.Request(t.Context(), "", "")
			if err != nil || !reflect.DeepEqual(r.Header, after) {
				t.Errorf("%T: %v %v", in, r.Header, err)
			}
		}
		if len(headers) != 3 || headers["Accept-Encoding"] != "gzip, br" || len(multi) != 3 {
			t.Error("the caller's maps were changed")
		}
		nothing := &events.ALBTargetGroupRequest{}
		httpevent.Rewrite(nothing, nil, after)
		if nothing.Headers != nil || nothing.MultiValueHeaders != nil {
			t.Error("maps out of nothing")
		}
	})
}

func TestPrincipal(t *testing.T) {
	id := httpevent.Identity{
		Claims:  map[string]any{"sub": "u", "iss": "i", "email": "a@b", "groups": []any{"x"}, "empty": ""},
		Context: map[string]any{"tenant": "blue", "level": 3.0, "none": nil},
	}
	t.Run("L4 named claims, from token or authorizer; a missing one is nobody", func(t *testing.T) {
		seen := map[string]string{}
		for _, claims := range [][]string{{}, {"sub"}, {"email"}, {"tenant"}, {"sub", "tenant"}, {"tenant", "sub"}, {"level"}, {"groups"}} {
			p := id.Principal(claims...)
			name := strings.Join(claims, "+")
			if other, twice := seen[p]; p == "" || twice {
				t.Errorf("%q: %q, as %q", name, p, other)
			}
			seen[p] = name
		}
		for _, claims := range [][]string{{"missing"}, {"sub", "missing"}, {"empty"}, {"none"}} {
			if p := id.Principal(claims...); p != "" {
				t.Errorf("%v: %q", claims, p)
			}
		}
	})
	t.Run("L4 no two lists of values read the same", func(t *testing.T) {
		a := httpevent.Identity{Claims: map[string]any{"x": "1", "y": "21:y1:s1:3"}}
		b := httpevent.Identity{Claims: map[string]any{"x": "12", "y": "1:y1:s1:3"}}
		one, number := httpevent.Identity{Claims: map[string]any{"x": "1"}}, httpevent.Identity{Claims: map[string]any{"x": 1.0}}
		if a.Principal("x", "y") == b.Principal("x", "y") || one.Principal("x") == number.Principal("x") {
			t.Error("two callers are one")
		}
	})
	t.Run("nobody", func(t *testing.T) {
		var nobody httpevent.Identity
		if p := nobody.Principal(); p != "" {
			t.Error(p)
		}
	})
}

func TestRecorder(t *testing.T) {
	e := &httpevent.Event{Source: httpevent.HTTPAPI}
	for name, tt := range map[string]struct {
		head    bool
		handler http.HandlerFunc
		want    string
	}{
		"nothing": {handler: func(http.ResponseWriter, *http.Request) {}, want: `{"statusCode":200,"body":"","isBase64Encoded":false}`},
		"sniffed": {handler: func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<html>") },
			want: `{"statusCode":200,"headers":{"Content-Type":"text/html; charset=utf-8"},"body":"\u003chtml\u003e","isBase64Encoded":false}`},
		"fields are final at the status": {handler: func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(103)
			w.WriteHeader(201)
			w.Header().Set("Late", "1")
			w.WriteHeader(500)
		}, want: `{"statusCode":201,"body":"","isBase64Encoded":false}`},
		"HEAD": {head: true, handler: func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "3")
			_, _ = io.WriteString(w, "abc")
		}, want: `{"statusCode":200,"headers":{"Content-Length":"3","Content-Type":"text/plain; charset=utf-8"},"body":"","isBase64Encoded":false}`},
		"a 304 has no body": {handler: func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(304)
			if _, err := io.WriteString(w, "abc"); err == nil {
				panic("taken")
			}
		}, want: `{"statusCode":304,"body":"","isBase64Encoded":false}`},
		"new lines in fields": {handler: func(w http.ResponseWriter, _ *http.Request) {
			w.Header()["Bad Name"] = []string{"x"}
			w.Header().Set("A", "1\r\nSet-Cookie: b=2")
			w.WriteHeader(204)
		}, want: `{"statusCode":204,"headers":{"A":"1  Set-Cookie: b=2"},"body":"","isBase64Encoded":false}`},
	} {
		t.Run("L4 "+name, func(t *testing.T) {
			w := &httpevent.Recorder{Sniff: true, Head: tt.head}
			tt.handler(w, nil)
			if got := marshal(t, w.Response(e)); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
	for _, status := range []int{-1, 0, 99, 1000} {
		t.Run(fmt.Sprint("L4 a status that is none is the handler's mistake: ", status), func(t *testing.T) {
			defer func() {
				if v, _ := recover().(string); v != fmt.Sprint("invalid WriteHeader code ", status) {
					t.Errorf("%q", v)
				}
			}()
			(&httpevent.Recorder{}).WriteHeader(status)
		})
	}
	t.Run("L4 a body in a form is whole", func(t *testing.T) {
		w := &httpevent.Recorder{}
		if err := w.WriteForm([]byte("aGk="), httpreq.Base64); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte("x")); err == nil {
			t.Error("written behind it")
		}
		if err := w.WriteForm([]byte("x"), httpreq.Plain); err == nil {
			t.Error("twice")
		}
	})
}
