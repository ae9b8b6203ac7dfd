// Package guard tells requests that this machine's developer makes from those that a web page elsewhere makes a browser
// send: the browser reaches loopback addresses too, with the developer's rights.
package guard

import (
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"
)

// LoopbackHost reports whether a Host field, with or without a port, is a loopback address or a name that always means
// one. Any other name may be one that its owner points at 127.0.0.1 for the moment (DNS rebinding).
func LoopbackHost(host string) bool {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	host = strings.ToLower(strings.TrimSuffix(strings.Trim(host, "[]"), "."))
	return host == "localhost" || strings.HasSuffix(host, ".localhost") || LoopbackIP(host)
}

// LoopbackIP reports whether s is an address of this machine only.
func LoopbackIP(s string) bool {
	ip := net.ParseIP(s)
	return ip != nil && ip.IsLoopback()
}

// FromHere reports whether the client is on this machine and knows it by a loopback name.
func FromHere(r *http.Request) bool {
	remote, _, err := net.SplitHostPort(r.RemoteAddr)
	return err == nil && LoopbackIP(remote) && LoopbackHost(r.Host)
}

// Foreign reports whether a browser sent the request on behalf of a page of another origin. Clients that are no browsers
// send neither of the two fields.
func Foreign(r *http.Request) bool {
	switch r.Header.Get("Sec-Fetch-Site") {
	case "", "same-origin", "none":
	default:
		return true
	}
	for _, origin := range r.Header.Values("Origin") {
		u, err := url.Parse(origin)
		if err != nil || u.Scheme != "http" || !strings.EqualFold(u.Host, r.Host) {
			return true
		}
	}
	return false
}

// Machines wraps a server that programs on this machine talk to and browsers never do: whatever a browser sends, and
// whatever names another host, is refused.
func Machines(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !LoopbackHost(r.Host) || r.Header.Get("Origin") != "" || r.Header.Get("Sec-Fetch-Site") != "" {
			http.Error(w, "this address is for programs on this machine, not for browsers", http.StatusForbidden)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// TokenHeader carries the token of a state-changing request.
const TokenHeader = "X-Stillwarm-Token"

// Token proves that a request comes from a page that this process served.
type Token string

// NewToken returns a token that nobody else has.
func NewToken() Token { return Token(rand.Text()) }

// Admits reports whether the request carries the token and comes from no other origin.
func (t Token) Admits(r *http.Request) bool {
	return !Foreign(r) && subtle.ConstantTimeCompare([]byte(r.Header.Get(TokenHeader)), []byte(t)) == 1
}

// ErrSlowBody is the error of [ReadBody] where the body did not arrive in time.
var ErrSlowBody = errors.New("the request's body did not arrive in time")

// ReadBody reads a request's body of at most limit bytes, for at most the given time. A longer body is an
// *http.MaxBytesError.
func ReadBody(w http.ResponseWriter, r *http.Request, limit int64, within time.Duration) ([]byte, error) {
	c := http.NewResponseController(w)
	bounded := c.SetReadDeadline(time.Now().Add(within)) == nil
	b, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return nil, ErrSlowBody // the connection is of no more use: its deadline stays
	}
	if bounded {
		_ = c.SetReadDeadline(time.Time{})
	}
	return b, err
}
