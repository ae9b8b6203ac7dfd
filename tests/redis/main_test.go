// Package redis_test runs the Redis backend against real servers: one node, Cluster, Sentinel, TLS and ACL users, and
// through a proxy that breaks connections.
package redis_test

import (
	"crypto/rand"
	"errors"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stillwarm/stillwarm/backends"
	"github.com/stillwarm/stillwarm/backends/backendstest"
	"github.com/stillwarm/stillwarm/backends/redis"
	"github.com/stillwarm/stillwarm/tests/servers"
)

func TestMain(m *testing.M) { os.Exit(servers.Main(m)) }

// prefix returns a prefix that no other test uses.
func prefix() string { return "t-" + strings.ToLower(rand.Text()) }

// open returns the manager of a URL; it ends with the test. Where the URL leaves the read timeout open it is a long one:
// a machine that runs many tests pauses servers for longer than a function should wait.
func open(t testing.TB, rawURL string) *redis.Manager {
	t.Helper()
	if !strings.Contains(rawURL, "read-timeout") {
		separator := "?"
		if strings.Contains(rawURL, "?") {
			separator = "&"
		}
		rawURL += separator + "read-timeout=5s"
	}
	pm, err := backends.Open(t.Context(), rawURL)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = pm.Close() })
	return pm.(*redis.Manager)
}

// with returns a manager of a URL whose options are changed first.
func with(t testing.TB, rawURL string, change func(*redis.Options)) *redis.Manager {
	t.Helper()
	u, err := url.Parse(rawURL)
	if err != nil {
		t.Fatal(err)
	}
	o, err := redis.ParseURL(u)
	if err != nil {
		t.Fatal(err)
	}
	change(&o)
	m, err := redis.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = m.Close() })
	return m
}

// fn is the function that most tests use.
var fn = backends.Function{Namespace: "shop", Name: "example.com/shop.quotes", TTL: time.Hour}

// store returns a store of fn.
func store(t testing.TB, pm backends.PersistenceManager) *redis.Store {
	t.Helper()
	s, err := pm.Store(t.Context(), fn)
	if err != nil {
		t.Fatal(err)
	}
	return s.(*redis.Store)
}

// must fails the test where err is not nil.
func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// put stores an entry for an hour.
func put(t testing.TB, s backends.Store, key, value string) {
	t.Helper()
	must(t, backendstest.Put(t.Context(), s, key, []byte(value), time.Now().Add(time.Hour)))
}

// want checks what is stored under a key, and returns the generation.
func want(t testing.TB, s backends.Store, key, value string) uint64 {
	t.Helper()
	b, g, err := backendstest.Get(t.Context(), s, key)
	if err != nil || string(b) != value {
		t.Fatalf("Get(%q) = %d bytes, %v; want %d bytes", key, len(b), err, len(value))
	}
	return g
}

// failure returns the backend's own error that err must hold.
func failure(t testing.TB, err error) *backends.Error {
	t.Helper()
	e, ok := errors.AsType[*backends.Error](err)
	if !ok {
		t.Fatalf("error %v (%T), want a *backends.Error", err, err)
	}
	return e
}

// eventually polls until done reports true.
func eventually(t testing.TB, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !done(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within 30 s", what)
		}
	}
}
