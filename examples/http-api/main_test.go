package main

import (
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stillwarm/stillwarm/adapter/adaptertest"
	"github.com/stillwarm/stillwarm/httpcache"
)

func TestTwoLayers(t *testing.T) {
	ctx := adaptertest.New(t)
	h := routes(httpcache.WithRuntime(adaptertest.Runtime(ctx)))
	for _, c := range []struct{ path, body, status string }{
		{"/temperature/Oslo", "4\n", "stillwarm; fwd=uri-miss"},
		{"/temperature/Oslo?utm_source=mail", "4\n", "stillwarm; hit"},
		{"/forecast/Oslo", `{"city":"Oslo"`, "stillwarm; fwd=uri-miss"},
	} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequestWithContext(ctx, "GET", c.path, nil))
		if got := w.Header().Get("Cache-Status"); !strings.HasPrefix(w.Body.String(), c.body) || !strings.HasPrefix(got, c.status) {
			t.Errorf("%s: %q, %s", c.path, w.Body, got)
		}
	}
	adaptertest.Runs(t, ctx, forecasts, 1)
}
