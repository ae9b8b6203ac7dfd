package rule

import (
	"encoding/base64"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/stillwarm/stillwarm/httpcache/internal/field"
	"github.com/stillwarm/stillwarm/internal/httpreq"
)

// Answer is what one client gets: a header of its own, and a part of the stored body.
type Answer struct {
	Status int
	Header http.Header
	// Body is the whole stored body in the form in which it is stored, where Whole says so; else bytes of the body itself.
	Body  []byte
	Form  httpreq.Form
	Whole bool
}

// bodyLen is the length of the body itself.
func (p *Response) bodyLen() int {
	if p.Form != httpreq.Base64 {
		return len(p.Body)
	}
	n := base64.StdEncoding.DecodedLen(len(p.Body))
	for i := len(p.Body); i > 0 && p.Body[i-1] == '='; i-- {
		n--
	}
	return n
}

// Answer makes the answer to a request from the stored one: a 304 where the request's conditions say so, a part where it
// asks for one, no body for a HEAD. noRange forbids parts. st becomes the cache's member of Cache-Status.
func (o *Options) Answer(r *Request, p *Response, now time.Time, st Status, noRange bool) Answer {
	age := strconv.FormatInt(int64(p.Terms.Age(now)/time.Second), 10)
	if p.notModified(r) {
		h := p.headerOf304(o)
		o.finish(h, age, st)
		return Answer{Status: http.StatusNotModified, Header: h}
	}
	h := copyHeader(p.Header)
	for _, t := range o.Targeted {
		if t.Remove {
			delete(h, t.Name)
		}
	}
	o.finish(h, age, st)
	a := Answer{Status: p.Status, Header: h, Body: p.Body, Form: p.Form, Whole: true}
	if bodyAllowed(p.Status) && len(h["Content-Length"]) == 0 && len(h["Transfer-Encoding"]) == 0 {
		h["Content-Length"] = []string{strconv.Itoa(p.bodyLen())}
	}
	switch {
	case r.Method == http.MethodHead:
		a.Body = nil
	case !noRange && p.Status == http.StatusOK && len(r.Header["Range"]) > 0 && p.rangeApplies(r):
		return p.part(r, a)
	}
	return a
}

// finish adds the fields that are made anew for each answer.
func (o *Options) finish(h http.Header, age string, st Status) {
	h["Age"] = []string{age}
	o.AddStatus(h, st)
}

// copyHeader returns a header whose lists share no memory with h's, with two allocations for all of them.
func copyHeader(h http.Header) http.Header {
	n := 0
	for _, lines := range h {
		n += len(lines)
	}
	all := make([]string, 0, n)
	out := make(http.Header, len(h)+3)
	for name, lines := range h {
		if lines == nil {
			out[name] = nil
			continue
		}
		start := len(all)
		all = append(all, lines...)
		out[name] = all[start:len(all):len(all)]
	}
	return out
}

// in304 are the fields of a 304 (RFC 9110, 15.4.5).
var in304 = [...]string{"Cache-Control", "Content-Location", "Date", "Etag", "Expires", "Vary"}

func (p *Response) headerOf304(o *Options) http.Header {
	h := make(http.Header, len(in304)+4)
	for _, name := range in304 {
		if lines, ok := p.Header[name]; ok {
			h[name] = append([]string(nil), lines...)
		}
	}
	for _, t := range o.Targeted { // for the caches behind this one
		if lines, ok := p.Header[t.Name]; ok && !t.Remove {
			h[t.Name] = append([]string(nil), lines...)
		}
	}
	if _, ok := h["Etag"]; !ok && len(p.Header["Last-Modified"]) > 0 {
		h["Last-Modified"] = append([]string(nil), p.Header["Last-Modified"]...)
	}
	return h
}

// notModified evaluates the request's conditions against the stored answer (RFC 9111, 4.3.2).
func (p *Response) notModified(r *Request) bool {
	if p.Status < 200 || p.Status > 299 {
		return false
	}
	if inm := r.Header["If-None-Match"]; len(inm) > 0 {
		list, ok := field.ParseETags(inm)
		return ok && (list.Any || p.hasETag && list.WeakMatch(p.etag))
	}
	ims := r.Header["If-Modified-Since"]
	if len(ims) != 1 {
		return false
	}
	since, ok := field.ParseDate(ims[0], p.Terms.Received)
	if !ok {
		return false
	}
	modified := p.lastModified
	if modified.IsZero() {
		if modified, ok = dateOf(p.Header, p.Terms.Received); !ok {
			modified = p.Terms.Received
		}
	}
	return !modified.After(since)
}

// rangeApplies evaluates If-Range: a strong validator or the exact date.
func (p *Response) rangeApplies(r *Request) bool {
	lines := r.Header["If-Range"]
	if len(lines) == 0 {
		return true
	}
	if len(lines) > 1 {
		return false
	}
	if e, ok := field.ParseETag(lines[0]); ok {
		return p.hasETag && e.StrongMatch(p.etag)
	}
	lm := p.Header["Last-Modified"]
	if len(lm) != 1 || lm[0] != lines[0] || p.lastModified.IsZero() {
		return false
	}
	date, ok := dateOf(p.Header, p.Terms.Received)
	return ok && date.Sub(p.lastModified) >= time.Second // else it is a weak validator
}

// part turns the answer with the whole body into one with the range that the request asks for.
func (p *Response) part(r *Request, a Answer) Answer {
	size := int64(p.bodyLen())
	kind, first, length := field.ParseRange(r.Header["Range"], size)
	if kind == field.WholeBody {
		return a
	}
	body, err := p.Form.Decode(p.Body)
	if err != nil {
		return a
	}
	total := strconv.FormatInt(size, 10)
	a.Whole, a.Form = false, httpreq.Plain
	if kind == field.Unsatisfiable {
		for name := range a.Header {
			if strings.HasPrefix(name, "Content-") {
				delete(a.Header, name)
			}
		}
		a.Status, a.Body = http.StatusRequestedRangeNotSatisfiable, nil
		a.Header["Content-Range"] = []string{"bytes */" + total}
		a.Header["Content-Length"] = []string{"0"}
		return a
	}
	a.Status, a.Body = http.StatusPartialContent, body[first:first+length]
	a.Header["Content-Range"] = []string{"bytes " + strconv.FormatInt(first, 10) + "-" + strconv.FormatInt(first+length-1, 10) + "/" + total}
	a.Header["Content-Length"] = []string{strconv.FormatInt(length, 10)}
	return a
}

func bodyAllowed(status int) bool {
	return status >= 200 && status != http.StatusNoContent && status != http.StatusNotModified
}
