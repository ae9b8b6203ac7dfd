package clone

import (
	"encoding/json"
	"errors"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"
	"unsafe"

	"github.com/stillwarm/stillwarm/internal/zone"
	"github.com/stillwarm/stillwarm/internal/zone/tzif"
	"github.com/stillwarm/stillwarm/serialize"
)

func TestZonesOfResults(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Skip(err)
	}
	odd, err := time.LoadLocationFromTZData("Europe/Berlin", tzif.Table{Zones: []tzif.Zone{{Name: "X", Offset: 60}}}.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 7, 1, 0, 0, 0, 1, berlin)
	t.Run("I2 zones by name and rules", func(t *testing.T) {
		for _, loc := range []*time.Location{time.UTC, berlin, time.Local, time.FixedZone("CET", 3600), time.FixedZone("", 60)} {
			exact(t, at.In(loc), zone.Equal)
			exact(t, []any{at.In(loc)}, func(a, b []any) bool { return zone.Equal(a[0].(time.Time), b[0].(time.Time)) })
			exact(t, stamp(at.In(loc)), func(a, b stamp) bool { return zone.Equal(time.Time(a), time.Time(b)) })
		}
	})
	t.Run("I2 a zone that cannot be loaded again", func(t *testing.T) {
		for _, v := range []any{at.In(odd), []time.Time{at, at.In(odd)}, []any{at.In(odd)}, map[time.Time]int{at.In(odd): 1}, stamp(at.In(odd))} {
			if _, err := keepValue(t, reflect.ValueOf(v)); !errors.Is(err, serialize.ErrZone) {
				t.Errorf("%T: %v", v, err)
			}
		}
	})
	t.Run("I2 the monotonic reading is dropped in memory as in the backend", func(t *testing.T) {
		now := time.Now()
		if got := copyOf(t, now); got != now.Round(0) {
			t.Errorf("%v", got)
		}
		if got := copyOf[any](t, now); got != any(now.Round(0)) {
			t.Errorf("%v", got)
		}
	})
	t.Run("I3 times as map keys still find each other, in every zone", func(t *testing.T) {
		type days struct {
			First time.Time
			By    map[time.Time]string
			Any   map[any]any
		}
		for _, loc := range []*time.Location{time.UTC, berlin, time.Local, time.FixedZone("CET", 3600)} {
			first := at.In(loc)
			v := days{first, map[time.Time]string{first: "a", first.Add(1): "b"}, map[any]any{first: 1, "k": 2}}
			exact(t, v, func(_, b days) bool {
				return b.By[b.First] == "a" && b.By[b.First.Add(1)] == "b" && len(b.By) == 2 && b.Any[b.First] == 1
			})
		}
		now := time.Now()
		exact(t, days{First: now, By: map[time.Time]string{now.Round(0): "a"}}, func(a, b days) bool { return len(b.By) == 1 })
	})
	t.Run("I3 keys that would become one are refused", func(t *testing.T) {
		again := time.FixedZone("CET", 3600)
		v := map[time.Time]int{at.In(time.FixedZone("CET", 3600)): 1, at.In(again): 2}
		if _, err := keepOf(t, v); !errors.Is(err, serialize.ErrKeysCollide) {
			t.Errorf("got %v", err)
		}
		now := time.Now()
		if _, err := keepOf(t, map[time.Time]int{now: 1, now.Round(0): 2}); !errors.Is(err, serialize.ErrKeysCollide) {
			t.Errorf("a time with and without its monotonic reading: %v", err)
		}
	})
}

func TestKeptValuesHoldWhatTheyAreChargedFor(t *testing.T) {
	type page struct {
		Title string
		Tags  []string
		Attrs map[string]string
		Raw   []byte
		Any   any
	}
	const body = 4 << 20
	t.Run("I4 short strings that were cut from long ones", func(t *testing.T) {
		var charged int64
		grown := heapAfter(func() any {
			var all []any
			for i := range 24 {
				text := strings.Repeat(string(rune('a'+i)), body)
				raw := []byte(text)
				kept, err := keepOf(t, page{
					Title: text[:20], Tags: []string{text[:10], text[5:9]}, Attrs: map[string]string{text[:3]: text[:4]}, Raw: raw[:20],
					Any: []any{text[:7], json.Number(text[:3]), map[string]any{text[:2]: text[:5]}, map[string]string{text[:1]: text[:2]}, []string{text[:2]}},
				})
				if err != nil {
					t.Fatal(err)
				}
				charged += Size(compileFor[page](t), kept)
				all = append(all, kept)
			}
			return all
		})
		if grown > 8<<20 {
			t.Errorf("24 pages hold %d bytes, charged are %d", grown, charged)
		}
		if charged < grown/2 || charged > 4*grown+1<<16 {
			t.Errorf("24 pages hold %d bytes, charged are %d", grown, charged)
		}
	})
	t.Run("I4 what is charged is what is held", func(t *testing.T) {
		for name, make := range map[string]func(i int) any{
			"strings":    func(i int) any { return must(keepOf(t, []string{strconv.Itoa(i), strings.Repeat("x", i%100)})) },
			"maps":       func(i int) any { return must(keepOf(t, map[string]int{strconv.Itoa(i): i, "a": 1, "b": 2})) },
			"large maps": func(i int) any { return must(keepOf(t, someMap(100, strconv.Itoa(i)))) },
			"pointers":   func(i int) any { return must(keepOf(t, []*item{{SKU: strconv.Itoa(i)}, {}, {}})) },
			"JSON": func(i int) any {
				return must(keepOf[any](t, map[string]any{"a": []any{1.5, "x" + strconv.Itoa(i), nil}, "b": map[string]any{}}))
			},
			"hidden": func(i int) any { return must(keepOf(t, []*capped{{[]int{i}}, {[]int{i}}})) },
			"empty":  func(int) any { return must(keepOf(t, []map[string]int{{}, {}, {}})) },
		} {
			const n = 2000
			var charged int64
			grown := heapAfter(func() any {
				all := [n]any{}
				for i := range all {
					all[i] = make(i)
					charged += sizeOfKept(all[i])
				}
				return &all
			}) - 16*n
			if charged < grown*8/10 || charged > grown*16/10 && unsafe.Sizeof(0) == 8 { // headers count as those of 64 bits
				t.Errorf("%s: %d bytes are held, charged are %d", name, grown, charged)
			}
		}
	})
	t.Run("I4 constants cost nothing extra", func(t *testing.T) {
		v := make([]string, 1000)
		for i := range v {
			v[i] = "a constant of some length that all of them share, as a status would"
		}
		kept := must(keepOf(t, v))
		if dataOfText(kept.Value[0]) != dataOfText(kept.Value[999]) {
			t.Error("a thousand copies")
		}
	})
	t.Run("I4 hidden memory counts", func(t *testing.T) {
		kept := must(keepOf(t, capped{[]int{1}}))
		if got := Size(compileFor[capped](t), kept); got < 64*int64(unsafe.Sizeof(0)) {
			t.Errorf("charged are %d bytes", got)
		}
	})
}
