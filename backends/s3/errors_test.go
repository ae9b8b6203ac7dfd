package s3

import (
	"context"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stillwarm/stillwarm/backends"
	"github.com/stillwarm/stillwarm/backends/backendstest"
)

func TestServerErrors(t *testing.T) {
	for _, c := range []struct {
		code      string
		status    int
		header    []string
		hint      string
		permanent bool
	}{
		{"AccessDenied", 403, nil, "s3:ListBucket on arn:aws:s3:::bucket,", true},
		{"AccessDenied", 403, nil, "s3:DeleteObject on arn:aws:s3:::bucket/p/*", true},
		{"InvalidAccessKeyId", 403, nil, "AWS_ACCESS_KEY_ID", true},
		{"SignatureDoesNotMatch", 403, nil, "AWS_SECRET_ACCESS_KEY", true},
		{"ExpiredToken", 400, nil, "expired", true},
		{"NoSuchBucket", 404, nil, `create the bucket "bucket"`, true},
		{"PermanentRedirect", 301, []string{"x-amz-bucket-region", "eu-west-3"}, "region=eu-west-3", true},
		{"AuthorizationHeaderMalformed", 400, nil, "another region", true},
		{"TemporaryRedirect", 307, nil, "new bucket", false},
		{"RequestTimeTooSkewed", 403, nil, "clock", false},
		{"SlowDown", 503, nil, "fewer requests", false},
		{"InternalError", 500, nil, "", false},
		{"NotImplemented", 501, nil, "conditional writes", true},
		{"KMS.DisabledException", 400, nil, "kms:Decrypt", true},
		{"InvalidObjectState", 403, nil, "archive", true},
		{"SomethingNew", 400, nil, "", true},
		{"SomethingNew", 500, nil, "", false},
	} {
		t.Run(c.code+" tells what to do", func(t *testing.T) {
			s := newFake(t, refuse(c.status, c.code, c.header...)).store(t, nil)
			_, _, getErr := backendstest.Get(t.Context(), s, "k")
			_, putErr := s.Put(t.Context(), "k", nil, time.Time{}, backends.Absent)
			for op, err := range map[string]error{"read": getErr, "put": putErr} {
				e, ok := errors.AsType[*backends.Error](err)
				if !ok {
					t.Fatalf("%s: %v, want a *backends.Error", op, err)
				}
				if e.Op != op || e.Backend != "s3://bucket/p" || e.Permanent != c.permanent || !strings.Contains(e.Hint, c.hint) {
					t.Errorf("%s: %+v; want permanent %v and a hint with %q", op, e, c.permanent, c.hint)
				}
				if strings.Contains(err.Error(), "top-secret") || !strings.Contains(err.Error(), c.code) {
					t.Errorf("%s: message %q", op, err)
				}
			}
		})
	}
}

func TestSlowDownIsTriedAgain(t *testing.T) {
	f := newFake(t, refuse(503, "SlowDown"))
	if err := backendstest.Put(t.Context(), f.store(t, nil), "k", nil, time.Time{}); err == nil {
		t.Fatal("no error")
	}
	if n := len(f.asked()); n != attempts {
		t.Errorf("%d attempts, want %d", n, attempts)
	}
}

func TestContextErrorsPass(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	s := newFake(t, func(_ http.ResponseWriter, r *http.Request) {
		cancel()
		<-r.Context().Done()
	}).store(t, nil)
	if _, _, err := backendstest.Get(ctx, s, "k"); err != context.Canceled { //nolint:errorlint // it passes unwrapped
		t.Errorf("%v, want the context's own error", err)
	}
}

func TestUnreachable(t *testing.T) {
	t.Run("a refused connection is temporary and shows no URL", func(t *testing.T) {
		f := newFake(t, nil)
		f.Close()
		_, _, err := backendstest.Get(t.Context(), f.store(t, nil), "k")
		e, ok := errors.AsType[*backends.Error](err)
		if !ok || e.Permanent || strings.Contains(err.Error(), "x-id=") {
			t.Errorf("%v, want a temporary error without the request's URL", err)
		}
	})
	t.Run("a server that never answers is a timeout that names VPCs", func(t *testing.T) {
		f := newFake(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
		s := f.store(t, func(o *Options) { o.AttemptTimeout = time.Millisecond })
		_, _, err := backendstest.Get(t.Context(), s, "k")
		e, ok := errors.AsType[*backends.Error](err)
		if !ok || e.Permanent || !strings.Contains(e.Hint, "VPC") {
			t.Errorf("%v, want a temporary error with a hint", err)
		}
		if errors.Is(err, context.Canceled) {
			t.Error("an attempt's end passes for the caller's")
		}
	})
	t.Run("a certificate of somebody unknown is permanent", func(t *testing.T) {
		f := newTLSFake(t, nil)
		f.Config.ErrorLog = log.New(io.Discard, "", 0) // the handshakes that the client ends are the point
		_, _, err := backendstest.Get(t.Context(), f.store(t, func(o *Options) { o.Transport = nil }), "k")
		if e, ok := errors.AsType[*backends.Error](err); !ok || !e.Permanent || !strings.Contains(e.Hint, "certificate") {
			t.Errorf("%v, want a permanent error with a hint", err)
		}
	})
}

func TestNoCredentials(t *testing.T) {
	for _, c := range []struct {
		name string
		env  map[string]string
		want []string
	}{
		{"no region", map[string]string{"AWS_REGION": "", "AWS_ENDPOINT_URL": ""}, []string{"no region", "AWS_REGION", "awsconfig"}},
		{"no credentials", map[string]string{"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}, []string{"no credentials", "AWS_ACCESS_KEY_ID", "awsconfig"}},
		{"half of them", map[string]string{"AWS_ACCESS_KEY_ID": ""}, []string{"only one of"}},
		{"an endpoint that is none", map[string]string{"AWS_ENDPOINT_URL": "nonsense"}, []string{"AWS_ENDPOINT_URL_S3"}},
	} {
		t.Run(c.name+" is said at the first call", func(t *testing.T) {
			f := newFake(t, nil)
			for _, name := range []string{"AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL_S3", envRelative, envFull} {
				t.Setenv(name, "")
			}
			t.Setenv("AWS_ENDPOINT_URL", f.URL)
			for name, value := range c.env {
				t.Setenv(name, value)
			}
			_, _, err := backendstest.Get(t.Context(), f.store(t, func(o *Options) { o.Endpoint = "" }), "k")
			e, ok := errors.AsType[*backends.Error](err)
			if !ok || !e.Permanent {
				t.Fatalf("%v, want a permanent *backends.Error", err)
			}
			for _, want := range c.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%v; want it to name %s", err, want)
				}
			}
			if strings.Contains(err.Error(), "top-secret") || len(f.asked()) != 0 {
				t.Errorf("%d requests, %v", len(f.asked()), err)
			}
		})
	}
}

func TestContainerCredentials(t *testing.T) {
	const reply = `{"AccessKeyId":"ASIA","SecretAccessKey":"top-secret","Token":"session","Expiration":"2100-01-01T00:00:00Z"}`
	serve := func(t *testing.T, answers ...http.HandlerFunc) *int {
		n := 0
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Authorization") != "Bearer token" {
				t.Errorf("authorization %q", r.Header.Get("Authorization"))
			}
			answers[min(n, len(answers)-1)](w, r)
			n++
		}))
		t.Cleanup(srv.Close)
		for _, name := range []string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", envRelative, envTokenFile} {
			t.Setenv(name, "")
		}
		t.Setenv(envFull, srv.URL+"/secret-path")
		t.Setenv(envToken, "Bearer token")
		return &n
	}
	ok := func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(reply)) }
	fail := func(status int) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "Bearer token", status) }
	}
	t.Run("the endpoint's credentials are taken, with their end", func(t *testing.T) {
		serve(t, fail(500), ok)
		creds, err := environment{}.Retrieve(t.Context())
		if err != nil || creds.AccessKeyID != "ASIA" || creds.SessionToken != "session" || !creds.CanExpire || creds.Expires.Year() != 2100 {
			t.Errorf("%v, %v", creds.AccessKeyID, err)
		}
	})
	t.Run("they are asked for once", func(t *testing.T) {
		n := serve(t, ok)
		provider, _, err := resolve(t.Context(), nil, "us-east-1")
		for range 5 {
			if _, rerr := provider.Retrieve(t.Context()); rerr != nil || err != nil {
				t.Fatal(err, rerr)
			}
		}
		if *n != 1 {
			t.Errorf("asked %d times", *n)
		}
	})
	t.Run("a refusal is not tried again, and shows neither token nor path", func(t *testing.T) {
		n := serve(t, fail(403))
		_, err := environment{}.Retrieve(t.Context())
		if err == nil || *n != 1 || strings.Contains(err.Error(), "token") || strings.Contains(err.Error(), "secret-path") {
			t.Errorf("after %d requests: %v", *n, err)
		}
	})
	t.Run("a reply without credentials is an error that shows nothing of it", func(t *testing.T) {
		serve(t, func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write([]byte(`{"SecretAccessKey":"top-secret"}`))
		})
		if _, err := (environment{}).Retrieve(t.Context()); err == nil || strings.Contains(err.Error(), "top-secret") {
			t.Errorf("%v", err)
		}
	})
	t.Run("a token is not sent in clear to another machine", func(t *testing.T) {
		serve(t, ok)
		for _, where := range []string{"http://example.com/", "http://10.0.0.1/", "ftp://127.0.0.1/", "nonsense"} {
			t.Setenv(envFull, where)
			if _, err := (environment{}).Retrieve(t.Context()); err == nil {
				t.Errorf("%s was asked", where)
			}
		}
	})
	for where, allowed := range map[string]bool{
		"127.0.0.1": true, "::1": true, "localhost": true, "169.254.170.2": true, "169.254.170.23": true, "fd00:ec2::23": true,
		"169.254.169.254": false, "localhost.example.com": false, "127.0.0.1.example.com": false,
	} {
		if isLinkLocal(where) != allowed {
			t.Errorf("%s: allowed %v, want %v", where, !allowed, allowed)
		}
	}
}
