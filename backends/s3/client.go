package s3

import (
	"cmp"
	"context"
	"math/rand/v2"
	"os"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
)

const (
	attempts   = 3
	maxBackoff = 400 * time.Millisecond
)

// build makes the SDK's client from options and environment, without the SDK's config module.
func build(ctx context.Context, o Options) (*awss3.Client, *httpClient, error) {
	if err := checkEndpoint(endpoint(o)); err != nil {
		return nil, nil, &credentialsError{what: err.Error(), hint: "check AWS_ENDPOINT_URL_S3 and AWS_ENDPOINT_URL", permanent: true}
	}
	region := cmp.Or(o.Region, os.Getenv("AWS_REGION"), os.Getenv("AWS_DEFAULT_REGION"))
	login, region, err := resolve(ctx, o.Credentials, region)
	if err != nil {
		return nil, nil, err
	}
	if region == "" && endpoint(o) != "" {
		region = "us-east-1" // what servers besides Amazon's expect in a signature
	}
	if region == "" {
		return nil, nil, errNoRegion
	}
	conns := newHTTPClient(o)
	sum, validation := aws.RequestChecksumCalculationWhenSupported, aws.ResponseChecksumValidationWhenSupported
	if o.NoChecksum {
		sum, validation = aws.RequestChecksumCalculationWhenRequired, aws.ResponseChecksumValidationWhenRequired
	}
	client := awss3.New(awss3.Options{
		Region:       region,
		Credentials:  login,
		BaseEndpoint: nonEmpty(endpoint(o)),
		UsePathStyle: o.PathStyle,
		HTTPClient:   conns,
		Retryer:      newRetryer(),
		// Without the config module these are unset, which means off.
		RequestChecksumCalculation: sum,
		ResponseChecksumValidation: validation,
		// A server without checksums is not worth a line in the log at each read: entries have their own.
		DisableLogOutputChecksumValidationSkipped: true,
		DisableS3ExpressSessionAuth:               aws.Bool(o.NoExpressSession),
	})
	return client, conns, nil
}

func endpoint(o Options) string {
	return cmp.Or(o.Endpoint, os.Getenv("AWS_ENDPOINT_URL_S3"), os.Getenv("AWS_ENDPOINT_URL"))
}

func nonEmpty(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// newRetryer is the SDK's standard one with waits that fit into an invocation: its own go up to 20 s. Its budget of
// tokens stays, so that an outage is not answered with three times the load.
func newRetryer() aws.Retryer {
	return retry.NewStandard(func(o *retry.StandardOptions) {
		o.MaxAttempts = attempts
		o.MaxBackoff = maxBackoff
		o.Backoff = retry.BackoffDelayerFunc(func(attempt int, err error) (time.Duration, error) {
			return backoff(attempt, isThrottled(err)), nil
		})
	})
}

// backoff waits a random time: up to 25 ms and twice that each time, and four times as long when told to slow down.
func backoff(attempt int, throttled bool) time.Duration {
	ceiling := 25 * time.Millisecond << min(max(attempt-1, 0), 6)
	if throttled {
		ceiling *= 4
	}
	return rand.N(min(ceiling, maxBackoff)) + time.Millisecond
}

func isThrottled(err error) bool {
	_, ok := retry.DefaultThrottleErrorCodes[codeOf(err)]
	return ok
}
