package rule

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/stillwarm/stillwarm/httpcache/internal/field"
)

// The names of resources, by which stored answers are invalidated: a URL with its query, and a path with any query.
const (
	urlResource  = "url "
	pathResource = "path "
)

// Resources returns the names under which an answer to a request can be invalidated.
func (o *Options) Resources(r *Request) []string {
	return []string{o.urlResource(r.Path, r.Query), pathResource + plain(r.Path)}
}

func (o *Options) urlResource(path, query string) string {
	return urlResource + plain(path) + "?" + plainQuery(o.NormalizeQuery(query))
}

// plainQuery decodes a query and sorts it by name, as some services do before they send it. Queries that differ in no more are
// invalidated together.
func plainQuery(query string) string {
	if query == "" {
		return ""
	}
	parts := strings.Split(query, "&")
	for i, p := range parts {
		name, value, _ := strings.Cut(p, "=")
		parts[i] = unescaped(name) + "=" + unescaped(value)
	}
	slices.SortStableFunc(parts, func(a, b string) int { return strings.Compare(parameterName(a), parameterName(b)) })
	return strings.Join(parts, "&")
}

func unescaped(s string) string {
	if decoded, err := url.QueryUnescape(s); err == nil {
		return decoded
	}
	return s
}

// plain decodes a path. Two paths that differ only in their encoding are invalidated together: one of them too many does no
// harm.
func plain(path string) string {
	if !strings.Contains(path, "%") {
		return path
	}
	if decoded, err := url.PathUnescape(path); err == nil {
		return decoded
	}
	return path
}

// PurgeResource returns the name of what a purge is asked to forget: with a query that URL, without one the path with
// any query.
func (o *Options) PurgeResource(target string) (string, bool) {
	u, err := url.Parse(target)
	if err != nil || u.Host != "" || u.Scheme != "" || !strings.HasPrefix(u.EscapedPath(), "/") {
		return "", false
	}
	if u.RawQuery != "" || u.ForceQuery {
		return o.urlResource(u.EscapedPath(), u.RawQuery), true
	}
	return pathResource + plain(u.EscapedPath()), true
}

// Invalidated returns what an answer to an unsafe request invalidates (RFC 9111, 4.4, and RFC 9875): its target, Location and
// Content-Location of the same origin, and groups. Nothing where the answer is an error.
func (o *Options) Invalidated(r *Request, status int, h http.Header) (resources, groups []string) {
	if status < 200 || status > 399 {
		return nil, nil
	}
	resources = []string{o.urlResource(r.Path, r.Query)}
	for _, name := range [...]string{"Location", "Content-Location"} {
		for _, line := range h[name] {
			resources = o.appendTarget(resources, r, line)
		}
	}
	groups, _ = field.ParseGroups(h["Cache-Group-Invalidation"])
	return resources, groups
}

// appendTarget appends the resource of a URI reference, where it is of the request's origin.
func (o *Options) appendTarget(resources []string, r *Request, reference string) []string {
	ref, err := url.Parse(reference)
	if err != nil {
		return resources
	}
	base := &url.URL{Scheme: r.Scheme, Host: r.Host, RawQuery: r.Query}
	if base.Path, err = url.PathUnescape(r.Path); err != nil {
		return resources
	}
	base.RawPath = r.Path
	target := base.ResolveReference(ref)
	if !strings.EqualFold(target.Scheme, r.Scheme) || !sameHost(target.Host, r) {
		return resources
	}
	path := target.EscapedPath()
	if path == "" {
		path = "/"
	}
	resources = append(resources, o.urlResource(path, target.RawQuery))
	stage, _, _ := strings.Cut(r.Stage, "\x00")                                // its variables follow
	for _, prefix := range [...]string{stage, strings.Trim(r.BasePath, "/")} { // the client's path, and the handler's
		if rest, ok := strings.CutPrefix(path, "/"+prefix+"/"); ok && prefix != "" {
			resources = append(resources, o.urlResource("/"+rest, target.RawQuery))
		}
	}
	return resources
}

// sameHost reports whether a host is the request's: what the service says it is, or, where the client's field says another, either.
func sameHost(host string, r *Request) bool {
	if host == r.Host {
		return true
	}
	return slices.ContainsFunc(strings.Fields(r.Host), func(own string) bool { return origin(host, r.Scheme) == origin(own, r.Scheme) })
}

// origin returns the host in lower case without the scheme's default port.
func origin(host, scheme string) string {
	host = strings.ToLower(host)
	if strings.EqualFold(scheme, "https") {
		return strings.TrimSuffix(host, ":443")
	}
	return strings.TrimSuffix(host, ":80")
}
