package key

import (
	"crypto/sha256"
	"encoding/binary"
	"reflect"
	"strings"
	"sync"
)

var fingerprints sync.Map // reflect.Type -> [32]byte

// Fingerprint identifies the structure of t: kinds, the names, order, tags and types of fields, elements, signatures of
// interfaces and functions, and for types that marshal themselves their names and how. Names of other types are no part
// of it, so a type may be renamed or moved. It is the same in every process and on every machine. Types of the standard
// library that hide their fields count by name: those fields are the business of Go's release and of the platform.
func Fingerprint(t reflect.Type) [32]byte {
	if sum, ok := fingerprints.Load(t); ok {
		return sum.([32]byte)
	}
	p := printer{seen: map[reflect.Type]int{}}
	p.write(t)
	sum := sha256.Sum256(p.out)
	fingerprints.Store(t, sum)
	return sum
}

// A printer writes the description of a type. Every name is framed by its length, every list by its count.
type printer struct {
	out  []byte
	seen map[reflect.Type]int // a type that was described before, perhaps around this one, is referred to by number
}

func (p *printer) text(s string) { p.out = appendText(p.out, s) }

func (p *printer) number(n int) { p.out = binary.AppendVarint(p.out, int64(n)) }

func (p *printer) write(t reflect.Type) {
	if n, ok := p.seen[t]; ok {
		p.text("seen")
		p.number(n)
		return
	}
	p.text(t.Kind().String())
	if t.Name() != "" && t.PkgPath() == "" && t.Kind() != reflect.Interface {
		return // one of the language's own types
	}
	p.seen[t] = len(p.seen)
	how := marshals(t)
	p.text(how)
	if how != "" {
		p.text(fullName(t))
	}
	if standard(t.PkgPath()) && (how != "" || hidesFields(t)) {
		p.text(fullName(t))
		return
	}
	p.structure(t)
}

func (p *printer) structure(t reflect.Type) {
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice:
		p.write(t.Elem())
	case reflect.Array:
		p.number(t.Len())
		p.write(t.Elem())
	case reflect.Map:
		p.write(t.Key())
		p.write(t.Elem())
	case reflect.Chan, reflect.Func, reflect.Interface:
		p.text(fullName(t))
		if t.Kind() == reflect.Interface {
			var b strings.Builder
			writeInterface(&b, t)
			p.text(b.String())
		}
	case reflect.Struct:
		p.number(t.NumField())
		for i := range t.NumField() {
			f := t.Field(i)
			p.text(f.Name)
			p.text(string(f.Tag))
			if f.Anonymous {
				p.text("embedded")
			} else {
				p.text("")
			}
			p.write(f.Type)
		}
	}
}

func hidesFields(t reflect.Type) bool {
	if t.Kind() != reflect.Struct {
		return false
	}
	for i := range t.NumField() {
		if f := t.Field(i); !f.IsExported() && f.Name != "_" {
			return true
		}
	}
	return false
}

type (
	jsonMarshaler interface{ MarshalJSON() ([]byte, error) }
	cborMarshaler interface{ MarshalCBOR() ([]byte, error) }
)

// marshals returns the ways in which t marshals itself, for keys or in a codec; "" for none. They are the author's code and
// the structure does not show them.
func marshals(t reflect.Type) string {
	if t.Kind() == reflect.Pointer || t.Kind() == reflect.Interface {
		return ""
	}
	var ways []string
	for _, f := range formInterfaces {
		if implements(t, f.typ) {
			ways = append(ways, formNames[f.kind])
		}
	}
	for _, c := range codecInterfaces {
		if implements(t, c.iface) {
			ways = append(ways, c.name)
		}
	}
	return strings.Join(ways, ",")
}

var codecInterfaces = []struct {
	name  string
	iface reflect.Type
}{
	{"GobEncode", reflect.TypeFor[gobEncoder]()},
	{"MarshalJSON", reflect.TypeFor[jsonMarshaler]()},
	{"MarshalCBOR", reflect.TypeFor[cborMarshaler]()},
}
