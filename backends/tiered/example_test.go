package tiered_test

import (
	"context"
	"fmt"
	"time"

	"github.com/stillwarm/stillwarm/backends"
	_ "github.com/stillwarm/stillwarm/backends/memory"
	_ "github.com/stillwarm/stillwarm/backends/tiered"
)

// Several URLs are tiers, fastest first. Here both are in memory; in a function they would be Redis and S3.
func Example() {
	ctx := context.Background()
	pm, err := backends.Open(ctx, "memory:fast?tier-max-entry=64KiB&tier-hold=10m memory:slow")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer pm.Close()
	store, err := pm.Store(ctx, backends.Function{Name: "example.com/shop.quotes"})
	if err != nil {
		fmt.Println(err)
		return
	}
	before, err := store.Read(ctx, "key", backends.ReadOptions{ForWrite: true})
	if err != nil {
		fmt.Println(err)
		return
	}
	if _, err := store.Put(ctx, "key", []byte("entry"), time.Now().Add(time.Hour), before.Version); err != nil {
		fmt.Println(err)
		return
	}
	after, err := store.Read(ctx, "key", backends.ReadOptions{})
	fmt.Println(string(after.Entry), err)
	// Output: entry <nil>
}
