package lambda_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"strings"

	"github.com/aws/aws-lambda-go/events"

	"github.com/stillwarm/stillwarm/adapter"
	"github.com/stillwarm/stillwarm/httpcache"
	"github.com/stillwarm/stillwarm/lambda"
)

// inMemory is a Runtime without a backend. In a program the default Runtime does.
func inMemory() *adapter.Runtime {
	rt, err := adapter.New(adapter.Config{Backend: "none", Mode: adapter.Deployed, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		panic(err)
	}
	return rt
}

// request is what an HTTP API sends for a GET.
func request(path, query string) events.APIGatewayV2HTTPRequest {
	r := events.APIGatewayV2HTTPRequest{Version: "2.0", RawPath: path, RawQueryString: query}
	r.RequestContext.HTTP.Method = http.MethodGet
	r.RequestContext.DomainName = "api.example.com"
	return r
}

// The handler runs once for each path and query. In a function it is given to Start.
func ExampleCacheHTTP() {
	runs := 0
	forecast := func(_ context.Context, r events.APIGatewayV2HTTPRequest) (events.APIGatewayV2HTTPResponse, error) {
		runs++
		return events.APIGatewayV2HTTPResponse{StatusCode: http.StatusOK, Body: fmt.Sprint("run ", runs, " for ", r.RawQueryString)}, nil
	}
	handler := lambda.CacheHTTP(forecast, httpcache.DefaultTTL("10m"), httpcache.WithRuntime(inMemory()))
	for _, query := range []string{"city=Oslo", "city=Oslo", "city=Bergen"} {
		answer, err := handler(context.Background(), request("/", query))
		fmt.Println(answer.Body, err)
	}
	// Output:
	// run 1 for city=Oslo <nil>
	// run 1 for city=Oslo <nil>
	// run 2 for city=Bergen <nil>
}

// A Cache among the options can purge what the handler answered.
func ExampleCacheHTTP_purge() {
	runs := 0
	handle := func(context.Context, events.APIGatewayV2HTTPRequest) (events.APIGatewayV2HTTPResponse, error) {
		runs++
		return events.APIGatewayV2HTTPResponse{StatusCode: http.StatusOK, Body: fmt.Sprint("run ", runs)}, nil
	}
	cache, err := httpcache.New(httpcache.DefaultTTL("10m"), httpcache.WithRuntime(inMemory()))
	if err != nil {
		panic(err)
	}
	handler := lambda.CacheHTTP(handle, cache)
	ctx := context.Background()
	first, _ := handler(ctx, request("/list", ""))
	err = cache.Purge(ctx, "/list")
	second, _ := handler(ctx, request("/list", ""))
	fmt.Println(first.Body, err, second.Body)
	// Output:
	// run 1 <nil> run 2
}

// Private answers are stored for the user whom the authorizer's token names.
func ExamplePerPrincipal() {
	runs := 0
	cart := func(context.Context, events.APIGatewayV2HTTPRequest) (events.APIGatewayV2HTTPResponse, error) {
		runs++
		return events.APIGatewayV2HTTPResponse{StatusCode: http.StatusOK, Body: fmt.Sprint("run ", runs),
			Headers: map[string]string{"Cache-Control": "private, max-age=60"}}, nil
	}
	handler := lambda.CacheHTTP(cart, lambda.PerPrincipal("sub"), httpcache.WithRuntime(inMemory()))
	for _, user := range []string{"ada", "bob", "ada"} {
		r := request("/cart", "")
		r.RequestContext.Authorizer = &events.APIGatewayV2HTTPRequestContextAuthorizerDescription{
			JWT: &events.APIGatewayV2HTTPRequestContextAuthorizerJWTDescription{Claims: map[string]string{"sub": user}},
		}
		answer, err := handler(context.Background(), r)
		fmt.Println(user, answer.Body, err)
	}
	// Output:
	// ada run 1 <nil>
	// bob run 2 <nil>
	// ada run 1 <nil>
}

// CacheStatus says where the value of a cached call came from.
func ExampleCacheStatus() {
	quotes := adapter.CacheData(fetchQuote, adapter.Name("example.status"), adapter.TTL("5m"), adapter.WithRuntime(inMemory()))
	for range 2 {
		ctx, status := lambda.CacheStatus(context.Background())
		_, err := quotes.Get(ctx, question{Symbol: "ACME"})
		hit := strings.HasPrefix(status.String(), "stillwarm-data; hit")
		fmt.Println(hit, err)
	}
	// Output:
	// false <nil>
	// true <nil>
}

// An http.Handler behind any service that sends HTTP requests to a function.
func ExampleHTTPHandler() {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /hello/{name}", func(w http.ResponseWriter, r *http.Request) {
		_, _ = fmt.Fprint(w, "hello ", r.PathValue("name"))
	})
	handler := lambda.HTTPHandler(mux)
	event, err := json.Marshal(request("/hello/Ada", ""))
	if err != nil {
		panic(err)
	}
	payload, err := handler.Invoke(context.Background(), event)
	var answer events.APIGatewayV2HTTPResponse
	_ = json.Unmarshal(payload, &answer)
	fmt.Println(answer.StatusCode, answer.Body, err)
	// Output:
	// 200 hello Ada <nil>
}

// The whole of an http.Handler cached, by the rules of HTTP caching.
func ExampleHTTPHandler_cached() {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /prices", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Cache-Control", "max-age=60")
		_, _ = fmt.Fprint(w, "tea 3.50")
	})
	lambda.Start(lambda.HTTPHandler(httpcache.Middleware()(mux)))
}

// A custom domain of a REST API sends the path of its mapping along.
func ExampleBasePath() {
	handler := lambda.HTTPHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = fmt.Fprint(w, r.URL.Path)
	}), lambda.BasePath("/shop"))
	event, err := json.Marshal(request("/shop/prices", ""))
	if err != nil {
		panic(err)
	}
	payload, err := handler.Invoke(context.Background(), event)
	var answer events.APIGatewayV2HTTPResponse
	_ = json.Unmarshal(payload, &answer)
	fmt.Println(answer.Body, err)
	// Output:
	// /prices <nil>
}

// The function URL's invoke mode must be RESPONSE_STREAM.
func ExampleStreamResponse() {
	lambda.Start(lambda.HTTPHandler(http.DefaultServeMux, lambda.StreamResponse()))
}

// Every answer is a miss after Clear, that to one event after ClearFor.
func ExampleCachedHandler_ClearFor() {
	runs := 0
	handler := lambda.CacheHandler(func(_ context.Context, q question) (string, error) {
		runs++
		return fmt.Sprint(q.Symbol, " ", runs), nil
	}, adapter.Name("example.clearfor"), adapter.TTL("5m"), adapter.WithRuntime(inMemory()))
	ctx := context.Background()
	fmt.Println(handler.Call(ctx, question{"ACME"}))
	fmt.Println(handler.ClearFor(ctx, question{"ACME"}))
	fmt.Println(handler.Call(ctx, question{"ACME"}))
	// Output:
	// ACME 1 <nil>
	// <nil>
	// ACME 2 <nil>
}

// Explain tells what Call would find, without running the handler.
func ExampleCachedHandler_Explain() {
	handler := lambda.CacheHandler(fetchQuote, adapter.Name("example.explain"), adapter.TTL("5m"), adapter.WithRuntime(inMemory()))
	ctx := context.Background()
	before, _ := handler.Explain(ctx, question{"ACME"})
	_, _ = handler.Call(ctx, question{"ACME"})
	after, _ := handler.Explain(ctx, question{"ACME"})
	fmt.Println(before.Hit, after.Hit)
	// Output:
	// false true
}
