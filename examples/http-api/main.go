// Command http-api is an HTTP API with two layers of caching: whole answers by the rules of HTTP, and below them a lookup
// that several routes share.
package main

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/stillwarm/stillwarm/adapter"
	_ "github.com/stillwarm/stillwarm/backends/s3"
	"github.com/stillwarm/stillwarm/httpcache"
	"github.com/stillwarm/stillwarm/lambda"
)

// A Forecast is what the upstream says of one city.
type Forecast struct {
	City    string    `json:"city"`
	Celsius float64   `json:"celsius"`
	At      time.Time `json:"at"`
}

var forecasts = adapter.CacheData(fetchForecast,
	adapter.TTL("10m"),
	adapter.StaleFor("1h"),  // the old forecast at once, a new one after the response
	adapter.FailSafe("12h")) // and while the upstream is down

// fetchForecast stands in for a slow upstream.
func fetchForecast(_ context.Context, city string) (Forecast, error) {
	return Forecast{City: city, Celsius: float64(len(city)), At: time.Now()}, nil
}

func routes(options ...httpcache.Option) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /forecast/{city}", answer(func(f Forecast) any { return f }))
	mux.HandleFunc("GET /temperature/{city}", answer(func(f Forecast) any { return f.Celsius }))
	return httpcache.Middleware(append(options, httpcache.IgnoreQuery("utm_*"))...)(mux)
}

// answer writes a part of the forecast. Both routes run the upstream once for a city.
func answer(part func(Forecast) any) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		f, err := forecasts.Get(r.Context(), r.PathValue("city"))
		if err != nil {
			http.Error(w, "the forecast is not to be had", http.StatusBadGateway)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "public, max-age=60")
		_ = json.NewEncoder(w).Encode(part(f))
	}
}

func main() { lambda.Start(lambda.HTTPHandler(routes())) }
