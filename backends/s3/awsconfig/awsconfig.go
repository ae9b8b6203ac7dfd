// Package awsconfig brings the AWS SDK's whole chain of credentials to the S3 backend: profiles, SSO, assumed roles, web
// identity, the container endpoint and EC2's instance metadata. It is for laptops, EKS with web identity, and machines
// outside Lambda:
//
//	import _ "github.com/stillwarm/stillwarm/backends/s3/awsconfig"
//
// Importing it registers the chain. It is asked at the first use of a manager, where neither Options.Credentials nor the
// environment's own keys say who is calling, or nothing says the region. In Lambda they do, so it is only weight there:
// it is a module of its own because it makes a cold start slower by about a quarter.
package awsconfig

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"

	"github.com/stillwarm/stillwarm/backends/s3"
)

func init() { Use() }

// Use registers the chain anew with options for the SDK's configuration, for example
// config.WithSharedConfigProfile("dev"). Managers that have made their first request keep what they have.
func Use(options ...func(*config.LoadOptions) error) {
	s3.RegisterChain(func(ctx context.Context, region string) (aws.CredentialsProvider, string, error) {
		return load(ctx, region, options)
	})
}

// load returns the chain's provider, and region unless that is empty.
func load(ctx context.Context, region string, options []func(*config.LoadOptions) error) (aws.CredentialsProvider, string, error) {
	if region != "" {
		options = append([]func(*config.LoadOptions) error{config.WithRegion(region)}, options...)
	}
	cfg, err := config.LoadDefaultConfig(ctx, options...)
	if err != nil {
		return nil, "", err
	}
	if region == "" {
		region = cfg.Region
	}
	return cfg.Credentials, region, nil
}
