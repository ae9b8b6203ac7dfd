package main

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"

	"github.com/stillwarm/stillwarm/adapter"
)

// get asks the service for a path with a query such as "month=7&days=5".
func get(t *testing.T, method, path, query string) response {
	t.Helper()
	req := request{RawPath: path, RawQueryString: query, QueryStringParameters: map[string]string{}}
	req.RequestContext.HTTP = events.APIGatewayV2HTTPRequestContextHTTPDescription{Method: method, Path: path}
	for pair := range strings.SplitSeq(query, "&") {
		if k, v, ok := strings.Cut(pair, "="); ok {
			req.QueryStringParameters[k] = v
		}
	}
	res, err := serve(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	parseStatus(t, res.Headers["cache-status"])
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
		{"the deprecated name works", "GET", "/legacy", "month=7", 200, `{"month":7,"date":"`},
		{"a failing run", "GET", "/fail", "", 502, `{"error":"the weather station does not answer"}`},
		{"an unknown path", "GET", "/rain", "", 404, `there is nothing at /rain`},
		{"another method", "POST", "/summary", "year=2014&month=7", 405, `POST is not served here`},
		{"another method on the page", "DELETE", "/", "", 405, `DELETE`},
		{"a month that is missing", "GET", "/legacy", "", 400,
			`{"error":"parameter \"month\" is missing: give a whole number from 1 to 12","parameter":"month","value":"","accepted":"a whole number from 1 to 12"}`},
		{"a month out of range", "GET", "/legacy", "month=13", 400, `"parameter":"month","value":"13","accepted":"a whole number from 1 to 12"`},
		{"a month that is no number", "GET", "/rain-odds", "month=July&days=3", 400, `"parameter":"month","value":"July"`},
		{"a month given twice", "GET", "/legacy", "month=7,8", 400, `"value":"7,8"`},
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
			isJSON := strings.HasPrefix(res.Headers["content-type"], "application/json")
			if isJSON != json.Valid([]byte(res.Body)) {
				t.Errorf("content type %q for %q", res.Headers["content-type"], res.Body)
			}
			if tt.status == http.StatusMethodNotAllowed && res.Headers["allow"] != "GET" {
				t.Errorf("Allow is %q", res.Headers["allow"])
			}
		})
	}
}

func TestCacheStatusOfRoutes(t *testing.T) {
	if err := adapter.ClearData(t.Context()); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name, path, query string
		first, second     map[string]string
	}{
		{"data: a miss, then a hit in memory", "/summary", "year=2013&month=3",
			map[string]string{"fwd": "miss"}, map[string]string{"hit": "", "detail": "memory"}},
		{"the deprecated name caches too", "/legacy", "month=5",
			map[string]string{"fwd": "miss"}, map[string]string{"hit": "", "detail": "memory"}},
		{"an error is never a hit", "/fail", "", map[string]string{"fwd": "miss"}, map[string]string{"fwd": "miss"}},
		{"the page asks no cache", "/", "", map[string]string{"fwd": "bypass"}, map[string]string{"fwd": "bypass"}},
		{"bad parameters ask no cache", "/legacy", "month=0", map[string]string{"fwd": "bypass"}, map[string]string{"fwd": "bypass"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for i, want := range []map[string]string{tt.first, tt.second} {
				res := get(t, "GET", tt.path, tt.query)
				got := parseStatus(t, res.Headers["cache-status"])
				for key, v := range want {
					if g, there := got[key]; !there || g != v {
						t.Errorf("request %d: %q, want %s=%s", i+1, res.Headers["cache-status"], key, v)
					}
				}
			}
		})
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
	for _, outside := range []string{"src=\"http", "href=\"http", "@import", "url(http"} {
		if strings.Contains(res.Body, outside) {
			t.Errorf("the page loads something from elsewhere: %s", outside)
		}
	}
	if !strings.Contains(res.Headers["content-security-policy"], "default-src 'none'") {
		t.Error("the page has no policy")
	}
}
