package httpcache

import (
	"context"
	"net/http"

	"github.com/stillwarm/stillwarm/httpcache/internal/field"
	"github.com/stillwarm/stillwarm/httpcache/internal/rule"
	"github.com/stillwarm/stillwarm/internal/httpreq"
)

// request returns the request as the rules see it. known is false where it cannot be told which tenant it is for: it must
// not be cached then.
func (c *Cache) request(r *http.Request, caller *httpreq.Caller) (q *rule.Request, known bool) {
	q = &rule.Request{
		Method: r.Method, Header: r.Header, Scheme: "http", Host: r.Host, Path: r.URL.EscapedPath(), Query: r.URL.RawQuery,
		HasBody: r.ContentLength != 0 || len(r.TransferEncoding) > 0, Authenticated: len(r.Header["Authorization"]) > 0,
	}
	if q.Method == "" {
		q.Method = http.MethodGet
	}
	if r.TLS != nil {
		q.Scheme = "https"
	}
	q.Tenant, known = c.env.Tenant(r.Context())
	if caller != nil {
		fill(q, caller)
		known = known || caller.Tenant != ""
	}
	if c.config.perCaller != nil {
		q.Principal = c.config.perCaller(r.Context(), r)
	}
	return q, known
}

// fill adds what an event knows of its caller.
func fill(q *rule.Request, caller *httpreq.Caller) {
	if caller.Scheme != "" {
		q.Scheme = caller.Scheme
	}
	if caller.Host != "" {
		q.Host = caller.Host
	}
	if caller.Tenant != "" {
		q.Tenant = caller.Tenant
	}
	q.Stage, q.APIID, q.BasePath, q.Principal = caller.Stage, caller.APIID, caller.BasePath, caller.Principal
	q.Authenticated = q.Authenticated || caller.Authenticated
}

// forRun returns the request for a run that may be shared: without the client's conditions and range, with normalised
// codings, and with the validators of a stored answer, if any.
func forRun(ctx context.Context, r *http.Request, stored *rule.Response) *http.Request {
	q := r.Clone(ctx)
	for _, name := range [...]string{"If-None-Match", "If-Modified-Since", "If-Range", "Range"} {
		delete(q.Header, name)
	}
	if lines := q.Header["Accept-Encoding"]; len(lines) > 0 {
		accepted := field.Codings(lines)
		if accepted == "" {
			accepted = "identity"
		}
		q.Header["Accept-Encoding"] = []string{accepted}
	}
	if stored != nil {
		stored.Conditions(q.Header)
	}
	q.Body = http.NoBody
	return q
}
