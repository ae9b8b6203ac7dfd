package servers

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

// An S3 is a running server that speaks the S3 protocol. It takes path-style addresses only.
type S3 struct {
	*Process
	// URL is the endpoint, for example "http://127.0.0.1:9000", without a slash at its end.
	URL string
	// Addr is the endpoint's host and port, for a [Proxy].
	Addr string
	// AccessKey, SecretKey and Region are what the server accepts.
	AccessKey, SecretKey, Region string
	// Product is what the server calls itself in its answers: "MinIO" or "VERSITYGW".
	Product string
	// Version is the pinned version that was built.
	Version string
}

// MinIO starts a MinIO server of its own for the test.
func MinIO(t testing.TB) *S3 {
	t.Helper()
	path := need(t, "minio")
	return startS3(t, "MinIO", path, func(port int, s *S3, dir string) *Process {
		return &Process{
			path: path,
			args: []string{"server", "--quiet", "--address", loopback(port), "--console-address", "127.0.0.1:0", dir},
			env: []string{
				"MINIO_ROOT_USER=" + s.AccessKey, "MINIO_ROOT_PASSWORD=" + s.SecretKey,
				"MINIO_REGION=" + s.Region, "MINIO_BROWSER=off", "MINIO_UPDATE=off", "MINIO_CI_CD=1",
			},
		}
	})
}

// SharedMinIO returns the MinIO server that the tests of this process share. Each test makes its own bucket in it.
func SharedMinIO(t testing.TB) *S3 {
	t.Helper()
	return once(t, "minio", MinIO)
}

// Versity starts a Versity Gateway of its own for the test, in front of a folder.
func Versity(t testing.TB) *S3 {
	t.Helper()
	path := need(t, "versitygw")
	return startS3(t, "VERSITYGW", path, func(port int, s *S3, dir string) *Process {
		return &Process{
			path: path,
			args: []string{"--port", loopback(port), "--region", s.Region, "--keep-alive", "--quiet", "posix", dir},
			env:  []string{"ROOT_ACCESS_KEY=" + s.AccessKey, "ROOT_SECRET_KEY=" + s.SecretKey},
		}
	})
}

// SharedVersity returns the Versity Gateway that the tests of this process share. Each test makes its own bucket.
func SharedVersity(t testing.TB) *S3 {
	t.Helper()
	return once(t, "versitygw", Versity)
}

// startS3 starts a server on a free port and proves by its own answer which product it is.
func startS3(t testing.TB, product, path string, command func(port int, s *S3, dir string) *Process) *S3 {
	t.Helper()
	s := &S3{
		// A secret of its own proves that the server which accepts it is the one that was started.
		AccessKey: "stillwarm-test", SecretKey: "secret-" + rand.Text(), Region: "us-east-1",
		Product: product, Version: base(path),
	}
	startOwned(t, func() *Process {
		ports, err := freePorts(1)
		if err != nil {
			t.Fatal(err)
		}
		s.URL, s.Addr = "http://"+loopback(ports[0]), loopback(ports[0])
		dir := dataDir(t, strings.ToLower(product))
		s.Process = command(ports[0], s, dir)
		s.title, s.dir, s.ready = product, dir, s.answers
		return s.Process
	})
	t.Logf("S3 server: %s (it says so itself), built from %s, at %s", product, s.Version, s.URL)
	return s
}

// answers lists the buckets, signed: a server that says no more than that it is alive may still refuse requests.
func (s *S3) answers(ctx context.Context) error {
	res, err := s.do(ctx, http.MethodGet, "/")
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if got := res.Header.Get("Server"); !strings.HasPrefix(got, s.Product) {
		return fmt.Errorf("the server at %s calls itself %q, not %s", s.URL, got, s.Product)
	}
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("%w: listing buckets: %s", errNotYet, res.Status)
	}
	return nil
}

// Bucket makes a new bucket and returns its name. It goes with the server.
func (s *S3) Bucket(t testing.TB) string {
	t.Helper()
	name := "test-" + strings.ToLower(rand.Text())
	ctx, cancel := context.WithTimeout(t.Context(), readyWithin)
	defer cancel()
	res, err := s.do(ctx, http.MethodPut, "/"+name)
	if err != nil {
		t.Fatalf("making bucket %s in %s: %v", name, s.Product, err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		body, _ := io.ReadAll(io.LimitReader(res.Body, 2000))
		t.Fatalf("making bucket %s in %s: %s: %s", name, s.Product, res.Status, body)
	}
	return name
}

// Setenv sets the environment's AWS credentials and region to the server's for the length of the test.
func (s *S3) Setenv(t testing.TB) {
	t.Helper()
	t.Setenv("AWS_ACCESS_KEY_ID", s.AccessKey)
	t.Setenv("AWS_SECRET_ACCESS_KEY", s.SecretKey)
	t.Setenv("AWS_SESSION_TOKEN", "")
	t.Setenv("AWS_REGION", s.Region)
}

// emptyHash is the SHA-256 of nothing, which a request without a body is signed with.
const emptyHash = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

// do sends one signed request without a body on a connection of its own.
func (s *S3) do(ctx context.Context, method, path string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, s.URL+path, nil)
	if err != nil {
		return nil, err
	}
	req.Close = true
	req.Header.Set("X-Amz-Content-Sha256", emptyHash)
	cred := aws.Credentials{AccessKeyID: s.AccessKey, SecretAccessKey: s.SecretKey}
	if err := v4.NewSigner().SignHTTP(ctx, cred, req, emptyHash, "s3", s.Region, time.Now()); err != nil {
		return nil, err
	}
	return http.DefaultClient.Do(req)
}
