package s3

import (
	"bytes"
	"context"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"github.com/stillwarm/stillwarm/backends"
	"github.com/stillwarm/stillwarm/backends/backendstest"
	s3backend "github.com/stillwarm/stillwarm/backends/s3"
	"github.com/stillwarm/stillwarm/tests/servers"
)

// heedless makes of a server one that ignores conditions: it takes them out of writes and signs anew.
type heedless struct {
	http.RoundTripper
	server *servers.S3
}

func (h heedless) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Method != http.MethodPut {
		return h.RoundTripper.RoundTrip(req)
	}
	req = req.Clone(req.Context())
	for _, name := range []string{"If-Match", "If-None-Match", "Authorization"} {
		req.Header.Del(name)
	}
	signer := v4.NewSigner(func(o *v4.SignerOptions) { o.DisableURIPathEscaping = true })
	credentials := aws.Credentials{AccessKeyID: h.server.AccessKey, SecretAccessKey: h.server.SecretKey}
	hash := req.Header.Get("X-Amz-Content-Sha256")
	if err := signer.SignHTTP(context.WithoutCancel(req.Context()), credentials, req, hash, "s3", h.server.Region, time.Now()); err != nil {
		return nil, err
	}
	return h.RoundTripper.RoundTrip(req)
}

func TestAServerThatIgnoresConditions(t *testing.T) {
	eachProduct(t, func(t *testing.T, p *place) {
		open := func(t *testing.T, log *bytes.Buffer) (backends.Store, *counter) {
			count := newCounter()
			m := p.open(t, func(o *s3backend.Options) {
				o.Transport = heedless{count, p.server}
				o.Logger = slog.New(slog.NewTextHandler(log, nil))
			})
			return storeOf(t, m, time.Minute), count
		}
		unfenced := func(s backends.Store) bool { return s.(backends.Unfenced).Unfenced() }
		t.Run("C10 is noticed beside the first write, and said once", func(t *testing.T) {
			var log bytes.Buffer
			s, count := open(t, &log)
			if _, err := s.Read(t.Context(), "k", backends.ReadOptions{}); err != nil || unfenced(s) {
				t.Fatalf("error %v, unfenced %v before any write", err, unfenced(s))
			}
			for _, v := range []string{"first", "second"} {
				if _, err := s.Put(t.Context(), "k", []byte(v), time.Time{}, backends.Absent); err != nil {
					t.Fatal(err)
				}
			}
			if !unfenced(s) || strings.Count(log.String(), "ignores conditional writes") != 1 || !strings.Contains(log.String(), "level=WARN") {
				t.Fatalf("unfenced %v, log %q", unfenced(s), log.String())
			}
			count.take()
			if err := backendstest.Put(t.Context(), s, "k", []byte("third"), time.Time{}); err != nil {
				t.Fatal(err)
			}
			if got := count.take(); got[http.MethodPut] != 1 {
				t.Errorf("a later write sent %v", got)
			}
		})
		t.Run("C10 is noticed by the first Clear", func(t *testing.T) {
			var log bytes.Buffer
			s, _ := open(t, &log)
			if _, err := s.Clear(t.Context()); err != nil || !unfenced(s) {
				t.Fatalf("error %v, unfenced %v", err, unfenced(s))
			}
		})
		t.Run("C10 an invalidation that comes first clears the function: a tombstone would keep nobody off", func(t *testing.T) {
			var log bytes.Buffer
			s, _ := open(t, &log)
			before, err := s.Generation(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if err := s.Invalidate(t.Context(), "k"); err != nil {
				t.Fatal(err)
			}
			if after, err := s.Generation(t.Context()); err != nil || after == before || !unfenced(s) {
				t.Fatalf("generation %x and %x, error %v, unfenced %v", before, after, err, unfenced(s))
			}
		})
	})
}

func TestAServerThatHeedsConditionsIsAskedOnce(t *testing.T) {
	eachProduct(t, func(t *testing.T, p *place) {
		first := storeOf(t, p.open(t, nil), time.Minute)
		if _, err := first.Clear(t.Context()); err != nil {
			t.Fatal(err)
		}
		for name, do := range map[string]func(backends.Store) error{
			"put":        func(s backends.Store) error { return backendstest.Put(t.Context(), s, "k", []byte("v"), time.Time{}) },
			"clear":      func(s backends.Store) error { return backendstest.Clear(t.Context(), s) },
			"invalidate": func(s backends.Store) error { return s.Invalidate(t.Context(), "k") },
		} {
			t.Run("C10 beside the first "+name+" of a container", func(t *testing.T) {
				count := newCounter()
				var log bytes.Buffer
				s := storeOf(t, p.open(t, func(o *s3backend.Options) {
					o.Transport, o.Logger = count, slog.New(slog.NewTextHandler(&log, nil))
				}), time.Minute)
				if _, err := s.Generation(t.Context()); err != nil {
					t.Fatal(err)
				}
				var puts []int
				for range 3 {
					count.take()
					if err := do(s); err != nil {
						t.Fatal(err)
					}
					puts = append(puts, count.take()[http.MethodPut])
				}
				if !slices.Equal(puts, []int{3, 1, 1}) {
					t.Errorf("PUTs %v; want two more with the first one only", puts)
				}
				if s.(backends.Unfenced).Unfenced() || log.Len() > 0 {
					t.Errorf("unfenced, and said %q", log.String())
				}
			})
		}
	})
}

// TestWithoutConditionsAndChecksums runs the suite against a server that refuses what the switches leave out.
func TestWithoutConditionsAndChecksums(t *testing.T) {
	server := servers.SharedMinIO(t)
	server.Setenv(t)
	count := newCounter()
	h := harnessWith(server, server.Bucket(t), count, func(o *s3backend.Options) {
		o.Transport, o.NoConditions, o.NoChecksum = picky{count}, true, true
	})
	h.Unfenced = true
	backendstest.Run(t, h)
}

// picky is a server that refuses conditions in writes, and checksums.
type picky struct{ http.RoundTripper }

func (p picky) RoundTrip(req *http.Request) (*http.Response, error) {
	for name := range maps.Keys(req.Header) {
		refused := strings.HasPrefix(strings.ToLower(name), "x-amz-checksum") || strings.HasPrefix(strings.ToLower(name), "x-amz-sdk-checksum")
		if refused || req.Method == http.MethodPut && (name == "If-Match" || name == "If-None-Match") {
			return &http.Response{
				StatusCode: http.StatusNotImplemented, Header: http.Header{}, Request: req,
				Body: http.NoBody, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
			}, nil
		}
	}
	return p.RoundTripper.RoundTrip(req)
}
