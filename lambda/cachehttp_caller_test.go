package lambda_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/stillwarm/stillwarm/adapter"
	"github.com/stillwarm/stillwarm/httpcache"
	"github.com/stillwarm/stillwarm/internal/invocation"
	"github.com/stillwarm/stillwarm/lambda"
)

type (
	restIn  = events.APIGatewayProxyRequest
	restOut = events.APIGatewayProxyResponse
	urlIn   = events.LambdaFunctionURLRequest
)

// rest is an event of a REST API.
func rest(method, path string, query ...string) restIn {
	in := restIn{HTTPMethod: method, Path: path, Resource: "/{proxy+}", Headers: map[string]string{"Host": "api.example.com"}}
	for i := 0; i+1 < len(query); i += 2 {
		if in.QueryStringParameters == nil {
			in.QueryStringParameters, in.MultiValueQueryStringParameters = map[string]string{}, map[string][]string{}
		}
		in.QueryStringParameters[query[i]] = query[i+1]
		in.MultiValueQueryStringParameters[query[i]] = []string{query[i+1]}
	}
	in.RequestContext.ResourceID, in.RequestContext.Stage, in.RequestContext.DomainName = "abc123", "prod", "api.example.com"
	return in
}

// askAny asks a handler of any kind of event.
func askAny[In, Out any](t *testing.T, h func(context.Context, In) (Out, error), in In) Out {
	t.Helper()
	out, err := h(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// privately answers each run with its number, for its caller alone.
func privately[In any](runs *atomic.Int64) func(context.Context, In) (events.APIGatewayV2HTTPResponse, error) {
	return func(context.Context, In) (v2Out, error) {
		return v2Out{StatusCode: 200, Headers: map[string]string{"cache-control": "private, max-age=60"}, Body: fmt.Sprint(runs.Add(1))}, nil
	}
}

func TestPerPrincipalTellsCallersApart(t *testing.T) {
	t.Run("L4 numbers that a float cannot tell apart name nobody", func(t *testing.T) {
		var runs atomic.Int64
		h := lambda.CacheHTTP(privately[v2In](&runs), httpRuntime(t), lambda.PerPrincipal("user"))
		for _, user := range []float64{9007199254740992, 9007199254740993, 1e300} {
			in := v2("/")
			in.RequestContext.Authorizer = &events.APIGatewayV2HTTPRequestContextAuthorizerDescription{Lambda: map[string]any{"user": user}}
			ask(t, h, in)
			in.RequestContext.Authorizer.Lambda["user"] = []any{map[string]any{"id": user}}
			ask(t, h, in)
		}
		if runs.Load() != 6 {
			t.Error(runs.Load(), "runs")
		}
		in := v2("/")
		in.RequestContext.Authorizer = &events.APIGatewayV2HTTPRequestContextAuthorizerDescription{Lambda: map[string]any{"user": 7.0}}
		if first, second := ask(t, h, in), ask(t, h, in); first.Body != second.Body {
			t.Error("a small number names nobody")
		}
	})
	t.Run("L4 a function URL's callers from one identity pool have one role session", func(t *testing.T) {
		var runs atomic.Int64
		h := lambda.CacheHTTP(privately[urlIn](&runs), httpRuntime(t), lambda.PerPrincipal())
		for _, key := range []string{"ASIAONE", "ASIATWO"} {
			in := urlIn{RawPath: "/"}
			in.RequestContext.HTTP.Method = "GET"
			in.RequestContext.Authorizer = &events.LambdaFunctionURLRequestContextAuthorizerDescription{
				IAM: &events.LambdaFunctionURLRequestContextAuthorizerIAMDescription{
					AccessKey: key, AccountID: "123456789012", CallerID: "AROAEXAMPLE:CognitoIdentityCredentials", UserID: "AROAEXAMPLE:CognitoIdentityCredentials",
					UserARN: "arn:aws:sts::123456789012:assumed-role/app/CognitoIdentityCredentials",
				},
			}
			first, second := askAny(t, h, in), askAny(t, h, in)
			if first.Body != second.Body {
				t.Error("no answers of its own")
			}
		}
		if runs.Load() != 2 {
			t.Error(runs.Load(), "runs")
		}
	})
	t.Run("L4 a certificate that many callers share does not name a caller whom an authorizer knows otherwise", func(t *testing.T) {
		var runs atomic.Int64
		h := lambda.CacheHTTP(privately[v2In](&runs), httpRuntime(t), lambda.PerPrincipal())
		in := v2("/")
		in.RequestContext.Authentication.ClientCert.ClientCertPem = "of a partner's gateway"
		if first, second := ask(t, h, in), ask(t, h, in); first.Body != second.Body {
			t.Error("a certificate names nobody")
		}
		runs.Store(0)
		for _, user := range []string{"a", "b"} {
			in.RequestContext.Authorizer = &events.APIGatewayV2HTTPRequestContextAuthorizerDescription{Lambda: map[string]any{"user": user}}
			ask(t, h, in)
			in.RequestContext.Authorizer = &events.APIGatewayV2HTTPRequestContextAuthorizerDescription{
				JWT: &events.APIGatewayV2HTTPRequestContextAuthorizerJWTDescription{Claims: map[string]string{"client_id": user}},
			}
			ask(t, h, in)
			in.RequestContext.Authorizer = nil
			in.Headers["authorization"] = "Bearer " + user
			ask(t, h, in)
			delete(in.Headers, "authorization")
		}
		if runs.Load() != 6 {
			t.Error(runs.Load(), "runs")
		}
	})
	t.Run("L4 a signature does not name a caller behind who signs", func(t *testing.T) {
		for name, want := range map[string]int64{"x-own": 1, "x-amz-cf-id": 2, "cookie": 2} {
			var runs atomic.Int64
			h := lambda.CacheHTTP(privately[urlIn](&runs), httpRuntime(t), lambda.PerPrincipal())
			for _, viewer := range []string{"one", "two"} {
				in := urlIn{RawPath: "/", Headers: map[string]string{name: viewer, "authorization": "AWS4-HMAC-SHA256 ..."}}
				in.RequestContext.HTTP.Method, in.RequestContext.DomainName = "GET", "x.lambda-url.eu-west-1.on.aws"
				in.RequestContext.Authorizer = &events.LambdaFunctionURLRequestContextAuthorizerDescription{
					IAM: &events.LambdaFunctionURLRequestContextAuthorizerIAMDescription{UserARN: "arn:aws:iam::123456789012:user/cdn"},
				}
				askAny(t, h, in)
			}
			if runs.Load() != want {
				t.Errorf("%s: %d runs", name, runs.Load())
			}
		}
	})
	t.Run("L4 claims of a load balancer that contradict each other name nobody", func(t *testing.T) {
		var runs atomic.Int64
		h := lambda.CacheHTTP(func(context.Context, events.ALBTargetGroupRequest) (events.ALBTargetGroupResponse, error) {
			return events.ALBTargetGroupResponse{
				StatusCode: 200, Headers: map[string]string{"cache-control": "private, max-age=60"}, Body: fmt.Sprint(runs.Add(1)),
			}, nil
		}, httpRuntime(t), lambda.PerPrincipal("sub"))
		for range 2 {
			in := events.ALBTargetGroupRequest{HTTPMethod: "GET", Path: "/", MultiValueHeaders: map[string][]string{
				"host": {"a"}, "x-amzn-oidc-identity": {"victim", "me"},
			}}
			in.RequestContext.ELB.TargetGroupArn = "one"
			askAny(t, h, in)
		}
		if runs.Load() != 2 {
			t.Error(runs.Load(), "runs")
		}
	})
}

func TestCacheHTTPPurges(t *testing.T) {
	item := func(runs *atomic.Int64, location string, more ...string) func(context.Context, restIn) (restOut, error) {
		return func(_ context.Context, in restIn) (restOut, error) {
			if in.HTTPMethod == "POST" {
				out := restOut{StatusCode: 201, Headers: map[string]string{"Location": location}}
				for i := 0; i+1 < len(more); i += 2 {
					out.Headers[more[i]] = more[i+1]
				}
				return out, nil
			}
			return restOut{
				StatusCode: 200, Headers: map[string]string{"Cache-Control": "public, max-age=60", "Cache-Groups": `"items"`}, Body: fmt.Sprint(runs.Add(1)),
			}, nil
		}
	}
	t.Run("L4 a Location with the stage in front, where the stage has variables", func(t *testing.T) {
		var runs atomic.Int64
		h := lambda.CacheHTTP(item(&runs, "/prod/items/5"), httpRuntime(t))
		get, post := rest("GET", "/items/5"), rest("POST", "/items")
		get.StageVariables = map[string]string{"table": "blue"}
		post.StageVariables = get.StageVariables
		askAny(t, h, get)
		askAny(t, h, post)
		if out := askAny(t, h, get); out.Body != "2" {
			t.Error(out)
		}
	})
	t.Run("L4 a Location with the API's host, where the client's field has another", func(t *testing.T) {
		var runs atomic.Int64
		h := lambda.CacheHTTP(item(&runs, "https://api.example.com/items/5"), httpRuntime(t))
		get, post := rest("GET", "/items/5"), rest("POST", "/items")
		get.Headers["Host"], post.Headers["Host"] = "vpce-1.example.com", "vpce-1.example.com"
		askAny(t, h, get)
		askAny(t, h, post)
		if out := askAny(t, h, get); out.Body != "2" {
			t.Error(out)
		}
	})
	t.Run("L4 a URL as the client wrote it, where the service sorts and decodes its query", func(t *testing.T) {
		var runs atomic.Int64
		cache, err := httpcache.New(httpRuntime(t))
		if err != nil {
			t.Fatal(err)
		}
		h := lambda.CacheHTTP(item(&runs, "/items?q=a%20b&page=2"), cache)
		get := rest("GET", "/items", "q", "a b", "page", "2")
		askAny(t, h, get)
		askAny(t, h, rest("POST", "/items"))
		if out := askAny(t, h, get); out.Body != "2" {
			t.Error("Location:", out)
		}
		if err := cache.Purge(t.Context(), "/items?q=a%20b&page=2"); err != nil {
			t.Fatal(err)
		}
		if out := askAny(t, h, get); out.Body != "3" {
			t.Error("Purge:", out)
		}
	})
	t.Run("L4 groups that an event invalidates which can have no entry itself", func(t *testing.T) {
		var runs atomic.Int64
		h := lambda.CacheHTTP(item(&runs, "/items", "Cache-Group-Invalidation", `"items"`), httpRuntime(t))
		get, post := rest("GET", "/items/5"), rest("POST", "/items/a|b")
		askAny(t, h, get)
		askAny(t, h, post)
		if out := askAny(t, h, get); out.Body != "2" {
			t.Error(out)
		}
	})
}

func TestClearForOddPaths(t *testing.T) {
	for _, path := range []string{"//evil.example.com/a", "//", "/a//b", "/a%3Fb", "/a%23b", "/é", "/a:b", "/a%2Fb"} {
		t.Run("L4 "+path, func(t *testing.T) {
			var runs atomic.Int64
			rt, err := adapter.New(adapter.Config{Backend: "none"})
			if err != nil {
				t.Fatal(err)
			}
			h := lambda.CacheHandler(counted(&runs, "cache-control", "max-age=60"), adapter.WithRuntime(rt))
			in := v2(path)
			for _, want := range []string{"1", "1", "2"} {
				if want == "2" {
					if err := h.ClearFor(t.Context(), in); err != nil {
						t.Fatal(err)
					}
				}
				if out := askAny(t, h.Call, in); out.Body != want {
					t.Fatalf("%q, not %s", out.Body, want)
				}
			}
		})
	}
}

func TestCacheHTTPRunsOnce(t *testing.T) {
	t.Run("L4 an unsafe request whose answer is too large for the service", func(t *testing.T) {
		runs := 0
		large := v2Out{StatusCode: 200, Body: strings.Repeat("x", 7<<20)}
		h := lambda.CacheHTTP(func(context.Context, v2In) (v2Out, error) { runs++; return large, nil }, httpRuntime(t))
		in := v2("/orders")
		in.RequestContext.HTTP.Method = "POST"
		if out := ask(t, h, in); len(out.Body) != len(large.Body) {
			t.Error(len(out.Body))
		}
		if runs != 1 {
			t.Error(runs, "runs")
		}
	})
	t.Run("L4 an empty body with the length of another", func(t *testing.T) {
		for _, control := range []string{"no-store", "max-age=60"} {
			h := lambda.CacheHTTP(func(context.Context, v2In) (v2Out, error) {
				return v2Out{StatusCode: 200, Headers: map[string]string{"content-length": "10", "cache-control": control}}, nil
			}, httpRuntime(t))
			if out := ask(t, h, v2("/")); out.StatusCode != http.StatusOK {
				t.Error(control, out)
			}
		}
	})
}

func TestCacheHTTPRefreshes(t *testing.T) {
	t.Run("L4 after the response, with the caller's own event", func(t *testing.T) {
		now := time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)
		rt, err := adapter.New(adapter.Config{Backend: "none", Clock: func() time.Time { return now }})
		if err != nil {
			t.Fatal(err)
		}
		runs := 0
		h := lambda.CacheHTTP(func(ctx context.Context, in v2In) (v2Out, error) {
			if ctx.Err() != nil {
				return v2Out{}, ctx.Err()
			}
			runs++
			user := in.RequestContext.Authorizer.JWT.Claims["sub"]
			return v2Out{
				StatusCode: 200, Headers: map[string]string{"cache-control": "private, max-age=1, stale-while-revalidate=600"},
				Body: fmt.Sprint(user, " ", runs, " ", in.Headers["x-mine"]),
			}, nil
		}, httpcache.WithRuntime(rt), lambda.PerPrincipal())
		get := func(user string) string {
			ctx, cancel := context.WithCancel(t.Context())
			ctx, inv := invocation.Begin(ctx, invocation.Options{AfterResponse: true})
			in := v2("/", "x-mine", user)
			in.RequestContext.Authorizer = &events.APIGatewayV2HTTPRequestContextAuthorizerDescription{
				JWT: &events.APIGatewayV2HTTPRequestContextAuthorizerJWTDescription{Claims: map[string]string{"sub": user}},
			}
			out, err := h(ctx, in)
			if err != nil {
				t.Fatal(err)
			}
			cancel() // what ends the handler's context does not end what comes after the response
			inv.Finish(context.WithoutCancel(t.Context()))
			return out.Body
		}
		get("a")
		get("b")
		now = now.Add(2 * time.Second)
		for _, want := range [][2]string{{"b", "b 2 b"}, {"b", "b 3 b"}, {"a", "a 1 a"}, {"a", "a 4 a"}, {"b", "b 3 b"}} {
			if got := get(want[0]); got != want[1] {
				t.Errorf("%s got %q, not %q", want[0], got, want[1])
			}
		}
	})
	t.Run("L3 not where the response would have to wait for it", func(t *testing.T) {
		now := time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)
		rt, err := adapter.New(adapter.Config{Backend: "none", Clock: func() time.Time { return now }})
		if err != nil {
			t.Fatal(err)
		}
		var runs atomic.Int64
		h := lambda.CacheHTTP(counted(&runs, "cache-control", "max-age=1, stale-while-revalidate=600"), httpcache.WithRuntime(rt))
		get := func(finish func(*invocation.Invocation, context.Context)) string {
			ctx, inv := invocation.Begin(t.Context(), invocation.Options{AfterResponse: true})
			defer finish(inv, ctx)
			return ask(t, func(_ context.Context, in v2In) (v2Out, error) { return h(ctx, in) }, v2("/")).Body
		}
		before, after := (*invocation.Invocation).FinishBeforeResponse, (*invocation.Invocation).Finish
		get(after)
		now = now.Add(2 * time.Second)
		for i, c := range []struct {
			finish func(*invocation.Invocation, context.Context)
			runs   int64
		}{{before, 1}, {before, 1}, {after, 2}} {
			if get(c.finish); runs.Load() != c.runs {
				t.Errorf("%d: %d runs", i, runs.Load())
			}
		}
	})
	t.Run("L4 a HEAD that is answered stale does not replace the page by nothing", func(t *testing.T) {
		now := time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)
		rt, err := adapter.New(adapter.Config{Backend: "none", Clock: func() time.Time { return now }})
		if err != nil {
			t.Fatal(err)
		}
		h := lambda.CacheHTTP(func(_ context.Context, in v2In) (v2Out, error) {
			out := v2Out{StatusCode: 200, Headers: map[string]string{"cache-control": "max-age=1, stale-while-revalidate=600"}}
			if in.RequestContext.HTTP.Method != http.MethodHead {
				out.Body = "a page"
			}
			return out, nil
		}, httpcache.WithRuntime(rt))
		get, head := v2("/"), v2("/")
		head.RequestContext.HTTP.Method = "HEAD"
		invoke := func(in v2In) v2Out {
			ctx, inv := invocation.Begin(t.Context(), invocation.Options{AfterResponse: true})
			defer inv.Finish(ctx)
			out, err := h(ctx, in)
			if err != nil {
				t.Fatal(err)
			}
			return out
		}
		invoke(get)
		now = now.Add(2 * time.Second)
		if out := invoke(head); !strings.Contains(out.Headers["Cache-Status"], "stale-while-revalidate") {
			t.Error(out)
		}
		for range 2 {
			if out := invoke(get); out.Body != "a page" {
				t.Fatal(out)
			}
		}
	})
}
