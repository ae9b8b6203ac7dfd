package rule

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/stillwarm/stillwarm/httpcache/internal/field"
)

// Status is a cache's member of Cache-Status (RFC 9211).
type Status struct {
	Hit       bool
	Fwd       string
	FwdStatus int
	Stored    bool
	Collapsed bool
	HasTTL    bool
	TTL       time.Duration
	Detail    string
	Key       string // shown while developing only
}

// AddStatus appends the member to the header's Cache-Status, in place of an earlier one of this cache.
func (o *Options) AddStatus(h http.Header, st Status) {
	o.removeOwnStatus(h)
	h["Cache-Status"] = append(h["Cache-Status"], o.StatusMember(st))
}

// StatusMember returns the member as text.
func (o *Options) StatusMember(st Status) string {
	b := make([]byte, 0, 96)
	b = appendBare(b, o.Name)
	if st.Hit {
		b = append(b, "; hit"...)
	}
	if st.Fwd != "" {
		b = append(append(b, "; fwd="...), st.Fwd...)
	}
	if st.FwdStatus != 0 {
		b = strconv.AppendInt(append(b, "; fwd-status="...), int64(st.FwdStatus), 10)
	}
	if st.HasTTL {
		b = strconv.AppendInt(append(b, "; ttl="...), int64(floorSeconds(st.TTL)), 10)
	}
	if st.Stored {
		b = append(b, "; stored"...)
	}
	if st.Collapsed {
		b = append(b, "; collapsed"...)
	}
	if st.Key != "" && o.Development {
		b = appendQuoted(append(b, "; key="...), st.Key)
	}
	if st.Detail != "" {
		b = appendBare(append(b, "; detail="...), st.Detail)
	}
	return string(b)
}

// floorSeconds rounds down, also below zero.
func floorSeconds(d time.Duration) time.Duration {
	s := d / time.Second
	if d < 0 && d%time.Second != 0 {
		s--
	}
	return s
}

// appendBare appends a token where s is one, else a string.
func appendBare(b []byte, s string) []byte {
	if s == "" || !(s[0] >= 'a' && s[0] <= 'z' || s[0] >= 'A' && s[0] <= 'Z' || s[0] == '*') {
		return appendQuoted(b, s)
	}
	for i := range len(s) {
		c := s[i]
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("!#$%&'*+-.^_`|~:/", c) >= 0) {
			return appendQuoted(b, s)
		}
	}
	return append(b, s...)
}

func appendQuoted(b []byte, s string) []byte {
	b = append(b, '"')
	for i := range len(s) {
		switch c := s[i]; {
		case c == '"', c == '\\':
			b = append(b, '\\', c)
		case c < 0x20, c > 0x7e:
			b = append(b, '?') // not allowed in a structured field
		default:
			b = append(b, c)
		}
	}
	return append(b, '"')
}

// removeOwnStatus drops members of this cache: an answer that this cache stored, or that passed through it twice, tells of
// the last time only.
func (o *Options) removeOwnStatus(h http.Header) {
	old := h["Cache-Status"]
	if len(old) == 0 {
		return
	}
	var left []string
	for _, m := range field.ParseStatus(old) {
		if m.Cache != o.Name {
			left = append(left, m.Text)
		}
	}
	if len(left) == 0 {
		delete(h, "Cache-Status")
		return
	}
	h["Cache-Status"] = left
}

// StatusOf returns what Cache-Status says of serving a stored answer.
func (p *Response) StatusOf(v Verdict, now time.Time) Status {
	return Status{Hit: true, HasTTL: true, TTL: p.Terms.Lifetime - p.Terms.Age(now), Detail: v.Detail}
}
