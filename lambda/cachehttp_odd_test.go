package lambda_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
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

func TestAnswersThatAreTooLarge(t *testing.T) {
	for name, control := range map[string]string{
		"that may be stored": "max-age=60", "that may not": "no-store", "that says nothing": "",
	} {
		in := events.ALBTargetGroupRequest{HTTPMethod: "GET", Path: "/", Headers: map[string]string{"host": "a.example"}}
		t.Run("L4 a GET whose answer is too large for the service, or is with the cache's fields, "+name, func(t *testing.T) {
			for _, size := range []int{1<<20 - 200, 2 << 20} {
				runs := 0
				h := lambda.CacheHTTP(func(context.Context, events.ALBTargetGroupRequest) (events.ALBTargetGroupResponse, error) {
					runs++
					return events.ALBTargetGroupResponse{
						StatusCode: 200, Headers: map[string]string{"cache-control": control}, Body: strings.Repeat("x", size),
					}, nil
				}, httpRuntime(t))
				for want := range 2 {
					out := askAny(t, h, in)
					if len(out.Body) != size || runs != want+1 {
						t.Errorf("call %d: %d bytes of %d, %d runs", want+1, len(out.Body), size, runs)
					}
				}
			}
		})
	}
}

func TestSpellingsOfOneField(t *testing.T) {
	t.Run("L4 a request that has a field in two spellings is not answered from the cache, and its answer not stored", func(t *testing.T) {
		type single = map[string]string
		type multi = map[string][]string
		h := lambda.CacheHTTP(func(_ context.Context, in events.APIGatewayProxyRequest) (out events.APIGatewayProxyResponse, err error) {
			out.StatusCode, out.Body = http.StatusOK, in.Headers["X-Lang"]
			out.Headers = single{"Cache-Control": "max-age=60", "Vary": "X-Lang"}
			return out, nil
		}, httpRuntime(t))
		for i, tt := range []struct {
			single single
			multi  multi
			want   string
		}{
			{single{"X-Lang": "a", "x-lang": "b"}, multi{"X-Lang": {"a"}, "x-lang": {"b"}}, "a"},
			{single{"X-Lang": "b"}, multi{"X-Lang": {"a", "b"}}, "b"},
			{single{"X-Lang": "a", "x-lang": "b"}, multi{"X-Lang": {"a"}, "x-lang": {"b"}}, "a"},
			{single{"x-lang": "c"}, multi{"X-Lang": {"c"}}, ""},
			{single{"X-Lang": "c"}, multi{"X-Lang": {"c"}}, "c"},
			{single{"X-Lang": "d", "x-lang": "e"}, nil, "d"},
			{single{"X-Lang": "d, e"}, nil, "d, e"},
		} {
			in := events.APIGatewayProxyRequest{HTTPMethod: "GET", Path: "/", Headers: tt.single, MultiValueHeaders: tt.multi}
			if out := askAny(t, h, in); out.Body != tt.want {
				t.Errorf("%d: %q, want %q", i, out.Body, tt.want)
			}
		}
	})
}
