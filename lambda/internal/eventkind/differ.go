package eventkind

import (
	"fmt"
	"hash/maphash"
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

// The bounds on what is looked at: fields of one event, and depth.
const (
	maxFields = 512
	maxDepth  = 12
)

// Add takes another event.
func (d *Differ) Add(v any) {
	if d.last == nil {
		d.seed, d.changed = maphash.MakeSeed(), map[string]int{}
	}
	now := map[string]uint64{}
	d.walk(now, "", reflect.ValueOf(v), 0)
	if d.seen > 0 {
		for path, digest := range now {
			if old, ok := d.last[path]; ok && old != digest {
				d.changed[path]++
			}
		}
	}
	d.seen++
	d.last = now
}

// Always returns up to n fields, in order, that were another in all events but a tenth; where there are none, those that changed most
// often.
func (d *Differ) Always(n int) []string {
	var fields []string
	most := 0
	for _, times := range d.changed {
		most = max(most, times)
	}
	for path, times := range d.changed {
		if times*10 >= most*9 {
			fields = append(fields, path)
		}
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
		for i := range v.NumField() {
			if f := v.Type().Field(i); f.IsExported() {
				d.walk(to, join(path, fieldName(f)), v.Field(i), depth+1)
			}
		}
	case reflect.Map:
		for it := v.MapRange(); it.Next(); {
			if name := fmt.Sprint(it.Key()); speakable(name) {
				d.walk(to, join(path, name), it.Value(), depth+1)
			}
		}
	case reflect.Slice, reflect.Array:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			to[path] = d.digest(v)
			return
		}
		for i := range min(v.Len(), 4) {
			d.walk(to, fmt.Sprintf("%s[%d]", path, i), v.Index(i), depth+1)
		}
	case reflect.Invalid, reflect.Func, reflect.Chan, reflect.UnsafePointer:
	default:
		to[path] = d.digest(v)
	}
}

func (d *Differ) digest(v reflect.Value) uint64 {
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
