// Package services finds the persistence backend that the function uses, and says what to do where there is none.
package services

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"time"
)

// Service is a server on this machine that the runner starts and ends, for --backend values that are a word.
type Service interface {
	// Start starts the server and returns when it answers: the backend's URL, what to add to the function's environment
	// (K=V), and what ends it, which is called once.
	Start(ctx context.Context) (url string, env []string, stop func(), err error)
}

// known are the services by the word that starts them.
var known = map[string]Service{
	"redis": missing("the local Redis service is not part of this build; " +
		"start redis-server and pass --backend redis://127.0.0.1:6379"),
	"s3": missing("the local S3 service is not part of this build; start an S3 server (MinIO, Versity Gateway) and pass " +
		"--backend 's3://BUCKET?endpoint=http://127.0.0.1:9000'"),
}

// missing is a service that this build does not have.
type missing string

func (m missing) Start(context.Context) (string, []string, func(), error) {
	return "", nil, nil, errors.New(string(m))
}

// Backend is what the function is told to use.
type Backend struct {
	URL  string
	Env  []string // what else it needs in its environment
	Note string   // "removed at the end", or ""
	// Warning says that the backend does not answer and what to start, or "". The function runs all the same: a cache
	// that is down is only slow.
	Warning string
	Stop    func() // ends what was started; never nil
}

// Open returns the backend for a --backend value: a URL, the word of a service, "none", or "" for a disk backend in
// the temporary folder.
func Open(ctx context.Context, value, temp string) (Backend, error) {
	nothing := func() {}
	switch value {
	case "":
		folder := filepath.Join(temp, "cache")
		if err := os.MkdirAll(folder, 0o700); err != nil {
			return Backend{}, fmt.Errorf("folder for the disk backend: %w", err)
		}
		return Backend{URL: "disk://" + filepath.ToSlash(folder), Note: "removed at the end", Stop: nothing}, nil
	case "none":
		return Backend{Note: "memory only", Stop: nothing}, nil
	}
	if service, ok := known[value]; ok {
		address, env, stop, err := service.Start(ctx)
		if err != nil {
			return Backend{}, fmt.Errorf("backend %s: %w", value, err)
		}
		return Backend{URL: address, Env: env, Stop: stop}, nil
	}
	u, err := url.Parse(value)
	if err != nil || u.Scheme == "" {
		return Backend{}, fmt.Errorf("backend %q is neither a URL nor a service; examples: disk:///var/tmp/cache, "+
			"redis://127.0.0.1:6379, 's3://BUCKET?endpoint=http://127.0.0.1:9000', none", value)
	}
	return Backend{URL: value, Warning: unreachable(ctx, u), Stop: nothing}, nil
}

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
		return withPort(u.Host, "6379"), "Start it with redis-server, or install it with apt-get install redis-server or brew install redis."
	case "s3":
		endpoint, err := url.Parse(u.Query().Get("endpoint"))
		if err != nil || endpoint.Host == "" {
			return "", "" // the service itself: a function without the network finds out by itself
		}
		port := "80"
		if endpoint.Scheme == "https" {
			port = "443"
		}
		return withPort(endpoint.Host, port), "Start MinIO (minio server DIR) or Versity Gateway (versitygw posix DIR) there."
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
