package serialize

import (
	"bytes"
	"errors"
	"math"
	"reflect"
	"testing"
	"time"

	"github.com/stillwarm/stillwarm/internal/zone"
	"github.com/stillwarm/stillwarm/internal/zone/tzif"
)

type stamp time.Time

func TestTimesKeepInstantAndZone(t *testing.T) {
	cet := time.FixedZone("CET", 3600)
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Skip(err)
	}
	for name, in := range map[string]time.Time{
		"zero":                    {},
		"now, monotonic":          time.Now(),
		"UTC":                     time.Date(2024, 2, 29, 23, 59, 59, 999999999, time.UTC),
		"an hour east":            time.Date(2024, 7, 1, 0, 0, 0, 1, cet),
		"an offset with seconds":  time.Date(1890, 1, 1, 0, 0, 0, 0, time.FixedZone("LMT", -(4*3600+56*60+2))),
		"offset zero, named":      time.Date(2024, 1, 1, 0, 0, 0, 0, time.FixedZone("GMT", 0)),
		"offset without a name":   time.Date(2024, 1, 1, 0, 0, 0, 0, time.FixedZone("", 5400)),
		"a name that is no text":  time.Date(2024, 1, 1, 0, 0, 0, 0, time.FixedZone("\xff", 60)),
		"before Christ":           time.Date(-5000, 1, 1, 0, 0, 0, 5, time.UTC),
		"year 292277026596":       time.Unix(1<<63-1, 0),
		"the first second of all": time.Unix(-1<<63, 1),
		"far beyond 2262":         time.Date(123456, 1, 1, 0, 0, 0, 0, cet),
		"a zone with rules":       time.Date(2024, 7, 1, 0, 0, 0, 1, berlin),
		"the local zone":          time.Now().Round(0).Local(),
	} {
		t.Run("I2 "+name, func(t *testing.T) {
			out := roundTrip(t, in)
			if !zone.Equal(in, out) || in.Format(time.RFC3339Nano+" MST") != out.Format(time.RFC3339Nano+" MST") {
				t.Errorf("in %v, out %v", in, out)
			}
			if in.Location() == time.UTC != (out.Location() == time.UTC) || in.Location() == time.Local != (out.Location() == time.Local) {
				t.Errorf("location %v", out.Location())
			}
		})
	}
	t.Run("I2 a named time type", func(t *testing.T) {
		in := map[string]stamp{"a": stamp(time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC))}
		if out := roundTrip(t, in); !reflect.DeepEqual(in, out) {
			t.Errorf("out %v", out)
		}
	})
	t.Run("I2 a zero time equals time.Time{}", func(t *testing.T) {
		if out := roundTrip(t, time.Time{}); out != (time.Time{}) {
			t.Errorf("%#v", out)
		}
	})
	t.Run("I2 a zone that cannot be loaded again is an error", func(t *testing.T) {
		loc, err := time.LoadLocationFromTZData("Europe/Berlin", tzif.Table{Zones: []tzif.Zone{{Name: "X", Offset: 60}}}.Bytes())
		if err != nil {
			t.Fatal(err)
		}
		if err := encodeError(t, []time.Time{time.Now().In(loc)}); !errors.Is(err, ErrZone) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("I3 times as map keys still find each other, in every zone", func(t *testing.T) {
		type days struct {
			First time.Time
			By    map[time.Time]string
		}
		for _, loc := range []*time.Location{time.UTC, cet, berlin, time.Local, time.FixedZone("", 60)} {
			at := time.Date(2024, 7, 1, 0, 0, 0, 1, loc)
			out := roundTrip(t, days{at, map[time.Time]string{at: "a", at.Add(1): "b", at.In(time.FixedZone("Y", 60)): "c"}})
			if out.By[out.First] != "a" || out.By[out.First.Add(1)] != "b" || len(out.By) != 3 {
				t.Errorf("%v: %v", loc, out)
			}
		}
	})
	t.Run("I3 map keys that would become one are an error", func(t *testing.T) {
		at := time.Date(2024, 7, 1, 0, 0, 0, 1, cet)
		if err := encodeError(t, map[time.Time]int{at: 1, at.In(time.FixedZone("CET", 3600)): 2}); !errors.Is(err, ErrKeysCollide) {
			t.Errorf("got %v", err)
		}
		if err := encodeError(t, map[any]int{at: 1, at.In(time.FixedZone("CET", 3600)): 2}); !errors.Is(err, ErrKeysCollide) {
			t.Errorf("got %v", err)
		}
		roundTrip(t, map[any]int{at: 1, at.Add(1): 2, math.NaN(): 3})
	})
	t.Run("I2 many times in one zone name it once", func(t *testing.T) {
		codec, err := CodecFor(reflect.TypeFor[[]time.Time]())
		if err != nil {
			t.Fatal(err)
		}
		var in []time.Time
		for i := range 100 {
			in = append(in, time.Unix(int64(i), 0).In(berlin), time.Unix(int64(i), 0).In(cet))
		}
		data, err := codec.Append(nil, &in)
		if err != nil || bytes.Count(data, []byte("Europe/Berlin")) != 1 || bytes.Count(data, []byte("CET")) != 1 {
			t.Errorf("%d bytes, %v", len(data), err)
		}
	})
}
