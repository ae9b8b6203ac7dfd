package rule

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/stillwarm/stillwarm/httpcache/internal/field"
	"github.com/stillwarm/stillwarm/internal/httpreq"
)

// Response is a stored answer. It does not change and is shared by all who serve it.
type Response struct {
	Status int
	Header http.Header // without what must not be stored
	Body   []byte
	Form   httpreq.Form
	Vary   []Selected
	Terms  Terms

	etag         field.ETag
	lastModified time.Time
	hasETag      bool
}

// Selected is a request field that selected an answer, with its normalised value.
type Selected struct {
	Name    string // in lower case
	Value   string
	Present bool
}

// Select returns the values of the request's fields that an answer varies on.
func Select(names []string, r *Request) []Selected {
	var all []Selected
	for _, name := range names {
		value, present := field.Normalize(name, lines(r.Header, name))
		all = append(all, Selected{name, value, present})
	}
	return all
}

// Matches reports whether the request has the values that selected the answer.
func (p *Response) Matches(r *Request) bool {
	for i := range p.Vary {
		s := &p.Vary[i]
		if value, present := field.Normalize(s.Name, lines(r.Header, s.Name)); value != s.Value || present != s.Present {
			return false
		}
	}
	return true
}

// VaryNames returns the names that the answer varies on.
func (p *Response) VaryNames() []string {
	var names []string
	for _, s := range p.Vary {
		names = append(names, s.Name)
	}
	return names
}

// Prepare fills in what is derived from the fields. It must be called once before the response is shared.
func (p *Response) Prepare() *Response {
	if tags := p.Header["Etag"]; len(tags) == 1 {
		p.etag, p.hasETag = field.ParseETag(tags[0])
	}
	if lm := p.Header["Last-Modified"]; len(lm) == 1 {
		p.lastModified, _ = field.ParseDate(lm[0], p.Terms.Received)
	}
	return p
}

// Size is roughly the memory that the response takes.
func (p *Response) Size() int64 {
	n := int64(len(p.Body)) + 256
	for name, lines := range p.Header {
		n += int64(len(name)) + 64
		for _, l := range lines {
			n += int64(len(l)) + 16
		}
	}
	for _, s := range p.Vary {
		n += int64(len(s.Name)+len(s.Value)) + 40
	}
	for _, t := range p.Terms.Tags {
		n += int64(len(t)) + 16
	}
	return n
}

// lines returns the lines of a field by its name in lower case.
func lines(h http.Header, name string) []string { return h[http.CanonicalHeaderKey(name)] }

// hopByHop are the fields that are never stored or sent on, besides those that Connection lists.
var hopByHop = [...]string{"Connection", "Keep-Alive", "Proxy-Connection", "Proxy-Authenticate", "Proxy-Authentication-Info",
	"Proxy-Authorization", "Te", "Trailer", "Transfer-Encoding", "Upgrade"}

// Stored returns a copy of a final header as it is stored: without hop-by-hop fields, those that are named by no-cache and
// private, and an earlier member of this cache in Cache-Status. Fields for this cache alone stay, since a 304 may leave them out;
// [Options.Answer] sends none.
func (o *Options) Stored(h http.Header, t *Terms) http.Header {
	out := o.Forwarded(h)
	for _, target := range o.Targeted {
		if lines := h[target.Name]; target.Remove && len(lines) > 0 {
			out[target.Name] = slices.Clone(lines)
		}
	}
	for _, name := range t.strip {
		delete(out, http.CanonicalHeaderKey(name))
	}
	delete(out, "Age") // it is part of the terms, and made anew for each answer
	return out
}

// Canonical returns a copy of a header as a handler wrote it with canonical names: a field that a handler set past
// [http.Header.Set] counts like any other.
func Canonical(h http.Header) http.Header {
	out := make(http.Header, len(h)+2)
	for name, lines := range h {
		if strings.HasPrefix(name, http.TrailerPrefix) {
			continue
		}
		canonical := http.CanonicalHeaderKey(name)
		if old, ok := out[canonical]; ok {
			out[canonical] = append(old, lines...)
			continue
		}
		out[canonical] = slices.Clone(lines)
	}
	return out
}

// Forwarded returns a copy of a final header with canonical names as it goes to a client of the run.
func (o *Options) Forwarded(h http.Header) http.Header {
	out := make(http.Header, len(h))
	for name, lines := range h {
		out[name] = slices.Clone(lines)
	}
	removeHopByHop(out)
	for _, t := range o.Targeted {
		if t.Remove {
			delete(out, t.Name)
		}
	}
	o.removeOwnStatus(out)
	return out
}

// removeHopByHop drops the connection's own fields.
func removeHopByHop(h http.Header) {
	for _, line := range h["Connection"] {
		for name := range strings.SplitSeq(line, ",") {
			if name = strings.TrimSpace(name); name != "" {
				delete(h, http.CanonicalHeaderKey(name))
			}
		}
	}
	for _, name := range hopByHop {
		delete(h, name)
	}
}
