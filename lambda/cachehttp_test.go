package lambda_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-lambda-go/events"

	"github.com/stillwarm/stillwarm/adapter"
	"github.com/stillwarm/stillwarm/httpcache"
	"github.com/stillwarm/stillwarm/lambda"
)

// httpRuntime returns a Runtime of the test's own, memory only.
func httpRuntime(t *testing.T) httpcache.Option {
	t.Helper()
	rt, err := adapter.New(adapter.Config{Backend: "none"})
	if err != nil {
		t.Fatal(err)
	}
	return httpcache.WithRuntime(rt)
}

// v2 is an event of an HTTP API.
func v2(path string, fields ...string) events.APIGatewayV2HTTPRequest {
	in := events.APIGatewayV2HTTPRequest{Version: "2.0", RawPath: path, Headers: map[string]string{"host": "api.example.com"}}
	in.RequestContext.HTTP.Method, in.RequestContext.Stage, in.RequestContext.DomainName = "GET", "$default", "api.example.com"
	for i := 0; i+1 < len(fields); i += 2 {
		in.Headers[fields[i]] = fields[i+1]
	}
	return in
}

type (
	v2In   = events.APIGatewayV2HTTPRequest
	v2Out  = events.APIGatewayV2HTTPResponse
	v2Func = func(context.Context, v2In) (v2Out, error)
)

// counted answers with the number of its run and the given fields.
func counted(runs *atomic.Int64, fields ...string) v2Func {
	return func(context.Context, v2In) (v2Out, error) {
		out := v2Out{StatusCode: 200, Headers: map[string]string{}, Body: fmt.Sprint(runs.Add(1))}
		for i := 0; i+1 < len(fields); i += 2 {
			out.Headers[fields[i]] = fields[i+1]
		}
		return out, nil
	}
}

func ask(t *testing.T, h v2Func, in v2In) v2Out {
	t.Helper()
	out, err := h(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestCacheHTTP(t *testing.T) {
	t.Run("L4 hits at the second request; Cache-Status says so", func(t *testing.T) {
		var runs atomic.Int64
		h := lambda.CacheHTTP(counted(&runs, "cache-control", "max-age=60", "content-type", "text/plain"), httpRuntime(t))
		first, second := ask(t, h, v2("/items")), ask(t, h, v2("/items"))
		if first.Body != "1" || second.Body != "1" || !strings.Contains(first.Headers["Cache-Status"], "fwd=uri-miss") && !strings.Contains(first.Headers["Cache-Status"], "fwd=miss") ||
			!strings.Contains(second.Headers["Cache-Status"], "hit") || second.Headers["Content-Type"] != "text/plain" || second.Headers["Age"] == "" {
			t.Errorf("%+v\n%+v", first, second)
		}
		if other := ask(t, h, v2("/other")); other.Body != "2" {
			t.Error("another path", other.Body)
		}
	})
	t.Run("L4 without Cache-Control nothing is reused", func(t *testing.T) {
		var runs atomic.Int64
		h := lambda.CacheHTTP(counted(&runs), httpRuntime(t))
		ask(t, h, v2("/"))
		if out := ask(t, h, v2("/")); out.Body != "2" || out.Headers["Cache-Status"] == "" {
			t.Errorf("%+v", out)
		}
	})
	t.Run("L4 what the event knows of the caller keeps an answer from being shared", func(t *testing.T) {
		for _, name := range []string{"v2-jwt", "v2-lambda-authorizer", "v2-iam", "v2-client-certificate", "v2-authorizer-without-context"} {
			var runs atomic.Int64
			h := lambda.CacheHTTP(counted(&runs, "cache-control", "max-age=60"), httpRuntime(t))
			var in v2In
			decodeSample(t, name, &in)
			ask(t, h, in)
			if out := ask(t, h, in); out.Body != "2" {
				t.Errorf("%s: shared: %+v", name, out)
			}
			var shared atomic.Int64
			h = lambda.CacheHTTP(counted(&shared, "cache-control", "public, max-age=60"), httpRuntime(t))
			ask(t, h, in)
			if out := ask(t, h, in); out.Body != "1" {
				t.Errorf("%s: public: %+v", name, out)
			}
		}
	})
	t.Run("L4 PerPrincipal: each caller its own; a missing claim is nobody", func(t *testing.T) {
		var runs atomic.Int64
		h := lambda.CacheHTTP(counted(&runs, "cache-control", "private, max-age=60"), httpRuntime(t), lambda.PerPrincipal("sub"))
		as := func(sub string) v2In {
			in := v2("/me")
			in.RequestContext.Authorizer = &events.APIGatewayV2HTTPRequestContextAuthorizerDescription{
				JWT: &events.APIGatewayV2HTTPRequestContextAuthorizerJWTDescription{Claims: map[string]string{"iss": "i"}},
			}
			if sub != "" {
				in.RequestContext.Authorizer.JWT.Claims["sub"] = sub
			}
			return in
		}
		for i, tt := range []struct{ sub, want string }{{"a", "1"}, {"b", "2"}, {"a", "1"}, {"b", "2"}, {"", "3"}, {"", "4"}} {
			if out := ask(t, h, as(tt.sub)); out.Body != tt.want {
				t.Errorf("%d: caller %q got %q, want %q", i, tt.sub, out.Body, tt.want)
			}
		}
	})
	t.Run("L4 an error is no answer, and reaches everybody who waited; 503 is not kept", func(t *testing.T) {
		down := errors.New("down")
		h := lambda.CacheHTTP(func(context.Context, v2In) (v2Out, error) { return v2Out{}, down }, httpRuntime(t))
		if _, err := h(t.Context(), v2("/")); !errors.Is(err, down) {
			t.Error(err)
		}
		var runs atomic.Int64
		h = lambda.CacheHTTP(func(context.Context, v2In) (v2Out, error) {
			runs.Add(1)
			return v2Out{StatusCode: 503}, nil
		}, httpRuntime(t), httpcache.DefaultTTL("1h"))
		for range 3 {
			if out := ask(t, h, v2("/")); out.StatusCode != 503 {
				t.Error(out)
			}
		}
		if runs.Load() != 3 {
			t.Errorf("%d runs", runs.Load())
		}
	})
	t.Run("L4 a cookie keeps an answer from being stored, wherever it is", func(t *testing.T) {
		for name, out := range map[string]v2Out{
			"cookies": {Cookies: []string{"a=1"}}, "headers": {Headers: map[string]string{"SET-cookie": "a=1"}},
			"multi-value headers": {MultiValueHeaders: map[string][]string{"set-cookie": {"a=1"}}},
		} {
			runs := 0
			h := lambda.CacheHTTP(func(context.Context, v2In) (v2Out, error) {
				runs++
				o := out
				o.StatusCode, o.Headers = 200, maps.Clone(out.Headers)
				if o.Headers == nil {
					o.Headers = map[string]string{}
				}
				o.Headers["cache-control"] = "max-age=60"
				return o, nil
			}, httpRuntime(t))
			for range 2 {
				if got := ask(t, h, v2("/")); !reflect.DeepEqual(got.Cookies, []string{"a=1"}) {
					t.Errorf("%s: %+v", name, got)
				}
			}
			if runs != 2 {
				t.Errorf("%s: stored", name)
			}
		}
	})
	t.Run("L4 conditions of one client do not reach a run that is shared", func(t *testing.T) {
		var seen map[string]string
		h := lambda.CacheHTTP(func(_ context.Context, in v2In) (v2Out, error) {
			seen = in.Headers
			return v2Out{StatusCode: 200, Headers: map[string]string{"cache-control": "max-age=60", "etag": `"1"`}, Body: "abc"}, nil
		}, httpRuntime(t))
		in := v2("/", "if-none-match", `"1"`, "accept-encoding", "gzip;q=1.0, deflate", "x-other", "kept")
		if out := ask(t, h, in); out.StatusCode != 304 || out.Body != "" || out.Headers["Etag"] != `"1"` {
			t.Errorf("%+v", out)
		}
		if _, has := seen["if-none-match"]; has || seen["accept-encoding"] != "gzip" || seen["x-other"] != "kept" || in.Headers["if-none-match"] == "" {
			t.Errorf("the handler saw %v, the caller has %v", seen, in.Headers)
		}
		if out := ask(t, h, v2("/", "range", "bytes=1-1")); out.StatusCode != 206 || out.Body != "b" {
			t.Errorf("%+v", out)
		}
	})
	t.Run("L4 Range and HEAD", func(t *testing.T) {
		var runs atomic.Int64
		h := lambda.CacheHTTP(counted(&runs, "cache-control", "max-age=60"), httpRuntime(t))
		ask(t, h, v2("/"))
		head := v2("/")
		head.RequestContext.HTTP.Method = "HEAD"
		if out := ask(t, h, head); out.Body != "" || out.StatusCode != 200 || runs.Load() != 1 {
			t.Errorf("%+v after %d runs", out, runs.Load())
		}
	})
	t.Run("L4 POST invalidates before it is answered", func(t *testing.T) {
		var runs atomic.Int64
		h := lambda.CacheHTTP(counted(&runs, "cache-control", "max-age=60"), httpRuntime(t))
		ask(t, h, v2("/items"))
		post := v2("/items")
		post.RequestContext.HTTP.Method, post.Body = "POST", "x"
		ask(t, h, post)
		if out := ask(t, h, v2("/items")); out.Body != "3" {
			t.Error(out.Body)
		}
	})
}

func TestCacheHTTPBodies(t *testing.T) {
	png := "\x89PNG\r\n\x1a\n\x00\xff"
	for name, body := range map[string]v2Out{
		"text": {Body: `{"a":"<é>"}`}, "base64": {Body: base64.StdEncoding.EncodeToString([]byte(png)), IsBase64Encoded: true}, "empty": {},
		"base64 of text": {Body: "aGVsbG8=", IsBase64Encoded: true},
		"a wrong length": {Body: "hello", Headers: map[string]string{"content-length": "3"}},
		"large base64":   {Body: base64.StdEncoding.EncodeToString([]byte(strings.Repeat(png, 100_000))), IsBase64Encoded: true},
	} {
		t.Run("L4 keep the form in which the handler gave them: "+name, func(t *testing.T) {
			h := lambda.CacheHTTP(func(context.Context, v2In) (v2Out, error) {
				out := body
				out.StatusCode, out.Headers = 200, maps.Clone(body.Headers)
				if out.Headers == nil {
					out.Headers = map[string]string{}
				}
				out.Headers["cache-control"] = "max-age=60"
				return out, nil
			}, httpRuntime(t))
			for i := range 3 {
				out := ask(t, h, v2("/"))
				if out.Body != body.Body || out.IsBase64Encoded != body.IsBase64Encoded || i > 0 && !strings.Contains(out.Headers["Cache-Status"], "hit") {
					t.Errorf("answer %d: base64 %v, %d bytes %.40q, %s", i, out.IsBase64Encoded, len(out.Body), out.Body, out.Headers["Cache-Status"])
				}
			}
		})
	}
}

func decodeSample(t *testing.T, name string, to any) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("internal/httpevent/testdata", name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, to); err != nil {
		t.Fatal(err)
	}
}

// everySource asks twice, through a handler of the source's own types, and returns how often it ran.
func everySource[In lambda.HTTPEvent, Out lambda.HTTPResponse](t *testing.T, sample string, fill func(*Out, string)) (runs int) {
	t.Helper()
	var in In
	decodeSample(t, sample, &in)
	h := lambda.CacheHTTP(func(_ context.Context, got In) (out Out, err error) {
		runs++
		fill(&out, fmt.Sprint(runs))
		return out, nil
	}, httpRuntime(t), httpcache.DefaultTTL("1h"))
	for range 2 {
		if _, err := h(t.Context(), in); err != nil {
			t.Fatal(err)
		}
	}
	return runs
}

func TestCacheHTTPOfEverySource(t *testing.T) {
	cacheable := map[string]string{"cache-control": "public, max-age=60"}
	for sample, runs := range map[string]int{
		"v2-cookies-and-lists": everySource[v2In](t, "v2-cookies-and-lists", func(o *v2Out, b string) { *o = v2Out{StatusCode: 200, Headers: cacheable, Body: b} }),
		"v2-named-stage":       everySource[v2In](t, "v2-named-stage", func(o *v2Out, b string) { *o = v2Out{StatusCode: 200, Headers: cacheable, Body: b} }),
	} {
		if runs != 1 {
			t.Errorf("L4 %s: %d runs", sample, runs)
		}
	}
	url := func(o *events.LambdaFunctionURLResponse, b string) {
		*o = events.LambdaFunctionURLResponse{StatusCode: 200, Headers: cacheable, Body: b}
	}
	rest := func(o *events.APIGatewayProxyResponse, b string) {
		*o = events.APIGatewayProxyResponse{StatusCode: 200, MultiValueHeaders: map[string][]string{"Cache-Control": {"public, max-age=60"}}, Body: b}
	}
	alb := func(o *events.ALBTargetGroupResponse, b string) {
		*o = events.ALBTargetGroupResponse{StatusCode: 200, Headers: cacheable, Body: b}
	}
	check := func(sample string, runs, want int) {
		if runs != want {
			t.Errorf("L4 %s: %d runs, want %d", sample, runs, want)
		}
	}
	check("url-encoded-path", everySource[events.LambdaFunctionURLRequest](t, "url-encoded-path", url), 1)
	check("url-iam", everySource[events.LambdaFunctionURLRequest](t, "url-iam", url), 1)
	check("a function URL's event as an HTTP API's", everySource[v2In](t, "url-encoded-path", url), 1)
	check("rest-multi-values", everySource[events.APIGatewayProxyRequest](t, "rest-multi-values", rest), 1)
	check("rest-lambda-authorizer", everySource[events.APIGatewayProxyRequest](t, "rest-lambda-authorizer", rest), 1)
	check("v1-http-api", everySource[events.APIGatewayProxyRequest](t, "v1-http-api", rest), 1)
	check("alb-single", everySource[events.ALBTargetGroupRequest](t, "alb-single", alb), 1)
	check("alb-multi", everySource[events.ALBTargetGroupRequest](t, "alb-multi", alb), 1)
	// What HTTP does not know, and what two events could share by mistake, passes uncached.
	check("url-malformed-path", everySource[events.LambdaFunctionURLRequest](t, "url-malformed-path", url), 2)
	check("url-raw-characters", everySource[events.LambdaFunctionURLRequest](t, "url-raw-characters", url), 2)
	check("alb-raw-ampersand", everySource[events.ALBTargetGroupRequest](t, "alb-raw-ampersand", alb), 2)
	check("alb-injected-header", everySource[events.ALBTargetGroupRequest](t, "alb-injected-header", alb), 2)
	check("two-sets-of-values", everySource[events.APIGatewayProxyRequest](t, "two-sets-of-values", rest), 2)
}
