package lambda_test

import (
	"context"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"

	"github.com/stillwarm/stillwarm/httpcache"
	"github.com/stillwarm/stillwarm/lambda"
)

// An answer without a Content-Type gets one of its service's choice, so a hit of it has none either. What is served through
// net/http's rules has the type that those guess, both times.
func TestHitsHaveTheTypeOfTheMiss(t *testing.T) {
	cached := map[string]string{"Cache-Control": "max-age=60"}
	const body = `{"a":1}`
	for name, c := range map[string]struct {
		want string
		ask  func(t *testing.T, rt httpcache.Option) func() http.Header
	}{
		"HTTP API": {"", func(t *testing.T, rt httpcache.Option) func() http.Header {
			h := lambda.CacheHTTP(func(context.Context, v2In) (v2Out, error) {
				return v2Out{StatusCode: 200, Headers: cached, Body: body}, nil
			}, rt)
			return func() http.Header { return headerOf(ask(t, h, v2("/")).Headers, nil) }
		}},
		"REST API": {"", func(t *testing.T, rt httpcache.Option) func() http.Header {
			h := lambda.CacheHTTP(func(context.Context, events.APIGatewayProxyRequest) (events.APIGatewayProxyResponse, error) {
				return events.APIGatewayProxyResponse{StatusCode: 200, Headers: cached, Body: body}, nil
			}, rt)
			return func() http.Header {
				out, err := h(t.Context(), events.APIGatewayProxyRequest{Path: "/", HTTPMethod: "GET"})
				if err != nil {
					t.Fatal(err)
				}
				return headerOf(out.Headers, out.MultiValueHeaders)
			}
		}},
		"HTTPHandler": {"text/plain; charset=utf-8", func(t *testing.T, rt httpcache.Option) func() http.Header {
			middleware, err := httpcache.New(rt)
			if err != nil {
				t.Fatal(err)
			}
			h := lambda.HTTPHandler(middleware.Handler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Cache-Control", "max-age=60")
				_, _ = io.WriteString(w, body)
			})))
			event, err := json.Marshal(v2("/"))
			if err != nil {
				t.Fatal(err)
			}
			return func() http.Header {
				var out v2Out
				b, err := h.Invoke(t.Context(), event)
				if err == nil {
					err = json.Unmarshal(b, &out)
				}
				if err != nil {
					t.Fatal(err)
				}
				return headerOf(out.Headers, nil)
			}
		}},
	} {
		t.Run("L4 "+name, func(t *testing.T) {
			next := c.ask(t, httpRuntime(t))
			for i, hit := range []bool{false, true} {
				h := next()
				if status := h.Get("Cache-Status"); strings.Contains(status, "; hit") != hit {
					t.Fatalf("answer %d: %s", i, status)
				}
				if got := h.Get("Content-Type"); got != c.want {
					t.Errorf("answer %d has the type %q, want %q", i, got, c.want)
				}
			}
		})
	}
}

// A refresh, which answers nobody, stores the fields that a run for a client would have stored.
func TestRefreshesHaveTheTypeOfTheMiss(t *testing.T) {
	runs := 0
	h := lambda.NewHandler(lambda.CacheHTTP(func(context.Context, v2In) (v2Out, error) {
		runs++
		return v2Out{StatusCode: 200, Headers: map[string]string{"Cache-Control": "max-age=0, stale-while-revalidate=60"}, Body: strconv.Itoa(runs)}, nil
	}, httpRuntime(t)))
	event, err := json.Marshal(v2("/"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"1", "1", "2"} { // the second is stale, and refreshed after it
		var out v2Out
		b, err := h.Invoke(t.Context(), event)
		if err == nil {
			err = json.Unmarshal(b, &out)
		}
		if err != nil {
			t.Fatal(err)
		}
		if typ := headerOf(out.Headers, nil).Get("Content-Type"); out.Body != want || typ != "" {
			t.Errorf("L4 %s of the type %q, want %s of none: %s", out.Body, typ, want, out.Headers["Cache-Status"])
		}
	}
}

// headerOf is both maps of an answer.
func headerOf(single map[string]string, multi map[string][]string) http.Header {
	h := http.Header{}
	maps.Copy(h, multi)
	for name, v := range single {
		h.Set(name, v)
	}
	return h
}
