package inspect

import (
	"github.com/stillwarm/stillwarm/internal/httpentry"
	"github.com/stillwarm/stillwarm/serialize"
)

// httpEntry returns what an HTTP entry says of itself.
func httpEntry(h serialize.Header, payload []byte) (m httpentry.Meta, ok bool) {
	if h.Type != httpentry.Layout {
		return m, false
	}
	m, _, ok = httpentry.Parse(payload)
	return m, ok
}
