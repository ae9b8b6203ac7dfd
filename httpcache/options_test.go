package httpcache_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stillwarm/stillwarm/adapter"
	"github.com/stillwarm/stillwarm/httpcache"
)

func TestOptions(t *testing.T) {
	for name, o := range map[string]httpcache.Option{
		"DefaultTTL": httpcache.DefaultTTL("soon"), "StaleFor": httpcache.StaleFor(-time.Second), "StaleIfError": httpcache.StaleIfError(""),
		"PerCaller": httpcache.PerCaller(nil), "KeyFields": httpcache.KeyFields("a b"), "TagFields": httpcache.TagFields(""),
		"Targeted": httpcache.Targeted("a:"), "MaxBody": httpcache.MaxBody("lots"), "MaxVariants": httpcache.MaxVariants(0),
		"Heuristic": httpcache.Heuristic(2, time.Hour), "WithRuntime": httpcache.WithRuntime(nil), "Persist": httpcache.Persist(""),
		"Version": httpcache.Version(""), "NearTTL": httpcache.NearTTL("0s"), "Name": httpcache.Name(""), "nil": nil,
	} {
		_, err := httpcache.New(o)
		var oe *adapter.OptionError
		if !errors.As(err, &oe) || oe.Option != name || oe.Reason == "" || !strings.Contains(oe.Place, "options_test.go") {
			t.Errorf("%s: %v", name, err)
		}
	}
	defer func() {
		if recover() == nil {
			t.Error("Middleware does not panic")
		}
	}()
	httpcache.Middleware(httpcache.MaxVariants(-1))
}

func TestExplain(t *testing.T) {
	s := newSite(t, httpcache.IgnoreQuery("utm_*"))
	explain := func(line string, fields ...string) httpcache.Explanation {
		t.Helper()
		method, target, _ := strings.Cut(line, " ")
		r := httptest.NewRequest(method, target, nil)
		addFields(r.Header, fields)
		e, err := s.cache.Explain(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
	if e := explain("POST /a"); e.Class != "unsafe" {
		t.Error(e)
	}
	if e := explain("GET /a", `If-Match: "1"`); e.Class != "bypass" {
		t.Error(e)
	}
	if e := explain("GET /a?utm_x=1&b=2"); e.Hit || e.Served != "no: uri-miss" || e.URL != "/a?b=2" || e.Stored != "" || len(e.Key) != 64 {
		t.Error(e)
	}
	s.answer(200, "body")
	s.do("GET /a")
	if e := explain("GET /a"); e.Stored != "no: no-freshness" {
		t.Error(e)
	}
	s.clock.advance(11 * time.Second)
	s.answer(200, "body", "Cache-Control: max-age=60, stale-while-revalidate=60", "Vary: X-A")
	s.do("GET /a", "X-A: 1")
	s.do("GET /a", "X-A: 2")
	s.clock.advance(10 * time.Second)
	e := explain("GET /a", "X-A: 1")
	if !e.Hit || e.Stale || e.Tier != adapter.TierMemory || e.Age != 10*time.Second || e.TTL != 50*time.Second || e.Variants != 2 || len(e.VaryOn) != 1 || e.Served != "yes: fresh" || e.Stored != "yes: max-age" {
		t.Errorf("%+v", e)
	}
	if e := explain("GET /a", "X-A: 3"); e.Hit || e.Served != "no: vary-miss" {
		t.Errorf("%+v", e)
	}
	s.clock.advance(60 * time.Second)
	if e := explain("GET /a", "X-A: 1"); !e.Hit || !e.Stale || e.Served != "yes: stale-while-revalidate" {
		t.Errorf("%+v", e)
	}
	s.wantRuns(3)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.cache.Explain(ctx, httptest.NewRequest("GET", "/a", nil)); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestADisabledCachePassesThrough(t *testing.T) {
	rt, err := adapter.New(adapter.Config{Disabled: true})
	if err != nil {
		t.Fatal(err)
	}
	runs := 0
	h := httpcache.Middleware(httpcache.WithRuntime(rt))(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		runs++
		w.Header().Set("Cache-Control", "max-age=60")
	}))
	for range 2 {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
		if w.Header().Get("Cache-Status") != "" {
			t.Fatal(w.Header())
		}
	}
	if runs != 2 {
		t.Fatal(runs)
	}
}
