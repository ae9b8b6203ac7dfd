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
	"github.com/stillwarm/stillwarm/lambda"

	_ "github.com/stillwarm/stillwarm/backends/all" // every scheme that STILLWARM_BACKEND may name
)

type (
	request  = events.APIGatewayV2HTTPRequest
	response = events.APIGatewayV2HTTPResponse
)

// How long answers may be reused. The observations never change; the odds are computed anew now and then, as those of live data
// would be; errors are for their caller only.
const (
	forMinutes = "public, max-age=600, stale-while-revalidate=3600"
	forADay    = "public, max-age=86400"
	never      = "no-store"
)

// route answers one path.
type route func(context.Context, *params) (response, error)

var routes = map[string]route{
	"/": func(context.Context, *params) (response, error) { return page(), nil },
	"/summary": func(ctx context.Context, p *params) (response, error) {
		in := monthOfYear{Year: p.int("year", firstYear, lastYear), Month: p.int("month", 1, 12)}
		if p.err != nil {
			return response{}, p.err
		}
		s, err := summaries.Get(ctx, in)
		return asJSON(http.StatusOK, forADay, s), err
	},
	"/rain-odds": func(ctx context.Context, p *params) (response, error) {
		a, err := rainOdds(ctx, p)
		return asJSON(http.StatusOK, forMinutes, a), err
	},
	"/rain-odds.svg": func(ctx context.Context, p *params) (response, error) {
		a, err := rainOdds(ctx, p)
		if err != nil {
			return response{}, err
		}
		return reply(http.StatusOK, "image/svg+xml", forMinutes, chart(a)), nil
	},
	"/fail": func(ctx context.Context, _ *params) (response, error) {
		_, err := failing.Get(ctx, adapter.None{})
		return response{}, err
	},
}

// rainOdds answers how probable so many rainy days are.
func rainOdds(ctx context.Context, p *params) (rainAnswer, error) {
	month := p.int("month", 1, 12)
	days := p.int("days", 0, daysIn(max(month, 1)))
	if p.err != nil {
		return rainAnswer{}, p.err
	}
	m, err := rainyDays.Get(ctx, month)
	if err != nil {
		return rainAnswer{}, err
	}
	return m.answer(month, days), nil
}

// logged logs each request, those that the cache answers too.
func logged(next func(context.Context, request) (response, error)) func(context.Context, request) (response, error) {
	return func(ctx context.Context, req request) (response, error) {
		began := time.Now()
		res, err := next(ctx, req)
		lc, _ := lambdacontext.FromContext(ctx)
		if lc == nil {
			lc = &lambdacontext.LambdaContext{}
		}
		adapter.Default().Logger().LogAttrs(ctx, slog.LevelInfo, "request",
			slog.String("requestId", lc.AwsRequestID),
			slog.String("method", req.RequestContext.HTTP.Method),
			slog.String("path", path(req)),
			slog.Int("status", res.StatusCode),
			slog.String("cacheStatus", res.Headers["Cache-Status"]),
			slog.Float64("durationMs", float64(time.Since(began).Microseconds())/1000),
		)
		return res, err
	}
}

// serve answers one request that the cache has no answer to. Cache-Status says what the cache of data had.
func serve(ctx context.Context, req request) (response, error) {
	ctx, status := lambda.CacheStatus(ctx)
	res := dispatch(ctx, req)
	res.Headers["Cache-Status"] = status.String()
	return res, nil
}

func dispatch(ctx context.Context, req request) response {
	where := path(req)
	answer, known := routes[where]
	if !known {
		return failure(http.StatusNotFound, fmt.Errorf("there is nothing at %s; / lists what there is", where))
	}
	if method := req.RequestContext.HTTP.Method; method != http.MethodGet && method != http.MethodHead {
		res := failure(http.StatusMethodNotAllowed, fmt.Errorf("%s is not served here: use GET", method))
		res.Headers["Allow"] = "GET, HEAD"
		return res
	}
	res, err := answer(ctx, &params{query: req.QueryStringParameters})
	if err != nil {
		return failure(statusOf(err), err)
	}
	return res
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
		return asJSON(status, never, bad)
	}
	return asJSON(status, never, struct {
		Message string `json:"error"`
	}{err.Error()})
}

func asJSON(status int, cacheControl string, v any) response {
	body, err := json.Marshal(v)
	if err != nil {
		status, cacheControl, body = http.StatusInternalServerError, never, []byte(`{"error":"the answer cannot be written as JSON"}`)
	}
	return reply(status, "application/json; charset=utf-8", cacheControl, string(body))
}

func reply(status int, contentType, cacheControl, body string) response {
	return response{
		StatusCode: status,
		Headers:    map[string]string{"Content-Type": contentType, "Cache-Control": cacheControl, "X-Content-Type-Options": "nosniff"},
		Body:       body,
	}
}
