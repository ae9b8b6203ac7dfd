// Command awschain writes the credentials and the region of the AWS SDK's default chain as JSON: those of the
// environment, of profiles, SSO, assumed roles and web identity. The local runner builds and asks it where a function needs
// credentials that are not in the environment. Nothing is stored.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/aws/aws-sdk-go-v2/config"
)

func main() {
	if err := run(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	cfg, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return err
	}
	if cfg.Credentials == nil {
		return errors.New("the AWS configuration names no credentials")
	}
	c, err := cfg.Credentials.Retrieve(ctx)
	if err != nil {
		return err
	}
	var expires time.Time
	if c.CanExpire {
		expires = c.Expires
	}
	return json.NewEncoder(os.Stdout).Encode(map[string]any{
		"AccessKeyID": c.AccessKeyID, "SecretAccessKey": c.SecretAccessKey, "SessionToken": c.SessionToken,
		"Source": c.Source, "Region": cfg.Region, "Expires": expires,
	})
}
