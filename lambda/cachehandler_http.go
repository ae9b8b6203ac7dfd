package lambda

import (
	"context"
	"fmt"
	"reflect"
	"strings"

	"github.com/stillwarm/stillwarm/adapter"
	"github.com/stillwarm/stillwarm/httpcache"
	"github.com/stillwarm/stillwarm/internal/hooks"
)

// cachedAsHTTP returns a handler of HTTP events behind the rules of HTTP caching, with those options of cached data that they
// have, too.
func cachedAsHTTP[In, Out any](h func(context.Context, In) (Out, error), place string, opts []adapter.DataOption) (*httpCached[In, Out], error) {
	d := readOptions(opts)
	if d.Err != nil {
		return nil, d.Err
	}
	if len(d.Others) > 0 {
		return nil, &adapter.OptionError{
			Function: handlerName(h), Option: strings.Join(d.Others, ", "), Value: "given", Place: place,
			Reason: fmt.Sprintf("is no option of a handler of %s, whose answers say themselves how they may be cached: "+
				"use lambda.CacheHTTP with the options of package httpcache, or cache inside the handler with adapter.CacheData", reflect.TypeFor[In]()),
		}
	}
	return newHTTPCached(h, place, httpOptions(&d))
}

func readOptions(opts []adapter.DataOption) hooks.DataOptions {
	all := make([]any, 0, len(opts))
	for _, o := range opts {
		all = append(all, o)
	}
	return hooks.ReadDataOptions(all)
}

func httpOptions(d *hooks.DataOptions) (opts []httpcache.Option) {
	if d.TTL > 0 {
		opts = append(opts, httpcache.DefaultTTL(d.TTL))
	}
	if d.StaleFor > 0 {
		opts = append(opts, httpcache.StaleFor(d.StaleFor))
	}
	if d.FailSafe > 0 {
		opts = append(opts, httpcache.StaleIfError(d.FailSafe))
	}
	if d.NearTTL > 0 {
		opts = append(opts, httpcache.NearTTL(d.NearTTL))
	}
	if d.Name != "" {
		opts = append(opts, httpcache.Name(d.Name))
	}
	if d.Version != "" {
		opts = append(opts, httpcache.Version(d.Version))
	}
	switch {
	case d.PersistName != "":
		opts = append(opts, httpcache.Persist(d.PersistName))
	case d.PersistSet:
		opts = append(opts, httpcache.Persist(d.PersistOn))
	}
	if rt, ok := d.Runtime.(*adapter.Runtime); ok {
		opts = append(opts, httpcache.WithRuntime(rt))
	}
	return opts
}

// purge makes every answer to the event's URL a miss.
func (c *httpCached[In, Out]) purge(ctx context.Context, in In) error {
	_, r, malformed := request(ctx, &in)
	if malformed != nil {
		return nil //nolint:nilerr // such a request is never cached, so there is nothing to purge
	}
	target := r.URL.EscapedPath()
	if rest, two := strings.CutPrefix(target, "//"); two { // which would begin a host
		target = "/%2F" + rest
	}
	if r.URL.RawQuery != "" {
		target += "?" + r.URL.RawQuery
	}
	return c.cache.Purge(ctx, target)
}

// explain tells what would be found for the event.
func (c *httpCached[In, Out]) explain(ctx context.Context, in In) (adapter.Explanation, error) {
	x := adapter.Explanation{Function: handlerName(c.handler)}
	if c.streams {
		x.Why = "streamed answers are not cached"
		return x, nil
	}
	_, r, malformed := request(ctx, &in)
	if malformed != nil {
		x.Why = "never cached: " + malformed.Error()
		return x, nil //nolint:nilerr // that is the explanation
	}
	e, err := c.cache.Explain(ctx, r)
	if err != nil {
		return x, err
	}
	x.Key, x.Hit, x.Stale, x.Tier, x.Age, x.Expires = e.Key, e.Hit, e.Stale, e.Tier, e.Age, e.Expires
	x.Why = e.Served
	if e.Stored != "" {
		x.Why += "; stored: " + e.Stored
	}
	return x, nil
}
