package docs_test

// What the code of pages and recipes imports and no test does, so that the module of the tests requires it.
import (
	_ "github.com/aws/aws-sdk-go-v2/config"
	_ "github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	_ "github.com/eko/gocache/lib/v4/cache"
	_ "github.com/go-redis/cache/v9"
)
