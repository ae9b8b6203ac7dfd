module github.com/stillwarm/stillwarm/cmd/stillwarm

go 1.26.0

require (
	github.com/alecthomas/kong v1.17.0
	github.com/stillwarm/stillwarm/localdev v0.0.0
)

require github.com/aws/aws-lambda-go v1.55.1 // indirect

require (
	github.com/alicebob/miniredis/v2 v2.40.0 // indirect
	github.com/aws/aws-sdk-go-v2 v1.47.7 // indirect
	github.com/aws/smithy-go v1.28.8 // indirect
	github.com/johannesboyne/gofakes3 v1.2.0 // indirect
	github.com/joho/godotenv v1.5.1 // indirect
	github.com/ryszard/goskiplist v0.0.0-20150312221310-2dfbae5fcf46 // indirect
	github.com/stillwarm/stillwarm v0.0.0
	github.com/yuin/gopher-lua v1.1.1 // indirect
	go.shabbyrobe.org/gocovmerge v0.0.0-20230507111327-fa4f82cfbf4d // indirect
	go.yaml.in/yaml/v3 v3.0.6 // indirect
	golang.org/x/tools v0.52.0
)

replace (
	github.com/stillwarm/stillwarm => ../../
	github.com/stillwarm/stillwarm/localdev => ../../localdev
)
