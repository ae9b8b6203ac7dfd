// Package httpentry is what the entries of HTTP caches say of themselves in a backend, before the answer: package httpcache
// writes it, package inspect lists it. It is part of the payload, and sealed with it.
package httpentry

import "encoding/binary"

// Layout is the type fingerprint of these entries: another layout is another type, and a miss.
var Layout = [16]byte{'h', 't', 't', 'p', 'c', 'a', 'c', 'h', 'e', ' ', 'e', 'n', 't', 'r', 'y', 2}

// Meta is what an entry says of itself.
type Meta struct {
	// URL is path and query of the request, without ignored parameters; Variant says which of the URL's answers it is.
	URL, Variant string
	Epoch        string   // under which its records were checked
	Resources    []string // that it is invalidated by
	Tags         []string
	IDs          []string // of the records of resources and tags, in this order
}

// Append appends the encoding, which [Parse] reads.
func (m *Meta) Append(dst []byte) []byte {
	for _, s := range [...]string{m.URL, m.Variant, m.Epoch} {
		dst = appendText(dst, s)
	}
	for _, list := range [...][]string{m.Resources, m.Tags, m.IDs} {
		dst = binary.AppendUvarint(dst, uint64(len(list)))
		for _, s := range list {
			dst = appendText(dst, s)
		}
	}
	return dst
}

func appendText(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// Parse reads a Meta from the beginning of b, and returns what comes behind it. What it allocates is bounded by the length
// of b.
func Parse(b []byte) (m Meta, rest []byte, ok bool) {
	p := parser{b: b}
	for _, s := range [...]*string{&m.URL, &m.Variant, &m.Epoch} {
		*s = p.text()
	}
	for _, list := range [...]*[]string{&m.Resources, &m.Tags, &m.IDs} {
		*list = p.list()
	}
	if p.bad || len(m.IDs) != len(m.Resources)+len(m.Tags) {
		return Meta{}, nil, false
	}
	return m, p.b, true
}

type parser struct {
	b   []byte
	bad bool
}

func (p *parser) number() uint64 {
	v, n := binary.Uvarint(p.b)
	if p.bad || n <= 0 || v > uint64(len(p.b)-n) { // every number counts something of a byte or more that follows
		p.bad = true
		return 0
	}
	p.b = p.b[n:]
	return v
}

func (p *parser) text() string {
	n := p.number()
	s := string(p.b[:n])
	p.b = p.b[n:]
	return s
}

func (p *parser) list() []string {
	n := p.number()
	all := make([]string, 0, min(n, 64))
	for range n {
		if p.bad {
			return nil
		}
		all = append(all, p.text())
	}
	return all
}
