package main

import (
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stillwarm/stillwarm/adapter"
)

func open(t *testing.T) *dataset {
	t.Helper()
	set, err := openDataset(t.Context(), adapter.None{})
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func TestDataSetIsWhole(t *testing.T) {
	days := open(t).days
	if len(days) != 1461 {
		t.Fatalf("%d days, want 1461", len(days))
	}
	weather := map[string]int{}
	var rain, high, low float64
	for i, d := range days {
		if want := time.Date(2012, 1, 1+i, 0, 0, 0, 0, time.UTC); !d.date.Equal(want) {
			t.Fatalf("day %d is %v, want %v", i, d.date, want)
		}
		weather[d.weather]++
		rain, high, low = rain+d.precipitation, high+d.high, low+d.low
	}
	for what, of := range map[string][2]float64{
		"mean precipitation": {rain / 1461, 3.0294}, "mean high": {high / 1461, 16.4391}, "mean low": {low / 1461, 8.2348},
	} {
		if math.Abs(of[0]-of[1]) > 0.0001 {
			t.Errorf("%s is %.4f, want %.4f", what, of[0], of[1])
		}
	}
	if weather["rain"] != 641 || weather["sun"] != 640 || weather["fog"] != 101 || weather["drizzle"] != 53 || weather["snow"] != 26 {
		t.Errorf("weather: %v", weather)
	}
}

func TestMonthSelectsDays(t *testing.T) {
	set := open(t)
	for name, tt := range map[string]struct{ year, month, want int }{
		"a month of a year":           {2014, 7, 31},
		"a leap year's February":      {2012, 2, 29},
		"a month of all years":        {0, 7, 124},
		"February of all years":       {0, 2, 113},
		"a year that nobody observed": {2011, 7, 0},
	} {
		t.Run(name, func(t *testing.T) {
			days, err := set.month(tt.year, tt.month)
			if len(days) != tt.want || (err == nil) != (tt.want > 0) {
				t.Errorf("%d days, %v; want %d", len(days), err, tt.want)
			}
		})
	}
}

func TestClosedDataSetRefuses(t *testing.T) {
	set := open(t)
	if err := set.Close(); err != nil {
		t.Fatal(err)
	}
	if err := set.Close(); !errors.Is(err, errClosed) {
		t.Errorf("the second Close returned %v", err)
	}
	if _, err := set.month(2014, 7); !errors.Is(err, errClosed) {
		t.Errorf("after Close month returned %v", err)
	}
}

func TestParseNamesTheObservation(t *testing.T) {
	const header, good = "date,precipitation,temp_max,temp_min,wind,weather\n", "2012-01-01,0.0,12.8,5.0,4.7,drizzle\n"
	for name, tt := range map[string]struct{ text, want string }{
		"nothing":           {"", "header"},
		"a bad date":        {header + good + "2012-13-01,0,1,1,1,sun\n", "observation 2"},
		"a bad number":      {header + "2012-01-01,wet,1,1,1,sun\n", "observation 1"},
		"a missing column":  {header + good + "2012-01-02,0,1,1,1\n", "wrong number of fields"},
		"too few all along": {"date\n2012-01-01\n", "1 columns, want 6"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := parse([]byte(tt.text)); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want an error that names %q", err, tt.want)
			}
		})
	}
}
