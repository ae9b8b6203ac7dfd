package servers_test

import (
	"net/http"
	"os"
	"testing"

	"github.com/stillwarm/stillwarm/tests/servers"
)

func TestMain(m *testing.M) { os.Exit(servers.Main(m)) }

func TestS3ServersStartMakeBucketsAndEnd(t *testing.T) {
	for name, start := range map[string]func(testing.TB) *servers.S3{"minio": servers.MinIO, "versity": servers.Versity} {
		t.Run(name, func(t *testing.T) {
			s := start(t)
			if a, b := s.Bucket(t), s.Bucket(t); a == b {
				t.Errorf("two buckets of the same name %q", a)
			}
			s.Restart(t)
			s.Bucket(t)
			s.Kill()
			if _, err := http.Get(s.URL); err == nil {
				t.Error("the server still answers after Kill")
			}
		})
	}
}

func TestSharedServersAreStartedOnce(t *testing.T) {
	if a, b := servers.SharedVersity(t), servers.SharedVersity(t); a != b {
		t.Error("two shared servers")
	}
}
