package s3

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/stillwarm/stillwarm/backends"
	"github.com/stillwarm/stillwarm/backends/backendstest"
	s3backend "github.com/stillwarm/stillwarm/backends/s3"
	"github.com/stillwarm/stillwarm/tests/servers"
)

// TestRefusals: what the server refuses becomes an error that says what to check and that trying again does not help.
func TestRefusals(t *testing.T) {
	const secret = "wrong-secret-value"
	eachProduct(t, func(t *testing.T, p *place) {
		cases := []struct {
			name   string
			change func(*s3backend.Options)
			hint   string
		}{
			{"an unknown access key", func(o *s3backend.Options) { o.Credentials = static("NOBODY", secret) }, "does not know these credentials"},
			{"a wrong secret", func(o *s3backend.Options) { o.Credentials = static(p.server.AccessKey, secret) }, "does not know these credentials"},
			{"a bucket that does not exist", func(o *s3backend.Options) { o.Bucket = "no-such-bucket-here" }, "create the bucket"},
		}
		for _, c := range cases {
			t.Run(c.name, func(t *testing.T) {
				s := storeOf(t, p.open(t, c.change), 0)
				_, _, getErr := backendstest.Get(t.Context(), s, "k")
				_, leaseErr := backendstest.Lease(t.Context(), s.(backends.Leaser), "k", time.Minute)
				_, genErr := s.Generation(t.Context())
				for op, err := range map[string]error{
					"get": getErr, "lease": leaseErr, "generation": genErr,
					"put": backendstest.Put(t.Context(), s, "k", []byte("v"), time.Time{}), "clear": backendstest.Clear(t.Context(), s),
				} {
					e, ok := errors.AsType[*backends.Error](err)
					if !ok || !e.Permanent || !strings.Contains(e.Hint, c.hint) {
						t.Errorf("%s: %v; want a permanent *backends.Error that says %q", op, err, c.hint)
						continue
					}
					if strings.Contains(err.Error(), secret) {
						t.Errorf("%s: the message holds the secret: %v", op, err)
					}
				}
			})
		}
	})
}

func static(id, secret string) aws.CredentialsProvider {
	return aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		return aws.Credentials{AccessKeyID: id, SecretAccessKey: secret}, nil
	})
}

// TestReadOnlyBucket needs MinIO, which enforces a bucket's policy for requests without credentials' rights.
func TestReadOnlyBucket(t *testing.T) {
	server := servers.SharedMinIO(t)
	server.Setenv(t)
	p := &place{server: server, bucket: server.Bucket(t)}
	s := storeOf(t, p.open(t, nil), 0)
	if err := backendstest.Put(t.Context(), s, "k", []byte("v"), time.Time{}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Generation(t.Context()); err != nil {
		t.Fatal(err)
	}
	policy := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":["*"]},` +
		`"Action":["s3:GetObject"],"Resource":["arn:aws:s3:::` + p.bucket + `/*"]},` +
		`{"Effect":"Allow","Principal":{"AWS":["*"]},"Action":["s3:ListBucket"],"Resource":["arn:aws:s3:::` + p.bucket + `"]}]}`
	if _, err := p.raw().PutBucketPolicy(t.Context(), &awss3.PutBucketPolicyInput{Bucket: &p.bucket, Policy: &policy}); err != nil {
		t.Fatal(err)
	}
	anonymous := awss3.New(awss3.Options{
		Region: server.Region, BaseEndpoint: &server.URL, UsePathStyle: true, Credentials: aws.AnonymousCredentials{},
	})
	reader := storeOf(t, p.open(t, func(o *s3backend.Options) { o.Client = anonymous }), 0)
	if got, gen, err := backendstest.Get(t.Context(), reader, "k"); err != nil || string(got) != "v" || gen == 0 {
		t.Fatalf("reading from a read-only bucket: %q, %x, %v", got, gen, err)
	}
	for op, err := range map[string]error{
		"put":    backendstest.Put(t.Context(), reader, "k", []byte("w"), time.Time{}),
		"delete": backendstest.Delete(t.Context(), reader, "k"),
		"clear":  backendstest.Clear(t.Context(), reader),
	} {
		e, ok := errors.AsType[*backends.Error](err)
		if !ok || !e.Permanent || !strings.Contains(e.Hint, "s3:PutObject") || !strings.Contains(e.Hint, p.bucket+"/cache/test/*") {
			t.Errorf("%s: %v; want a permanent error that lists the permissions", op, err)
		}
	}
}

// TestNetworkFaults: a connection that breaks once is not seen, one that stays broken is a temporary error, and the
// store works again as soon as the network does.
func TestNetworkFaults(t *testing.T) {
	eachProduct(t, func(t *testing.T, p *place) {
		proxy := servers.NewProxy(t, p.server.Addr)
		s := storeOf(t, p.open(t, func(o *s3backend.Options) {
			o.Endpoint = "http://" + proxy.Addr
			o.AttemptTimeout = 150 * time.Millisecond
		}), time.Minute)
		body := bytes.Repeat([]byte("0123456789abcdef"), 64<<10)
		put := func() error { return backendstest.Put(t.Context(), s, "k", body, time.Time{}) }
		get := func() error {
			got, _, err := backendstest.Get(t.Context(), s, "k")
			if err == nil && !bytes.Equal(got, body) {
				t.Error("Get returned other bytes than were put")
			}
			return err
		}
		if err := errors.Join(put(), get()); err != nil {
			t.Fatal(err)
		}
		for name, plan := range map[string]servers.Plan{
			"refused":   {Fault: servers.Refuse},
			"reset":     {Fault: servers.Reset},
			"hanging":   {Fault: servers.Hang},
			"truncated": {Fault: servers.Truncate, Bytes: 5000},
			"garbage":   {Fault: servers.Garbage},
		} {
			t.Run(name, func(t *testing.T) {
				proxy.Set(t, plan)
				ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
				defer cancel()
				_, _, err := backendstest.Get(ctx, s, "k")
				e, ok := errors.AsType[*backends.Error](err)
				if !ok || e.Permanent {
					t.Errorf("Get: %v; want a temporary *backends.Error", err)
				}
				if errors.Is(err, context.Canceled) || ctx.Err() != nil {
					t.Errorf("Get: %v: an attempt's own end looks like the caller's", err)
				}
				proxy.Set(t, servers.Plan{})
				if err := errors.Join(get(), put()); err != nil {
					t.Errorf("after the fault: %v", err)
				}
			})
		}
	})
}

// TestConnectionsDeadAfterAThaw: the network forgets connections while a container is frozen. The first call afterwards
// succeeds, within a deadline that leaves no time for waiting on the dead ones.
func TestConnectionsDeadAfterAThaw(t *testing.T) {
	eachProduct(t, func(t *testing.T, p *place) {
		proxy := servers.NewProxy(t, p.server.Addr)
		clock := newClock()
		s := storeOf(t, p.open(t, func(o *s3backend.Options) {
			o.Endpoint, o.Clock, o.AttemptTimeout = "http://"+proxy.Addr, clock.now, 10*time.Second
		}), 0)
		if err := backendstest.Put(t.Context(), s, "k", []byte("v"), time.Time{}); err != nil {
			t.Fatal(err)
		}
		for range 3 {
			if err := hit(s, t, "k"); err != nil {
				t.Fatal(err)
			}
			before := proxy.Connections()
			clock.advance(time.Minute)
			if err := hit(s, t, "k"); err != nil {
				t.Fatalf("the first call after the thaw: %v", err)
			}
			if proxy.Connections() == before {
				t.Error("the call after the thaw used a connection from before it")
			}
		}
	})
}
