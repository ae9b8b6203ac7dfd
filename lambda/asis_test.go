package lambda

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/stillwarm/stillwarm/adapter"
	"github.com/stillwarm/stillwarm/httpcache"
)

// A handler of HTTP events that is started without options answers what it answers through encoding/json, byte for byte, to every
// event of every service: as a miss, as a hit, and past the cache.
func TestAsIs(t *testing.T) {
	t.Run("HTTP API", func(t *testing.T) { sameAsIs(t, v2Site) })
	t.Run("function URL", func(t *testing.T) {
		sameAsIs(t, func(ctx context.Context, in events.LambdaFunctionURLRequest) (out events.LambdaFunctionURLResponse, err error) {
			r, err := v2Site(ctx, events.APIGatewayV2HTTPRequest{RawPath: in.RawPath, Headers: in.Headers, Body: in.Body})
			out.StatusCode, out.Headers, out.Body, out.IsBase64Encoded, out.Cookies = r.StatusCode, r.Headers, r.Body, r.IsBase64Encoded, r.Cookies
			return out, err
		})
	})
	t.Run("REST API", func(t *testing.T) {
		sameAsIs(t, func(ctx context.Context, in events.APIGatewayProxyRequest) (out events.APIGatewayProxyResponse, err error) {
			r, err := v2Site(ctx, events.APIGatewayV2HTTPRequest{RawPath: in.Path, Headers: in.Headers, Body: in.Body})
			out.StatusCode, out.Headers, out.Body, out.IsBase64Encoded = r.StatusCode, r.Headers, r.Body, r.IsBase64Encoded
			out.MultiValueHeaders = map[string][]string{"X-List": {"1", "2"}}
			return out, err
		})
	})
	t.Run("load balancer", func(t *testing.T) {
		sameAsIs(t, func(ctx context.Context, in events.ALBTargetGroupRequest) (out events.ALBTargetGroupResponse, err error) {
			r, err := v2Site(ctx, events.APIGatewayV2HTTPRequest{RawPath: in.Path, Headers: in.Headers, Body: in.Body})
			out.StatusCode, out.Headers, out.Body, out.IsBase64Encoded = r.StatusCode, r.Headers, r.Body, r.IsBase64Encoded
			return out, err
		})
	})
}

// v2Site answers by the length of the path: text, bytes, what nobody may keep, what cannot be sent, an error.
func v2Site(_ context.Context, in events.APIGatewayV2HTTPRequest) (out events.APIGatewayV2HTTPResponse, err error) {
	out = events.APIGatewayV2HTTPResponse{
		StatusCode: 200, Body: "<é> \"of\" " + in.RawPath + in.Body, Headers: map[string]string{"Cache-Control": "max-age=60", "content-type": "text/plain"},
	}
	switch len(in.RawPath) % 6 {
	case 0:
		out.Body, out.IsBase64Encoded = "AAEC/w==", true
	case 1:
		out.Headers["Cache-Control"], out.Cookies = "private", []string{"a=1", "b=2"}
	case 2:
		out.StatusCode = 0
	case 3:
		return out, os.ErrNotExist
	}
	return out, nil
}

func sameAsIs[In HTTPEvent, Out HTTPResponse](t *testing.T, h func(context.Context, In) (Out, error)) {
	t.Helper()
	files, err := filepath.Glob("internal/httpevent/testdata/*.json")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	plain, quick := newHandler(asIsSite(t, h), nil, true), startable(asIsSite(t, h), nil)
	cached := startable(CacheHandler(h, adapter.TTL("1m"), adapter.WithRuntime(asIsRuntime(t))), nil)
	hits := 0
	for _, file := range files {
		event, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, event := range []string{string(event), "null", strings.Replace(string(event), "/", "/x", 1), `{"headers":{"a":1}}`, `[]`, `{`} {
			for range 2 {
				want, wantErr := plain.Invoke(t.Context(), []byte(event))
				got, err := quick.Invoke(t.Context(), []byte(event))
				if string(got) != string(want) || (err == nil) != (wantErr == nil) || err != nil && err.Error() != wantErr.Error() {
					t.Fatalf("%s: %s\n%s, %v\nwant\n%s, %v", file, event, got, err, want, wantErr)
				}
				if strings.Contains(string(got), "; hit") {
					hits++
				}
				if _, err := cached.Invoke(t.Context(), []byte(event)); (err == nil) != (wantErr == nil) {
					t.Fatalf("%s: %v, want %v", file, err, wantErr)
				}
			}
		}
	}
	if hits == 0 {
		t.Fatal("nothing was a hit")
	}
}

func asIsRuntime(t *testing.T) *adapter.Runtime {
	t.Helper()
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	rt, err := adapter.New(adapter.Config{Backend: "none", Clock: func() time.Time { return now }, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = rt.Close(context.Background()) })
	return rt
}

func asIsSite[In HTTPEvent, Out HTTPResponse](t *testing.T, h func(context.Context, In) (Out, error)) func(context.Context, In) (Out, error) {
	t.Helper()
	return CacheHTTP(h, httpcache.WithRuntime(asIsRuntime(t)), httpcache.Name("site"))
}

// Which functions are served as they are, and that no function of the user's is called to find out.
func TestAsIsFinds(t *testing.T) {
	called := func(context.Context, events.APIGatewayV2HTTPRequest) (events.APIGatewayV2HTTPResponse, error) {
		t.Error("called")
		return events.APIGatewayV2HTTPResponse{}, nil
	}
	cached := CacheHTTP(called, httpcache.WithRuntime(asIsRuntime(t)))
	around := func(ctx context.Context, in events.APIGatewayV2HTTPRequest) (events.APIGatewayV2HTTPResponse, error) {
		return cached(ctx, in)
	}
	other := CacheHTTP(called, httpcache.WithRuntime(asIsRuntime(t)))
	first, second := asIs(cached), asIs(other)
	if first == nil || second == nil || first == second {
		t.Error("a handler of CacheHTTP, and another one:", first, second)
	}
	if asIs(CacheHandler(called, adapter.WithRuntime(asIsRuntime(t)))) == nil {
		t.Error("a handler of CacheHandler")
	}
	data := CacheHandler(func(context.Context, int) (int, error) { return 0, nil }, adapter.WithRuntime(asIsRuntime(t)), adapter.Name("data"))
	for _, h := range []any{called, around, data, nil, 7, (func())(nil), func(context.Context) error { return nil }} {
		if asIs(h) != nil {
			t.Errorf("%T", h)
		}
	}
}
