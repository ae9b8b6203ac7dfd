package redis

import (
	"net"
	"syscall"
	"time"
)

// deadConn stands for a connection that could not be opened: whoever uses it gets the reason. The client takes a dialer
// that fails for an occasion to log a line for every call, and after a few of them to dial in the background until
// it succeeds, which must not happen in a container that may be frozen. A connection whose first command fails, it
// gives back quietly.
type deadConn struct{ err error }

// orDead returns conn, or a connection that only tells err.
func orDead(conn net.Conn, err error) net.Conn {
	if err != nil {
		// The client takes one layer off the error of a connection's first command.
		return deadConn{&dialError{&dialError{err}}}
	}
	return conn
}

// SyscallConn fails, and so does the check that the client makes before it uses a connection that rested in its pool:
// one that nobody waited for any more does not tell a later call of a failure that may be over.
func (c deadConn) SyscallConn() (syscall.RawConn, error) { return nil, c.err }

func (c deadConn) Read([]byte) (int, error)       { return 0, c.err }
func (c deadConn) Write([]byte) (int, error)      { return 0, c.err }
func (deadConn) Close() error                     { return nil }
func (deadConn) LocalAddr() net.Addr              { return &net.TCPAddr{} }
func (deadConn) RemoteAddr() net.Addr             { return &net.TCPAddr{} }
func (deadConn) SetDeadline(time.Time) error      { return nil }
func (deadConn) SetReadDeadline(time.Time) error  { return nil }
func (deadConn) SetWriteDeadline(time.Time) error { return nil }
