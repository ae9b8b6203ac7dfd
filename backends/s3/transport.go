package s3

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

const (
	dialTimeout = time.Second
	// idleTimeout is below the time after which S3 closes an idle connection itself.
	idleTimeout = 15 * time.Second
	// thawGap without a request means that the container was probably frozen: the timer that should have closed idle
	// connections stood still with it, and the other side has dropped them by now, perhaps without saying so.
	thawGap = 10 * time.Second
	// smallRequest is the largest request body whose sending is no reason to wait longer for the answer.
	smallRequest = 256 << 10
	// slowest is the rate in bytes a second below which sending a large body counts as not moving.
	slowest = 256 << 10
)

// httpClient sends one attempt of a request. It bounds how long nothing may move, and does not reuse connections that a
// freeze has probably killed. It has no goroutine of its own.
type httpClient struct {
	client  http.Client
	now     func() time.Time
	timeout time.Duration
	last    atomic.Int64 // Unix nanoseconds on the wall clock of the latest request
}

func newHTTPClient(o Options) *httpClient {
	transport := o.Transport
	if transport == nil {
		transport = newTransport(concurrency(o.Concurrency), o.AttemptTimeout)
	}
	return &httpClient{
		client:  http.Client{Transport: transport, CheckRedirect: redirect},
		now:     o.Clock,
		timeout: o.AttemptTimeout,
	}
}

func newTransport(conns int, timeout time.Duration) *http.Transport {
	dialer := &net.Dialer{Timeout: min(dialTimeout, timeout), KeepAlive: 15 * time.Second}
	return &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           dialer.DialContext,
		TLSHandshakeTimeout:   timeout,
		ExpectContinueTimeout: timeout,
		MaxIdleConns:          2 * conns,
		MaxIdleConnsPerHost:   conns,
		IdleConnTimeout:       idleTimeout,
		DisableCompression:    true, // entries are compressed already, and a length is needed
	}
}

func concurrency(asked int) int {
	if asked > 0 {
		return asked
	}
	n, _ := strconv.Atoi(os.Getenv("AWS_LAMBDA_MAX_CONCURRENCY"))
	return max(16, 3*n)
}

// redirect follows what S3 sends while a new bucket's name spreads; others are answers that the SDK reads. A redirection
// to somewhere else than the same service is not followed: entries would go there.
func redirect(req *http.Request, via []*http.Request) error {
	if len(via) > 2 {
		return http.ErrUseLastResponse
	}
	switch req.Response.StatusCode {
	case http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		if sameService(via[0].URL, req.URL) {
			return nil
		}
	}
	return http.ErrUseLastResponse
}

// sameService reports whether a redirection stays with the server: the same host or one below it, or another one of
// Amazon's, and never from TLS to clear text.
func sameService(from, to *url.URL) bool {
	if from.Scheme != to.Scheme || from.Port() != to.Port() {
		return false
	}
	a, b := strings.ToLower(from.Hostname()), strings.ToLower(to.Hostname())
	for _, amazon := range []string{".amazonaws.com", ".amazonaws.com.cn"} {
		if strings.HasSuffix(a, amazon) && strings.HasSuffix(b, amazon) {
			return true
		}
	}
	return a == b || strings.HasSuffix(b, "."+a)
}

func (c *httpClient) closeIdle() { c.client.CloseIdleConnections() }

// Do sends one attempt, as the SDK's HTTPClient.
func (c *httpClient) Do(req *http.Request) (*http.Response, error) {
	now := c.now().UnixNano()
	if last := c.last.Swap(now); last != 0 && time.Duration(now-last) > thawGap {
		c.closeIdle()
	}
	parent := req.Context()
	ctx, cancel := context.WithCancel(parent)
	g := &guard{parent: parent, cancel: cancel, wait: c.timeout}
	g.timer = time.AfterFunc(c.headerWait(req), g.expire)
	resp, err := c.client.Do(req.WithContext(ctx))
	if err != nil {
		g.stop()
		return resp, g.explain(err)
	}
	g.timer.Reset(c.timeout)
	g.body = resp.Body
	resp.Body = g
	return resp, nil
}

// headerWait is how long an attempt may take until the headers are in: no more than half of what is left, so that a
// connection that died silently leaves time for another attempt. A large body gets the time that sending it takes.
func (c *httpClient) headerWait(req *http.Request) time.Duration {
	wait := c.timeout + dialTimeout // one timer for all of it: a second one in the transport is felt in each read
	if req.ContentLength > smallRequest {
		return wait + time.Duration(req.ContentLength/slowest)*time.Second
	}
	if deadline, ok := req.Context().Deadline(); ok {
		wait = min(wait, time.Until(deadline)/2)
	}
	return max(wait, time.Millisecond)
}

// guard ends an attempt in which nothing moves. It is the response's body too, and grants each read anew.
type guard struct {
	parent  context.Context
	cancel  context.CancelFunc
	timer   *time.Timer
	wait    time.Duration
	body    io.ReadCloser
	expired atomic.Bool
}

func (g *guard) expire() {
	g.expired.Store(true)
	g.cancel()
}

func (g *guard) stop() {
	g.timer.Stop()
	g.cancel()
}

func (g *guard) Read(p []byte) (int, error) {
	n, err := g.body.Read(p)
	if err == nil {
		g.timer.Reset(g.wait)
		return n, nil
	}
	return n, g.explain(err)
}

func (g *guard) Close() error {
	err := g.body.Close()
	g.stop()
	return err
}

// explain tells the guard's own end of an attempt from the caller's: the former is a timeout, worth a retry.
func (g *guard) explain(err error) error {
	if !errors.Is(err, io.EOF) && g.expired.Load() && g.parent.Err() == nil {
		return errAttempt
	}
	return err
}

var errAttempt = attemptTimeout{}

// attemptTimeout is a net.Error, by which the SDK knows that it may try again.
type attemptTimeout struct{}

func (attemptTimeout) Error() string   { return "no answer within the time for one attempt" }
func (attemptTimeout) Timeout() bool   { return true }
func (attemptTimeout) Temporary() bool { return true }
