package main

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/stillwarm/stillwarm/adapter"
)

// The daily observations at Seattle-Tacoma, 2012 to 2015. Observed by NOAA, a work of the United States government;
// taken from the npm package vega-datasets 3.2.1.
//
//go:embed seattle-weather.csv
var observations []byte

// day is one day's observation.
type day struct {
	date          time.Time
	precipitation float64 // mm
	high, low     float64 // degrees Celsius
	wind          float64 // m/s
	weather       string  // drizzle, fog, rain, snow or sun
}

// rainy reports whether anything fell that could be measured.
func (d day) rainy() bool { return d.precipitation > 0 }

// dataset is the handle to the parsed observations. It is shared by all invocations, which only read it.
type dataset struct {
	days   []day
	closed atomic.Bool
}

var errClosed = errors.New("the data set is closed")

// openDataset parses the observations.
func openDataset(context.Context, adapter.None) (*dataset, error) {
	days, err := parse(observations)
	if err != nil {
		return nil, fmt.Errorf("seattle-weather.csv: %w", err)
	}
	return &dataset{days: days}, nil
}

// Close ends the use of the handle.
func (s *dataset) Close() error {
	if s.closed.Swap(true) {
		return errClosed
	}
	return nil
}

// month returns the days of a month of one year, or of all years for year 0, in the order of their dates.
func (s *dataset) month(year, month int) ([]day, error) {
	if s.closed.Load() {
		return nil, errClosed
	}
	var some []day
	for _, d := range s.days {
		if int(d.date.Month()) == month && (year == 0 || d.date.Year() == year) {
			some = append(some, d)
		}
	}
	if len(some) == 0 {
		return nil, fmt.Errorf("no observations for month %d of year %d", month, year)
	}
	return some, nil
}

// parse reads the columns date, precipitation, temp_max, temp_min, wind and weather.
func parse(text []byte) ([]day, error) {
	r := csv.NewReader(bytes.NewReader(text))
	r.ReuseRecord = true
	if _, err := r.Read(); err != nil {
		return nil, fmt.Errorf("header: %w", err)
	}
	var days []day
	for {
		record, err := r.Read()
		if errors.Is(err, io.EOF) {
			return days, nil
		}
		if err != nil {
			return nil, err
		}
		d, err := parseDay(record)
		if err != nil {
			return nil, fmt.Errorf("observation %d: %w", len(days)+1, err)
		}
		days = append(days, d)
	}
}

func parseDay(record []string) (d day, err error) {
	const columns = 6
	if len(record) != columns {
		return d, fmt.Errorf("%d columns, want %d", len(record), columns)
	}
	if d.date, err = time.Parse(time.DateOnly, record[0]); err != nil {
		return d, err
	}
	for i, to := range []*float64{&d.precipitation, &d.high, &d.low, &d.wind} {
		if *to, err = strconv.ParseFloat(record[i+1], 64); err != nil {
			return d, err
		}
	}
	d.weather = record[columns-1]
	return d, nil
}
