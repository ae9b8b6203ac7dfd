// Package s3 runs the S3 backend against real servers: the conformance suite, races for leases, faults in the network,
// and what each operation costs in requests.
package s3

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/stillwarm/stillwarm/backends"
	s3backend "github.com/stillwarm/stillwarm/backends/s3"
	"github.com/stillwarm/stillwarm/tests/servers"
)

func TestMain(m *testing.M) { os.Exit(servers.Main(m)) }

// products are the servers that every test here runs against.
var products = []struct {
	name  string
	start func(testing.TB) *servers.S3
}{
	{"minio", servers.SharedMinIO},
	{"versity", servers.SharedVersity},
}

// eachProduct runs f against every server, in an empty bucket of its own.
func eachProduct(t *testing.T, f func(t *testing.T, p *place)) {
	t.Helper()
	for _, product := range products {
		t.Run(product.name, func(t *testing.T) {
			server := product.start(t)
			server.Setenv(t)
			f(t, &place{server: server, bucket: server.Bucket(t)})
		})
	}
}

// place is a bucket on a server.
type place struct {
	server *servers.S3
	bucket string
}

func (p *place) options() s3backend.Options {
	return s3backend.Options{Bucket: p.bucket, Prefix: "cache/test", Endpoint: p.server.URL, PathStyle: true}
}

// open returns one container's manager. change may be nil.
func (p *place) open(t *testing.T, change func(*s3backend.Options)) *s3backend.Manager {
	t.Helper()
	o := p.options()
	if change != nil {
		change(&o)
	}
	m, err := s3backend.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = m.Close() })
	return m
}

// raw is the SDK's client, for looking and meddling behind the backend's back.
func (p *place) raw() *awss3.Client {
	return awss3.New(awss3.Options{
		Region: p.server.Region, BaseEndpoint: &p.server.URL, UsePathStyle: true,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: p.server.AccessKey, SecretAccessKey: p.server.SecretKey}, nil
		}),
	})
}

// objects lists the keys in the bucket.
func (p *place) objects(t *testing.T) []string {
	t.Helper()
	out, err := p.raw().ListObjectsV2(t.Context(), &awss3.ListObjectsV2Input{Bucket: &p.bucket})
	if err != nil {
		t.Fatal(err)
	}
	var keys []string
	for _, o := range out.Contents {
		keys = append(keys, *o.Key)
	}
	return keys
}

func storeOf(t *testing.T, m backends.PersistenceManager, near time.Duration) backends.Store {
	t.Helper()
	s, err := m.Store(t.Context(), backends.Function{Namespace: "shop", Name: "example.com/shop.quotes", NearTTL: near})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// counter counts requests by method, and sums what they carried.
type counter struct {
	base http.RoundTripper
	n    atomic.Int64

	lose, hold atomic.Bool // the next request's answer; the next request

	mu      sync.Mutex
	methods map[string]int
	headers []http.Header
	held    *http.Request
}

func newCounter() *counter {
	return &counter{base: &http.Transport{MaxIdleConnsPerHost: 64}, methods: map[string]int{}}
}

func (c *counter) RoundTrip(req *http.Request) (*http.Response, error) {
	c.n.Add(1)
	c.mu.Lock()
	c.methods[req.Method]++
	c.headers = append(c.headers, req.Header.Clone())
	c.mu.Unlock()
	if c.hold.CompareAndSwap(true, false) {
		return nil, c.keep(req)
	}
	resp, err := c.base.RoundTrip(req)
	if err == nil && c.lose.CompareAndSwap(true, false) {
		_, _ = io.Copy(io.Discard, resp.Body)
		_ = resp.Body.Close()
		return nil, errBroken
	}
	return resp, err
}

// errBroken is a broken connection, after which a client tries again.
var errBroken = &net.OpError{Op: "read", Net: "tcp", Err: syscall.ECONNRESET}

// keep holds the request back from the server.
func (c *counter) keep(req *http.Request) error {
	held := req.Clone(context.Background())
	if req.Body != nil {
		body, err := io.ReadAll(req.Body)
		if err != nil {
			return err
		}
		held.Body = io.NopCloser(bytes.NewReader(body))
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.held = held
	return errBroken
}

// deliver hands to the server what was held back from it.
func (c *counter) deliver(t *testing.T) {
	t.Helper()
	c.mu.Lock()
	held := c.held
	c.held = nil
	c.mu.Unlock()
	if held == nil {
		t.Fatal("nothing was held back")
	}
	resp, err := c.base.RoundTrip(held)
	if err != nil {
		t.Fatalf("delivering what was held back: %v", err)
	}
	_, _ = io.Copy(io.Discard, resp.Body)
	_ = resp.Body.Close()
}

// take returns the counts since the last take.
func (c *counter) take() map[string]int {
	c.mu.Lock()
	defer c.mu.Unlock()
	got := c.methods
	c.methods, c.headers = map[string]int{}, nil
	return got
}

func (c *counter) lastHeader() http.Header {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.headers[len(c.headers)-1]
}
