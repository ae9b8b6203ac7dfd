package redis_test

import (
	"context"
	"crypto/rand"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"github.com/stillwarm/stillwarm/backends/backendstest"
	"github.com/stillwarm/stillwarm/backends/redis"
	"github.com/stillwarm/stillwarm/tests/servers"
)

// awsEnv sets credentials as Lambda does.
func awsEnv(t *testing.T, session string) aws.Credentials {
	t.Helper()
	c := aws.Credentials{AccessKeyID: "AKIDEXAMPLE", SecretAccessKey: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", SessionToken: session}
	t.Setenv("AWS_ACCESS_KEY_ID", c.AccessKeyID)
	t.Setenv("AWS_SECRET_ACCESS_KEY", c.SecretAccessKey)
	t.Setenv("AWS_SESSION_TOKEN", c.SessionToken)
	t.Setenv("AWS_REGION", "eu-central-1")
	return c
}

func TestIAMTokensEqualThoseOfTheSDK(t *testing.T) {
	at := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	for name, tc := range map[string]struct {
		iam     redis.IAM
		session string
	}{
		"replication group": {redis.IAM{User: "cache-user", Cache: "orders"}, ""},
		"serverless":        {redis.IAM{User: "cache-user", Cache: "orders", Serverless: true}, "IQoJb3JpZ2lu/+=="},
		"odd names":         {redis.IAM{User: "a b+c~d/e", Cache: "Orders-1"}, "x y"},
		"another region":    {redis.IAM{User: "u", Cache: "c", Region: "us-gov-west-1"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			cred := awsEnv(t, tc.session)
			tc.iam.Clock = func() time.Time { return at }
			user, token, err := tc.iam.Credentials(t.Context())
			must(t, err)
			if user != tc.iam.User {
				t.Errorf("user %q, want %q", user, tc.iam.User)
			}
			region := tc.iam.Region
			if region == "" {
				region = "eu-central-1"
			}
			if sdk := sdkToken(t, cred, tc.iam, region, at); !sameRequest(t, token, sdk) {
				t.Errorf("token\n%s\nbut the SDK signs\n%s", token, sdk)
			}
		})
	}
}

// sdkToken makes the token with the SDK's signer: a presigned GET for 15 minutes, without the scheme.
func sdkToken(t *testing.T, cred aws.Credentials, iam redis.IAM, region string, at time.Time) string {
	t.Helper()
	q := url.Values{"Action": {"connect"}, "User": {iam.User}, "X-Amz-Expires": {"900"}}
	if iam.Serverless {
		q.Set("ResourceType", "ServerlessCache")
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+strings.ToLower(iam.Cache)+"/", nil)
	must(t, err)
	req.URL.RawQuery = q.Encode()
	const empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
	signed, _, err := v4.NewSigner().PresignHTTP(t.Context(), cred, req, empty, "elasticache", region, at)
	must(t, err)
	return strings.TrimPrefix(signed, "http://")
}

// sameRequest reports whether two tokens stand for the same request with the same signature.
func sameRequest(t *testing.T, a, b string) bool {
	t.Helper()
	ua, err := url.Parse("http://" + a)
	must(t, err)
	ub, err := url.Parse("http://" + b)
	must(t, err)
	return ua.Host == ub.Host && ua.Path == ub.Path && ua.Query().Encode() == ub.Query().Encode() &&
		ua.Query().Get("X-Amz-Signature") != ""
}

func TestIAMSaysWhatTheEnvironmentLacks(t *testing.T) {
	for _, name := range []string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION"} {
		t.Run(name, func(t *testing.T) {
			awsEnv(t, "")
			t.Setenv("AWS_DEFAULT_REGION", "")
			t.Setenv(name, "")
			iam := &redis.IAM{User: "u", Cache: "c"}
			if _, _, err := iam.Credentials(t.Context()); err == nil || !strings.Contains(err.Error(), name) {
				t.Errorf("error %v does not name %s", err, name)
			}
		})
	}
}

func TestIAMFailureIsAnErrorOfTheBackend(t *testing.T) {
	r := servers.Redis(t, servers.WithTLS())
	awsEnv(t, "")
	t.Setenv("AWS_ACCESS_KEY_ID", "")
	s := store(t, open(t, strings.Replace(r.URL("iam=orders"), "://", "://cache-user@", 1)))
	_, _, err := backendstest.Get(t.Context(), s, "k")
	if e := failure(t, err); !strings.Contains(e.Hint, "credentials") || !strings.Contains(e.Error(), "AWS_ACCESS_KEY_ID") {
		t.Errorf("error %+v, want one that names the variable", e)
	}
}

func TestEachConnectionAsksForCredentials(t *testing.T) {
	r := servers.Redis(t, servers.WithPassword())
	p := servers.NewProxy(t, r.Addr)
	password := atomic.Pointer[string]{}
	rotate := func() {
		fresh := rand.Text()
		r.Do(t, "acl", "setuser", "app", "reset", "on", ">"+fresh, "~*", "+@all")
		password.Store(&fresh)
		p.Drop()
	}
	rotate()
	var asked atomic.Int64
	s := store(t, with(t, "redis://"+p.Addr+"?pool=1&read-timeout=5s", func(o *redis.Options) {
		o.Credentials = func(context.Context) (string, string, error) {
			asked.Add(1)
			return "app", *password.Load(), nil
		}
	}))
	for i := range 3 {
		put(t, s, "k", "v")
		want(t, s, "k", "v")
		if got := asked.Load(); got != int64(i+1) {
			t.Errorf("asked %d times for %d connections", got, i+1)
		}
		rotate()
	}
}

func TestCredentialsAndPasswordExcludeEachOther(t *testing.T) {
	_, err := redis.New(redis.Options{Password: "p", Credentials: func(context.Context) (string, string, error) {
		return "", "", errors.New("never called")
	}})
	if err == nil || !strings.Contains(err.Error(), "Credentials") {
		t.Errorf("error %v, want one that names the option", err)
	}
}
