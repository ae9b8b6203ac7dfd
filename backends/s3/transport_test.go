package s3

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"os/exec"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// wire is a transport that does as a test says.
type wire struct {
	answer func(*http.Request) (*http.Response, error)
	closed int
}

func (w *wire) RoundTrip(r *http.Request) (*http.Response, error) { return w.answer(r) }
func (w *wire) CloseIdleConnections()                             { w.closed++ }

func hang(r *http.Request) (*http.Response, error) {
	<-r.Context().Done()
	return nil, r.Context().Err()
}

func get(ctx context.Context, body io.Reader) *http.Request {
	r, _ := http.NewRequestWithContext(ctx, http.MethodGet, "http://example.com/", body)
	return r
}

func clientWith(w *wire, now func() time.Time) *httpClient {
	return newHTTPClient(Options{Transport: w, Clock: now, AttemptTimeout: 2 * time.Second})
}

func TestAttempts(t *testing.T) {
	t.Run("an attempt takes half of what the deadline leaves", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			start := time.Now()
			_, err := clientWith(&wire{answer: hang}, time.Now).Do(get(ctx, nil))
			if !errors.Is(err, errAttempt) || time.Since(start) != 500*time.Millisecond || ctx.Err() != nil {
				t.Errorf("after %v: %v", time.Since(start), err)
			}
		})
	})
	t.Run("without a deadline it ends by itself", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			if _, err := clientWith(&wire{answer: hang}, time.Now).Do(get(t.Context(), nil)); !errors.Is(err, errAttempt) {
				t.Errorf("%v", err)
			}
		})
	})
	t.Run("the caller's end is the caller's error", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			time.AfterFunc(time.Millisecond, cancel)
			if _, err := clientWith(&wire{answer: hang}, time.Now).Do(get(ctx, nil)); !errors.Is(err, context.Canceled) {
				t.Errorf("%v", err)
			}
		})
	})
	t.Run("a large body gets the time that sending takes", func(t *testing.T) {
		c := clientWith(&wire{}, time.Now)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if small, large := c.headerWait(get(ctx, nil)), c.headerWait(get(ctx, bytes.NewReader(make([]byte, 8<<20)))); small > time.Second || large < 30*time.Second {
			t.Errorf("small %v, large %v", small, large)
		}
	})
	t.Run("a body that stalls ends, one that moves does not", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			reader, writer := io.Pipe()
			c := clientWith(&wire{answer: func(r *http.Request) (*http.Response, error) {
				context.AfterFunc(r.Context(), func() { _ = writer.CloseWithError(r.Context().Err()) })
				return &http.Response{StatusCode: 200, Body: reader}, nil
			}}, time.Now)
			res, err := c.Do(get(t.Context(), nil))
			if err != nil {
				t.Fatal(err)
			}
			go func() {
				for range 10 {
					time.Sleep(1500 * time.Millisecond)
					_, _ = writer.Write([]byte("x"))
				}
			}()
			got, err := io.ReadAll(res.Body)
			if len(got) != 10 || !errors.Is(err, errAttempt) {
				t.Errorf("%d bytes, %v; want 10 and a timeout", len(got), err)
			}
			_ = res.Body.Close()
		})
	})
}

func TestThaw(t *testing.T) {
	now := time.Unix(1_000_000, 0)
	w := &wire{answer: func(*http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: 200, Body: http.NoBody}, nil
	}}
	c := clientWith(w, func() time.Time { return now })
	for _, step := range []struct {
		gap  time.Duration
		want int
	}{{0, 0}, {thawGap, 0}, {thawGap + time.Second, 1}, {time.Second, 1}, {time.Hour, 2}, {-time.Hour, 2}} {
		now = now.Add(step.gap)
		res, err := c.Do(get(t.Context(), nil))
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		if w.closed != step.want {
			t.Errorf("after a gap of %v idle connections were closed %d times, want %d", step.gap, w.closed, step.want)
		}
	}
}

func TestBackoffFitsIntoAnInvocation(t *testing.T) {
	for attempt := -1; attempt < 100; attempt++ {
		for _, throttled := range []bool{false, true} {
			if d := backoff(attempt, throttled); d <= 0 || d > maxBackoff+time.Millisecond {
				t.Errorf("attempt %d waits %v", attempt, d)
			}
		}
	}
}

// TestLinks keeps out what would make a cold start slow, and what belongs to tests.
func TestLinks(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", ".").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	deps := strings.Fields(string(out))
	if len(deps) < 50 {
		t.Fatalf("only %d packages are linked: that cannot be the whole list", len(deps))
	}
	for _, dep := range deps {
		for _, banned := range []string{
			"github.com/aws/aws-sdk-go-v2/config", "github.com/aws/aws-sdk-go-v2/credentials", "github.com/aws/aws-sdk-go-v2/service/sso",
			"github.com/aws/aws-sdk-go-v2/service/sts", "github.com/aws/aws-sdk-go-v2/service/signin", "github.com/aws/aws-sdk-go-v2/feature",
		} {
			if strings.HasPrefix(dep, banned) {
				t.Errorf("%s is linked", dep)
			}
		}
		if dep == "testing" {
			t.Error("testing is linked")
		}
	}
}
