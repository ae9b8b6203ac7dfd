package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/stillwarm/stillwarm/tests/servers"
)

// s3Concurrency is how many requests a batch has side by side in S3.
const s3Concurrency = 16

// s3Batch is a batch that a bucket has all of and memory nothing.
func s3Batch(h *host) ([]*contest, error) {
	ctx := context.Background()
	server := servers.MinIO(h)
	server.Setenv(h)
	bucket := server.Bucket(h)
	backend := "s3://" + bucket + "/batch?" + url.Values{
		"endpoint": {server.URL}, "path-style": {"true"}, "region": {server.Region}, "concurrency": {strconv.Itoa(s3Concurrency)},
	}.Encode()
	data, closeData, err := batchData(backend, 1)
	if err != nil {
		return nil, err
	}
	h.Cleanup(closeData)
	client, keys, err := fillBucket(ctx, server, bucket)
	if err != nil {
		return nil, err
	}
	ins := batchQueries()
	return []*contest{{
		id: "batch-s3", title: "100 keys of 1 KB, all in S3", section: sectionBatch, each: 6,
		goals: []goal{over(reference, "", "SDK with the same concurrency", goalBatchS3)},
		contenders: []contender{
			{name: "Stillwarm, GetAll", role: ours, once: timed(func() error { return complete(data.GetAll(ctx, ins)) })},
			{name: "AWS SDK, 16 GETs at a time, buffers of ContentLength", role: reference, lacks: "bytes only: no generation, no expiry, no type",
				once: timed(func() error { return sdkGetAll(ctx, client, bucket, keys) })},
		},
	}}, nil
}

// sdkTransport is the SDK's own HTTP client with as many idle connections as a batch uses.
func sdkTransport(conns int) aws.HTTPClient {
	return awshttp.NewBuildableClient().WithTransportOptions(func(t *http.Transport) {
		t.MaxIdleConns, t.MaxIdleConnsPerHost = 2*conns, conns
	})
}

// fillBucket puts the batch into a bucket, under keys of an entry's length and depth.
func fillBucket(ctx context.Context, server *servers.S3, bucket string) (*awss3.Client, []string, error) {
	creds := aws.Credentials{AccessKeyID: server.AccessKey, SecretAccessKey: server.SecretKey}
	client := awss3.New(awss3.Options{
		Region: server.Region, BaseEndpoint: &server.URL, UsePathStyle: true,
		Credentials:                aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) { return creds, nil }),
		ResponseChecksumValidation: aws.ResponseChecksumValidationWhenSupported,
		HTTPClient:                 sdkTransport(s3Concurrency),
	})
	keys := make([]string, batchKeys)
	value := newBytes(batchBytes)
	for i := range keys {
		keys[i] = fmt.Sprintf("plain/e/%090d", i)
		if _, err := client.PutObject(ctx, &awss3.PutObjectInput{Bucket: &bucket, Key: &keys[i], Body: bytes.NewReader(value)}); err != nil {
			return nil, nil, err
		}
	}
	return client, keys, nil
}

// sdkGetAll reads all objects, some side by side.
func sdkGetAll(ctx context.Context, client *awss3.Client, bucket string, keys []string) error {
	outs := make([][]byte, len(keys))
	errs := make([]error, s3Concurrency)
	next := make(chan int, len(keys))
	for i := range keys {
		next <- i
	}
	close(next)
	var wg sync.WaitGroup
	for g := range errs {
		wg.Go(func() {
			for i := range next {
				if err := sdkGet(ctx, client, bucket, keys[i], func(out *awss3.GetObjectOutput) (int, error) {
					outs[i] = make([]byte, *out.ContentLength)
					return io.ReadFull(out.Body, outs[i])
				}); err != nil {
					errs[g] = err
					return
				}
			}
		})
	}
	wg.Wait()
	return complete(outs, errors.Join(errs...))
}
