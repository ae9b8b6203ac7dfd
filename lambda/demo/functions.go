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

// Cached data: the arguments are the key, so they say what an answer depends on. One month's made-up months answer every question
// about it, for the page, the chart and the JSON.
var (
	summaries = adapter.CacheData(summarize, adapter.TTL("24h"), adapter.MaxEntries(48))
	rainyDays = adapter.CacheData(makeUpMonths, adapter.TTL("10m"), adapter.StaleFor("1h"), adapter.MaxEntries(12),
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

// madeUp is what the bootstrap of one month came to.
type madeUp struct {
	Distribution distribution
	Observed     int // days
	Rainy        int // of these
	ComputedAt   time.Time
	ComputedIn   time.Duration
}

// makeUpMonths runs the bootstrap for a month of the year.
func makeUpMonths(ctx context.Context, month int) (madeUp, error) {
	days, err := daysOf(ctx, 0, month)
	if err != nil {
		return madeUp{}, err
	}
	began := time.Now()
	d, err := bootstrap(ctx, days, daysIn(month), month, resamples)
	if err != nil {
		return madeUp{}, err
	}
	m := madeUp{Distribution: d, Observed: len(days), ComputedAt: began.UTC().Round(0), ComputedIn: time.Since(began)}
	for _, d := range days {
		if d.rainy() {
			m.Rainy++
		}
	}
	return m, nil
}

type rainAnswer struct {
	Month         int       `json:"month"`
	AtLeastDays   int       `json:"atLeastDays"`
	Probability   float64   `json:"probability"`
	StandardError float64   `json:"standardError"`
	ObservedDays  int       `json:"observedDays"`
	RainyDays     int       `json:"observedRainyDays"`
	Resamples     int       `json:"resamples"`
	Distribution  []float64 `json:"distribution"` // share of the made-up months by number of rainy days
	ComputedAt    time.Time `json:"computedAt"`
	ComputedInMs  float64   `json:"computedInMs"`
}

// answer answers one question about the made-up months.
func (m madeUp) answer(month, days int) rainAnswer {
	o := m.Distribution.atLeast(days)
	a := rainAnswer{
		Month: month, AtLeastDays: days,
		Probability: round(o.probability, 6), StandardError: round(o.standardError, 6),
		ObservedDays: m.Observed, RainyDays: m.Rainy,
		ComputedAt: m.ComputedAt, ComputedInMs: round(float64(m.ComputedIn.Microseconds())/1000, 1),
	}
	for _, months := range m.Distribution {
		a.Resamples += months
	}
	for _, months := range m.Distribution {
		a.Distribution = append(a.Distribution, round(float64(months)/float64(a.Resamples), 6))
	}
	return a
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
