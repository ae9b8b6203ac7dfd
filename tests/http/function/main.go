// Command function is a Lambda function of the tests: HTTP caches in front of an origin that a test serves. Fields of a
// request say which cache it is for and what time it is.
package main

import (
	"io"
	"log"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/stillwarm/stillwarm/adapter"
	_ "github.com/stillwarm/stillwarm/backends/all"
	"github.com/stillwarm/stillwarm/httpcache"
	"github.com/stillwarm/stillwarm/lambda"
)

// The fields by which a test controls the function. They reach neither cache nor origin.
const (
	siteField   = "X-Test-Site"   // names the cache
	honourField = "X-Test-Honour" // the cache honours clients' directives
	clockField  = "X-Test-Clock"  // nanoseconds since 1970
	purgeField  = "X-Test-Purge"  // purges this path and sends nothing on

	// A cache with a patience has a Runtime of its own: real clocks, a bounded memory, and a backend that answers within
	// that time, or loses the records of invalidated URLs.
	patienceField = "X-Test-Patience"
	loseField     = "X-Test-Lose"
)

func main() {
	var now atomic.Int64
	err := adapter.Configure(adapter.Config{Mode: adapter.Deployed, BackendTimeout: 30 * time.Second, Clock: func() time.Time {
		if t := now.Load(); t != 0 {
			return time.Unix(0, t)
		}
		return time.Now()
	}})
	if err != nil {
		log.Fatal(err)
	}
	sites := &sites{all: map[string]*httpcache.Cache{}}
	if socket := os.Getenv("TEST_CONTROL"); socket != "" {
		go control(socket, sites)
	}
	lambda.Start(lambda.HTTPHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if t, err := strconv.ParseInt(r.Header.Get(clockField), 10, 64); err == nil {
			now.Store(t)
		}
		cache := sites.get(r.Header)
		if path := r.Header.Get(purgeField); path != "" {
			if err := cache.Purge(r.Context(), path); err != nil {
				http.Error(w, err.Error(), http.StatusBadGateway)
			}
			return
		}
		for _, name := range []string{siteField, honourField, clockField, patienceField, loseField} {
			r.Header.Del(name)
		}
		cache.Handler(http.HandlerFunc(forward)).ServeHTTP(w, r)
	})))
}

// sites are the caches, one for each test.
type sites struct {
	mu  sync.Mutex
	all map[string]*httpcache.Cache
}

func (s *sites) get(h http.Header) *httpcache.Cache {
	s.mu.Lock()
	defer s.mu.Unlock()
	name := h.Get(siteField)
	if c := s.all[name]; c != nil {
		return c
	}
	opts := []httpcache.Option{httpcache.Name("site " + name), httpcache.Version("test"), httpcache.NearTTL(time.Millisecond)}
	if h.Get(honourField) != "" {
		opts = append(opts, httpcache.ClientDirectives(httpcache.Honour))
	}
	if patience := h.Get(patienceField); patience != "" {
		opts = append(opts, httpcache.WithRuntime(ownRuntime(patience, h.Get(loseField) != "")))
	}
	c, err := httpcache.New(opts...)
	if err != nil {
		panic(err)
	}
	s.all[name] = c
	return c
}

// find returns a cache that was asked for before, or nil.
func (s *sites) find(name string) *httpcache.Cache {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.all[name]
}

var transport = &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 8}

// forward asks the origin. An answer that breaks off is broken off.
func forward(w http.ResponseWriter, r *http.Request) {
	out := r.Clone(r.Context())
	out.URL.Scheme, out.URL.Host, out.RequestURI = "http", os.Getenv("TEST_ORIGIN"), ""
	res, err := transport.RoundTrip(out)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	defer func() { _ = res.Body.Close() }()
	for name, lines := range res.Header {
		w.Header()[strings.TrimPrefix(name, "X-Test-")] = lines
	}
	w.WriteHeader(res.StatusCode)
	if _, err := io.Copy(w, res.Body); err != nil {
		panic(http.ErrAbortHandler)
	}
}
