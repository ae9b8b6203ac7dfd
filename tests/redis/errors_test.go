package redis_test

import (
	"bytes"
	"errors"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/stillwarm/stillwarm/backends"
	"github.com/stillwarm/stillwarm/backends/backendstest"
	"github.com/stillwarm/stillwarm/backends/redis"
	"github.com/stillwarm/stillwarm/tests/servers"
)

func TestErrorsSayWhatToDoAndNeverShowThePassword(t *testing.T) {
	const password = "hunter2-is-secret"
	secured := servers.Redis(t, servers.WithPassword())
	plain := servers.SharedRedis(t)
	tls := servers.Redis(t, servers.WithTLS())
	cluster := servers.SharedRedisCluster(t)
	_, elsewhere := cluster.Owner(t, "p:g:{p}")
	node := cluster.Nodes[0]
	if node == elsewhere {
		node = cluster.Nodes[1]
	}
	secured.Do(t, "acl", "setuser", "reader", "on", ">"+password, "~*", "+get", "+mget", "+hello")
	for name, tc := range map[string]struct {
		url       string
		hint      string
		permanent bool
	}{
		"no password":              {strings.Replace(secured.URL(), ":"+secured.Password+"@", "", 1), "put user and password", true},
		"a wrong password":         {strings.Replace(secured.URL(), secured.Password, password, 1), "check user and password", true},
		"an unknown user":          {secured.URLFor("nobody", password), "check user and password", true},
		"a user who may not write": {secured.URLFor("reader", password), "docs/redis.md", true},
		"TLS to a plain server":    {strings.Replace(plain.URL(), "redis:", "rediss:", 1), "use redis://", false},
		"plain to a TLS server":    {"redis://" + tls.Addr, "use rediss://", false},
		"an unknown authority":     {"rediss://" + tls.Addr, "tls-ca", true},
		"a node of a cluster":      {node.URL("prefix=p"), "cluster=true", true},
		"a cluster that is none":   {plain.URL("cluster=true"), "take cluster=true out", true},
		"a database too many":      {"redis://" + plain.Addr + "/999", "path of the URL", true},
		"a port nobody listens on": {"redis://:" + password + "@127.0.0.1:1", "host and port", false},
		"a name that is none":      {"redis://:" + password + "@host.invalid", "resolve", false},
	} {
		t.Run(name, func(t *testing.T) {
			s := store(t, open(t, tc.url))
			err := backendstest.Put(t.Context(), s, "k", []byte("v"), time.Now().Add(time.Hour))
			e := failure(t, err)
			if e.Permanent != tc.permanent || !strings.Contains(e.Hint, tc.hint) {
				t.Errorf("permanent %v, error %v; want permanent %v and the hint %q", e.Permanent, e, tc.permanent, tc.hint)
			}
			if _, err := s.Read(t.Context(), "k", backends.ReadOptions{}); err == nil && tc.hint != "docs/redis.md" ||
				err != nil && !strings.Contains(failure(t, err).Hint, tc.hint) {
				t.Errorf("Read: %v; want the hint %q", err, tc.hint)
			}
			for _, secret := range []string{password, secured.Password} {
				if strings.Contains(err.Error(), secret) {
					t.Errorf("error %v shows the password", err)
				}
			}
		})
	}
}

func TestAServerWithoutAConnectionLeftSaysSo(t *testing.T) {
	r := servers.Redis(t, servers.WithArgs("--maxclients", "8"))
	s := store(t, open(t, r.URL()))
	var taken []net.Conn
	for range 9 { // the last one is refused
		c, err := net.Dial("tcp", r.Addr)
		must(t, err)
		taken = append(taken, c)
	}
	_, _ = taken[8].Read(make([]byte, 100)) // so the others were accepted
	_, _, err := backendstest.Get(t.Context(), s, "k")
	if e := failure(t, err); e.Permanent || !strings.Contains(e.Hint, "maxclients") {
		t.Errorf("permanent %v, error %v; want a passing one about maxclients", e.Permanent, e)
	}
	for _, c := range taken {
		c.Close()
	}
	eventually(t, "the server is used once there is room", func() bool {
		_, _, err := backendstest.Get(t.Context(), s, "k")
		return errors.Is(err, backendstest.ErrNone)
	})
}

func TestCertificatesThatAreNotVerifiedAreSaidOnce(t *testing.T) {
	r := servers.Redis(t, servers.WithTLS())
	var log bytes.Buffer
	m := with(t, "rediss://"+r.Addr+"?tls-insecure=true&read-timeout=5s", func(o *redis.Options) {
		o.Logger = slog.New(slog.NewTextHandler(&log, nil))
	})
	s := store(t, m)
	if log.Len() != 0 {
		t.Errorf("said before anything connects: %s", log.String())
	}
	for range 3 {
		put(t, s, "k", "v")
	}
	if n := strings.Count(log.String(), "TLS certificates are not verified"); n != 1 || !strings.Contains(log.String(), "level=WARN") {
		t.Errorf("said %d times: %s", n, log.String())
	}
}

func TestAServerThatIsLoadingIsAPassingError(t *testing.T) {
	r := servers.Redis(t, servers.WithArgs("--enable-debug-command", "yes", "--key-load-delay", "50000",
		"--loading-process-events-interval-bytes", "1024"))
	s := store(t, open(t, r.URL("read-timeout=10s")))
	for i := range 40 {
		put(t, s, strings.Repeat("k", i+1), strings.Repeat("v", 1000))
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		r.Do(t, "debug", "reload")
	}()
	eventually(t, "the server loads", func() bool {
		_, _, err := backendstest.Get(t.Context(), s, "k")
		return err != nil && strings.Contains(failure(t, err).Hint, "loading")
	})
	<-done
}

func TestAUserWhoseScriptsMayNotWriteIsToldSo(t *testing.T) {
	r := servers.Redis(t, servers.WithPassword())
	r.Do(t, "acl", "setuser", "scripter", "on", ">secret", "~*", "+get", "+mget", "+hello", "+eval", "+time", "+pttl")
	s := store(t, open(t, r.URLFor("scripter", "secret")))
	_, err := backendstest.Lease(t.Context(), s, "k", time.Minute)
	if e := failure(t, err); !e.Permanent || !strings.Contains(e.Hint, "docs/redis.md") {
		t.Errorf("permanent %v, error %v; want a permanent one that names the commands", e.Permanent, e)
	}
}
