package awsconfig

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/config"

	"github.com/stillwarm/stillwarm/backends"
	"github.com/stillwarm/stillwarm/backends/s3"
)

// laptop sets up a machine with two profiles and nothing in the environment.
func laptop(t *testing.T) {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"config": "[default]\nregion = eu-south-1\n[profile other]\nregion = eu-north-1\n[profile expired]\nregion = eu-north-1\n" +
			"credential_process = /bin/false\n",
		"credentials": "[default]\naws_access_key_id = AKIADEFAULT\naws_secret_access_key = s1\n" +
			"[other]\naws_access_key_id = AKIAOTHER\naws_secret_access_key = s2\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("AWS_CONFIG_FILE", filepath.Join(dir, "config"))
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", filepath.Join(dir, "credentials"))
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	for _, name := range []string{
		"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE",
	} {
		t.Setenv(name, "")
	}
}

func TestChain(t *testing.T) {
	for _, c := range []struct {
		name string
		env  map[string]string
		opts s3.Options
		use  func()
		want string // in the request's signature: who, and for which region
	}{
		{"importing is enough for the default profile", nil, s3.Options{}, nil, "AKIADEFAULT/*/eu-south-1/"},
		{"AWS_PROFILE selects a profile", map[string]string{"AWS_PROFILE": "other"}, s3.Options{}, nil, "AKIAOTHER/*/eu-north-1/"},
		{"an option selects a profile", nil, s3.Options{}, func() { Use(config.WithSharedConfigProfile("other")) }, "AKIAOTHER/*/eu-north-1/"},
		{"the region of the options wins", nil, s3.Options{Region: "us-west-1"}, nil, "AKIADEFAULT/*/us-west-1/"},
		{"the environment's keys win, the profile gives the region", map[string]string{
			"AWS_ACCESS_KEY_ID": "AKIAENV", "AWS_SECRET_ACCESS_KEY": "s3",
		}, s3.Options{}, nil, "AKIAENV/*/eu-south-1/"},
	} {
		t.Run(c.name, func(t *testing.T) {
			laptop(t)
			for name, value := range c.env {
				t.Setenv(name, value)
			}
			if c.use != nil {
				c.use()
				t.Cleanup(func() { Use() })
			}
			var mu sync.Mutex
			var signature string
			srv := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				mu.Lock()
				defer mu.Unlock()
				signature = r.Header.Get("Authorization")
			}))
			defer srv.Close()
			c.opts.Bucket, c.opts.Endpoint, c.opts.PathStyle = "b", srv.URL, true
			if err := put(t, c.opts); err != nil {
				t.Fatal(err)
			}
			who, region, _ := strings.Cut(c.want, "*")
			if !strings.Contains(signature, "Credential="+who) || !strings.Contains(signature, region) {
				t.Errorf("signed with %q, want %s", signature, c.want)
			}
		})
	}
}

func TestChainErrors(t *testing.T) {
	for profile, want := range map[string]string{"missing": "AWS_PROFILE", "expired": "log in again"} {
		t.Run("profile "+profile+" tells what to check", func(t *testing.T) {
			laptop(t)
			t.Setenv("AWS_PROFILE", profile)
			err := put(t, s3.Options{Bucket: "b", Endpoint: "http://127.0.0.1:1"})
			if e, ok := errors.AsType[*backends.Error](err); !ok || !strings.Contains(e.Hint, want) {
				t.Errorf("%v, want a *backends.Error that says %q", err, want)
			}
		})
	}
}

func put(t *testing.T, o s3.Options) error {
	t.Helper()
	m, err := s3.New(o)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	s, err := m.Store(t.Context(), backends.Function{Name: "f"})
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.Put(t.Context(), "k", []byte("v"), time.Time{}, backends.Absent)
	return err
}
