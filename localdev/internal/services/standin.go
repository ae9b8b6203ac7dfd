package services

import (
	"context"
	"crypto/rand"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"

	"github.com/stillwarm/stillwarm/localdev/internal/guard"
)

// A stand-in answers in the runner's own process where a server is not installed. It speaks the server's protocol and
// keeps the backends' promises, leases included (a test runs their conformance suite against it), but it is not the
// server: the first lines say so.

// redisStandIn answers instead of Redis. miniredis keeps no time of its own by default; with ClockTTL it follows the
// clock, so that entries and leases expire.
func redisStandIn(o Options) (started, error) {
	m := miniredis.NewMiniRedis()
	m.ClockTTL(true)
	if err := m.StartAddr(net.JoinHostPort(loopback, "0")); err != nil {
		return started{}, fmt.Errorf("stand-in for Redis: %w", err)
	}
	password := rand.Text()
	m.RequireAuth(password)
	s := started{
		url: "redis://:" + password + "@" + m.Addr(), stop: m.Close,
		says: "STAND-IN for Redis (miniredis, inside the runner): redis-server is not installed. In memory only" + keptNote(o) + ".\n" +
			"The real one: " + o.install("redis-server"),
	}
	fmt.Fprintln(o.Progress, "redis-server is not installed: a stand-in inside the runner answers instead of Redis")
	return s, nil
}

// s3StandIn answers instead of an S3 server. It does not check signatures.
func s3StandIn(ctx context.Context, o Options) (started, error) {
	backend := s3mem.New()
	if err := backend.CreateBucket(bucket); err != nil {
		return started{}, fmt.Errorf("stand-in for S3: making the bucket: %w", err)
	}
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", net.JoinHostPort(loopback, "0"))
	if err != nil {
		return started{}, fmt.Errorf("stand-in for S3: %w", err)
	}
	fake := gofakes3.New(backend, gofakes3.WithLogger(gofakes3.DiscardLog()), gofakes3.WithTimeSkewLimit(0))
	server := &http.Server{Handler: guard.Machines(ranges(fake.Server())), ReadHeaderTimeout: 10 * time.Second}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.Serve(l)
	}()
	s := started{
		url: s3URL("http://" + l.Addr().String()), env: newKeys().env(), stop: func() { _ = server.Close(); <-done },
		says: "STAND-IN for S3 (gofakes3, inside the runner): no MinIO or Versity Gateway is installed. In memory only, and " +
			"signatures are not checked" + keptNote(o) + ".\nA real one: " + o.install("minio"),
	}
	fmt.Fprintln(o.Progress, "no S3 server is installed: a stand-in inside the runner answers instead of S3")
	return s, nil
}

// ranges takes the checksum off an answer that is a part of an object. gofakes3 sends the whole object's with it, which S3
// does not, and the client would take the part for damaged.
func ranges(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Range") != "" {
			w = &partWriter{ResponseWriter: w}
		}
		next.ServeHTTP(w, r)
	})
}

type partWriter struct{ http.ResponseWriter }

func (w *partWriter) WriteHeader(status int) {
	if status == http.StatusPartialContent {
		for name := range w.Header() {
			if strings.HasPrefix(strings.ToLower(name), "x-amz-checksum-") {
				delete(w.Header(), name)
			}
		}
	}
	w.ResponseWriter.WriteHeader(status)
}

// keptNote says that a stand-in cannot do what --data asks for.
func keptNote(o Options) string {
	if o.Data == "" {
		return ""
	}
	return ", in spite of --data"
}
