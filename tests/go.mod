module github.com/stillwarm/stillwarm/tests

go 1.26.0

require github.com/stillwarm/stillwarm v0.0.0

require (
	github.com/aws/aws-sdk-go-v2 v1.47.7 // indirect
	google.golang.org/protobuf v1.36.12
)

replace github.com/stillwarm/stillwarm => ../
