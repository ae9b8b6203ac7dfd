package httpcache

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"runtime"
	"strconv"
	"strings"
	"sync"

	"github.com/stillwarm/stillwarm/adapter"
	"github.com/stillwarm/stillwarm/httpcache/internal/port"
	"github.com/stillwarm/stillwarm/httpcache/internal/rule"
	"github.com/stillwarm/stillwarm/httpcache/internal/slots"
	"github.com/stillwarm/stillwarm/internal/buildid"
	"github.com/stillwarm/stillwarm/internal/runtimeport"
)

// Cache is a shared HTTP cache in front of one handler. It is safe for concurrent use. A Cache without [WithRuntime] uses
// the default Runtime, which it asks for at its first use.
type Cache struct {
	config *config
	rules  *rule.Options

	binding  sync.Once
	fullName string
	env      *runtimeport.Env
	engine   port.Engine

	flights flights
	routes  routes
	reasons reasons
	cooling cooling
	warned  warned
	stats   counters
}

// Middleware returns a middleware that caches what its handler answers. It panics where an option cannot be used; use [New]
// to get an error, and to purge.
func Middleware(opts ...Option) func(http.Handler) http.Handler {
	c, err := New(opts...)
	if err != nil {
		panic(err)
	}
	return c.Handler
}

// New returns a Cache. It connects to nothing. The error names each option that cannot be used, its value and what is
// accepted; each is an *adapter.OptionError.
func New(opts ...Option) (*Cache, error) {
	conf, err := configure(opts)
	if err != nil {
		return nil, err
	}
	conf.rules.Name = conf.name
	if conf.name == "" {
		conf.rules.Name = "stillwarm"
	}
	c := &Cache{config: conf, rules: &conf.rules}
	if conf.runtime != nil {
		if !c.bind(conf.runtime) && conf.name != "" {
			return nil, &adapter.OptionError{
				Option: "Name", Value: strconv.Quote(conf.name), Place: conf.place,
				Reason: "is the name of another HTTP cache of this Runtime; the two would answer each other's requests: name one of them differently",
			}
		}
	}
	return c, nil
}

// Handler returns a handler that answers from the cache, and by h what the cache cannot answer. A Cache has one handler:
// two of them would get each other's answers.
func (c *Cache) Handler(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { c.serve(h, w, r) })
}

// bound returns the cache's engine, and makes it at the first use.
func (c *Cache) bound() port.Engine {
	c.bind(nil)
	return c.engine
}

// bind makes the engine on a Runtime, nil for the default one. It reports whether the cache's name was free.
func (c *Cache) bind(rt *adapter.Runtime) (free bool) {
	free = true
	c.binding.Do(func() {
		if rt == nil {
			rt = adapter.Default()
		}
		c.env = runtimeport.Of(rt)
		c.rules.Development = c.env.Development
		name := c.config.name
		if name == "" {
			name = c.config.place
		}
		spec := slots.Spec{Name: "http " + name, Code: c.codeIdentity, NearTTL: c.config.nearTTL, Decode: rule.Decode}
		if spec.Number, free = c.env.Claim(spec.Name); free {
			var why string
			if spec.Manager, why = c.env.Backend(c.config.persistSet, c.config.persistOn, c.config.persistName); why != "" {
				c.env.Log(context.Background(), slog.LevelWarn, "answers are kept in memory only", "cache", name, "why", why)
			}
		} else {
			// Its answers must not meet those of the other one in the backend.
			spec.Number, _ = c.env.Claim(fmt.Sprintf("%s at %p", spec.Name, c))
			c.env.Log(context.Background(), slog.LevelWarn,
				"another HTTP cache has the same name; this one is kept in memory only: give each a name with httpcache.Name",
				"cache", name)
		}
		engine := slots.New(c.env, spec)
		c.env.OnInvalidateTags(func(ctx context.Context, tags []string) error { return engine.InvalidateTags(ctx, tags...) })
		c.engine, c.fullName = engine, spec.Name
		c.env.OnEntries(engine.Entries)
	})
	return free
}

func (c *Cache) codeIdentity() (string, error) {
	if c.config.version != "" {
		return "version " + c.config.version + " ", nil
	}
	id, err := buildid.Read()
	return "build " + id + " ", err
}

// callSite returns the first place outside of this module's wrapping packages: the name of a cache that has none.
func callSite() string {
	var pcs [16]uintptr
	frames := runtime.CallersFrames(pcs[:runtime.Callers(3, pcs[:])])
	for {
		f, more := frames.Next()
		if !strings.HasPrefix(f.Function, modulePrefix+"httpcache.") && !strings.HasPrefix(f.Function, modulePrefix+"lambda.") || !more {
			file := f.File[strings.LastIndexByte(f.File, '/')+1:]
			return f.Function + " " + file + ":" + strconv.Itoa(f.Line)
		}
	}
}

const modulePrefix = "github.com/stillwarm/stillwarm/"

// apply lets a Cache stand among the options of lambda.CacheHTTP. It is no option of another cache.
func (c *Cache) apply(conf *config) {
	conf.problem("Cache", "a *httpcache.Cache", "is a cache and not an option of one; give it to lambda.CacheHTTP, alone")
}
