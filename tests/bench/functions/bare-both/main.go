// A function that has a go-redis client and an S3 client with static options, and asks one after the other.
package main

import (
	"context"
	"encoding/json"
	"os"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/redis/go-redis/v9"

	"github.com/stillwarm/stillwarm/tests/bench/functions/handler"
)

var bucket = os.Getenv("BENCH_BUCKET")

var near = redis.NewClient(&redis.Options{Addr: os.Getenv("BENCH_REDIS")})

var far = s3.New(s3.Options{
	Region: os.Getenv("AWS_REGION"),
	Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		return aws.Credentials{AccessKeyID: os.Getenv("AWS_ACCESS_KEY_ID"), SecretAccessKey: os.Getenv("AWS_SECRET_ACCESS_KEY")}, nil
	}),
})

func fetch(ctx context.Context, q handler.Query) (handler.Quote, error) {
	var out handler.Quote
	if data, err := near.Get(ctx, q.Symbol).Bytes(); err == nil {
		return out, json.Unmarshal(data, &out)
	}
	if found, err := far.GetObject(ctx, &s3.GetObjectInput{Bucket: &bucket, Key: &q.Symbol}); err == nil {
		defer found.Body.Close()
		return out, json.NewDecoder(found.Body).Decode(&out)
	}
	return handler.Fetch(ctx, q)
}

func main() { lambda.Start(fetch) }
