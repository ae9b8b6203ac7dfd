package adapter

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"

	"github.com/stillwarm/stillwarm/backends"
)

// knownBackends are the names that Persist takes besides those of schemes that are linked.
var knownBackends = []string{"memory", "disk", "redis", "s3"}

// knownBackend reports whether there is a backend of that name, whether linked or not.
func knownBackend(name string) bool {
	return name == "none" || slices.Contains(knownBackends, backendName(name)) || slices.Contains(backends.Schemes(), name)
}

// backendName returns the name that selects a backend by its URL's scheme: rediss is redis with TLS.
func backendName(rawURL string) string {
	scheme, _, _ := strings.Cut(rawURL, ":")
	if scheme == "rediss" {
		return "redis"
	}
	return scheme
}

// backendFor returns the backend that a function asked for; nil where it is memory only, and why where it asked for
// more.
func (rt *Runtime) backendFor(p persistence) (m backends.PersistenceManager, why string) {
	switch {
	case p.set && !p.on || rt.config.Disabled:
		return nil, ""
	case p.set && rt.manager == nil && rt.config.Backend != "none":
		return nil, "no backend is configured; set " + envBackend
	case p.name == "" || rt.manager == nil || rt.config.Manager != nil:
		return rt.manager, ""
	}
	urls := strings.Fields(rt.config.Backend)
	i := slices.IndexFunc(urls, func(u string) bool { return backendName(u) == backendName(p.name) })
	if i < 0 {
		return nil, fmt.Sprintf("no %s backend is configured (configured: %s)", p.name, strings.Join(rt.config.backendNames(), ", "))
	}
	if len(urls) == 1 {
		return rt.manager, ""
	}
	return rt.single(urls[i])
}

// single opens one of several configured backends by itself, once.
func (rt *Runtime) single(rawURL string) (m backends.PersistenceManager, why string) {
	rt.mu.Lock()
	defer rt.mu.Unlock()
	if m := rt.singles[rawURL]; m != nil {
		return m, ""
	}
	m, err := backends.Open(context.Background(), rawURL)
	if err != nil {
		return nil, err.Error()
	}
	if rt.singles == nil {
		rt.singles = map[string]backends.PersistenceManager{}
	}
	rt.singles[rawURL] = m
	return m, ""
}

// unpersisted says that a function's results stay in memory although it asked for more. A setting that is missing where
// the program happens to run, a laptop or a test, must not keep the function from running.
func (rt *Runtime) unpersisted(ctx context.Context, function, why string) {
	rt.log(ctx, slog.LevelWarn, "results are kept in memory only", "function", function, "why", why)
}

// checkPersist refuses a name that is no backend's.
func (c *options) checkPersist() {
	name := c.persist.name
	if name == "" || knownBackend(name) {
		return
	}
	c.problem("Persist", fmt.Sprintf("%q", name), "unknown backend; accepted: true, false, "+strings.Join(knownBackends, ", "))
}
