package httpevent_test

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"

	"github.com/stillwarm/stillwarm/internal/httpreq"
	"github.com/stillwarm/stillwarm/lambda/internal/httpevent"
)

var update = flag.Bool("update", false, "write the golden files anew")

func TestRequests(t *testing.T) {
	files, err := filepath.Glob("testdata/*.json")
	if err != nil || len(files) < 30 {
		t.Fatalf("%d events: %v", len(files), err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".json")
		t.Run("L4 "+name, func(t *testing.T) {
			payload, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			e, err := httpevent.Parse(payload)
			got := describe(t.Context(), e, err)
			golden := strings.TrimSuffix(file, ".json") + ".golden"
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if got != string(want) {
				t.Errorf("got:\n%s\nwant:\n%s", got, want)
			}
			if e == nil {
				return
			}
			if typed := describe(t.Context(), httpevent.Of(decode(t, e.Source, payload)), nil); typed != got {
				t.Errorf("decoded into the type of the events package:\n%s\nas JSON:\n%s", typed, got)
			}
			if e.Source != httpevent.FunctionURL {
				return
			}
			// A function URL's events are often taken as those of an HTTP API.
			if typed := describe(t.Context(), httpevent.Of(decode(t, httpevent.HTTPAPI, payload)), nil); typed != got {
				t.Errorf("decoded into the type of an HTTP API:\n%s\nas JSON:\n%s", typed, got)
			}
		})
	}
}

// decode decodes a payload as a handler of the events package's type gets it.
func decode(t *testing.T, s httpevent.Source, payload []byte) any {
	t.Helper()
	in := map[httpevent.Source]any{
		httpevent.HTTPAPI: &events.APIGatewayV2HTTPRequest{}, httpevent.FunctionURL: &events.LambdaFunctionURLRequest{},
		httpevent.REST: &events.APIGatewayProxyRequest{}, httpevent.HTTPAPIv1: &events.APIGatewayProxyRequest{},
		httpevent.ALB: &events.ALBTargetGroupRequest{},
	}[s]
	if err := json.Unmarshal(payload, in); err != nil {
		t.Fatal(err)
	}
	return in
}

// describe writes down what an event becomes.
func describe(ctx context.Context, e *httpevent.Event, err error) string {
	var b strings.Builder
	if err != nil {
		return fmt.Sprintln("no event:", err)
	}
	fmt.Fprintln(&b, "source:", e.Source)
	r, err := e.Request(ctx, "blue", "")
	if err != nil {
		fmt.Fprintln(&b, "no request:", err)
		return b.String()
	}
	body, _ := io.ReadAll(r.Body)
	fmt.Fprintf(&b, "%s %s\npath: %q, escaped %q\nhost: %s\nremote: %s\n", r.Method, r.RequestURI, r.URL.Path, r.URL.EscapedPath(), r.Host, r.RemoteAddr)
	for _, name := range slices.Sorted(maps.Keys(r.Header)) {
		fmt.Fprintf(&b, "%s: %q\n", name, r.Header[name])
	}
	fmt.Fprintf(&b, "body: %d %q\n", r.ContentLength, body)
	c := httpreq.From(r.Context())
	fmt.Fprintf(&b, "caller: %s://%q stage %q api %q tenant %q base %q route %q authenticated %v no range %v\n",
		c.Scheme, c.Host, c.Stage, c.APIID, c.Tenant, c.BasePath, c.Route, c.Authenticated, c.NoRange)
	fmt.Fprintf(&b, "principal: %q\n", e.Identity.Principal())
	if err := e.Strict(r); err != nil {
		fmt.Fprintln(&b, "not cacheable:", err)
	}
	return b.String()
}
