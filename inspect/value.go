package inspect

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/fxamacker/cbor/v2"

	"github.com/stillwarm/stillwarm/internal/shape"
)

// The encodings of docs/internals/format.md. The bit says that the payload begins with the records that the entry depends on.
const (
	codecCBOR   = 1
	codecBytes  = 2
	codecText   = 3
	codecBinary = 4
	codecJSON   = 6
	codecProto  = 8
	codecTagged = 0x80
)

var errRecords = errors.New("the invalidation records before the payload are damaged")

// decodeValue returns a payload, without records, as a value that encoding/json writes: with field names where there is a
// tree, else by position.
func decodeValue(codec byte, payload []byte, tree shape.Node) (any, error) {
	switch codec {
	case codecCBOR:
		return decodeCBOR(payload, tree)
	case codecBytes:
		if len(payload) == 0 {
			return nil, nil
		}
		return text(payload[1:]), nil
	case codecJSON:
		if json.Valid(payload) {
			return json.RawMessage(bytes.Clone(payload)), nil
		}
	case codecProto:
		if len(payload) == 0 {
			return nil, nil
		}
		return base64.StdEncoding.EncodeToString(payload[1:]), nil
	}
	return text(payload), nil
}

// cutRecords returns the names of the invalidation records that a payload begins with, and what comes behind them.
func cutRecords(codec byte, b []byte) (names []string, code byte, payload []byte, err error) {
	if codec&codecTagged == 0 {
		return nil, codec, b, nil
	}
	if len(b) < 2 {
		return nil, 0, nil, errRecords
	}
	n := int(binary.BigEndian.Uint16(b))
	b = b[2:]
	for range n {
		if len(b) < 1 || len(b) < 1+int(b[0])+8 {
			return nil, 0, nil, errRecords
		}
		names = append(names, string(b[1:1+b[0]]))
		b = b[1+int(b[0])+8:]
	}
	return names, codec &^ codecTagged, b, nil
}

// text is bytes as text where they are, else in base64.
func text(b []byte) string {
	if utf8.Valid(b) {
		return string(b)
	}
	return base64.StdEncoding.EncodeToString(b)
}

var decoding = func() cbor.DecMode {
	m, err := cbor.DecOptions{MaxNestedLevels: 256, MaxArrayElements: math.MaxInt32, MaxMapPairs: math.MaxInt32, UTF8: cbor.UTF8DecodeInvalid}.DecMode()
	if err != nil {
		panic(err)
	}
	return m
}()

func decodeCBOR(payload []byte, tree shape.Node) (any, error) {
	var v any
	if err := decoding.Unmarshal(payload, &v); err != nil {
		return nil, fmt.Errorf("not CBOR: %w", err)
	}
	return named(v, tree), nil
}

// member is a field or a pair, and object keeps their order.
type member struct {
	name  string
	value any
}

type object []member

// MarshalJSON writes an object whose members keep their order.
func (o object) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, m := range o {
		if i > 0 {
			b.WriteByte(',')
		}
		name, err := json.Marshal(m.name)
		if err != nil {
			return nil, err
		}
		value, err := json.Marshal(m.value)
		if err != nil {
			return nil, err
		}
		b.Write(name)
		b.WriteByte(':')
		b.Write(value)
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// named gives a decoded value the names of its tree. What does not fit the tree is shown as it is.
func named(v any, n shape.Node) any { return (&namer{types: map[string]shape.Node{}}).named(v, n) }

// namer remembers the types on the way from the root, for those that contain themselves.
type namer struct {
	types map[string]shape.Node
	zones []*time.Location // of this value, in the order in which they came
	depth int
}

// maxDepth bounds what a record of somebody else's making could claim.
const maxDepth = 1000

func (w *namer) named(v any, n shape.Node) any {
	if n.Kind == "recursive" {
		n = w.types[n.Type]
	} else if n.Type != "" {
		w.types[n.Type] = n
	}
	if w.depth++; w.depth > maxDepth {
		w.depth--
		return plain(v)
	}
	defer func() { w.depth-- }()
	switch n.Kind {
	case "struct":
		if list, ok := v.([]any); ok && len(list) == len(n.Fields) {
			o := make(object, len(list))
			for i, f := range n.Fields {
				o[i] = member{f.Name, w.named(list[i], f.Node)}
			}
			return o
		}
	case "slice", "array":
		if list, ok := v.([]any); ok && n.Elem != nil {
			all := make([]any, len(list))
			for i, e := range list {
				all[i] = w.named(e, *n.Elem)
			}
			return all
		}
	case "map":
		if m, ok := v.(map[any]any); ok && n.Elem != nil {
			return w.pairs(m, *n.Elem)
		}
	case "ptr":
		return w.pointed(v, n.Elem)
	case "time":
		if t, ok := w.instant(v); ok {
			return t
		}
	}
	return plain(v)
}

// pointed follows a pointer. Around what can itself be nil stands an array of one.
func (w *namer) pointed(v any, elem *shape.Node) any {
	if v == nil || elem == nil {
		return plain(v)
	}
	if list, ok := v.([]any); ok && len(list) == 1 && slices.Contains([]string{"ptr", "slice", "map", "interface"}, elem.Kind) {
		return w.named(list[0], *elem)
	}
	return w.named(v, *elem)
}

func (w *namer) pairs(m map[any]any, elem shape.Node) object {
	o := make(object, 0, len(m))
	for k, v := range m {
		o = append(o, member{fmt.Sprint(plain(k)), w.named(v, elem)})
	}
	slices.SortFunc(o, func(a, b member) int { return strings.Compare(a.name, b.name) })
	return o
}

// instant reads seconds, nanoseconds and, where it is not UTC, the zone.
func (w *namer) instant(v any) (string, bool) {
	list, ok := v.([]any)
	if !ok || len(list) < 2 {
		return "", false
	}
	seconds, ok1 := integer(list[0])
	nanoseconds, ok2 := integer(list[1])
	if !ok1 || !ok2 {
		return "", false
	}
	zone := time.UTC
	if len(list) > 2 {
		if zone, ok = w.zone(list[2]); !ok {
			return "", false
		}
	}
	return time.Unix(seconds, nanoseconds).In(zone).Format(time.RFC3339Nano), true
}

// zone reads a zone: its number among those of the value, or kind, name and offset or rules. One that this machine does not know
// is shown as UTC.
func (w *namer) zone(v any) (*time.Location, bool) {
	if n, ok := integer(v); ok {
		if n < 0 || n >= int64(len(w.zones)) {
			return nil, false
		}
		return w.zones[n], true
	}
	list, ok := v.([]any)
	if !ok || len(list) != 3 {
		return nil, false
	}
	zone := time.UTC
	name, _ := list[1].(string)
	if offset, ok := integer(list[2]); ok {
		zone = time.FixedZone(name, int(offset))
	} else if known, err := time.LoadLocation(name); err == nil {
		zone = known
	}
	w.zones = append(w.zones, zone)
	return zone, true
}

func integer(v any) (int64, bool) {
	switch n := v.(type) {
	case int64:
		return n, true
	case uint64:
		return int64(n), n <= math.MaxInt64
	}
	return 0, false
}

// plain makes of a decoded value one that encoding/json writes.
func plain(v any) any {
	switch v := v.(type) {
	case []byte:
		return text(v)
	case []any:
		all := make([]any, len(v))
		for i, e := range v {
			all[i] = plain(e)
		}
		return all
	case map[any]any:
		return (&namer{}).pairs(v, shape.Node{})
	case cbor.Tag:
		return tagged(v)
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return fmt.Sprint(v)
		}
	case float32:
		return plain(float64(v))
	case string:
		return strings.ToValidUTF8(v, "\uFFFD")
	}
	return v
}

// tagged shows typed arrays as their numbers, and other tags as what they hold.
func tagged(t cbor.Tag) any {
	b, ok := t.Content.([]byte)
	switch {
	case ok && t.Number == 85:
		return floats(b, 4, func(b []byte) float64 { return float64(math.Float32frombits(binary.LittleEndian.Uint32(b))) })
	case ok && t.Number == 86:
		return floats(b, 8, func(b []byte) float64 { return math.Float64frombits(binary.LittleEndian.Uint64(b)) })
	}
	return plain(t.Content)
}

func floats(b []byte, size int, read func([]byte) float64) any {
	all := make([]any, 0, len(b)/size)
	for ; len(b) >= size; b = b[size:] {
		all = append(all, plain(read(b)))
	}
	return all
}
