package redis

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"strings"
	"syscall"
	"time"

	goredis "github.com/redis/go-redis/v9"
	"github.com/stillwarm/stillwarm/backends"
)

const noPermission = "the ACL user lacks a permission: see docs/redis.md for the commands and keys that are used"

// answers says what a server's error means for whoever runs the function. The first prefix that fits counts.
var answers = []struct {
	prefix    string
	hint      string
	permanent bool
}{
	{"NOAUTH", "the server asks for credentials: put user and password into the URL, or set Options.Credentials", true},
	{"WRONGPASS", "check user and password of the URL; a token may be over, or for another user or cache", true},
	{"ERR invalid password", "check the password of the URL", true},
	{"ERR AUTH", "the server has no password: take it out of the URL", true},
	{"NOPERM", noPermission, true},
	{"ERR The user executing the script can't", noPermission, true},
	{"CROSSSLOT", "this is a cluster: add cluster=true to the URL", true},
	{"MOVED", "this is a cluster: add cluster=true to the URL", true},
	{"ERR This instance has cluster support disabled", "this is no cluster: take cluster=true out of the URL", true},
	{"ERR DB index", "the server has no database of that number: check the path of the URL", true},
	{"ERR SELECT is not allowed in cluster mode", "a cluster has database 0 only: check the path of the URL", true},
	{"ERR unknown command", "Redis 6.2 or later, or Valkey, is needed, with its commands not renamed", true},
	{"WRONGTYPE", "a key below the prefix belongs to somebody else: choose another prefix", true},
	{"LOADING", "the server is loading its data and answers when that is done", false},
	{"READONLY", "this is a replica: use the primary endpoint; after a failover the next call finds the new primary", false},
	{"OOM", "the server is full and evicts nothing: use the policy allkeys-lru, or give it more memory", false},
	{"MISCONF", "the server cannot save to its disk and refuses writes", false},
	{"MASTERDOWN", "the replica has lost its primary", false},
	{"CLUSTERDOWN", "the cluster does not serve all slots: check its nodes", false},
	{"ERR max number of clients", "the server has no connection left (maxclients): lower the pool parameter or the function's concurrency, or raise its maxclients", false},
}

// wrap turns what an attempt returned into what callers of this package see.
func (m *Manager) wrap(ctx context.Context, op string, err error) error {
	if err == nil {
		return nil
	}
	if ended := ended(ctx, err); ended != nil {
		return ended
	}
	if _, ok := errors.AsType[*backends.Error](err); ok {
		return err
	}
	if m.closed.Load() {
		return backends.ErrClosed
	}
	for _, own := range []error{backends.ErrConflict, backends.ErrTooLarge, backends.ErrLeased, backends.ErrMarked, backends.ErrLeaseLost} {
		if errors.Is(err, own) {
			return err
		}
	}
	hint, permanent := m.explain(err)
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		// A timeout of our own: it must not look like the end of the caller's context.
		err = errors.New(err.Error())
	}
	return &backends.Error{Backend: m.place, Op: op, Hint: hint, Permanent: permanent, Err: err}
}

// ended returns the context's error where the context has ended, or is about to and err is the timeout that came of it:
// a connection's deadline passes a little before the context's timer fires.
func ended(ctx context.Context, err error) error {
	if cause := ctx.Err(); cause != nil {
		return cause
	}
	if deadline, ok := ctx.Deadline(); ok && timedOut(err) && !time.Now().Before(deadline) {
		return context.DeadlineExceeded
	}
	return nil
}

// timedOut reports whether err is a timeout, be it the network's or a context's.
func timedOut(err error) bool {
	if ne, ok := errors.AsType[net.Error](err); ok && ne.Timeout() {
		return true
	}
	return errors.Is(err, context.DeadlineExceeded) || errors.Is(err, goredis.ErrPoolTimeout)
}

// explain returns what to check or do about an error, and whether nothing but that helps.
func (m *Manager) explain(err error) (hint string, permanent bool) {
	if e, ok := errors.AsType[goredis.Error](err); ok {
		text := answer(e)
		for _, a := range answers {
			if strings.HasPrefix(text, a.prefix) {
				return a.hint, a.permanent
			}
		}
		return "", false
	}
	if _, ok := errors.AsType[*credentialsError](err); ok {
		return "check how the credentials are obtained", false
	}
	return m.explainNetwork(err)
}

// answer returns the server's error. Redis 6 wraps what a command in a script was refused for into one of its own:
// "ERR Error running script (call to f_...): @user_script:4: @user_script: 4: -READONLY ...".
func answer(e goredis.Error) string {
	text := e.Error()
	if strings.HasPrefix(text, "ERR Error running script") {
		if _, inner, ok := strings.Cut(text, ": -"); ok {
			return inner
		}
	}
	return text
}

// changedRoles reports whether the server says that it is a replica: after a failover, the primary is another one.
func changedRoles(err error) bool {
	e, ok := errors.AsType[goredis.Error](err)
	if !ok {
		return false
	}
	text := answer(e)
	return strings.HasPrefix(text, "READONLY") || strings.HasPrefix(text, "MASTERDOWN")
}

// explainNetwork is explain for what is not the server's answer.
func (m *Manager) explainNetwork(err error) (hint string, permanent bool) {
	dial := isDial(err)
	var (
		record    tls.RecordHeaderError
		authority x509.UnknownAuthorityError
		hostname  x509.HostnameError
		dns       *net.DNSError
	)
	switch {
	case errors.As(err, &record):
		return "the server does not speak TLS there: use redis:// instead of rediss://", true
	case errors.As(err, &authority):
		return "the server's certificate is not known: give its authority with tls-ca", true
	case errors.As(err, &hostname):
		return "the server's certificate is for another name: check the host of the URL", true
	case errors.Is(err, syscall.ECONNREFUSED):
		return "nothing listens there: check host and port", false
	case errors.As(err, &dns):
		return "the host name does not resolve: check it, and that the function is in the right VPC", false
	case errors.Is(err, goredis.ErrPoolTimeout):
		return "all connections are in use: raise the pool parameter", false
	case dial && timedOut(err):
		hint = "no connection within " + m.opts.DialTimeout.String() +
			": check the security groups, and that the function is in the right VPC"
		if m.opts.TLS != nil {
			hint += "; where the server does not speak TLS, use redis://"
		}
		return hint, false
	case timedOut(err):
		return "no answer within " + m.opts.ReadTimeout.String() + ": see the read-timeout parameter", false
	case m.opts.TLS == nil && (errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)):
		return "the server closed the connection: it may be out of connections (maxclients), or expect TLS, then use rediss://", false
	}
	return "", false
}

// dialError marks an error that came before there was a connection.
type dialError struct{ err error }

func (e *dialError) Error() string { return e.err.Error() }

// Unwrap returns the cause.
func (e *dialError) Unwrap() error { return e.err }

// isDial reports whether err came before there was a connection.
func isDial(err error) bool {
	_, ok := errors.AsType[*dialError](err)
	return ok
}

// credentialsError marks a failure of Options.Credentials.
type credentialsError struct{ err error }

func (e *credentialsError) Error() string { return "credentials: " + e.err.Error() }

// Unwrap returns the cause.
func (e *credentialsError) Unwrap() error { return e.err }
