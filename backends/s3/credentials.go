package s3

import (
	"context"
	"errors"
	"os"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// A Chain finds credentials and a region in more places than this package looks. region is what is known already, and
// may be empty; a chain returns it unless it is. It is called at the first use of a manager, not concurrently for one.
type Chain func(ctx context.Context, region string) (aws.CredentialsProvider, string, error)

var registered struct {
	sync.Mutex
	chain Chain
}

// RegisterChain makes managers ask chain where the environment has no credentials of its own, or no region; nil removes
// it. The package backends/s3/awsconfig registers the SDK's default chain from its init function. The last one counts.
func RegisterChain(chain Chain) {
	registered.Lock()
	defer registered.Unlock()
	registered.chain = chain
}

func registeredChain() Chain {
	registered.Lock()
	defer registered.Unlock()
	return registered.chain
}

// credentialsError says what is wrong before any request could be made. It never holds a secret.
type credentialsError struct {
	what      string
	hint      string
	permanent bool
	err       error
}

func (e *credentialsError) Error() string {
	if e.err != nil {
		return e.what + ": " + e.err.Error()
	}
	return e.what
}
func (e *credentialsError) Unwrap() error { return e.err }

const chainHint = `on a laptop with profiles or SSO: import _ "github.com/stillwarm/stillwarm/backends/s3/awsconfig"`

var (
	errNoRegion = &credentialsError{
		what: "no region", permanent: true,
		hint: "set AWS_REGION, or the parameter region; " + chainHint,
	}
	errNoCredentials = &credentialsError{
		what: "no credentials", permanent: true,
		hint: "Lambda, ECS and EKS provide them to a function with a role; elsewhere set AWS_ACCESS_KEY_ID and " +
			"AWS_SECRET_ACCESS_KEY; " + chainHint,
	}
	errHalfCredentials = &credentialsError{
		what: "only one of AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY is set", permanent: true,
		hint: "set both, or neither",
	}
)

// resolve chooses the provider: the given one, the environment's keys, the registered chain, the container endpoint.
func resolve(ctx context.Context, given aws.CredentialsProvider, region string) (aws.CredentialsProvider, string, error) {
	provider := given
	if provider == nil && hasEnvironmentKeys() {
		provider = environment{}
	}
	if chain := registeredChain(); chain != nil && (provider == nil || region == "") {
		found, foundRegion, err := chain(ctx, region)
		if err != nil {
			return nil, "", &credentialsError{what: "load the AWS configuration", err: err, permanent: true,
				hint: "check AWS_PROFILE, ~/.aws/config and the login that it names"}
		}
		if provider == nil {
			provider = found
		}
		region = foundRegion
	}
	if provider == nil {
		provider = environment{}
	}
	if aws.IsCredentialsProvider(provider, (*aws.AnonymousCredentials)(nil)) {
		return provider, region, nil // the SDK knows it by its type
	}
	return aws.NewCredentialsCache(explained{provider}, func(o *aws.CredentialsCacheOptions) {
		o.ExpiryWindow = time.Minute // a frozen container wakes up later than it believes
	}), region, nil
}

// explained tells a provider's errors from the server's: the SDK reports both as failures of the request.
type explained struct{ aws.CredentialsProvider }

// Retrieve implements [aws.CredentialsProvider].
func (e explained) Retrieve(ctx context.Context) (aws.Credentials, error) {
	creds, err := e.CredentialsProvider.Retrieve(ctx)
	if err == nil || ctx.Err() != nil {
		return creds, err
	}
	if _, ok := errors.AsType[*credentialsError](err); ok {
		return creds, err
	}
	return creds, &credentialsError{what: "get credentials", err: err, hint: "log in again, or check the role that they come from"}
}

func hasEnvironmentKeys() bool {
	return os.Getenv("AWS_ACCESS_KEY_ID") != "" || os.Getenv("AWS_SECRET_ACCESS_KEY") != ""
}

// environment reads the credentials that Lambda puts into the environment, or asks the endpoint that it names.
type environment struct{}

// Retrieve implements [aws.CredentialsProvider].
func (environment) Retrieve(ctx context.Context) (aws.Credentials, error) {
	id, secret := os.Getenv("AWS_ACCESS_KEY_ID"), os.Getenv("AWS_SECRET_ACCESS_KEY")
	switch {
	case id != "" && secret != "":
		return aws.Credentials{
			AccessKeyID: id, SecretAccessKey: secret, SessionToken: os.Getenv("AWS_SESSION_TOKEN"), Source: "environment",
		}, nil
	case id != "" || secret != "":
		return aws.Credentials{}, errHalfCredentials
	}
	if where, ok, err := containerEndpoint(); err != nil {
		return aws.Credentials{}, err
	} else if ok {
		return fetchCredentials(ctx, where)
	}
	return aws.Credentials{}, errNoCredentials
}
