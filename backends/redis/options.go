package redis

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Defaults of [Options].
const (
	DefaultAddr         = "localhost:6379"
	DefaultPrefix       = "stillwarm"
	DefaultMaxEntry     = 64 << 20
	DefaultDialTimeout  = time.Second
	DefaultReadTimeout  = 300 * time.Millisecond
	DefaultWriteTimeout = time.Second
	DefaultIdle         = 5 * time.Minute
)

// largestEntry is what Redis keeps in one string, less what is added to an entry.
const largestEntry = 512<<20 - 1<<20

// Options say which Redis to use and how. The zero value is a server on this machine.
type Options struct {
	// Addrs are host:port of the server, of some nodes of the Cluster, or of the Sentinels. A port that is left out
	// is 6379, or 26379 for Sentinels. Empty means [DefaultAddr].
	Addrs []string
	// Cluster says that Addrs belong to a Cluster. ElastiCache serverless is one.
	Cluster bool
	// Sentinel is the name under which Sentinels know the primary. Where it is set, Addrs are Sentinels.
	Sentinel string
	// SentinelUsername and SentinelPassword are for the Sentinels themselves.
	SentinelUsername, SentinelPassword string
	// Username and Password are for the server. An empty user name is the server's default user.
	Username, Password string
	// Credentials returns user name and password for each new connection, in place of Username and Password: for
	// passwords that rotate and tokens that live for minutes. It is called by several goroutines. See [IAM].
	Credentials func(ctx context.Context) (username, password string, err error)
	// DB is the number of the database. A number other than 0 costs a new connection one more round trip.
	DB int
	// TLS, if it is set, turns TLS on. It is copied; the server name is added where it has none.
	TLS *tls.Config
	// Prefix begins every key: letters, digits, "-", "_", "." and "/". Empty means [DefaultPrefix].
	Prefix string
	// MaxEntry is the size in bytes of the largest entry; a larger one is refused with backends.ErrTooLarge. Zero
	// means [DefaultMaxEntry]; 511 MiB is the most.
	MaxEntry int64
	// Pool is the largest number of connections, to each node of a Cluster. Zero means what one process needs: the
	// number of invocations that it runs at once (AWS_LAMBDA_MAX_CONCURRENCY) and a few for what follows them.
	Pool int
	// DialTimeout bounds a connection attempt, TLS included. Zero means [DefaultDialTimeout].
	DialTimeout time.Duration
	// ReadTimeout bounds the wait for an answer, WriteTimeout that for sending. Zero means the defaults. After a thaw
	// a dead connection costs one ReadTimeout, so it is short; raise it together with MaxEntry.
	ReadTimeout, WriteTimeout time.Duration
	// Idle is how long, by the wall clock, connections may rest before they are replaced instead of used again.
	// Zero means [DefaultIdle]: shorter than the 350 s after which AWS's networks forget a connection.
	Idle time.Duration
	// Logger receives warnings for operators that no error reports. Nil: slog.Default where the program has set one,
	// else standard error.
	Logger *slog.Logger
	// Clock is the wall clock; nil means time.Now.
	Clock func() time.Time
}

// complete returns the options with defaults filled in, or an error that names the option, its value and what is
// accepted. It shares no memory with the options it was given.
func (o Options) complete() (Options, error) {
	if len(o.Addrs) == 0 {
		o.Addrs = []string{DefaultAddr}
	}
	port := "6379"
	if o.Sentinel != "" {
		port = "26379"
	}
	o.Addrs = slices.Clone(o.Addrs)
	for i, addr := range o.Addrs {
		full, err := withPort(addr, port)
		if err != nil {
			return o, err
		}
		o.Addrs[i] = full
	}
	if o.TLS != nil {
		o.TLS = o.TLS.Clone()
		if o.TLS.ClientSessionCache == nil {
			o.TLS.ClientSessionCache = tls.NewLRUClientSessionCache(0)
		}
	}
	o.Prefix = or(o.Prefix, DefaultPrefix)
	o.MaxEntry = or(o.MaxEntry, DefaultMaxEntry)
	o.Pool = or(o.Pool, defaultPool())
	o.DialTimeout = or(o.DialTimeout, DefaultDialTimeout)
	o.ReadTimeout = or(o.ReadTimeout, DefaultReadTimeout)
	o.WriteTimeout = or(o.WriteTimeout, DefaultWriteTimeout)
	o.Idle = or(o.Idle, DefaultIdle)
	if o.Clock == nil {
		o.Clock = time.Now
	}
	return o, o.check()
}

// or returns v, or fallback where v is zero.
func or[T comparable](v, fallback T) T {
	var zero T
	if v == zero {
		return fallback
	}
	return v
}

// check returns an error for what cannot work.
func (o Options) check() error {
	switch {
	case o.Cluster && o.Sentinel != "":
		return errors.New("redis: Cluster and Sentinel exclude each other: a Cluster fails over by itself")
	case o.Cluster && o.DB != 0:
		return fmt.Errorf("redis: database %d: a Cluster has database 0 only", o.DB)
	case !o.Cluster && o.Sentinel == "" && len(o.Addrs) > 1:
		return fmt.Errorf("redis: %d hosts: several hosts need cluster=true or sentinel=<name>", len(o.Addrs))
	case o.DB < 0:
		return fmt.Errorf("redis: database %d: it must not be negative", o.DB)
	case o.Pool < 1:
		return fmt.Errorf("redis: pool %d: at least 1 connection is needed", o.Pool)
	case o.MaxEntry < 0 || o.MaxEntry > largestEntry:
		return fmt.Errorf("redis: max entry %d: Redis keeps up to 512 MiB in a string; 1 to %d are accepted",
			o.MaxEntry, largestEntry)
	case o.Credentials != nil && (o.Username != "" || o.Password != ""):
		return errors.New("redis: both Credentials and a user name or password are given: give one of them")
	case !plain(o.Prefix):
		return fmt.Errorf("redis: prefix %q: letters, digits, \"-\", \"_\", \".\" and \"/\" are accepted", o.Prefix)
	}
	for name, d := range map[string]time.Duration{
		"dial timeout": o.DialTimeout, "read timeout": o.ReadTimeout, "write timeout": o.WriteTimeout, "idle": o.Idle,
	} {
		if d < time.Millisecond || d > math.MaxInt64/4 {
			return fmt.Errorf("redis: %s %v: a millisecond or more is accepted", name, d)
		}
	}
	return nil
}

// withPort returns addr with a port.
func withPort(addr, port string) (string, error) {
	host, given, err := net.SplitHostPort(addr)
	if err != nil {
		host, given = strings.Trim(addr, "[]"), port
	}
	if host == "" {
		host = "localhost"
	}
	if n, err := strconv.Atoi(given); err != nil || n < 1 || n > 65535 {
		// What stands for the port is not shown: in user:password without a host it is the password.
		return "", fmt.Errorf("redis: host %q: its port must be 1 to 65535, for example %q", host[strings.LastIndexByte(host, '@')+1:], DefaultAddr)
	}
	return net.JoinHostPort(host, given), nil
}

// defaultPool returns how many connections a process needs: one for each invocation that runs, and a few for what is
// left for after the response. Outside Lambda one process serves many.
func defaultPool() int {
	if n, err := strconv.Atoi(os.Getenv("AWS_LAMBDA_MAX_CONCURRENCY")); err == nil && n > 0 {
		return n + 3
	}
	if os.Getenv("AWS_LAMBDA_FUNCTION_NAME") != "" {
		return 4
	}
	return 16
}
