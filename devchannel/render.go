package devchannel

import (
	"encoding"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// The bounds of a rendered value.
const (
	maxDepth = 12
	maxNodes = 400
	maxText  = 2000
)

// hidden stands for what looks like a secret by the name of its field.
const hidden = "[hidden]"

// secretNames are parts of the names of fields whose values are never shown.
var secretNames = []string{"password", "passwd", "secret", "token", "apikey", "api_key", "authorization", "credential", "cookie", "privatekey", "private_key"}

func secret(name string) bool {
	name = strings.ToLower(name)
	for _, s := range secretNames {
		if strings.Contains(name, s) {
			return true
		}
	}
	return false
}

// Render writes a value in at most max bytes, for people. Types that say how they are shown are asked (a redacting form
// stays redacted), unexported fields and those left out of keys are left out, and fields that are named like secrets are
// hidden.
func Render(v any, max int) string {
	r := &renderer{max: max}
	r.write(reflect.ValueOf(v), 0)
	s := r.b.String()
	if len(s) <= max {
		return s
	}
	cut := max - len("…")
	for cut > 0 && !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:max0(cut)] + "…"
}

func max0(n int) int { return max(n, 0) }

type renderer struct {
	b   strings.Builder
	max int
}

func (r *renderer) full() bool { return r.b.Len() > r.max }

func (r *renderer) write(v reflect.Value, depth int) {
	if r.full() {
		return
	}
	if depth > maxDepth {
		r.b.WriteString("…")
		return
	}
	if !v.IsValid() {
		r.b.WriteString("nil")
		return
	}
	if text, ok := own(v); ok {
		r.b.WriteString(text)
		return
	}
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if v.IsNil() {
			r.b.WriteString("nil")
			return
		}
		r.write(v.Elem(), depth+1)
	case reflect.Struct:
		r.list("{", "}", visible(v), func(f field) {
			r.b.WriteString(f.name + ":")
			if secret(f.name) {
				r.b.WriteString(hidden)
				return
			}
			r.write(f.value, depth+1)
		})
	case reflect.Slice, reflect.Array, reflect.Map:
		r.collection(v, depth)
	default:
		r.b.WriteString(leaf(v, r.max))
	}
}

func (r *renderer) list(open, end string, fields []field, each func(field)) {
	r.b.WriteString(open)
	for i, f := range fields {
		if i > 0 {
			r.b.WriteString(" ")
		}
		if each(f); r.full() {
			return
		}
	}
	r.b.WriteString(end)
}

func (r *renderer) collection(v reflect.Value, depth int) {
	if b, ok := bytesOf(v); ok {
		r.b.WriteString(leafBytes(b))
		return
	}
	r.b.WriteString("[")
	separator := ""
	for _, f := range elements(v, r.max) {
		r.b.WriteString(separator)
		if v.Kind() == reflect.Map {
			r.b.WriteString(f.name + ":")
			if secret(f.name) {
				r.b.WriteString(hidden)
				continue
			}
		}
		if r.write(f.value, depth+1); r.full() {
			return
		}
		separator = " "
	}
	r.b.WriteString("]")
}

// field is a part of a value.
type field struct {
	name  string
	value reflect.Value
}

// visible returns the exported fields that are part of keys.
func visible(v reflect.Value) []field {
	var list []field
	t := v.Type()
	for i := range t.NumField() {
		if f := t.Field(i); f.IsExported() && f.Tag.Get("cache") != "-" {
			list = append(list, field{f.Name, v.Field(i)})
		}
	}
	return list
}

// elements returns at most most elements of a list or map.
func elements(v reflect.Value, most int) []field {
	var list []field
	if v.Kind() != reflect.Map {
		for i := range min(v.Len(), most) {
			list = append(list, field{strconv.Itoa(i), v.Index(i)})
		}
		return list
	}
	for it := v.MapRange(); it.Next() && len(list) < most; {
		list = append(list, field{Render(safeInterface(it.Key()), 80), it.Value()})
	}
	sortFields(list)
	return list
}

func sortFields(list []field) {
	for i := 1; i < len(list); i++ {
		for j := i; j > 0 && list[j].name < list[j-1].name; j-- {
			list[j], list[j-1] = list[j-1], list[j]
		}
	}
}

func safeInterface(v reflect.Value) any {
	if v.IsValid() && v.CanInterface() {
		return v.Interface()
	}
	return nil
}

// own returns what a type says of itself, if it does.
func own(v reflect.Value) (text string, ok bool) {
	if !v.CanInterface() {
		return "", false
	}
	if v.Kind() == reflect.Pointer && v.IsNil() {
		return "nil", true
	}
	defer func() {
		if recover() != nil {
			text, ok = "[its own form panics]", true
		}
	}()
	switch x := v.Interface().(type) {
	case time.Time:
		return x.Format(time.RFC3339Nano), true
	case encoding.TextMarshaler:
		b, err := x.MarshalText()
		return strconv.Quote(string(b)), err == nil
	case fmt.Stringer:
		return x.String(), true
	case error:
		return x.Error(), true
	}
	return "", false
}

func bytesOf(v reflect.Value) ([]byte, bool) {
	if v.Kind() == reflect.Slice && v.Type().Elem().Kind() == reflect.Uint8 {
		return v.Bytes(), true
	}
	return nil, false
}

func leafBytes(b []byte) string {
	if utf8.Valid(b) && len(b) > 0 {
		return strconv.Quote(cut(string(b), maxText))
	}
	return fmt.Sprintf("%d bytes", len(b))
}

func cut(s string, most int) string {
	if len(s) <= most {
		return s
	}
	for most > 0 && !utf8.RuneStart(s[most]) {
		most--
	}
	return s[:most] + "…"
}

func leaf(v reflect.Value, most int) string {
	switch v.Kind() {
	case reflect.String:
		return strconv.Quote(cut(v.String(), most))
	case reflect.Bool:
		return strconv.FormatBool(v.Bool())
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return strconv.FormatInt(v.Int(), 10)
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		return strconv.FormatUint(v.Uint(), 10)
	case reflect.Float32, reflect.Float64:
		return strconv.FormatFloat(v.Float(), 'g', -1, v.Type().Bits())
	case reflect.Complex64, reflect.Complex128:
		return strconv.FormatComplex(v.Complex(), 'g', -1, v.Type().Bits())
	}
	return v.Type().String()
}
