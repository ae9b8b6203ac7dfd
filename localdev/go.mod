module github.com/stillwarm/stillwarm/localdev

go 1.26.0

require github.com/stillwarm/stillwarm v0.0.0

require github.com/aws/aws-lambda-go v1.55.1 // indirect

replace github.com/stillwarm/stillwarm => ../
