// A function that has an S3 client with static options and asks it before it works: what one would write without Stillwarm.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/stillwarm/stillwarm/tests/bench/functions/handler"
)

var bucket = os.Getenv("BENCH_BUCKET")

var client = s3.New(s3.Options{
	Region: os.Getenv("AWS_REGION"),
	Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		return aws.Credentials{AccessKeyID: os.Getenv("AWS_ACCESS_KEY_ID"), SecretAccessKey: os.Getenv("AWS_SECRET_ACCESS_KEY")}, nil
	}),
})

func fetch(ctx context.Context, q handler.Query) (handler.Quote, error) {
	var out handler.Quote
	if found, err := client.GetObject(ctx, &s3.GetObjectInput{Bucket: &bucket, Key: &q.Symbol}); err == nil {
		defer found.Body.Close()
		return out, json.NewDecoder(found.Body).Decode(&out)
	}
	out, err := handler.Fetch(ctx, q)
	if err != nil {
		return out, err
	}
	data, err := json.Marshal(out)
	if err != nil {
		return out, err
	}
	_, err = client.PutObject(ctx, &s3.PutObjectInput{Bucket: &bucket, Key: &q.Symbol, Body: bytes.NewReader(data)})
	return out, err
}

func main() { lambda.Start(fetch) }
