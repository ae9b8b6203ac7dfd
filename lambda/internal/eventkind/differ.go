package eventkind

import (
	"fmt"
	"hash/maphash"
	"math"
	"reflect"
	"slices"
	"strings"
)

// Differ finds out which fields of events are new each time. It keeps digests and no values.
type Differ struct {
	seed    maphash.Seed
	last    map[string]uint64
	changed map[string]int
	seen    int
}

// The bounds on what is looked at: fields of one event, elements of one list that are told apart, and depth.
const (
	maxFields   = 512
	maxElements = 4
	maxDepth    = 12
)

// Whole is what an event is called that has no fields.
const Whole = "(the whole event)"

// unnamed ends the path of what is digested together, because its own names are many or must not be told.
const unnamed = "\x00"

// Add takes another event.
func (d *Differ) Add(v any) {
	if d.last == nil {
		d.seed, d.changed = maphash.MakeSeed(), map[string]int{}
	}
	now := map[string]uint64{}
	d.walk(now, "", reflect.ValueOf(v), 0)
	if d.seen > 0 {
		for path, digest := range now {
			if old, ok := d.last[path]; !ok || old != digest {
				d.changed[path]++
			}
		}
		for path := range d.last {
			if _, ok := now[path]; !ok {
				d.changed[path]++
			}
		}
	}
	d.seen++
	d.last = now
}

// Always returns up to n fields, in order, that were another in all events but a tenth; where there are none, those that changed most
// often. Lists and maps of which only unnamed parts changed as often are named where there is nothing else to name.
func (d *Differ) Always(n int) []string {
	most := 0
	for _, times := range d.changed {
		most = max(most, times)
	}
	var fields, whole []string
	for path, times := range d.changed {
		if times*10 < most*9 {
			continue
		}
		if list, ok := strings.CutSuffix(path, unnamed); !ok && path != "" {
			fields = append(fields, path)
		} else if list != "" {
			whole = append(whole, list)
		} else {
			whole = append(whole, Whole)
		}
	}
	if len(fields) == 0 {
		fields = whole
	}
	slices.Sort(fields)
	return fields[:min(n, len(fields))]
}

func (d *Differ) walk(to map[string]uint64, path string, v reflect.Value, depth int) {
	if len(to) >= maxFields || depth > maxDepth {
		return
	}
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if !v.IsNil() {
			d.walk(to, path, v.Elem(), depth+1)
		}
	case reflect.Struct:
		d.walkStruct(to, path, v, depth)
	case reflect.Map:
		rest := map[string]uint64{}
		for it := v.MapRange(); it.Next(); {
			name := fmt.Sprint(it.Key())
			if speakable(name) {
				d.walk(to, join(path, name), it.Value(), depth+1)
			} else {
				d.walk(rest, name, it.Value(), depth+1)
			}
		}
		d.fold(to, path, rest)
	case reflect.Slice, reflect.Array:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			to[path] = d.digest(v)
			return
		}
		for i := range min(v.Len(), maxElements) {
			d.walk(to, fmt.Sprintf("%s[%d]", path, i), v.Index(i), depth+1)
		}
		rest := map[string]uint64{}
		for i := maxElements; i < v.Len(); i++ {
			d.walk(rest, fmt.Sprint(i), v.Index(i), depth+1)
		}
		d.fold(to, path, rest)
	case reflect.Invalid, reflect.Func, reflect.Chan, reflect.UnsafePointer:
	default:
		to[path] = d.digest(v)
	}
}

// walkStruct walks the fields that are part of a key. A type that hides all of them, such as time.Time, is one value.
func (d *Differ) walkStruct(to map[string]uint64, path string, v reflect.Value, depth int) {
	exported := false
	for i := range v.NumField() {
		f := v.Type().Field(i)
		if !f.IsExported() {
			continue
		}
		exported = true
		switch {
		case f.Tag.Get("cache") == "-":
		case f.Anonymous && f.Tag.Get("json") == "":
			d.walk(to, path, v.Field(i), depth+1) // its fields are the event's own
		default:
			d.walk(to, join(path, fieldName(f)), v.Field(i), depth+1)
		}
	}
	if !exported && v.NumField() > 0 {
		to[path] = d.digest(v)
	}
}

// fold keeps what was walked in one digest, which does not depend on an order.
func (d *Differ) fold(to map[string]uint64, path string, parts map[string]uint64) {
	if len(parts) == 0 {
		return
	}
	var sum uint64
	for name, digest := range parts {
		sum += maphash.String(d.seed, fmt.Sprint(digest, name))
	}
	to[path+unnamed] = sum
}

// digest tells values from one another, by themselves and not by a text form that may say less.
func (d *Differ) digest(v reflect.Value) uint64 {
	switch {
	case v.Kind() == reflect.String:
		return maphash.String(d.seed, v.String())
	case v.Kind() == reflect.Bool:
		return maphash.String(d.seed, fmt.Sprint(v.Bool()))
	case v.CanInt():
		return maphash.String(d.seed, fmt.Sprint(v.Int()))
	case v.CanUint():
		return maphash.String(d.seed, fmt.Sprint(v.Uint()))
	case v.CanFloat():
		return maphash.String(d.seed, fmt.Sprint(math.Float64bits(v.Float())))
	case v.Kind() == reflect.Slice: // of bytes
		return maphash.Bytes(d.seed, v.Bytes())
	}
	return maphash.String(d.seed, fmt.Sprint(v))
}

// fieldName returns the name that users see in an event.
func fieldName(f reflect.StructField) string {
	if name, _, _ := strings.Cut(f.Tag.Get("json"), ","); name != "" && name != "-" {
		return name
	}
	return f.Name
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

// speakable reports whether a key of a map looks like a name and not like data: it may be written into a log.
func speakable(name string) bool {
	if name == "" || len(name) > 40 {
		return false
	}
	digits := 0
	for _, c := range name {
		switch {
		case '0' <= c && c <= '9':
			digits++
		case c == '-' || c == '_' || c == '.' || c == ':' || c|0x20 >= 'a' && c|0x20 <= 'z':
		default:
			return false
		}
	}
	return digits <= 2
}
