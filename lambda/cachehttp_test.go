package lambda_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
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

func TestCacheHTTPOdd(t *testing.T) {
	t.Run("L4 answers that cannot be sent go back as they are", func(t *testing.T) {
		for name, out := range map[string]v2Out{
			"no status": {Body: "x"}, "bad base64": {StatusCode: 200, Body: "%%", IsBase64Encoded: true},
			"bad field": {StatusCode: 200, Headers: map[string]string{"a\nb": "c"}},
		} {
			runs := 0
			h := lambda.CacheHTTP(func(context.Context, v2In) (v2Out, error) { runs++; return out, nil }, httpRuntime(t), httpcache.DefaultTTL("1h"))
			for range 2 {
				if got := ask(t, h, v2("/")); !reflect.DeepEqual(got, out) {
					t.Errorf("%s: %+v", name, got)
				}
			}
			if runs != 2 {
				t.Errorf("%s: %d runs", name, runs)
			}
		}
	})
	t.Run("L4 a panic reaches the caller", func(t *testing.T) {
		h := lambda.CacheHTTP(func(context.Context, v2In) (v2Out, error) { theRun(); return v2Out{}, nil }, httpRuntime(t))
		defer func() {
			if r := recover(); r == nil || !strings.Contains(fmt.Sprint(r), "code 7") {
				t.Error(r)
			}
		}()
		_, _ = h(t.Context(), v2("/"))
	})
	t.Run("L4 a deadline in the past, a client that left", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		h := lambda.CacheHTTP(func(ctx context.Context, _ v2In) (v2Out, error) { <-ctx.Done(); return v2Out{}, ctx.Err() }, httpRuntime(t))
		if out, err := h(ctx, v2("/")); !errors.Is(err, context.Canceled) {
			t.Errorf("%+v %v", out, err)
		}
	})
	t.Run("L4 nil maps, huge fields", func(t *testing.T) {
		var runs atomic.Int64
		h := lambda.CacheHTTP(counted(&runs, "cache-control", "max-age=60"), httpRuntime(t))
		var empty v2In
		empty.RequestContext.HTTP.Method, empty.RawPath = "GET", "/"
		ask(t, h, empty)
		if out := ask(t, h, empty); out.Body != "1" {
			t.Errorf("%+v", out)
		}
		for range 2 {
			ask(t, h, v2("/", "x-huge", strings.Repeat("x", 100<<10)))
		}
		if runs.Load() != 3 {
			t.Errorf("%d runs: an odd request filled the cache", runs.Load())
		}
	})
	t.Run("L4 two callers at once, answers of their own", func(t *testing.T) {
		var gate sync.WaitGroup
		gate.Add(2)
		h := lambda.CacheHTTP(func(_ context.Context, in v2In) (v2Out, error) {
			gate.Done()
			gate.Wait()
			return v2Out{StatusCode: 200, Headers: map[string]string{"cache-control": "private, max-age=60"}, Body: in.Headers["authorization"]}, nil
		}, httpRuntime(t))
		var wg sync.WaitGroup
		for _, who := range []string{"a", "b"} {
			wg.Go(func() {
				if out, err := h(t.Context(), v2("/"+who, "authorization", who)); err != nil || out.Body != who {
					t.Errorf("%s got %q %v", who, out.Body, err)
				}
			})
		}
		wg.Wait()
	})
	t.Run("L4 streams pass uncached", func(t *testing.T) {
		runs := 0
		h := lambda.CacheHTTP(func(context.Context, events.LambdaFunctionURLRequest) (*events.LambdaFunctionURLStreamingResponse, error) {
			runs++
			return &events.LambdaFunctionURLStreamingResponse{StatusCode: 200, Body: strings.NewReader("x")}, nil
		}, httpRuntime(t))
		for range 2 {
			out, err := h(t.Context(), events.LambdaFunctionURLRequest{})
			if err != nil {
				t.Fatal(err)
			}
			if b, _ := io.ReadAll(out.Body); string(b) != "x" {
				t.Errorf("%q", b)
			}
		}
		if runs != 2 {
			t.Errorf("%d runs", runs)
		}
	})
	t.Run("L4 misuse panics", func(t *testing.T) {
		for name, wrap := range map[string]func(){
			"nil": func() { lambda.CacheHTTP[v2In, v2Out](nil) },
			"another service's answer": func() {
				lambda.CacheHTTP(func(context.Context, v2In) (events.ALBTargetGroupResponse, error) {
					return events.ALBTargetGroupResponse{}, nil
				})
			},
			"a bad option": func() { lambda.CacheHTTP(counted(new(atomic.Int64)), httpcache.DefaultTTL("soon")) },
		} {
			func() {
				defer func() {
					var e *adapter.OptionError
					if err, _ := recover().(error); !errors.As(err, &e) {
						t.Errorf("%s: %v", name, err)
					}
				}()
				wrap()
			}()
		}
	})
}

func TestCacheHTTPWithACache(t *testing.T) {
	cache, err := httpcache.New(httpRuntime(t), httpcache.Name("lambda-test"))
	if err != nil {
		t.Fatal(err)
	}
	var runs atomic.Int64
	h := lambda.CacheHTTP(counted(&runs, "cache-control", "max-age=60"), cache)
	t.Run("L4 Purge, Stats", func(t *testing.T) {
		ask(t, h, v2("/items"))
		ask(t, h, v2("/items"))
		if err := cache.Purge(t.Context(), "/items"); err != nil {
			t.Fatal(err)
		}
		if out := ask(t, h, v2("/items")); out.Body != "2" {
			t.Error(out.Body)
		}
		if s := cache.Stats(); s.Hits != 1 || s.Runs != 2 {
			t.Errorf("%+v", s)
		}
	})
	t.Run("a cache is no option of another", func(t *testing.T) {
		if _, err := httpcache.New(cache); err == nil {
			t.Error("accepted")
		}
	})
}

func TestMiddlewareInsideHTTPHandler(t *testing.T) {
	t.Run("L4 sees what the event knows of its caller", func(t *testing.T) {
		runs := 0
		h := lambda.HTTPHandler(httpcache.Middleware(httpRuntime(t), lambda.PerPrincipal())(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			runs++
			w.Header().Set("Cache-Control", "private, max-age=60")
			fmt.Fprint(w, runs)
		})))
		for _, tt := range []struct{ sample, body string }{
			{"v2-jwt", "1"}, {"v2-iam", "2"}, {"v2-jwt", "1"}, {"v2-iam", "2"}, {"rest-lambda-authorizer", "3"}, {"rest-lambda-authorizer", "3"},
		} {
			event, err := os.ReadFile(filepath.Join("internal/httpevent/testdata", tt.sample+".json"))
			if err != nil {
				t.Fatal(err)
			}
			b, err := h.Invoke(t.Context(), event)
			var a httpAnswer
			if err != nil || json.Unmarshal(b, &a) != nil || a.Body != tt.body {
				t.Errorf("%s: %s %v, want %s", tt.sample, b, err, tt.body)
			}
		}
	})
}

func TestCacheStatus(t *testing.T) {
	fn := adapter.CacheData(func(_ context.Context, n int) (int, error) { return n, nil }, adapter.Name("cachestatus"), adapter.TTL("1h"))
	status := func(calls int) string {
		ctx, s := lambda.CacheStatus(t.Context())
		for range calls {
			if _, err := fn.Get(ctx, 1); err != nil {
				t.Fatal(err)
			}
		}
		return s.String()
	}
	for i, want := range []string{"stillwarm-data; fwd=bypass", "stillwarm-data; fwd=miss", "stillwarm-data; hit; ttl=3599; detail=memory"} {
		if got := status(min(i, 1)); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
