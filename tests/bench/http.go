package bench

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"

	peercache "github.com/bartventer/httpcache"
	_ "github.com/bartventer/httpcache/store/memcache" // its store
	"github.com/stillwarm/stillwarm/adapter"
	"github.com/stillwarm/stillwarm/httpcache"
)

const sectionHTTP = "4. A hit over HTTP, on loopback, one connection"

// httpContests compare a hit through the middleware with a handler that writes the same bytes from a variable, and with
// nginx in front of that handler.
func httpContests(h *host) ([]*contest, error) {
	b := &builder{}
	for _, size := range []struct {
		id, title string
		bytes     int
	}{{"http-1KB", "1 KB", 1 << 10}, {"http-100KB", "100 KB", 100 << 10}} {
		c, err := httpContest(h, newBytes(size.bytes))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", size.id, err)
		}
		c.id, c.title, c.section, c.each, c.rounds = size.id, size.title, sectionHTTP, 200, 40
		c.goals = []goal{over(reference, "", "variable", goalHTTPHit), ahead()}
		b.contests = append(b.contests, c)
	}
	return b.contests, nil
}

func httpContest(h *host, body []byte) (*contest, error) {
	length := strconv.Itoa(len(body))
	variable := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		header := w.Header()
		header.Set("Content-Type", "application/octet-stream")
		header.Set("Cache-Control", "max-age=3600")
		header.Set("Content-Length", length)
		_, _ = w.Write(body)
	})
	rt, err := adapter.New(adapter.Config{Backend: "none", Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return nil, err
	}
	h.Cleanup(func() { _ = rt.Close(context.Background()) })
	cached := httpcache.Middleware(httpcache.WithRuntime(rt))(variable)
	transport, err := transportPeer(h, variable)
	if err != nil {
		return nil, err
	}
	c := &contest{contenders: []contender{
		{name: "Stillwarm, httpcache", role: ours, once: fetch(h, serve(h, cached), body)},
		{
			name: "bartventer/httpcache, ReverseProxy", role: peer, lacks: "a private cache, of one process; no purge, no tags",
			once: fetch(h, serve(h, transport), body),
		},
		{name: "the bytes from a variable", role: reference, once: fetch(h, serve(h, variable), body)},
	}}
	if nginx, err := exec.LookPath("nginx"); err == nil {
		address, err := startNginx(h, nginx, serve(h, variable))
		if err != nil {
			return nil, err
		}
		c.contenders = append(c.contenders, contender{
			name: "nginx, proxy_cache", role: reference, lacks: "another process; no key by caller, no 9213, no tags", once: fetch(h, address, body),
		})
	}
	return c, nil
}

// transportPeer is a cache of the client's side, in front of the handler on loopback.
func transportPeer(h *host, origin http.Handler) (http.Handler, error) {
	target, err := url.Parse(serve(h, origin))
	if err != nil {
		return nil, err
	}
	return &httputil.ReverseProxy{
		Transport: peercache.NewTransport("memcache://", peercache.WithLogger(slog.New(slog.DiscardHandler))),
		Rewrite:   func(r *httputil.ProxyRequest) { r.SetURL(target) },
	}, nil
}

func serve(h *host, handler http.Handler) string {
	srv := httptest.NewServer(handler)
	h.Cleanup(srv.Close)
	return srv.URL
}

// fetch returns a function that fetches the body over one connection and says how long that took.
func fetch(h *host, url string, body []byte) func() (time.Duration, error) {
	transport := &http.Transport{MaxConnsPerHost: 1, DisableCompression: true}
	h.Cleanup(transport.CloseIdleConnections)
	room := make([]byte, len(body)+1)
	return func() (time.Duration, error) {
		r, err := http.NewRequest(http.MethodGet, url+"/", nil)
		if err != nil {
			return 0, err
		}
		start := time.Now()
		resp, err := transport.RoundTrip(r)
		if err != nil {
			return 0, err
		}
		n, err := io.ReadFull(resp.Body, room)
		_ = resp.Body.Close()
		took := time.Since(start)
		if n != len(body) || err != io.ErrUnexpectedEOF { //nolint:errorlint // ReadFull returns it unwrapped
			return 0, fmt.Errorf("%d of %d bytes: %w", n, len(body), err)
		}
		return took, nil
	}
}

const nginxConfig = `daemon off;
worker_processes 1;
pid %[1]s/pid;
error_log %[1]s/error.log;
events {}
http {
	access_log off;
	client_body_temp_path %[1]s/body;
	fastcgi_temp_path %[1]s/fastcgi;
	uwsgi_temp_path %[1]s/uwsgi;
	scgi_temp_path %[1]s/scgi;
	proxy_temp_path %[1]s/proxy;
	proxy_cache_path %[1]s/cache keys_zone=zone:10m;
	keepalive_requests 10000000;
	server {
		listen %[2]s;
		location / {
			proxy_cache zone;
			proxy_pass %[3]s;
		}
	}
}
`

// startNginx starts nginx as a cache in front of an origin and returns its URL.
func startNginx(h *host, program, origin string) (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	addr := l.Addr().String()
	_ = l.Close()
	dir, err := os.MkdirTemp("", "stillwarm-nginx-")
	if err != nil {
		return "", err
	}
	h.Cleanup(func() { _ = os.RemoveAll(dir) })
	conf := filepath.Join(dir, "nginx.conf")
	if err := os.WriteFile(conf, fmt.Appendf(nil, nginxConfig, dir, addr, origin), 0o600); err != nil {
		return "", err
	}
	if err := os.Chmod(dir, 0o755); err != nil { // its workers are another user where it is started by root
		return "", err
	}
	cmd := exec.CommandContext(h.ctx, program, "-c", conf, "-p", dir)
	if err := cmd.Start(); err != nil {
		return "", err
	}
	h.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt)
		_ = cmd.Wait()
	})
	for end := time.Now().Add(10 * time.Second); ; {
		conn, err := net.Dial("tcp", addr)
		if err == nil {
			_ = conn.Close()
			return "http://" + addr, nil
		}
		if time.Now().After(end) {
			return "", fmt.Errorf("nginx does not answer: %w", err)
		}
		time.Sleep(20 * time.Millisecond)
	}
}
