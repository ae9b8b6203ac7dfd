package main

import (
	"context"
	"time"

	"github.com/stillwarm/stillwarm/adapter"
)

// hottestDays is cached through a name that is deprecated, as code that moves over has it: the first use warns in the
// log, and says what to write instead.
//
//nolint:staticcheck // the deprecated name is what this route shows
var hottestDays = adapter.ExperimentalMemo(hottestDay, adapter.TTL("24h"))

type hottestAnswer struct {
	Month int     `json:"month"`
	Date  string  `json:"date"`
	High  float64 `json:"highC"`
}

// hottestDay finds the hottest day of a month in all years.
func hottestDay(ctx context.Context, month int) (hottestAnswer, error) {
	days, err := daysOf(ctx, 0, month)
	if err != nil {
		return hottestAnswer{}, err
	}
	hottest := days[0]
	for _, d := range days {
		if d.high > hottest.high {
			hottest = d
		}
	}
	return hottestAnswer{Month: month, Date: hottest.date.Format(time.DateOnly), High: hottest.high}, nil
}
