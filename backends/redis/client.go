package redis

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"time"

	goredis "github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

// client is what this package uses of a client of one node or of a Cluster. It is narrow so that the linker can leave
// out the hundreds of commands that nobody calls.
type client interface {
	Process(ctx context.Context, cmd goredis.Cmder) error
	Pipeline() goredis.Pipeliner
	Close() error
}

// noRetries turns the client's own retries off: [Manager.do] retries where it is known to help.
const noRetries = -1

// connect returns a client without connecting.
func connect(o Options) client {
	if o.Cluster {
		return goredis.NewClusterClient(clusterOptions(o))
	}
	no := nodeOptions(o)
	if o.Sentinel != "" {
		no.Addr, no.Dialer = o.Sentinel, sentinelDialer(o)
	}
	return goredis.NewClient(no)
}

// nodeOptions sets what the client's defaults get wrong in Lambda: four round trips before the first answer, five dials
// a command, a read timeout of seconds that ignores the context, a pool of ten per processor, and a second pool
// with large buffers for pipelines.
func nodeOptions(o Options) *goredis.Options {
	no := &goredis.Options{
		Addr:     o.Addrs[0],
		Dialer:   dialer(o),
		Username: o.Username,
		Password: o.Password,
		DB:       o.DB,

		MaxRetries:    noRetries,
		DialTimeout:   dialBudget(o),
		DialerRetries: 1,
		ReadTimeout:   o.ReadTimeout,
		WriteTimeout:  o.WriteTimeout,

		ContextTimeoutEnabled:    true,
		PoolSize:                 o.Pool,
		MaxActiveConns:           o.Pool,
		PoolTimeout:              o.DialTimeout + o.ReadTimeout,
		PipelinePoolSize:         -1,
		ConnMaxIdleTime:          o.Idle,
		DisableIdentity:          true,
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
	}
	if o.Credentials != nil {
		no.CredentialsProviderContext = credentials(o)
		no.ConnMaxLifetime, no.ConnMaxLifetimeJitter = tokenConnLife, tokenConnLife/10
	}
	return no
}

// dialBudget is how long the client waits for the dialer. It is longer than the dialer takes, which is what ends an
// attempt, so that the reason is the dialer's.
func dialBudget(o Options) time.Duration {
	one := 2 * (o.DialTimeout + o.ReadTimeout)
	if o.Sentinel != "" {
		one *= time.Duration(len(o.Addrs) + 1)
	}
	return one
}

// tokenConnLife is when a connection that was opened with a token is replaced: ElastiCache closes it after 12 hours.
const tokenConnLife = 10 * time.Hour

// clusterOptions is nodeOptions for the nodes of a Cluster.
func clusterOptions(o Options) *goredis.ClusterOptions {
	no := nodeOptions(o)
	return &goredis.ClusterOptions{
		Addrs:                      o.Addrs,
		Dialer:                     no.Dialer,
		Username:                   no.Username,
		Password:                   no.Password,
		CredentialsProviderContext: no.CredentialsProviderContext,

		// One for the redirection to where a slot has moved, one for a node that has gone.
		MaxRedirects:  2,
		MaxRetries:    noRetries,
		DialTimeout:   no.DialTimeout,
		DialerRetries: no.DialerRetries,
		ReadTimeout:   no.ReadTimeout,
		WriteTimeout:  no.WriteTimeout,

		ContextTimeoutEnabled:    true,
		PoolSize:                 no.PoolSize,
		MaxActiveConns:           no.MaxActiveConns,
		PoolTimeout:              no.PoolTimeout,
		PipelinePoolSize:         -1,
		ConnMaxIdleTime:          no.ConnMaxIdleTime,
		ConnMaxLifetime:          no.ConnMaxLifetime,
		ConnMaxLifetimeJitter:    no.ConnMaxLifetimeJitter,
		DisableIdentity:          true,
		DisableRoutingPolicies:   true,
		MaintNotificationsConfig: no.MaintNotificationsConfig,
		// A slot that has moved is noticed by its redirection; asking every minute is for long-lived processes.
		ClusterStateReloadInterval: 10 * time.Minute,
	}
}

// credentials marks what goes wrong as what it is, so that it is not taken for the server's refusal.
func credentials(o Options) func(context.Context) (string, string, error) {
	return func(ctx context.Context) (string, string, error) {
		username, password, err := o.Credentials(ctx)
		if err != nil {
			return "", "", &credentialsError{err}
		}
		return username, password, nil
	}
}

// dialFunc opens a connection.
type dialFunc = func(ctx context.Context, network, addr string) (net.Conn, error)

// dialer returns how connections are opened. It never fails: see [deadConn].
func dialer(o Options) dialFunc {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := dial(ctx, network, addr, o)
		return orDead(conn, err), nil
	}
}

// dial opens one connection, with TLS where it is configured. The client's own dialer does not end a TLS handshake
// with the context.
func dial(ctx context.Context, network, addr string, o Options) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, o.DialTimeout)
	defer cancel()
	if o.TLS == nil {
		return new(net.Dialer).DialContext(ctx, network, addr)
	}
	return (&tls.Dialer{Config: o.TLS}).DialContext(ctx, network, addr)
}

// sentinelDialer returns a dialer that asks the Sentinels for the primary each time a connection is opened. The
// client's own failover support listens to the Sentinels in the background, which a frozen container cannot; the
// connections to a primary that has changed roles are closed by the Sentinels, and by the client at a READONLY.
func sentinelDialer(o Options) dialFunc {
	return func(ctx context.Context, network, _ string) (net.Conn, error) {
		var failures []error
		for _, sentinel := range o.Addrs {
			addr, err := askSentinel(ctx, o, sentinel)
			if err == nil {
				conn, err := dial(ctx, network, addr, o)
				return orDead(conn, err), nil
			}
			failures = append(failures, fmt.Errorf("sentinel %s: %w", sentinel, err))
			if ctx.Err() != nil {
				break
			}
		}
		return orDead(nil, errors.Join(failures...)), nil //nolint:nilerr // the dead connection reports them
	}
}

// askSentinel returns the address of the primary.
func askSentinel(ctx context.Context, o Options, sentinel string) (string, error) {
	so := o
	so.Addrs, so.Sentinel, so.DB, so.Pool = []string{sentinel}, "", 0, 1
	so.Username, so.Password, so.Credentials = o.SentinelUsername, o.SentinelPassword, nil
	c := goredis.NewClient(nodeOptions(so))
	defer c.Close()
	cmd := goredis.NewStringSliceCmd(ctx, "sentinel", "get-master-addr-by-name", o.Sentinel)
	if err := c.Process(ctx, cmd); err != nil {
		if errors.Is(err, goredis.Nil) {
			return "", fmt.Errorf("it knows no primary named %q", o.Sentinel)
		}
		return "", err
	}
	addr := cmd.Val()
	if len(addr) != 2 {
		return "", fmt.Errorf("it answered with %d parts instead of host and port", len(addr))
	}
	return net.JoinHostPort(addr[0], addr[1]), nil
}
