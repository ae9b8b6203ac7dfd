package redis

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	goredis "github.com/redis/go-redis/v9"
	"github.com/stillwarm/stillwarm/backends"
	"github.com/stillwarm/stillwarm/internal/logs"
)

// Manager keeps the entries of cached functions in Redis. It implements [backends.PersistenceManager] and
// [backends.Pruner], and is safe for concurrent use.
type Manager struct {
	opts  Options
	place string // for messages: no credentials
	epoch any    // the epoch's key, as an argument

	closed atomic.Bool
	used   atomic.Int64             // wall clock of the last use, in nanoseconds
	live   atomic.Pointer[liveness] // nil until the first use

	mu          sync.Mutex // guards replacing live
	reconnected time.Time  // when live was replaced for a change of roles
	warned      bool       // of certificates that are not verified
}

// liveness is one client, for an atomic pointer.
type liveness struct{ client client }

var (
	_ backends.PersistenceManager = (*Manager)(nil)
	_ backends.Pruner             = (*Manager)(nil)
	_ backends.FunctionLister     = (*Manager)(nil)
)

// New returns a manager. It does not connect: wrong hosts and credentials show at the first call.
func New(o Options) (*Manager, error) {
	o, err := o.complete()
	if err != nil {
		return nil, err
	}
	scheme := "redis"
	if o.TLS != nil {
		scheme = "rediss"
	}
	place := scheme + "://" + strings.Join(o.Addrs, ",")
	if o.DB != 0 {
		place += "/" + strconv.Itoa(o.DB)
	}
	return &Manager{opts: o, place: place, epoch: epochKey(o.Prefix)}, nil
}

// Store returns the store of one function. It does not connect.
func (m *Manager) Store(_ context.Context, fn backends.Function) (backends.Store, error) {
	if m.closed.Load() {
		return nil, backends.ErrClosed
	}
	if err := m.Check(fn); err != nil {
		return nil, err
	}
	n := functionNames(m.opts.Prefix, fn.Namespace, fn.Name)
	return &Store{m: m, names: n, generation: n.generation}, nil
}

// Check reports whether Redis can honour the function's parameters. It keeps time in milliseconds.
func (m *Manager) Check(fn backends.Function) error {
	if err := backends.CheckFunction(fn); err != nil {
		return err
	}
	if fn.TTL > 0 && fn.TTL < time.Millisecond {
		return fmt.Errorf("redis: function %q: ttl %v: Redis keeps time in milliseconds; use 1ms or more", fn.Name, fn.TTL)
	}
	return nil
}

// ClearAll makes every entry below the prefix a miss, by one write.
func (m *Manager) ClearAll(ctx context.Context) error {
	return m.doOnce(ctx, "clear all", func(c client) error {
		return c.Process(ctx, once{goredis.NewCmd(ctx, "set", m.epoch, newGeneration())})
	})
}

// Close closes the connections. Calls that are under way fail with [backends.ErrClosed], as later ones do. Closing twice
// is harmless.
func (m *Manager) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed.Swap(true) {
		return nil
	}
	if l := m.live.Swap(nil); l != nil {
		return l.client.Close()
	}
	return nil
}

// get returns the client to use now. After a gap in which nobody called, longer than connections may rest, it is a new
// one: the container may have been frozen, and a connection that a network has forgotten costs a read timeout.
// The gap is measured by the wall clock, since the monotonic one may have stood still.
func (m *Manager) get() (*liveness, error) {
	now := m.opts.Clock().UnixNano()
	last := m.used.Load()
	if l := m.live.Load(); l != nil && now-last < int64(m.opts.Idle) {
		if now > last {
			m.used.Store(now)
		}
		return l, nil
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed.Load() {
		return nil, backends.ErrClosed
	}
	l := m.live.Load()
	if l != nil && now-m.used.Load() >= int64(m.opts.Idle) {
		_ = l.client.Close()
		l = nil
	}
	if l == nil {
		if m.opts.TLS != nil && m.opts.TLS.InsecureSkipVerify && !m.warned {
			m.warned = true
			logs.Or(m.opts.Logger).Warn("TLS certificates are not verified: anyone on the network path can read and change entries; "+
				"outside of tests give the authority with tls-ca, and remove tls-insecure", "backend", m.place)
		}
		l = &liveness{connect(m.opts)}
		m.live.Store(l)
	}
	m.used.Store(now)
	return l, nil
}

// reconnect drops a client whose server has turned out to be a replica: its other connections lead to the same server,
// which may not even have what the new primary holds. Calls under way are tried again. It does so once in a while only, or
// calls beside a server that stays a replica would have their connections closed again and again.
func (m *Manager) reconnect(old *liveness) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.opts.Cluster || !m.reconnected.IsZero() && time.Since(m.reconnected) < reconnectEvery {
		return // a Cluster's client asks by itself where the slots are
	}
	if m.live.CompareAndSwap(old, nil) {
		m.reconnected = time.Now()
		_ = old.client.Close()
	}
}

// reconnectEvery is the least time between two changes of roles for which every connection is replaced.
const reconnectEvery = time.Second

// do runs f, a second time where that may help, and returns its error as callers see it. f must be safe to run twice.
func (m *Manager) do(ctx context.Context, op string, f func(client) error) error {
	return m.try(ctx, op, m.opts.Cluster, f)
}

// doOnce is do for commands that the client itself must not repeat: see [once].
func (m *Manager) doOnce(ctx context.Context, op string, f func(client) error) error {
	return m.try(ctx, op, false, f)
}

// try is do. retried says that the client has tried again by itself what is worth trying again.
func (m *Manager) try(ctx context.Context, op string, retried bool, f func(client) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	var err error
	for tries := range 2 {
		l, gone := m.get()
		if gone != nil {
			return gone
		}
		if err = f(l.client); err == nil || errors.Is(err, goredis.Nil) {
			return err
		}
		if ended(ctx, err) != nil || !m.again(err, retried) {
			break
		}
		if tries == 0 && changedRoles(err) {
			m.reconnect(l)
		}
	}
	return m.wrap(ctx, op, err)
}

// again reports whether a second try may help: the connection was an old one that has died, the client was replaced
// by another call, or the server has changed roles. A server that cannot be reached is not tried twice.
func (m *Manager) again(err error, retried bool) bool {
	switch {
	case isDial(err):
		return false
	case errors.Is(err, goredis.ErrClosed):
		return true
	case retried:
		return false
	case changedRoles(err):
		return true
	case errors.Is(err, goredis.ErrPoolTimeout):
		return false
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return true
	}
	_, network := errors.AsType[net.Error](err)
	return network
}
