package httpcache

import (
	"context"
	"encoding/hex"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/stillwarm/stillwarm/adapter"
	"github.com/stillwarm/stillwarm/httpcache/internal/port"
	"github.com/stillwarm/stillwarm/httpcache/internal/rule"
	"github.com/stillwarm/stillwarm/internal/httpreq"
)

// Purge makes every answer to a path a miss: for every host, stage, variant and principal of this cache. With a query
// ("/list?page=2") it purges that URL, without one the path with any query. It costs the same for one answer as for a
// million. When it returns nil, no later request here gets an answer whose run began before, and other containers see
// it within NearTTL. When it returns an error the backend could not be reached; the purge holds in this container all
// the same, which repeats it as soon as it can.
//
// Purge reaches neither a CDN in front of the function nor browsers.
func (c *Cache) Purge(ctx context.Context, path string) error {
	resource, ok := c.rules.PurgeResource(path)
	if !ok {
		return &adapter.OptionError{
			Option: "Purge", Value: strconv.Quote(path), Reason: `must be a path, with or without a query, such as "/list?page=2"`,
		}
	}
	return c.bound().Invalidate(ctx, resource)
}

// InvalidateTags makes every answer that carries one of the tags a miss: in Cache-Tag, Surrogate-Key (see [TagFields]) or
// Cache-Groups. It costs the same whatever the number of answers, and promises what [Cache.Purge] does. Tags are those of
// cached functions, too: adapter.InvalidateTags reaches this cache, and InvalidateTags the functions of its Runtime.
func (c *Cache) InvalidateTags(ctx context.Context, tags ...string) error {
	engine := c.bound()
	return errors.Join(engine.InvalidateTags(ctx, tags...), c.env.InvalidateTags(ctx, tags))
}

// Clear makes every answer of this cache a miss, in every container within NearTTL.
func (c *Cache) Clear(ctx context.Context) error { return c.bound().Clear(ctx) }

// Explanation tells what the cache would do with a request.
type Explanation struct {
	URL      string // as it is keyed: path and query without ignored parameters
	Key      string // a digest
	Class    string // "cacheable", "unsafe" or "bypass"
	Hit      bool   // the request would be answered without the handler
	Stale    bool   // past the lifetime
	Tier     string // where the answer is: adapter.TierMemory, adapter.TierBackend or empty
	Age, TTL time.Duration
	Expires  time.Time // until when the stored answer is of any use
	// Variants is how many answers are stored for the URL, and VaryOn the request fields that tell them apart.
	Variants int
	VaryOn   []string
	// Served says why the request would be answered from the store or not; Stored why this container's last answer for the
	// URL was stored or not, empty where it has seen none.
	Served, Stored string
}

// Explain tells what would happen to a request now. It reads memory and the backend, runs nothing and changes nothing.
// Its only error is that of the context.
func (c *Cache) Explain(ctx context.Context, r *http.Request) (Explanation, error) {
	engine := c.bound()
	if err := ctx.Err(); err != nil {
		return Explanation{}, err
	}
	caller := httpreq.From(ctx)
	if caller == nil {
		caller = httpreq.From(r.Context())
	}
	x := &exchange{c: c, engine: engine, r: r.WithContext(ctx), caller: caller}
	x.req, _ = c.request(x.r, caller)
	x.keys = c.rules.Keys(x.req)
	e := Explanation{URL: x.keys.URL, Key: hex.EncodeToString(x.keys.Public[:]), Class: "cacheable"}
	switch class, why := rule.Classify(x.req); class {
	case rule.Unsafe:
		e.Class, e.Served = "unsafe", why
		return e, nil
	case rule.Bypass:
		e.Class, e.Served = "bypass", why
		return e, nil
	}
	x.explain(ctx, &e)
	if r, ok := c.reasons.get(x.keys.Public); ok {
		e.Stored = "no: " + r.why
		if r.stored {
			e.Stored = "yes: " + r.why
		}
	}
	return e, ctx.Err()
}

func (x *exchange) explain(ctx context.Context, e *Explanation) {
	f := x.lookup(readFrom(ctx, x.engine))
	v, now := x.judge(f), x.engine.Now()
	e.VaryOn = f.fields
	if list, ok := valueOf(f.versions[x.keys.Public]).(*rule.Variants); ok {
		e.Variants = len(list.List)
	} else if f.resp != nil {
		e.Variants = 1
	}
	e.Hit = v.Do == rule.Serve || v.Do == rule.ServeStale
	e.Stale = v.Do == rule.ServeStale
	if f.resp != nil {
		t := &f.resp.Terms
		e.Age, e.TTL, e.Expires = t.Age(now), t.Lifetime-t.Age(now), t.Keep()
		e.Tier = adapter.TierBackend
		if f.inMemory {
			e.Tier = adapter.TierMemory
		}
	}
	switch {
	case e.Hit && v.Detail != "":
		e.Served = "yes: " + v.Detail
	case e.Hit:
		e.Served = "yes: fresh"
	case v.Detail != "":
		e.Served = "no: " + v.Fwd + ", " + v.Detail
	default:
		e.Served = "no: " + v.Fwd
	}
}

func valueOf(s port.Slot) port.Value {
	if s.Entry == nil {
		return nil
	}
	return s.Entry.Value
}
