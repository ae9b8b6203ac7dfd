package rule

import (
	"net/http"
	"strconv"
	"time"

	"github.com/stillwarm/stillwarm/httpcache/internal/field"
)

// keptBy304 are fields that belong to the body that is stored, whatever a 304 says.
var keptBy304 = [...]string{"Content-Length", "Content-Encoding", "Content-Range"}

// Conditions adds the stored answer's validators to the header of a run, byte for byte.
func (p *Response) Conditions(h http.Header) {
	if tags := p.Header["Etag"]; len(tags) == 1 {
		h["If-None-Match"] = []string{tags[0]}
	}
	if lm := p.Header["Last-Modified"]; len(lm) == 1 {
		h["If-Modified-Since"] = []string{lm[0]}
	}
}

// Confirms reports whether a 304 with the header h is about this answer: no validator that it carries contradicts the
// stored ones (RFC 9111, 4.3.4).
func (p *Response) Confirms(h http.Header) bool {
	if tags := h["Etag"]; len(tags) > 0 {
		e, ok := field.ParseETag(tags[0])
		if !ok || !p.hasETag {
			return len(tags) == 1 && len(p.Header["Etag"]) == 1 && tags[0] == p.Header["Etag"][0]
		}
		if !e.Weak && !p.etag.Weak {
			return e.StrongMatch(p.etag)
		}
		return e.WeakMatch(p.etag)
	}
	lm := h["Last-Modified"]
	return len(lm) == 0 || len(p.Header["Last-Modified"]) == 1 && lm[0] == p.Header["Last-Modified"][0]
}

// Merge returns the stored answer as a header freshens it: that of a 304, or of a 200 to a HEAD. Every field that it carries
// replaces the stored one, except those that belong to the stored body; fields that it lacks stay. The merged answer's
// terms say whether it is still storable.
func (o *Options) Merge(p *Response, r *Request, h http.Header, began, now time.Time) *Response {
	fresh := o.Forwarded(h)
	for _, name := range keptBy304 {
		delete(fresh, name)
	}
	header := p.Header.Clone()
	for name, lines := range fresh {
		header[name] = lines
	}
	for _, t := range o.Targeted { // a field for this cache alone is not forwarded, and counts all the same
		if lines := h[t.Name]; t.Remove && len(lines) > 0 {
			header[t.Name] = lines
		}
	}
	get := *r
	get.Method = http.MethodGet
	terms := o.Judge(&get, p.Status, header, began, now)
	m := &Response{Status: p.Status, Header: o.Stored(header, &terms), Body: p.Body, Form: p.Form, Terms: terms}
	m.Vary = Select(terms.VaryOn, r)
	return m.Prepare()
}

// Agrees reports whether the header of a 200 to a HEAD describes the stored answer (RFC 9111, 4.3.5).
func (p *Response) Agrees(status int, h http.Header) bool {
	if status != p.Status || !p.Confirms(h) {
		return false
	}
	if length := h["Content-Length"]; len(length) > 0 {
		return length[0] == strconv.Itoa(p.bodyLen())
	}
	return true
}
