package lambda_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-lambda-go/events"

	"github.com/stillwarm/stillwarm/lambda"
)

func pick[T any](r *rand.Rand, of ...T) T { return of[r.IntN(len(of))] }

// echoV2 answers with everything of an event that is part of a key or named by Vary.
func echoV2(_ context.Context, in v2In) (v2Out, error) {
	c := &in.RequestContext
	body, err := json.Marshal([]any{
		c.HTTP.Method, in.RawPath, in.RawQueryString, in.Headers["host"], c.DomainName, c.Stage, c.APIID, in.StageVariables,
		in.Headers["x-forwarded-host"], in.Headers["accept"], in.Headers["x-forwarded-proto"],
	})
	return v2Out{StatusCode: 200, Headers: map[string]string{"cache-control": "public, max-age=60", "vary": "accept"}, Body: string(body)}, err
}

func randomV2(r *rand.Rand) v2In {
	in := v2(pick(r, "/", "/a", "/a/b", "/a%2Fb", "/prod/a", "/prod", "/a b", "/a%20b", "/a%2520b", "/é", "", "/a?x=1", "/a|b", "/a%7Cb", "/%zz"))
	in.RawQueryString = pick(r, "", "", "x=1", "x=2", "x=1&y=2", "y=2&x=1", "x=%31", "x")
	c := &in.RequestContext
	c.Stage, c.APIID = pick(r, "$default", "prod", "a"), pick(r, "one", "two")
	c.DomainName = pick(r, "api.example.com", "other.example.com", "x.lambda-url.eu-west-1.on.aws")
	in.Headers = map[string]string{}
	for _, name := range []string{"host", "x-forwarded-host", "x-forwarded-proto", "accept"} {
		if v := pick(r, "", "api.example.com", "http", "https"); v != "" {
			in.Headers[name] = v
		}
	}
	if r.IntN(3) == 0 {
		in.StageVariables = map[string]string{pick(r, "t", "u"): pick(r, "1", "2")}
	}
	return in
}

func echoREST(_ context.Context, in events.APIGatewayProxyRequest) (events.APIGatewayProxyResponse, error) {
	c := &in.RequestContext
	body, err := json.Marshal([]any{
		in.HTTPMethod, in.Path, in.QueryStringParameters, in.MultiValueQueryStringParameters, in.Headers, in.MultiValueHeaders,
		c.DomainName, c.Stage, c.APIID,
	})
	return events.APIGatewayProxyResponse{
		StatusCode: 200, Headers: map[string]string{"cache-control": "public, max-age=60", "vary": "accept, x-a"}, Body: string(body),
	}, err
}

func randomREST(r *rand.Rand) (in events.APIGatewayProxyRequest) {
	in.HTTPMethod, in.Path = "GET", pick(r, "/", "/a", "/a%2Fb", "/a/b", "/prod/a", "/a b", "/a%20b")
	in.RequestContext.ResourceID, in.RequestContext.Stage = pick(r, "abc123", ""), pick(r, "prod", "$default")
	in.RequestContext.DomainName = "api.example.com"
	values := pick(r, nil, []string{"1"}, []string{"1", "2"}, []string{"2", "1"}, []string{"1&x=2"})
	if values != nil {
		in.MultiValueQueryStringParameters = map[string][]string{"x": values}
		in.QueryStringParameters = map[string]string{"x": pick(r, values[len(values)-1], "other")}
	}
	accept := pick(r, "", "text/html", "*/*")
	if accept != "" {
		in.MultiValueHeaders = map[string][]string{pick(r, "Accept", "X-A"): {accept}}
	}
	return in
}

func echoALB(_ context.Context, in events.ALBTargetGroupRequest) (events.ALBTargetGroupResponse, error) {
	body, err := json.Marshal([]any{in.HTTPMethod, in.Path, in.QueryStringParameters, in.MultiValueQueryStringParameters, in.Headers, in.RequestContext.ELB})
	return events.ALBTargetGroupResponse{
		StatusCode: 200, Headers: map[string]string{"cache-control": "public, max-age=60", "vary": "accept"}, Body: string(body),
	}, err
}

func randomALB(r *rand.Rand) (in events.ALBTargetGroupRequest) {
	in.HTTPMethod, in.Path = "GET", pick(r, "/", "/a%2Fb", "/a/b", "/a%20b", "/a b")
	in.RequestContext.ELB.TargetGroupArn = pick(r, "one", "two")
	in.Headers = map[string]string{"host": pick(r, "a", "b"), "accept": pick(r, "x", "y")}
	in.QueryStringParameters = map[string]string{pick(r, "x", "y", "x=1&y"): pick(r, "", "1", "1&y=2", "%31")}
	return in
}

// neverMixes asks a cached handler and the handler itself the same things, from several goroutines.
func neverMixes[In lambda.HTTPEvent, Out lambda.HTTPResponse](t *testing.T, h func(context.Context, In) (Out, error), draw func(*rand.Rand) In, body func(Out) string, status func(Out) string) {
	t.Helper()
	cached := lambda.CacheHTTP(h, httpRuntime(t))
	pool := make([]In, 500) // few enough to be asked again
	seeded := rand.New(rand.NewPCG(1, 2))
	for i := range pool {
		pool[i] = draw(seeded)
	}
	var hits atomic.Int64
	var wg sync.WaitGroup
	for worker := range 4 {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(uint64(worker), 7))
			for range 700 {
				in := pick(r, pool...)
				want, _ := h(t.Context(), in)
				got, err := cached(t.Context(), in)
				if err != nil || body(got) != body(want) {
					t.Errorf("%+v was answered\n%s (%v), want\n%s", in, body(got), err, body(want))
					return
				}
				if strings.Contains(status(got), "; hit") {
					hits.Add(1)
				}
			}
		})
	}
	wg.Wait()
	if hits.Load() < 500 {
		t.Errorf("%d hits: this proves nothing", hits.Load())
	}
}

func TestCacheHTTPNeverMixesEvents(t *testing.T) {
	t.Run("L4 payload 2.0", func(t *testing.T) {
		neverMixes(t, echoV2, randomV2, func(o v2Out) string { return o.Body }, func(o v2Out) string { return o.Headers["Cache-Status"] })
	})
	t.Run("L4 payload 1.0", func(t *testing.T) {
		neverMixes(t, echoREST, randomREST, func(o events.APIGatewayProxyResponse) string { return o.Body },
			func(o events.APIGatewayProxyResponse) string { return fmt.Sprint(o.Headers, o.MultiValueHeaders) })
	})
	t.Run("L4 load balancer", func(t *testing.T) {
		neverMixes(t, echoALB, randomALB, func(o events.ALBTargetGroupResponse) string { return o.Body },
			func(o events.ALBTargetGroupResponse) string { return o.Headers["Cache-Status"] })
	})
}
