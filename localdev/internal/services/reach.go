package services

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"strings"
	"time"
)

// unreachable returns what to do where the backend's server does not answer, or "".
func unreachable(ctx context.Context, u *url.URL) string {
	address, advice := server(u)
	if address == "" {
		return ""
	}
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", address)
	if err == nil {
		_ = conn.Close()
		return ""
	}
	return fmt.Sprintf("nothing answers at %s (%v); the function runs without its backend. %s", address, err, advice)
}

// Health says whether one of the backend's servers takes connections.
type Health struct {
	What    string // "Redis at 127.0.0.1:6379"
	Problem string // "" if it does
	Do      string // what to do
}

// Probe asks the backend's servers whether they take connections.
func (b Backend) Probe(ctx context.Context) []Health {
	var list []Health
	for _, part := range strings.Fields(b.URL) {
		u, err := url.Parse(part)
		if err != nil {
			continue
		}
		address, advice := server(u)
		if address == "" {
			continue
		}
		h := Health{What: serverTitles[u.Scheme] + " at " + address, Do: advice}
		if b.Own {
			h.Do = "It was started by the runner and has ended: stop the runner with Ctrl-C and start it again. Functions run without it meanwhile, and every call computes."
		}
		dial, cancel := context.WithTimeout(ctx, time.Second)
		conn, err := new(net.Dialer).DialContext(dial, "tcp", address)
		cancel()
		if err == nil {
			_ = conn.Close()
		} else {
			h.Problem = "nothing answers: " + err.Error()
		}
		list = append(list, h)
	}
	return list
}

var serverTitles = map[string]string{"redis": "Redis", "rediss": "Redis", "valkey": "Valkey", "valkeys": "Valkey", "s3": "S3 server"}

// server returns the address of a backend's server and how to get one, or "" for a backend without one that could be
// asked here.
func server(u *url.URL) (address, advice string) {
	switch u.Scheme {
	case "redis", "rediss", "valkey", "valkeys":
		return withPort(u.Host, "6379"), "Start it, or pass --backend redis and the runner starts one of its own."
	case "s3":
		endpoint, err := url.Parse(u.Query().Get("endpoint"))
		if err != nil || endpoint.Host == "" {
			return "", "" // the service itself: a function without the network finds out by itself
		}
		port := "80"
		if endpoint.Scheme == "https" {
			port = "443"
		}
		return withPort(endpoint.Host, port), "Start it, or pass --backend s3 and the runner starts one of its own."
	}
	return "", ""
}

func withPort(host, port string) string {
	if host == "" {
		host = "127.0.0.1"
	}
	if _, _, err := net.SplitHostPort(host); err == nil {
		return host
	}
	return net.JoinHostPort(host, port)
}
