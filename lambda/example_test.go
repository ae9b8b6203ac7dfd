package lambda_test

import (
	"context"
	"fmt"

	"github.com/stillwarm/stillwarm/adapter"
	"github.com/stillwarm/stillwarm/lambda"
)

type question struct{ Symbol string }

type quote struct {
	Symbol string
	Cents  int64
}

func fetchQuote(_ context.Context, q question) (quote, error) {
	return quote{Symbol: q.Symbol, Cents: 12_345}, nil
}

// A handler that uses a cached function: the import is all that differs from aws-lambda-go. The entry is written when
// the client has its answer.
func ExampleStart() {
	quotes := adapter.CacheData(fetchQuote, adapter.Name("example.start"), adapter.TTL("5m"))
	lambda.Start(func(ctx context.Context, q question) (quote, error) {
		return quotes.Get(ctx, q)
	})
}

// A handler whose whole answer is cached: equal events run it once.
func ExampleCacheHandler() {
	handler := lambda.CacheHandler(fetchQuote, adapter.Name("example.handler"), adapter.TTL("5m"))
	for range 2 {
		q, err := handler.Call(context.Background(), question{Symbol: "ACME"})
		fmt.Println(q.Symbol, q.Cents, err)
	}
	// Output:
	// ACME 12345 <nil>
	// ACME 12345 <nil>
}
