package backends_test

import (
	"context"
	"fmt"
	"net/url"

	"github.com/stillwarm/stillwarm/backends"
	"github.com/stillwarm/stillwarm/backends/memory"
)

// A backend's package registers its scheme, which STILLWARM_BACKEND may then name. Here it is memory with another bound.
func init() {
	backends.Register("example-tiny", func(_ context.Context, u *url.URL) (backends.PersistenceManager, error) {
		q := backends.NewQuery(u)
		o := memory.Options{Max: q.Size("max", 1<<20)}
		if err := q.Err(); err != nil {
			return nil, err
		}
		return memory.New(o)
	})
}

// Whoever imports the package can open the scheme. A misspelt parameter is an error.
func ExampleRegister() {
	ctx := context.Background()
	m, err := backends.Open(ctx, "example-tiny:?max=4MiB")
	fmt.Println(m != nil, err)
	_, err = backends.Open(ctx, "example-tiny:?maximum=4MiB")
	fmt.Println(err)
	// Output:
	// true <nil>
	// backends: open example-tiny:: unknown parameter "maximum"; known: max
}
