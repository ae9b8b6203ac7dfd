package bench

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/stillwarm/stillwarm/tests/bench/functions/site"
	"github.com/stillwarm/stillwarm/tests/servers"
)

const sectionLambdaHTTP = "4. HTTP behind the Runtime API, as events of an HTTP API"

// hitRounds is three times as many as elsewhere: the ratio is close to one, and the loopback and the scheduler, which take most
// of the time, make it vary by a tenth.
const hitRounds = 150

// lambdaHTTPContests compare a function whose HTTP answers are cached with the same function bare. Both are started without
// options and have the very same handler, of the same event types: the bare one decodes the whole event, makes an answer with the same
// body and encodes it, by aws-lambda-go and encoding/json, as every user's handler does. It does nothing else: what a
// handler does for its answer, and what a cache saves, is in neither. Ours sends three fields more (Age, Cache-Status, Date).
func lambdaHTTPContests(h *host, dir string) ([]*contest, error) {
	var pairs [2][2]*process // ours and bare, two processes each
	backend := "STILLWARM_BACKEND=" + servers.Redis(h).URL()
	for i, name := range []string{"ours-http", "bare-http"} {
		for j := range pairs[i] {
			p, err := start(h, filepath.Join(dir, name), backend)
			if err != nil {
				return nil, err
			}
			pairs[i][j] = p
		}
	}
	hit := func(id, title, path string) *contest {
		event := httpEvent(path, "")
		ask := func(p *process) func() (time.Duration, error) {
			return func() (time.Duration, error) { return p.api.invoke(event) }
		}
		return &contest{
			id: id, title: title, section: sectionLambdaHTTP, each: 40, rounds: hitRounds,
			goals: []goal{over(reference, "bare handler", "bare handler", goalHTTPLambda)},
			contenders: []contender{
				{name: "Stillwarm, CacheHTTP", role: ours, once: ask(pairs[0][0])},
				{name: "bare handler", role: reference, lacks: "answers from a variable: the Runtime API and JSON alone", once: ask(pairs[1][0])},
			},
		}
	}
	return []*contest{
		hit("http-lambda-1KB", "a hit of 1 KB", site.Small), hit("http-lambda-100KB", "a hit of 100 KB", site.Large),
		privateContest("http-lambda-private", "an uncacheable route of 2 ms through two containers at once, Redis behind", site.Account, pairs),
		privateContest("http-lambda-private-noop", "the same of a handler that does nothing", site.Private, pairs),
	}, nil
}

// privateContest has two containers asked at once for what cannot be cached, under an address that nobody asked for before:
// no key, mark or lease of the one may cost the other's client anything.
func privateContest(id, title, path string, pairs [2][2]*process) *contest {
	var addresses atomic.Int64
	both := func(pair [2]*process) func() (time.Duration, error) {
		return func() (time.Duration, error) {
			event := httpEvent(path, fmt.Sprint("id=", addresses.Add(1)))
			return pairInvoke(pair, event)
		}
	}
	return &contest{
		id: id, title: title, section: sectionLambdaHTTP, each: 40, rounds: 50,
		goals: []goal{over(reference, "bare handler", "bare handler", goalHTTPPrivate)},
		contenders: []contender{
			{name: "Stillwarm, CacheHTTP", role: ours, once: both(pairs[0])},
			{name: "bare handler", role: reference, once: both(pairs[1])},
		},
	}
}

// pairInvoke sends an event to two processes at once and returns what their clients waited on average.
func pairInvoke(pair [2]*process, event []byte) (time.Duration, error) {
	type outcome struct {
		took time.Duration
		err  error
	}
	other := make(chan outcome, 1)
	go func() {
		took, err := pair[1].api.invoke(event)
		other <- outcome{took, err}
	}()
	took, err := pair[0].api.invoke(event)
	second := <-other
	if err == nil {
		err = second.err
	}
	return (took + second.took) / 2, err
}

// httpEvent is what an HTTP API sends for a GET by a browser.
func httpEvent(path, query string) []byte {
	e := events.APIGatewayV2HTTPRequest{
		Version: "2.0", RouteKey: "$default", RawPath: path, RawQueryString: query,
		Headers: map[string]string{
			"accept": "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8", "accept-encoding": "gzip, deflate, br", "accept-language": "en-US,en;q=0.5",
			"host": "abcdefghij.execute-api.us-east-1.amazonaws.com", "user-agent": "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
			"x-amzn-trace-id": "Root=1-5e6722a7-cc56xmpl46db7ae02d4da47e", "x-forwarded-for": "192.0.2.1", "x-forwarded-port": "443", "x-forwarded-proto": "https",
		},
	}
	c := &e.RequestContext
	c.AccountID, c.APIID, c.Stage, c.RouteKey, c.RequestID = "123456789012", "abcdefghij", "$default", "$default", "JKJaXmPLvHcESHA="
	c.DomainName, c.DomainPrefix, c.Time, c.TimeEpoch = e.Headers["host"], "abcdefghij", "10/Mar/2026:05:16:23 +0000", 1773119783000
	c.HTTP = events.APIGatewayV2HTTPRequestContextHTTPDescription{
		Method: "GET", Path: path, Protocol: "HTTP/1.1", SourceIP: "192.0.2.1", UserAgent: e.Headers["user-agent"],
	}
	text, err := json.Marshal(e)
	if err != nil {
		panic(err) // an event is always encodable
	}
	return text
}
