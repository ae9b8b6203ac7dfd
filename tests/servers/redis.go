package servers

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// A RedisServer is a running redis-server without persistence.
type RedisServer struct {
	*Process
	// Addr is host and port. With TLS it speaks nothing else.
	Addr string
	// Port is the port of Addr, BusPort that of the cluster bus, 0 without one.
	Port, BusPort int
	// Password is the default user's; empty where none is asked for.
	Password string
	// Authority is the file with the certificate authority of a server with TLS, in PEM form; empty without TLS.
	Authority string
	// Version is what the server says it is, for example "7.0.15".
	Version string

	tls *tls.Config
}

// A RedisOption changes how a server is started.
type RedisOption func(*redisSetup)

type redisSetup struct {
	tls, cluster, password, sentinel bool
	program                          string // instead of the pinned redis-server
	args                             []string
}

// WithTLS makes the server speak TLS only, with a certificate of an authority that was made for the test.
func WithTLS() RedisOption { return func(s *redisSetup) { s.tls = true } }

// WithPassword makes the server ask for a random password.
func WithPassword() RedisOption { return func(s *redisSetup) { s.password = true } }

// WithArgs adds arguments of redis-server, for example "--maxmemory", "3mb".
func WithArgs(args ...string) RedisOption {
	return func(s *redisSetup) { s.args = append(s.args, args...) }
}

// Redis starts a Redis server of its own for the test.
func Redis(t testing.TB, opts ...RedisOption) *RedisServer {
	t.Helper()
	var setup redisSetup
	for _, o := range opts {
		o(&setup)
	}
	path := setup.program
	if path == "" {
		path = need(t, "redis-server")
	}
	r := &RedisServer{}
	startOwned(t, func() *Process {
		ports, err := freePorts(2)
		if err != nil {
			t.Fatal(err)
		}
		r.Addr, r.Port = loopback(ports[0]), ports[0]
		dir := dataDir(t, "redis")
		args := setup.arguments(t, r, dir, ports)
		r.Process = &Process{title: "Redis", path: path, args: args, dir: dir, ready: r.answers}
		return r.Process
	})
	t.Logf("Redis %s at %s, from %s", r.Version, r.Addr, path)
	return r
}

// Valkey starts a Valkey server of its own for the test. It skips the test where valkey-server is not on the PATH, also
// where servers are required: not every system has a package of it.
func Valkey(t testing.TB, opts ...RedisOption) *RedisServer {
	t.Helper()
	path, err := exec.LookPath("valkey-server")
	if err != nil {
		t.Skip("Valkey is not installed: no valkey-server on the PATH")
	}
	r := Redis(t, append(opts, func(s *redisSetup) { s.program = path })...)
	if r.Version = r.Field(t, "server", "valkey_version"); r.Version == "" {
		t.Fatalf("%s does not say that it is Valkey", path)
	}
	return r
}

// SharedRedis returns the server that the tests of this process share. Each test uses a prefix of its own.
func SharedRedis(t testing.TB) *RedisServer {
	t.Helper()
	return once(t, "redis", func(t testing.TB) *RedisServer { return Redis(t) })
}

// arguments returns the command line, and fills in r.
func (s *redisSetup) arguments(t testing.TB, r *RedisServer, dir string, ports []int) []string {
	t.Helper()
	var args []string
	if s.sentinel {
		// Sentinel writes to its configuration, and takes nothing else first.
		conf := filepath.Join(dir, "sentinel.conf")
		if err := os.WriteFile(conf, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		args = append(args, conf, "--sentinel")
	} else {
		args = append(args, "--save", "", "--appendonly", "no", "--repl-diskless-sync-delay", "0")
	}
	args = append(args, "--bind", "127.0.0.1", "--dir", dir, "--daemonize", "no")
	port := strconv.Itoa(ports[0])
	if s.tls {
		files := issue(t, dir)
		r.tls, r.Authority = files.client, files.authority
		args = append(args, "--port", "0", "--tls-port", port, "--tls-auth-clients", "no",
			"--tls-cert-file", files.cert, "--tls-key-file", files.key, "--tls-ca-cert-file", files.authority)
	} else {
		args = append(args, "--port", port)
	}
	if s.password {
		r.Password = rand.Text()
		args = append(args, "--requirepass", r.Password, "--masterauth", r.Password)
	}
	if s.cluster {
		r.BusPort = ports[1]
		args = append(args, "--cluster-enabled", "yes", "--cluster-config-file", "nodes.conf",
			"--cluster-port", strconv.Itoa(ports[1]), "--cluster-node-timeout", "2000")
	}
	return append(args, s.args...)
}

// answers asks the server who it is.
func (r *RedisServer) answers(ctx context.Context) error {
	// The client logs each connection that is refused, so it comes second.
	conn, err := net.Dial("tcp", r.Addr)
	if err != nil {
		return err
	}
	conn.Close()
	c := r.client()
	defer c.Close()
	info, err := c.Info(ctx, "server").Result()
	if err != nil {
		return err
	}
	version, ok := infoField(info, "redis_version")
	if !ok {
		return fmt.Errorf("the server at %s does not say that it is Redis: %q", r.Addr, info)
	}
	if pid, _ := infoField(info, "process_id"); pid != strconv.Itoa(r.pid()) {
		return fmt.Errorf("the server at %s is another process, %s instead of %d", r.Addr, pid, r.pid())
	}
	r.Version = version
	return nil
}

// client returns a client of the server, as its default user.
func (r *RedisServer) client() *redis.Client {
	return redis.NewClient(&redis.Options{
		Addr: r.Addr, Password: r.Password, TLSConfig: r.tls, PoolSize: 2, DialerRetries: 1,
		ReadTimeout: 10 * time.Second, DisableIdentity: true, Protocol: 2,
	})
}

// URL returns the server's URL for the Redis backend, with the password, and with parameters given as "name=value".
func (r *RedisServer) URL(params ...string) string { return r.url("", r.Password, params) }

// URLFor is URL for another user than the default one.
func (r *RedisServer) URLFor(user, password string, params ...string) string {
	return r.url(user, password, params)
}

func (r *RedisServer) url(username, password string, params []string) string {
	scheme, user := "redis", ""
	if r.tls != nil {
		scheme = "rediss"
		params = append(params, "tls-ca="+r.Authority)
	}
	if password != "" {
		user = url.UserPassword(username, password).String() + "@"
	}
	u := scheme + "://" + user + r.Addr
	if len(params) > 0 {
		u += "?" + strings.Join(params, "&")
	}
	return u
}

// TLS returns the configuration with which the server's certificate is accepted; nil without TLS.
func (r *RedisServer) TLS() *tls.Config { return r.tls.Clone() }

// Do runs a command as the server's default user and returns its answer.
func (r *RedisServer) Do(t testing.TB, args ...any) any {
	t.Helper()
	c := r.client()
	defer c.Close()
	// Not the test's context: cleanups use this too.
	ctx, cancel := context.WithTimeout(context.Background(), readyWithin)
	defer cancel()
	v, err := c.Do(ctx, args...).Result()
	if err != nil && !errors.Is(err, redis.Nil) {
		t.Fatalf("redis at %s: %v: %v", r.Addr, args, err)
	}
	return v
}

// Keys returns every key of the server, in no order.
func (r *RedisServer) Keys(t testing.TB) []string {
	t.Helper()
	var keys []string
	for _, k := range r.Do(t, "keys", "*").([]any) {
		keys = append(keys, k.(string))
	}
	return keys
}

// Commands returns how often each command was called since the last ResetCommands, by its name in lower case. Those
// that this package itself used to ask are not counted.
func (r *RedisServer) Commands(t testing.TB) map[string]int {
	t.Helper()
	stats := r.Do(t, "info", "commandstats").(string)
	counts := map[string]int{}
	for line := range strings.Lines(stats) {
		name, rest, ok := strings.Cut(strings.TrimPrefix(strings.TrimSpace(line), "cmdstat_"), ":calls=")
		if !ok {
			continue
		}
		calls, _, _ := strings.Cut(rest, ",")
		n, err := strconv.Atoi(calls)
		if err != nil {
			t.Fatalf("commandstats of redis at %s: %q", r.Addr, line)
		}
		counts[name] = n
	}
	delete(counts, "config|resetstat")
	delete(counts, "info")
	if counts["hello"]--; counts["hello"] <= 0 {
		delete(counts, "hello") // the connection that asked
	}
	return counts
}

// ResetCommands sets the counts of Commands to zero.
func (r *RedisServer) ResetCommands(t testing.TB) {
	t.Helper()
	r.Do(t, "config", "resetstat")
}

// Field returns a field of the server's INFO, for example "role".
func (r *RedisServer) Field(t testing.TB, section, name string) string {
	t.Helper()
	v, _ := infoField(r.Do(t, "info", section).(string), name)
	return v
}

// infoField returns one field of what INFO answered.
func infoField(info, name string) (string, bool) {
	for line := range strings.Lines(info) {
		if v, ok := strings.CutPrefix(strings.TrimSpace(line), name+":"); ok {
			return v, true
		}
	}
	return "", false
}

// eventually polls until done reports true, and fails the test when it does not within the time that a server gets.
func eventually(t testing.TB, what string, done func() bool) {
	t.Helper()
	deadline := time.Now().Add(readyWithin)
	for !done() {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within %v", what, readyWithin)
		}
		time.Sleep(20 * time.Millisecond)
	}
}
