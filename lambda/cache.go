package lambda

import (
	"context"

	"github.com/stillwarm/stillwarm/adapter"
)

// CacheHandler returns a handler that answers equal events from the cache: [adapter.CacheData] around the whole
// handler. The options are those of cached data, and so is what it refuses: it panics, as CacheData does, where the
// event cannot be hashed or the response cannot be stored. The handler must depend on its event alone: an event that
// carries a time or an id of the request is never seen twice, so leave such fields out with the tag `cache:"-"`.
// Errors are not cached. The handler that it returns is safe for concurrent use if h is.
//
//	lambda.Start(lambda.CacheHandler(quote, adapter.TTL("5m")))
func CacheHandler[In, Out any](h func(context.Context, In) (Out, error), opts ...adapter.DataOption) func(context.Context, In) (Out, error) {
	return adapter.CacheData(h, opts...).Get
}
