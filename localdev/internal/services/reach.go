package services

import (
	"context"
	"fmt"
	"net"
	"net/url"
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
