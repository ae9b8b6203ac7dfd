package main

import (
	"context"
	"errors"
	"math"
	"time"

	"github.com/stillwarm/stillwarm/adapter"
)

// weather is the parsed data set: a resource, opened once in a container, shared, and closed when the container ends.
var weather = adapter.CacheResource(openDataset, adapter.Spinner("Reading the weather of four years"))

// Cached data: the arguments are the key, so a struct of them says what an answer depends on.
var (
	summaries = adapter.CacheData(summarize, adapter.TTL("24h"), adapter.MaxEntries(48))
	rainOdds  = adapter.CacheData(computeRainOdds, adapter.TTL("10m"), adapter.StaleFor("1h"), adapter.MaxEntries(400),
		adapter.Spinner("Making up months"))
	failing = adapter.CacheData(askStation, adapter.TTL("1h"))
)

type monthOfYear struct{ Year, Month int }

type summary struct {
	Year          int            `json:"year"`
	Month         int            `json:"month"`
	Days          int            `json:"days"`
	RainyDays     int            `json:"rainyDays"`
	Precipitation float64        `json:"precipitationMm"`
	MeanHigh      float64        `json:"meanHighC"`
	MeanLow       float64        `json:"meanLowC"`
	MeanWind      float64        `json:"meanWindMs"`
	Hottest       extreme        `json:"hottest"`
	Coldest       extreme        `json:"coldest"`
	Weather       map[string]int `json:"weather"`
}

type extreme struct {
	Date string  `json:"date"`
	C    float64 `json:"celsius"`
}

// summarize describes one month.
func summarize(ctx context.Context, in monthOfYear) (summary, error) {
	days, err := daysOf(ctx, in.Year, in.Month)
	if err != nil {
		return summary{}, err
	}
	s := summary{Year: in.Year, Month: in.Month, Days: len(days), Weather: map[string]int{}}
	hottest, coldest := days[0], days[0]
	for _, d := range days {
		if d.rainy() {
			s.RainyDays++
		}
		s.Precipitation += d.precipitation
		s.MeanHigh += d.high / float64(len(days))
		s.MeanLow += d.low / float64(len(days))
		s.MeanWind += d.wind / float64(len(days))
		s.Weather[d.weather]++
		if d.high > hottest.high {
			hottest = d
		}
		if d.low < coldest.low {
			coldest = d
		}
	}
	for _, v := range []*float64{&s.Precipitation, &s.MeanHigh, &s.MeanLow, &s.MeanWind} {
		*v = round(*v, 2)
	}
	s.Hottest = extreme{Date: hottest.date.Format(time.DateOnly), C: hottest.high}
	s.Coldest = extreme{Date: coldest.date.Format(time.DateOnly), C: coldest.low}
	return s, nil
}

type rainQuestion struct {
	Month int
	Days  int // at least so many rainy ones
}

type rainAnswer struct {
	Month         int     `json:"month"`
	AtLeastDays   int     `json:"atLeastDays"`
	Probability   float64 `json:"probability"`
	StandardError float64 `json:"standardError"`
	ObservedDays  int     `json:"observedDays"`
	RainyDays     int     `json:"observedRainyDays"`
	Resamples     int     `json:"resamples"`
}

// computeRainOdds estimates how probable so many rainy days are.
func computeRainOdds(ctx context.Context, in rainQuestion) (rainAnswer, error) {
	days, err := daysOf(ctx, 0, in.Month)
	if err != nil {
		return rainAnswer{}, err
	}
	o, err := bootstrap(ctx, days, daysIn(in.Month), in.Month, in.Days, resamples)
	if err != nil {
		return rainAnswer{}, err
	}
	rainy := 0
	for _, d := range days {
		if d.rainy() {
			rainy++
		}
	}
	return rainAnswer{
		Month: in.Month, AtLeastDays: in.Days,
		Probability: round(o.probability, 6), StandardError: round(o.standardError, 6),
		ObservedDays: len(days), RainyDays: rainy, Resamples: resamples,
	}, nil
}

var errStation = errors.New("the weather station does not answer")

// askStation fails, as a source sometimes does. Errors are never cached: each call runs it again.
func askStation(context.Context, adapter.None) (string, error) { return "", errStation }

func daysOf(ctx context.Context, year, month int) ([]day, error) {
	set, err := weather.Get(ctx, adapter.None{})
	if err != nil {
		return nil, err
	}
	return set.month(year, month)
}

// daysIn returns the length of a month in a year that is not a leap year.
func daysIn(month int) int {
	return time.Date(2015, time.Month(month)+1, 0, 0, 0, 0, 0, time.UTC).Day()
}

func round(v float64, digits int) float64 {
	scale := math.Pow10(digits)
	return math.Round(v*scale) / scale
}
