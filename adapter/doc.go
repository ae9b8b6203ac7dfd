// Package adapter caches what Go functions return: results with [CacheData], connections and models with
// [CacheResource].
//
// A cached function promises two things. Never a false hit: whatever is uncertain (a changed build, a changed type, a
// damaged entry, an argument that cannot be told from another) is a miss or an error at wrap time. And the cache never
// makes a call fail that would have succeeded without it: a backend that is down costs a little time, not the call.
//
//	var quotes = adapter.CacheData(fetchQuotes, adapter.TTL("10m"))
//	var db = adapter.CacheResource(openDB, adapter.Validate(func(ctx context.Context, db *sql.DB) bool {
//		return db.PingContext(ctx) == nil
//	}))
//
//	func handler(ctx context.Context, e Event) (Answer, error) {
//		q, err := quotes.Get(ctx, e.Symbol)
//		...
//	}
//
// # Which to choose
//
//	data       strings, numbers, bool, bytes, time, structs, slices, maps, decoded JSON, pixels
//	resource   *sql.DB, *redis.Client, *s3.Client, *http.Client, gRPC connections, ML models, tokenizers,
//	           open files, anything with Close; very large read-only data that nobody mutates
//
// A hit of data is a copy of the caller's own; a hit of a resource is the shared object itself. Data lives in this
// container's memory and, where STILLWARM_BACKEND names one, in a backend that all containers share. Resources live in
// the container.
//
// # Backends
//
// STILLWARM_BACKEND selects where data persists: "redis://host:6379", "s3://bucket/prefix?region=eu-central-1",
// "disk:///tmp/stillwarm", "memory:", or several separated by spaces, fastest first. The program must link what it
// names: import _ "github.com/stillwarm/stillwarm/backends/all", or the one package it uses.
//
// # In Lambda
//
// Start the function with github.com/stillwarm/stillwarm/lambda instead of aws-lambda-go's lambda package: then
// entries are written after the response, and resources are released when no invocation uses them. Without it everything
// works too; entries are then written before the response.
package adapter
