module github.com/stillwarm/stillwarm/tests

go 1.26.0

require github.com/stillwarm/stillwarm v0.0.0

require (
	github.com/cespare/xxhash/v2 v2.3.0 // indirect
	github.com/redis/go-redis/v9 v9.23.0 // indirect
	go.uber.org/atomic v1.12.0 // indirect
	golang.org/x/sys v0.48.0 // indirect
)

require (
	github.com/aws/aws-sdk-go-v2 v1.47.7 // indirect
	google.golang.org/protobuf v1.36.12
	pgregory.net/rapid v1.3.0
)

replace github.com/stillwarm/stillwarm => ../
