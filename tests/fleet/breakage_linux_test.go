package fleet_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stillwarm/stillwarm/adapter"
	"github.com/stillwarm/stillwarm/tests/servers"
)

// broken are backends that cannot keep an entry.
var broken = []struct {
	name string
	url  func(t *testing.T) string
}{
	{"a full disk", func(t *testing.T) string {
		dir := small(t)
		// Somebody else's file takes all the room, so that making room by removing entries does not help.
		fill(t, filepath.Join(dir, "ballast"))
		return "disk://" + filepath.Join(dir, "cache")
	}},
	{"a read-only disk", func(t *testing.T) string {
		dir := small(t)
		if err := syscall.Mount("", dir, "", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""); err != nil {
			t.Skipf("this process may not remount: %v", err)
		}
		return "disk://" + filepath.Join(dir, "cache")
	}},
	{"a Redis that is full and evicts nothing", func(t *testing.T) string {
		s := servers.Redis(t, servers.WithArgs("--maxmemory", "1mb", "--maxmemory-policy", "noeviction"))
		return redisURL(s)
	}},
	{"a Redis replica, which is read-only", func(t *testing.T) string {
		_, replica := servers.RedisReplica(t)
		return redisURL(replica)
	}},
	{"an S3 bucket that does not exist", func(t *testing.T) string {
		s := servers.SharedMinIO(t)
		return strings.Replace(s3URL(t, s, ""), "s3://", "s3://not-", 1)
	}},
	{"wrong credentials for S3", func(t *testing.T) string {
		url := s3URL(t, servers.SharedMinIO(t), "")
		t.Setenv("AWS_SECRET_ACCESS_KEY", "wrong")
		return url
	}},
}

// TestABackendThatKeepsNothing asks through the whole library: results come back, and the log says once what is wrong.
func TestABackendThatKeepsNothing(t *testing.T) {
	const calls = 50
	for _, b := range broken {
		t.Run(b.name+": results are returned, said once", func(t *testing.T) {
			log := &buffer{}
			rt, err := adapter.New(adapter.Config{
				Backend: b.url(t), Namespace: unique(), BackendTimeout: 20 * time.Second, Logger: slog.New(slog.NewJSONHandler(log, nil)),
			})
			if err != nil {
				t.Fatal(err)
			}
			data := adapter.CacheData(func(_ context.Context, n int) (string, error) { return fmt.Sprint(n, large), nil },
				adapter.Name("f"), adapter.WithRuntime(rt))
			for n := range calls {
				got, err := data.Get(t.Context(), n)
				if want := fmt.Sprint(n, large); err != nil || got != want {
					t.Fatalf("Get(%d) = %d bytes, %v; want %d", n, len(got), err, len(want))
				}
			}
			ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
			defer cancel()
			if err := rt.Close(ctx); err != nil {
				t.Fatal(err)
			}
			if s := data.Stats(); s.Stores > 0 {
				t.Errorf("%d entries were stored: %+v", s.Stores, s)
			}
			// One record for reading and one for writing at most.
			log.mu.Lock()
			defer log.mu.Unlock()
			if n := warnings(&log.b, ""); n == 0 || n > 2 {
				t.Errorf("%d warnings about %d calls:\n%s", n, calls, log.b.String())
			}
			t.Logf("%d calls answered; the log says:\n%s", calls, strings.TrimSpace(log.b.String()))
		})
	}
}

// large is a result's text that does not compress, and that no full backend has room for.
var large = func() string {
	b := make([]byte, 100_000)
	_, _ = rand.Read(b)
	return hex.EncodeToString(b)
}()

// small mounts a file system of 1 MB for the test.
func small(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=1m"); err != nil {
		t.Skipf("this process may not mount a small file system: %v", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(dir, syscall.MNT_DETACH) })
	t.Logf("disk: a file system of 1 MB at %s", dir)
	return dir
}

// fill makes a file as large as the file system allows.
func fill(t *testing.T, name string) {
	t.Helper()
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for {
		if _, err := f.Write(make([]byte, 4096)); err != nil {
			return // full
		}
	}
}

// buffer is a log that several goroutines write.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}
