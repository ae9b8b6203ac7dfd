package main

import (
	"encoding/json"
	"encoding/xml"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"

	"github.com/stillwarm/stillwarm/lambda"
)

// cachedServe is the demo's handler as main starts it.
var cachedServe = logged(lambda.CacheHTTP(serve))

// get asks the service for a path with a query such as "month=7&days=5".
func get(t *testing.T, method, path, query string) response {
	t.Helper()
	return getWith(t, method, path, query, nil)
}

func getWith(t *testing.T, method, path, query string, headers map[string]string) response {
	t.Helper()
	req := request{RawPath: path, RawQueryString: query, QueryStringParameters: map[string]string{}, Headers: headers}
	req.RequestContext.HTTP = events.APIGatewayV2HTTPRequestContextHTTPDescription{Method: method, Path: path}
	for pair := range strings.SplitSeq(query, "&") {
		if k, v, ok := strings.Cut(pair, "="); ok {
			req.QueryStringParameters[k] = v
		}
	}
	res, err := cachedServe(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	return res
}

func TestRoutes(t *testing.T) {
	tests := []struct {
		name, method, path, query string
		status                    int
		body                      string // a part of it
	}{
		{"the page", "GET", "/", "", 200, "Seattle's weather, kept warm"},
		{"the page at an empty path", "GET", "", "", 200, "<!doctype html>"},
		{"a summary", "GET", "/summary", "year=2014&month=7", 200,
			`{"year":2014,"month":7,"days":31,"rainyDays":2,"precipitationMm":19.6,"meanHighC":26.9,"meanLowC":14.43,` +
				`"meanWindMs":3.1,"hottest":{"date":"2014-07-01","celsius":34.4},`},
		{"a summary with a slash behind", "GET", "/summary/", "year=2012&month=2", 200, `"days":29`},
		{"rain odds that are certain", "GET", "/rain-odds", "month=2&days=0", 200, `"probability":1,"standardError":0,"observedDays":113`},
		{"the chart", "GET", "/rain-odds.svg", "month=2&days=3", 200, `<title>Rainy days in a made-up February: at least 3 in `},
		{"a failing run", "GET", "/fail", "", 502, `{"error":"the weather station does not answer"}`},
		{"an unknown path", "GET", "/rain", "", 404, `there is nothing at /rain`},
		{"another method", "POST", "/summary", "year=2014&month=7", 405, `POST is not served here`},
		{"another method on the page", "DELETE", "/", "", 405, `DELETE`},
		{"a month that is missing", "GET", "/rain-odds", "days=3", 400,
			`{"error":"parameter \"month\" is missing: give a whole number from 1 to 12","parameter":"month","value":"","accepted":"a whole number from 1 to 12"}`},
		{"a month out of range", "GET", "/rain-odds", "month=13&days=3", 400, `"parameter":"month","value":"13","accepted":"a whole number from 1 to 12"`},
		{"a month that is no number", "GET", "/rain-odds", "month=July&days=3", 400, `"parameter":"month","value":"July"`},
		{"a month given twice", "GET", "/rain-odds.svg", "month=7,8&days=3", 400, `"value":"7,8"`},
		{"a year that nobody observed", "GET", "/summary", "year=2016&month=1", 400, `"accepted":"a whole number from 2012 to 2015"`},
		{"more days than the month has", "GET", "/rain-odds", "month=2&days=29", 400, `"accepted":"a whole number from 0 to 28"`},
		{"a number that overflows", "GET", "/rain-odds", "month=2&days=99999999999999999999", 400, `"parameter":"days"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			res := get(t, tt.method, tt.path, tt.query)
			if res.StatusCode != tt.status || !strings.Contains(res.Body, tt.body) {
				t.Errorf("%d %s\nwant %d and %s", res.StatusCode, res.Body, tt.status, tt.body)
			}
			isJSON := strings.HasPrefix(res.Headers["Content-Type"], "application/json")
			if isJSON != json.Valid([]byte(res.Body)) {
				t.Errorf("content type %q for %q", res.Headers["Content-Type"], res.Body)
			}
			if tt.status == http.StatusMethodNotAllowed && res.Headers["Allow"] != "GET, HEAD" {
				t.Errorf("Allow is %q", res.Headers["Allow"])
			}
		})
	}
}

func TestCacheStatusOfRoutes(t *testing.T) {
	for name, tt := range map[string]struct {
		path, query   string
		first, second string // parts of Cache-Status
		lifetime      string
	}{
		"data: a miss, then a hit of the HTTP cache":             {"/summary", "year=2013&month=3", "stillwarm-data; fwd=miss, stillwarm; fwd=", "stillwarm; hit; ttl=", forADay},
		"another question about the same months is a hit inside": {"/rain-odds", "month=6&days=4", "stillwarm-data; hit; ttl=", "stillwarm; hit; ttl=", forMinutes},
		"the chart":                {"/rain-odds.svg", "month=6&days=4", "stillwarm-data; hit; ttl=", "stillwarm; hit; ttl=", forMinutes},
		"the page":                 {"/", "utm=1", "stillwarm-data; fwd=bypass, stillwarm; fwd=", "stillwarm; hit; ttl=", "public, max-age=300"},
		"an error is never reused": {"/fail", "", "stillwarm-data; fwd=miss, stillwarm; fwd=", "stillwarm-data; fwd=miss, stillwarm; fwd=", never},
		"nor are bad parameters":   {"/rain-odds", "month=0", "fwd-status=400", "fwd-status=400", never},
	} {
		t.Run(name, func(t *testing.T) {
			if tt.path != "/summary" {
				get(t, "GET", "/rain-odds", "month=6&days=3")
			}
			for i, want := range []string{tt.first, tt.second} {
				res := get(t, "GET", tt.path, tt.query)
				if got := res.Headers["Cache-Status"]; !strings.Contains(got, want) {
					t.Errorf("request %d: %q, want %q in it", i+1, got, want)
				}
				if got := res.Headers["Cache-Control"]; got != tt.lifetime {
					t.Errorf("Cache-Control is %q", got)
				}
			}
		})
	}
	t.Run("the page is not sent again to a browser that has it", func(t *testing.T) {
		tag := get(t, "GET", "/", "").Headers["Etag"]
		res := getWith(t, "GET", "/", "", map[string]string{"if-none-match": tag})
		if tag == "" || res.StatusCode != http.StatusNotModified || res.Body != "" {
			t.Errorf("%q: %d, %d bytes", tag, res.StatusCode, len(res.Body))
		}
	})
}

func TestChart(t *testing.T) {
	a := rainAnswer{Month: 7, AtLeastDays: 2, Probability: 0.25, Distribution: []float64{0.5, 0.25, 0.2, 0.05}}
	svg := chart(a)
	if err := xml.Unmarshal([]byte(svg), new(struct {
		XMLName xml.Name `xml:"svg"`
	})); err != nil {
		t.Fatal(err, svg)
	}
	if n := strings.Count(svg, `class="h"`); n != 2 || strings.Count(svg, `class="b"`) != 2 || !strings.Contains(svg, "25.0 %") {
		t.Errorf("%d bars count: %s", n, svg)
	}
}

func TestStageIsNotPartOfThePath(t *testing.T) {
	for raw, tt := range map[string]struct{ stage, want string }{
		"/prod/summary":  {"prod", "/summary"},
		"/prod":          {"prod", "/"},
		"/production":    {"prod", "/production"},
		"/summary/":      {"$default", "/summary"},
		"/summary":       {"", "/summary"},
		"//summary//":    {"", "/summary"},
		"/other/summary": {"prod", "/other/summary"},
	} {
		req := request{RawPath: raw}
		req.RequestContext.Stage = tt.stage
		if got := path(req); got != tt.want {
			t.Errorf("path of %s in stage %q is %q, want %q", raw, tt.stage, got, tt.want)
		}
	}
}

func TestPageBringsEverythingAlong(t *testing.T) {
	res := get(t, "GET", "/", "")
	for _, outside := range []string{"src=\"http", "<link rel=\"stylesheet", "@import", "url(http", "fetch(\"http"} {
		if strings.Contains(res.Body, outside) {
			t.Errorf("the page loads something from elsewhere: %s", outside)
		}
	}
	if !strings.Contains(res.Headers["Content-Security-Policy"], "default-src 'none'") {
		t.Error("the page has no policy")
	}
}
