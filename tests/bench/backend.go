package bench

import (
	"context"
	"fmt"

	"github.com/stillwarm/stillwarm/adapter"
	"github.com/stillwarm/stillwarm/internal/invocation"

	// The backends that are measured.
	_ "github.com/stillwarm/stillwarm/backends/redis"
	_ "github.com/stillwarm/stillwarm/backends/s3"
)

// remoteData is a cached function whose every hit comes from the backend: its memory tier has no room for anything.
func remoteData[Out any](backend, name string, value Out) (func() error, func(), error) {
	ctx := context.Background()
	rt, err := adapter.New(adapter.Config{Backend: backend, MemoryMax: 1, Mode: adapter.Deployed})
	if err != nil {
		return nil, nil, err
	}
	data, err := adapter.NewData(func(context.Context, query) (Out, error) { return value, nil },
		adapter.Name(name), adapter.TTL(peerTTL), adapter.Version("1"), adapter.WithRuntime(rt))
	if err != nil {
		return nil, nil, err
	}
	closeAll := func() { _ = rt.Close(ctx) }
	if err := warm(ctx, data); err != nil {
		closeAll()
		return nil, nil, fmt.Errorf("%s: %w", name, err)
	}
	return func() error {
		_, err := data.Get(ctx, aQuery)
		return err
	}, closeAll, nil
}

// warm fills the backend, and makes sure that what is measured are hits there.
func warm[Out any](ctx context.Context, data *adapter.Data[query, Out]) error {
	inside, inv := invocation.Begin(ctx, invocation.Options{RequestID: "warm", AfterResponse: true})
	_, err := data.Get(inside, aQuery)
	inv.Finish(ctx) // the entry is written here
	if err != nil {
		return err
	}
	before := data.Stats()
	for range 3 {
		if _, err := data.Get(ctx, aQuery); err != nil {
			return err
		}
	}
	after := data.Stats()
	if n := after.Hits - before.Hits; n != 3 || after.MemoryHits != before.MemoryHits {
		return fmt.Errorf("%d hits in the backend of 3 calls: %+v", n, after)
	}
	return nil
}
