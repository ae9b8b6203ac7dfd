// Package handler is the function that the programs beside it put behind a Lambda handler: the same one in all of them.
package handler

import (
	"context"
	"time"
)

// Query is the event.
type Query struct {
	Symbol string
	// WorkMS is how many milliseconds the function takes.
	WorkMS int
}

// Quote is the answer.
type Quote struct {
	Symbol   string
	Bid, Ask float64
	Venue    string
	Sizes    [8]int64
}

// Fetch takes as long as asked and answers.
func Fetch(ctx context.Context, q Query) (Quote, error) {
	if q.WorkMS > 0 {
		select {
		case <-time.After(time.Duration(q.WorkMS) * time.Millisecond):
		case <-ctx.Done():
			return Quote{}, ctx.Err()
		}
	}
	return Quote{Symbol: q.Symbol, Bid: 99.5, Ask: 100.5, Venue: "XETRA"}, nil
}
