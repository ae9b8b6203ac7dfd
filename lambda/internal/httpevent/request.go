package httpevent

import (
	"bytes"
	"context"
	"maps"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/stillwarm/stillwarm/internal/httpreq"
)

type eventKey struct{}

// From returns the event that the request of a context was made of, or nil.
func From(ctx context.Context) *Event {
	e, _ := ctx.Value(eventKey{}).(*Event)
	return e
}

// Request returns the request that the event stands for, with the event and what it knows of the caller in the request's
// context: see [From] and [httpreq.From]. base is a path that a custom domain puts in front of every path and that is taken
// off, or "".
func (e *Event) Request(ctx context.Context, tenant, base string) (*http.Request, error) {
	u, prefix, err := e.url(base)
	if err != nil {
		return nil, err
	}
	body, err := e.bytes()
	if err != nil {
		return nil, err
	}
	header, err := e.header()
	if err != nil {
		return nil, err
	}
	if !validToken(e.Method) { // a method is a token, as a field name is
		return nil, e.malformed("the method %q", e.Method)
	}
	caller := e.caller(header, prefix)
	caller.Tenant = tenant
	host := first(header["Host"])
	delete(header, "Host")
	var blank http.Request // one that gets its context last is made twice
	r := blank.WithContext(context.WithValue(httpreq.With(ctx, caller), eventKey{}, e))
	r.Method, r.URL, r.RequestURI, r.Host, r.Header = e.Method, u, u.RequestURI(), join(host, e.Domain), header
	r.Proto, r.ProtoMajor, r.ProtoMinor = "HTTP/1.1", 1, 1
	r.Body, r.ContentLength, r.RemoteAddr = http.NoBody, int64(len(body)), e.remote(header)
	if len(body) > 0 {
		r.Body = readCloser{bytes.NewReader(body)}
	}
	return r, nil
}

type readCloser struct{ *bytes.Reader }

func (readCloser) Close() error { return nil }

// url returns the target, and what was taken off its path: the stage, the base path.
func (e *Event) url(base string) (*url.URL, string, error) {
	path := join(e.Path, "/")
	if path[0] != '/' {
		return nil, "", e.malformed("the path %q does not begin with a slash", path)
	}
	prefix := ""
	if e.Source.decodes() && e.Stage != "" && e.Stage != "$default" {
		path, prefix = cut(path, "/"+e.Stage)
	}
	if base = strings.Trim(base, "/"); base != "" {
		rest, off := cut(path, "/"+base)
		path, prefix = rest, prefix+off
	}
	u := &url.URL{Path: path, RawQuery: e.query()}
	if !e.Source.decodes() {
		plain, err := url.PathUnescape(path)
		if err != nil {
			return nil, "", e.malformed("the path %q: %v", path, err)
		}
		u.Path, u.RawPath = plain, path
		if (&url.URL{Path: plain}).EscapedPath() == path {
			u.RawPath = ""
		}
	}
	return u, prefix, nil
}

// cut takes whole segments off the front of a path.
func cut(path, prefix string) (rest, off string) {
	rest, ok := strings.CutPrefix(path, prefix)
	switch {
	case !ok || rest != "" && rest[0] != '/':
		return path, ""
	case rest == "":
		return "/", prefix
	}
	return rest, prefix
}

// query returns the query string: as it was sent where the event has it; of maps the names in order, the values of one
// name in theirs.
func (e *Event) query() string {
	if e.Source.list() {
		return e.Query
	}
	all := maps.Clone(e.MultiParams)
	if all == nil {
		all = map[string][]string{}
	}
	for name, v := range e.Params {
		if len(all[name]) == 0 {
			all[name] = []string{v}
		}
	}
	if e.Source != ALB {
		return url.Values(all).Encode()
	}
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(all)) {
		for _, v := range all[name] {
			if b.Len() > 0 {
				b.WriteByte('&')
			}
			b.WriteString(name + "=" + v)
		}
	}
	return b.String()
}

// header returns the fields, cookies among them, under canonical names.
func (e *Event) header() (http.Header, error) {
	var h http.Header
	simple := false
	if len(e.MultiHeaders) == 0 {
		h, simple = simpleHeader(e.Headers, e.Identity.field)
	}
	if !simple {
		h = e.mergedHeader()
		if err := e.check(h); err != nil {
			return nil, err
		}
	}
	if len(e.Cookies) > 0 {
		all := strings.Join(append(h.Values("Cookie"), e.Cookies...), "; ")
		if !validValue(all) {
			return nil, e.malformed("the value of the field Cookie")
		}
		h.Set("Cookie", all)
	}
	return h, nil
}

// check returns an error where something is no field, and takes note of what identifies the caller.
func (e *Event) check(h http.Header) error {
	for name, values := range h {
		if !validToken(name) {
			return e.malformed("the field name %q", name)
		}
		if slices.ContainsFunc(values, func(v string) bool { return !validValue(v) }) {
			return e.malformed("the value of the field %s", name)
		}
		e.Identity.field(name)
	}
	return nil
}

// simpleHeader returns fields under canonical names, and shows each name to see, in one pass over them; false where two names of
// the map are one field's, or something is no field.
func simpleHeader(fields map[string]string, see func(name string)) (http.Header, bool) {
	h := make(http.Header, len(fields)+1)
	all := make([]string, 0, len(fields))
	for name, v := range fields {
		canonical := canonicalName(name)
		if _, twice := h[canonical]; twice || !validToken(canonical) || !validValue(v) {
			return nil, false
		}
		see(canonical)
		all = append(all, v)
		h[canonical] = all[len(all)-1 : len(all) : len(all)]
	}
	return h, true
}

// mergedHeader returns the fields of both maps, in the order of their names as the event has them. It takes note where a field's name has
// several spellings: a handler that looks one of them up finds a part of the values.
func (e *Event) mergedHeader() http.Header {
	h := make(http.Header, len(e.Headers)+len(e.MultiHeaders)+1)
	for _, name := range slices.Sorted(maps.Keys(e.MultiHeaders)) {
		for _, v := range e.MultiHeaders[name] {
			h.Add(name, v)
		}
	}
	multi := len(h)
	e.respelled = multi < len(e.MultiHeaders)
	for _, name := range slices.Sorted(maps.Keys(e.Headers)) {
		if multi > 0 && len(h.Values(name)) > 0 && has(e.MultiHeaders, name) {
			if _, same := e.MultiHeaders[name]; !same {
				e.respelled = true
			}
			continue // the last of the values that are there already
		}
		h.Add(name, e.Headers[name])
	}
	if multi == 0 {
		e.respelled = len(h) < len(e.Headers)
	}
	return h
}

// has reports whether one of the names is name, in any case.
func has(fields map[string][]string, name string) bool {
	if _, ok := fields[name]; ok {
		return true
	}
	for n := range fields {
		if strings.EqualFold(n, name) {
			return true
		}
	}
	return false
}

// remote returns the client's address as net/http has it. Behind a load balancer that is the last one of X-Forwarded-For, which
// the balancer added.
func (e *Event) remote(h http.Header) string {
	ip := e.SourceIP
	if lines := h["X-Forwarded-For"]; ip == "" && e.Source == ALB && len(lines) > 0 {
		last := lines[len(lines)-1]
		ip = strings.TrimSpace(last[strings.LastIndexByte(last, ',')+1:])
		if _, _, err := net.SplitHostPort(ip); err == nil { // the balancer may be set to add the client's port
			return ip
		}
	}
	return net.JoinHostPort(ip, "0")
}

func (e *Event) caller(h http.Header, prefix string) *httpreq.Caller {
	if e.Source == ALB {
		e.Identity.balancer(h)
	}
	return &httpreq.Caller{
		Scheme: e.scheme(h), Host: e.host(h), Stage: e.stage(), APIID: e.api(), BasePath: prefix, Route: e.Route,
		Authenticated: e.Identity.Known, NoRange: e.Source == REST || e.Source == HTTPAPIv1, Fits: e.Fits,
	}
}

// first returns a field's first line, "" where there is none.
func first(lines []string) string {
	if len(lines) == 0 {
		return ""
	}
	return lines[0]
}

// stage names the stage and what it is configured to, for a key.
func (e *Event) stage() string {
	s := e.Stage
	if len(e.StageVariables) == 0 { // nearly always
		return s
	}
	for _, name := range slices.Sorted(maps.Keys(e.StageVariables)) {
		s += "\x00" + name + "\x00" + e.StageVariables[name]
	}
	return s
}

// host is the service's name for the host. Where the client's field says another, both count, since a handler may use
// either.
func (e *Event) host(h http.Header) string {
	host := strings.ToLower(strings.Join(h["Host"], ","))
	if host == e.Domain {
		return host
	}
	domain := strings.ToLower(e.Domain)
	if domain == "" || domain == host {
		return host
	}
	return domain + " " + host
}

func (e *Event) scheme(h http.Header) string {
	if p := strings.ToLower(first(h["X-Forwarded-Proto"])); p == "http" || p == "https" {
		return p
	}
	if e.Source == ALB {
		return "http"
	}
	return "https"
}

// Strict returns an error where a request that was made of the event says less than the event: another event could
// make the same request, so neither may be answered by what the other's handler said.
func (e *Event) Strict(r *http.Request) error {
	if e.Path == "" {
		return e.malformed("no path")
	}
	if raw := r.URL.RawPath; raw != "" && r.URL.EscapedPath() != raw {
		return e.malformed("the path %q has characters that must be encoded", raw)
	}
	if e.respelled {
		return e.malformed("fields whose names differ in case only")
	}
	for name, values := range e.MultiHeaders {
		if v, both := e.Headers[name]; both && (len(values) == 0 || values[len(values)-1] != v) {
			return e.malformed("the field %s has two sets of values", name)
		}
	}
	for name, values := range e.MultiParams {
		if v, both := e.Params[name]; both && (len(values) == 0 || values[len(values)-1] != v) {
			return e.malformed("the parameter %q has two sets of values", name)
		}
	}
	if e.Source != ALB {
		return nil
	}
	for name, v := range e.Params {
		if strings.ContainsAny(name, "&=#") || strings.ContainsAny(v, "&#") {
			return e.malformed("the parameter %q has characters that must be encoded", name)
		}
	}
	for name, values := range e.MultiParams {
		if strings.ContainsAny(name, "&=#") || slices.ContainsFunc(values, func(v string) bool { return strings.ContainsAny(v, "&#") }) {
			return e.malformed("the parameter %q has characters that must be encoded", name)
		}
	}
	return nil
}
