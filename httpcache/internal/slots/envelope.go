package slots

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"time"

	"github.com/stillwarm/stillwarm/httpcache/internal/port"
	"github.com/stillwarm/stillwarm/serialize"
)

// layout is the type fingerprint of an HTTP cache's entries: another layout is another type, and a miss.
var layout = [16]byte{'h', 't', 't', 'p', 'c', 'a', 'c', 'h', 'e', ' ', 'e', 'n', 't', 'r', 'y', 1}

var errLayout = errors.New("not an entry of the HTTP cache")

// address is a slot's key in the backend.
func (e *Engine) address(k port.Key) string { return e.prefix + hex.EncodeToString(k[:]) }

func (e *Engine) sealAddress(k port.Key) string {
	return e.env.Namespace + "\x00" + e.spec.Name + "\x00" + e.address(k)
}

// seal encodes an item for the backend.
func (e *Engine) seal(k port.Key, it *item, generation uint64) ([]byte, error) {
	b := appendText(nil, it.epoch)
	for _, list := range [...][]string{it.entry.Resources, it.entry.Tags, it.ids} {
		b = binary.AppendUvarint(b, uint64(len(list)))
		for _, s := range list {
			b = appendText(b, s)
		}
	}
	b = it.entry.Value.Append(b)
	return e.env.Sealer.Seal(nil, e.sealAddress(k), serialize.Header{
		Generation: generation, Created: it.entry.Began, FreshUntil: it.entry.Fresh, Expires: it.entry.Keep,
		RunTime: it.entry.RunTime, Type: layout,
	}, b)
}

// open returns the item that data encodes.
func (e *Engine) open(k port.Key, data []byte) (*item, error) {
	h, b, err := e.env.Sealer.Open(e.sealAddress(k), data)
	if err != nil {
		return nil, err
	}
	if h.Type != layout {
		return nil, errLayout
	}
	it := &item{entry: &port.Entry{Began: h.Created, RunTime: h.RunTime, Fresh: h.FreshUntil, Keep: h.Expires}, gen: h.Generation}
	p := parser{b: b}
	it.epoch = p.text()
	it.entry.Resources, it.entry.Tags, it.ids = p.list(), p.list(), p.list()
	if p.bad || len(it.ids) != len(it.entry.Resources)+len(it.entry.Tags) {
		return nil, errLayout
	}
	if it.entry.Value, err = e.spec.Decode(p.b, int64(len(p.b))); err != nil {
		return nil, err
	}
	it.names = namesOf(k, it.entry)
	return it, nil
}

func appendText(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

type parser struct {
	b   []byte
	bad bool
}

func (p *parser) number() uint64 {
	v, n := binary.Uvarint(p.b)
	if p.bad || n <= 0 || v > uint64(len(p.b)) { // every number here counts something that follows
		p.bad = true
		return 0
	}
	p.b = p.b[n:]
	return v
}

func (p *parser) text() string {
	n := p.number()
	if n > uint64(len(p.b)) {
		p.bad = true
		return ""
	}
	s := string(p.b[:n])
	p.b = p.b[n:]
	return s
}

func (p *parser) list() []string {
	n := p.number()
	if n > uint64(len(p.b)) {
		p.bad = true
		return nil
	}
	all := make([]string, 0, n)
	for range n {
		all = append(all, p.text())
	}
	return all
}

// expiry is until when the backend keeps what is kept until t.
func expiry(now int64, t time.Time) time.Time {
	if most := time.Unix(0, now).Add(maxKeep); t.After(most) {
		return most
	}
	return t
}
