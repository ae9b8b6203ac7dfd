package redis_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"log"

	"github.com/stillwarm/stillwarm/backends"
	"github.com/stillwarm/stillwarm/backends/redis"
)

func ExampleNew() {
	manager, err := redis.New(redis.Options{
		Addrs:    []string{"cache.example.com:6379"},
		Password: "from a secret store",
		Prefix:   "shop",
	})
	if err != nil {
		log.Fatal(err)
	}
	defer manager.Close()
	// Nothing has connected so far: a wrong host shows at the first call.
	store, err := manager.Store(context.Background(), backends.Function{Name: "example.com/shop.quotes"})
	fmt.Println(store != nil, err)
	// Output: true <nil>
}

// ElastiCache takes a token instead of a password: one for each connection, made from the function's own credentials.
func ExampleIAM() {
	iam := &redis.IAM{User: "cache-user", Cache: "my-cache", Serverless: true}
	_, err := redis.New(redis.Options{
		Addrs:       []string{"my-cache.serverless.euc1.cache.amazonaws.com:6379"},
		Cluster:     true,
		TLS:         &tls.Config{MinVersion: tls.VersionTLS12}, // tokens are accepted over TLS only
		Credentials: iam.Credentials,
	})
	fmt.Println(err)
	// Output: <nil>
}

func ExampleOpen() {
	manager, err := backends.Open(context.Background(), "redis://localhost:6379?prefxi=shop")
	fmt.Println(manager != nil)
	fmt.Println(err)
	// Output:
	// false
	// backends: open redis://localhost:6379: unknown parameter "prefxi" (did you mean prefix?); known: cluster, dial-timeout, iam, iam-serverless, idle, max-entry, pool, prefix, read-timeout, region, sentinel, sentinel-password, sentinel-username, tls-ca, tls-insecure, tls-server-name, write-timeout
}
