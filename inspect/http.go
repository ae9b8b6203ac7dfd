package inspect

import (
	"encoding/binary"
	"strings"

	"github.com/stillwarm/stillwarm/serialize"
)

// httpLayout is the type of an HTTP cache's entries.
var httpLayout = [16]byte{'h', 't', 't', 'p', 'c', 'a', 'c', 'h', 'e', ' ', 'e', 'n', 't', 'r', 'y', 1}

// httpEntry returns the address and the tags of an HTTP entry.
func httpEntry(h serialize.Header, payload []byte) (url string, tags []string, ok bool) {
	if h.Type != httpLayout {
		return "", nil, false
	}
	p := texts{b: payload}
	p.next() // the epoch
	resources, tags := p.list(), p.list()
	if p.bad {
		return "", nil, false
	}
	for _, r := range resources {
		if address, ok := strings.CutPrefix(r, "url "); ok {
			url = strings.TrimSuffix(address, "?")
		}
	}
	return url, tags, true
}

// texts reads length-framed texts.
type texts struct {
	b   []byte
	bad bool
}

func (p *texts) number() uint64 {
	v, n := binary.Uvarint(p.b)
	if p.bad || n <= 0 || v > uint64(len(p.b)) { // every number counts something that follows
		p.bad = true
		return 0
	}
	p.b = p.b[n:]
	return v
}

func (p *texts) next() string {
	n := p.number()
	if n > uint64(len(p.b)) {
		p.bad = true
		return ""
	}
	s := string(p.b[:n])
	p.b = p.b[n:]
	return s
}

func (p *texts) list() []string {
	n := p.number()
	all := make([]string, 0, min(n, 64))
	for range n {
		if p.bad {
			return nil
		}
		all = append(all, p.next())
	}
	return all
}
