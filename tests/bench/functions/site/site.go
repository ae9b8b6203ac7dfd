// Package site is the handler of an HTTP API that the programs beside it put behind a function: the same one in all of them.
package site

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/events"
)

// The paths of the site.
const (
	Small   = "/1KB"     // 1 KB that everybody may keep for an hour
	Large   = "/100KB"   // 100 KB of the same kind
	Private = "/private" // 1 KB that nobody may keep, from memory
	Account = "/account" // the same, made in 2 ms: a page about its reader, of what one query says
)

var (
	small = strings.Repeat("stillwar", 1<<10/8)
	large = strings.Repeat("stillwar", 100<<10/8)
)

// Serve answers with bytes that it has in memory, for an account after a while, or with 404. It keeps nothing of a request and never fails.
func Serve(_ context.Context, r events.APIGatewayV2HTTPRequest) (events.APIGatewayV2HTTPResponse, error) {
	switch r.RawPath {
	case Small:
		return answer(small, "max-age=3600"), nil
	case Large:
		return answer(large, "max-age=3600"), nil
	case Private:
		return answer(small, "private"), nil
	case Account:
		time.Sleep(2 * time.Millisecond) // stands for the query
		return answer(small, "private"), nil
	}
	return events.APIGatewayV2HTTPResponse{StatusCode: http.StatusNotFound}, nil
}

func answer(body, control string) events.APIGatewayV2HTTPResponse {
	return events.APIGatewayV2HTTPResponse{
		StatusCode: http.StatusOK, Body: body,
		Headers: map[string]string{"Content-Type": "text/plain; charset=utf-8", "Cache-Control": control},
	}
}
