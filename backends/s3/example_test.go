package s3_test

import (
	"context"
	"fmt"

	"github.com/stillwarm/stillwarm/backends"
	"github.com/stillwarm/stillwarm/backends/s3"
)

// Region and credentials come from the environment at the first call; making a manager needs neither.
func ExampleNew() {
	m, err := s3.New(s3.Options{Bucket: "my-bucket", Prefix: "cache", SSE: "aws:kms", KMSKey: "alias/cache"})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer m.Close()
	fmt.Println(m)
	// Output: s3://my-bucket/cache
}

// The same by URL, as STILLWARM_BACKEND gives it. Mistakes are found before anything connects.
func Example_url() {
	_, err := backends.Open(context.Background(), "s3://my-bucket/cache?storage-class=GLACIER")
	fmt.Println(err)
	// Output: backends: open s3://my-bucket/cache: s3: storage class "GLACIER" is not accepted; one of [STANDARD STANDARD_IA ONEZONE_IA INTELLIGENT_TIERING GLACIER_IR REDUCED_REDUNDANCY EXPRESS_ONEZONE] (archives cannot be read at once)
}
