package rule

import (
	"crypto/sha256"
	"encoding/binary"
	"net/url"
	"slices"
	"strings"
	"sync"

	"github.com/stillwarm/stillwarm/httpcache/internal/field"
	"github.com/stillwarm/stillwarm/httpcache/internal/port"
)

// Key is the digest that names a slot.
type Key = port.Key

// Keys are the slots in which an answer to a request can be.
type Keys struct {
	Public    Key
	Principal Key // zero where the request has no principal
	URL       string
}

// Slots returns the keys to look under.
func (k Keys) Slots() []Key {
	if k.Principal == (Key{}) {
		return []Key{k.Public}
	}
	return []Key{k.Public, k.Principal}
}

// unkeyedInputs are request fields that handlers and frameworks take a request's target from, although they are not part
// of it. They are in every key: whoever can send one must not decide what others get.
var unkeyedInputs = [...]string{"X-Forwarded-Host", "X-Forwarded-Proto", "X-Forwarded-Prefix", "X-Original-Url", "X-Rewrite-Url",
	"X-Http-Method-Override", "X-Http-Method", "X-Method-Override", "X-Forwarded-Scheme", "X-Forwarded-Server", "X-Host", "X-Original-Host"}

var keyBuffers = sync.Pool{New: func() any { b := make([]byte, 0, 512); return &b }}

// Keys returns the primary keys of a request. A HEAD has the keys of the GET.
func (o *Options) Keys(r *Request) Keys {
	buf := keyBuffers.Get().(*[]byte)
	b := append((*buf)[:0], "request"...)
	query := o.NormalizeQuery(r.Query)
	for _, s := range [...]string{r.Tenant, r.Scheme, strings.ToLower(r.Host), r.Stage, r.APIID, r.BasePath, r.Path, query} {
		b = frame(b, s)
	}
	for _, name := range unkeyedInputs {
		b = frameLines(b, r.Header[name])
	}
	b = frame(b, field.ParseForwarded(r.Header["Forwarded"]))
	for _, name := range o.KeyFields {
		value, present := field.Normalize(name, lines(r.Header, name))
		b = frameValue(b, value, present)
	}
	k := Keys{Public: sha256.Sum256(b), URL: r.Path}
	if query != "" {
		k.URL += "?" + query
	}
	if r.Principal != "" {
		b = append(append(b[:0], "principal"...), k.Public[:]...)
		k.Principal = sha256.Sum256(frame(b, r.Principal))
	}
	*buf = b
	keyBuffers.Put(buf)
	return k
}

// Variant returns the key of the answer to requests that have the same values of the fields as r, below a primary key.
func Variant(primary Key, names []string, r *Request) Key {
	b := append(append(make([]byte, 0, 256), "variant"...), primary[:]...)
	for _, name := range names {
		value, present := field.Normalize(name, lines(r.Header, name))
		b = frameValue(frame(b, name), value, present)
	}
	return sha256.Sum256(b)
}

func frame(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

func frameLines(b []byte, lines []string) []byte {
	b = binary.AppendUvarint(b, uint64(len(lines)))
	for _, l := range lines {
		b = frame(b, l)
	}
	return b
}

func frameValue(b []byte, value string, present bool) []byte {
	if !present {
		return append(b, 0)
	}
	return frame(append(b, 1), value)
}

// NormalizeQuery leaves out ignored parameters, and sorts the others by name where that was asked for. What is left is
// byte for byte as it was sent.
func (o *Options) NormalizeQuery(query string) string {
	if query == "" || len(o.IgnoreQuery) == 0 && !o.SortQuery {
		return query
	}
	parts := strings.Split(query, "&")
	parts = slices.DeleteFunc(parts, func(p string) bool { return o.ignored(parameterName(p)) })
	if o.SortQuery {
		slices.SortStableFunc(parts, func(a, b string) int { return strings.Compare(parameterName(a), parameterName(b)) })
	}
	return strings.Join(parts, "&")
}

func (o *Options) ignored(name string) bool {
	for _, p := range o.IgnoreQuery {
		if prefix, any := strings.CutSuffix(p, "*"); name == p || any && strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}

func parameterName(p string) string {
	name, _, _ := strings.Cut(p, "=")
	if plain, err := url.QueryUnescape(name); err == nil {
		return plain
	}
	return name
}
