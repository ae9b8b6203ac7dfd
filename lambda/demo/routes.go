package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambdacontext"

	"github.com/stillwarm/stillwarm/adapter"

	_ "github.com/stillwarm/stillwarm/backends/all" // every scheme that STILLWARM_BACKEND may name
)

type (
	request  = events.APIGatewayV2HTTPRequest
	response = events.APIGatewayV2HTTPResponse
)

// route answers one path with a value for JSON, or with an error.
type route func(context.Context, *params) (any, error)

// routes are the JSON routes by path; the page is at the root.
var routes = map[string]route{
	"/summary": func(ctx context.Context, p *params) (any, error) {
		in := monthOfYear{Year: p.int("year", firstYear, lastYear), Month: p.int("month", 1, 12)}
		return ask(ctx, p, summaries, in)
	},
	"/rain-odds": func(ctx context.Context, p *params) (any, error) {
		in := rainQuestion{Month: p.int("month", 1, 12)}
		in.Days = p.int("days", 0, daysIn(max(in.Month, 1)))
		return ask(ctx, p, rainOdds, in)
	},
	"/fail": func(ctx context.Context, p *params) (any, error) {
		return ask(ctx, p, failing, adapter.None{})
	},
	"/legacy": func(ctx context.Context, p *params) (any, error) {
		return ask(ctx, p, hottestDays, p.int("month", 1, 12))
	},
}

// cached is what the routes need of a cached function.
type cached[In, Out any] interface {
	Get(context.Context, In) (Out, error)
}

// ask asks a cached function, unless a parameter is bad.
func ask[In, Out any](ctx context.Context, p *params, fn cached[In, Out], in In) (any, error) {
	if p.err != nil {
		return nil, p.err
	}
	return fn.Get(ctx, in)
}

// serve answers one request and logs it.
func serve(ctx context.Context, req request) (response, error) {
	began := time.Now()
	watch := &statusWatch{}
	res := dispatch(watch.watch(ctx), req)
	res.Headers["cache-status"] = watch.String()
	lc, _ := lambdacontext.FromContext(ctx)
	if lc == nil {
		lc = &lambdacontext.LambdaContext{}
	}
	adapter.Default().Logger().LogAttrs(ctx, slog.LevelInfo, "request",
		slog.String("requestId", lc.AwsRequestID),
		slog.String("method", req.RequestContext.HTTP.Method),
		slog.String("path", path(req)),
		slog.Int("status", res.StatusCode),
		slog.String("cacheStatus", res.Headers["cache-status"]),
		slog.String("duration", time.Since(began).Round(time.Microsecond).String()),
	)
	return res, nil
}

func dispatch(ctx context.Context, req request) response {
	where := path(req)
	answer, known := routes[where]
	if !known && where != "/" {
		return failure(http.StatusNotFound, fmt.Errorf("there is nothing at %s; / lists what there is", where))
	}
	if method := req.RequestContext.HTTP.Method; method != http.MethodGet {
		res := failure(http.StatusMethodNotAllowed, fmt.Errorf("%s is not served here: use GET", method))
		res.Headers["allow"] = http.MethodGet
		return res
	}
	if where == "/" {
		return page()
	}
	v, err := answer(ctx, &params{query: req.QueryStringParameters})
	if err != nil {
		return failure(statusOf(err), err)
	}
	return reply(http.StatusOK, v)
}

// path returns the request's path without the stage that an API's address may begin with.
func path(req request) string {
	p := req.RawPath
	if stage := req.RequestContext.Stage; stage != "" && stage != "$default" {
		if rest, ok := strings.CutPrefix(p, "/"+stage); ok && (rest == "" || rest[0] == '/') {
			p = rest
		}
	}
	return "/" + strings.Trim(p, "/")
}

func statusOf(err error) int {
	var bad *paramError
	switch {
	case errors.As(err, &bad):
		return http.StatusBadRequest
	case errors.Is(err, errStation):
		return http.StatusBadGateway
	case errors.Is(err, context.DeadlineExceeded):
		return http.StatusGatewayTimeout
	default:
		return http.StatusInternalServerError
	}
}

// failure answers with an error as JSON.
func failure(status int, err error) response {
	var bad *paramError
	if errors.As(err, &bad) {
		return reply(status, bad)
	}
	return reply(status, struct {
		Message string `json:"error"`
	}{err.Error()})
}

func reply(status int, v any) response {
	body, err := json.Marshal(v)
	if err != nil {
		status, body = http.StatusInternalServerError, []byte(`{"error":"the answer cannot be written as JSON"}`)
	}
	return response{
		StatusCode: status,
		Headers:    map[string]string{"content-type": "application/json; charset=utf-8", "x-content-type-options": "nosniff"},
		Body:       string(body),
	}
}
