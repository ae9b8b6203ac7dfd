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
	if err := store.Put(ctx, "key", []byte("entry"), time.Now().Add(time.Hour)); err != nil {
		fmt.Println(err)
		return
	}
	entry, _, err := store.Get(ctx, "key")
	fmt.Println(string(entry), err)
	// Output: entry <nil>
}
