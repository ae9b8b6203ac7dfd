module github.com/stillwarm/stillwarm/examples/testing

go 1.26.0

require github.com/stillwarm/stillwarm v0.0.0

require (
	github.com/aws/aws-lambda-go v1.55.1 // indirect
	github.com/golang/snappy v1.0.0 // indirect
	github.com/sony/gobreaker/v2 v2.4.0 // indirect
)

replace github.com/stillwarm/stillwarm => ../../
