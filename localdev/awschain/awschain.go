// Package awschain finds a developer's AWS credentials: those of the environment, of profiles, SSO, assumed roles and web
// identity. It is a package of its own because the SDK's configuration is half of what the local runner would have to
// compile, and few need it.
package awschain

import (
	"context"
	"errors"
	"time"

	"github.com/aws/aws-sdk-go-v2/config"

	"github.com/stillwarm/stillwarm/localdev/internal/credentials"
)

// Credentials are a developer's credentials.
type Credentials = credentials.Credentials

// Ask returns the credentials and the region of the AWS SDK's default chain. It may talk to AWS, for half a minute at most,
// and is safe for concurrent use. Nothing is stored.
func Ask(ctx context.Context) (Credentials, error) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	cfg, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return Credentials{}, err
	}
	if cfg.Credentials == nil {
		return Credentials{}, errors.New("the AWS configuration names no credentials")
	}
	found, err := cfg.Credentials.Retrieve(ctx)
	if err != nil {
		return Credentials{}, err
	}
	c := Credentials{
		AccessKeyID: found.AccessKeyID, SecretAccessKey: found.SecretAccessKey, SessionToken: found.SessionToken,
		Source: found.Source, Region: cfg.Region,
	}
	if found.CanExpire {
		c.Expires = found.Expires
	}
	return c, nil
}
