package redis

import (
	"net"
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
		return deadConn{&dialError{err}}
	}
	return conn
}

func (c deadConn) Read([]byte) (int, error)       { return 0, c.err }
func (c deadConn) Write([]byte) (int, error)      { return 0, c.err }
func (deadConn) Close() error                     { return nil }
func (deadConn) LocalAddr() net.Addr              { return &net.TCPAddr{} }
func (deadConn) RemoteAddr() net.Addr             { return &net.TCPAddr{} }
func (deadConn) SetDeadline(time.Time) error      { return nil }
func (deadConn) SetReadDeadline(time.Time) error  { return nil }
func (deadConn) SetWriteDeadline(time.Time) error { return nil }
