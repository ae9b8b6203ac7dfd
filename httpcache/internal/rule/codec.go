package rule

import (
	"encoding/binary"
	"errors"
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/stillwarm/stillwarm/httpcache/internal/port"
	"github.com/stillwarm/stillwarm/internal/httpreq"
)

// The kinds of stored values, which begin their encoding. A new layout is a new kind: an unknown one is a miss.
const (
	responseKind = 1
	variantsKind = 2
)

var errEncoding = errors.New("httpcache: not an encoded answer")

// Variants is what a primary slot holds where the URL's answers vary.
type Variants struct {
	Fields []string // all that they vary on, in lower case, sorted
	List   []VariantRef
}

// VariantRef is one of a URL's answers.
type VariantRef struct {
	Key  Key
	Keep time.Time // gone after this time
}

// Size is roughly the memory that the list takes.
func (v *Variants) Size() int64 {
	n := int64(len(v.List))*64 + 64
	for _, f := range v.Fields {
		n += int64(len(f)) + 16
	}
	return n
}

// With returns the list with an answer that varies on names added, or false where it would have more than most.
func (v *Variants) With(key Key, keep time.Time, names []string, now time.Time, most int) (*Variants, bool) {
	w := &Variants{}
	if v != nil {
		w.Fields = slices.Clone(v.Fields)
		for _, one := range v.List {
			if one.Key != key && now.Before(one.Keep) {
				w.List = append(w.List, one)
			}
		}
	}
	if len(w.List) >= most {
		return nil, false
	}
	w.Fields = slices.Compact(slices.Sorted(slices.Values(append(w.Fields, names...))))
	w.List = append(w.List, VariantRef{key, keep})
	return w, true
}

// Append appends the encoding.
func (v *Variants) Append(dst []byte) []byte {
	dst = append(dst, variantsKind)
	dst = frameLines(dst, v.Fields)
	dst = binary.AppendUvarint(dst, uint64(len(v.List)))
	for _, one := range v.List {
		dst = append(dst, one.Key[:]...)
		dst = appendTime(dst, one.Keep)
	}
	return dst
}

// Append appends the encoding.
func (p *Response) Append(dst []byte) []byte {
	dst = append(dst, responseKind)
	dst = binary.AppendUvarint(dst, uint64(p.Status))
	dst = append(dst, byte(p.Form))
	dst = p.Terms.append(dst)
	dst = binary.AppendUvarint(dst, uint64(len(p.Vary)))
	for _, s := range p.Vary {
		dst = frameValue(frame(dst, s.Name), s.Value, s.Present)
	}
	dst = binary.AppendUvarint(dst, uint64(len(p.Header)))
	for _, name := range slices.Sorted(maps.Keys(p.Header)) {
		dst = frameLines(frame(dst, name), p.Header[name])
	}
	return append(dst, p.Body...) // last, so that it needs no copy
}

// The flags of encoded terms.
const (
	flagPrivate = 1 << iota
	flagNoCache
	flagNoStale
	flagValidator
	flagHeuristic
)

func (t *Terms) append(dst []byte) []byte {
	flags := byte(0)
	for i, on := range [...]bool{t.Private, t.NoCache, t.NoStale, t.Validator, t.Heuristic} {
		if on {
			flags |= 1 << i
		}
	}
	dst = appendTime(append(dst, flags), t.Received)
	for _, d := range [...]time.Duration{t.InitialAge, t.Lifetime, t.StaleWhile, t.StaleError} {
		dst = binary.AppendUvarint(dst, uint64(max(0, d)))
	}
	dst = frame(dst, t.Why)
	return frameLines(dst, t.Tags)
}

func appendTime(dst []byte, t time.Time) []byte {
	return binary.BigEndian.AppendUint64(dst, uint64(t.UnixNano()))
}

// Decode returns the *Response or *Variants that data encodes. The body keeps data's memory.
func Decode(data []byte, _ int64) (port.Value, error) {
	d := decoder{data: data}
	var v port.Value
	switch d.byte() {
	case responseKind:
		v = d.response()
	case variantsKind:
		v = d.variants()
	default:
		return nil, errEncoding
	}
	if d.bad {
		return nil, errEncoding
	}
	return v, nil
}

type decoder struct {
	data []byte
	bad  bool
}

func (d *decoder) take(n uint64) []byte {
	if d.bad || n > uint64(len(d.data)) {
		d.bad = true
		return nil
	}
	b := d.data[:n:n]
	d.data = d.data[n:]
	return b
}

func (d *decoder) byte() byte {
	if b := d.take(1); b != nil {
		return b[0]
	}
	return 0
}

func (d *decoder) uvarint() uint64 {
	v, n := binary.Uvarint(d.data)
	if d.bad || n <= 0 {
		d.bad = true
		return 0
	}
	d.data = d.data[n:]
	return v
}

// count reads the number of things of at least size bytes each: what is there bounds what is allocated.
func (d *decoder) count(size int) int {
	n := d.uvarint()
	if n > uint64(len(d.data)/size) {
		d.bad = true
		return 0
	}
	return int(n)
}

func (d *decoder) string() string { return string(d.take(d.uvarint())) }

func (d *decoder) lines() []string {
	n := d.count(1)
	if n == 0 {
		return nil
	}
	all := make([]string, n)
	for i := range all {
		all[i] = d.string()
	}
	return all
}

func (d *decoder) time() time.Time {
	b := d.take(8)
	if b == nil {
		return time.Time{}
	}
	return time.Unix(0, int64(binary.BigEndian.Uint64(b)))
}

func (d *decoder) duration() time.Duration { return time.Duration(d.uvarint() &^ (1 << 63)) }

func (d *decoder) response() *Response {
	p := &Response{Status: int(d.uvarint() & 0xffff), Form: httpreq.Form(d.byte())}
	d.bad = d.bad || p.Status < 200 || p.Status > 599 || p.Form > httpreq.Base64
	p.Terms = d.terms()
	n := d.count(3)
	for range n {
		s := Selected{Name: d.string()}
		if s.Present = d.byte() == 1; s.Present {
			s.Value = d.string()
		}
		p.Vary = append(p.Vary, s)
		p.Terms.VaryOn = append(p.Terms.VaryOn, s.Name)
	}
	n = d.count(2)
	p.Header = make(http.Header, n)
	for range n {
		name := d.string()
		p.Header[name] = d.lines()
	}
	p.Body, d.data = d.data, nil
	if d.bad {
		return nil
	}
	return p.Prepare()
}

func (d *decoder) terms() Terms {
	flags := d.byte()
	t := Terms{
		Store: true, Private: flags&flagPrivate != 0, NoCache: flags&flagNoCache != 0, NoStale: flags&flagNoStale != 0,
		Validator: flags&flagValidator != 0, Heuristic: flags&flagHeuristic != 0, Received: d.time(),
	}
	for _, v := range [...]*time.Duration{&t.InitialAge, &t.Lifetime, &t.StaleWhile, &t.StaleError} {
		*v = d.duration()
	}
	t.Why = d.string()
	t.Tags = d.lines()
	return t
}

func (d *decoder) variants() *Variants {
	v := &Variants{Fields: d.lines()}
	for range d.count(40) {
		one := VariantRef{}
		copy(one.Key[:], d.take(uint64(len(one.Key))))
		one.Keep = d.time()
		v.List = append(v.List, one)
	}
	d.bad = d.bad || len(d.data) > 0
	return v
}
