package serialize

import (
	"reflect"
	"testing"
	"time"
)

type stamp time.Time

func TestTimesKeepInstantAndOffset(t *testing.T) {
	berlin := time.FixedZone("CET", 3600)
	for name, in := range map[string]time.Time{
		"zero":                    {},
		"now, monotonic":          time.Now(),
		"UTC":                     time.Date(2024, 2, 29, 23, 59, 59, 999999999, time.UTC),
		"an hour east":            time.Date(2024, 7, 1, 0, 0, 0, 1, berlin),
		"an offset with seconds":  time.Date(1890, 1, 1, 0, 0, 0, 0, time.FixedZone("LMT", -(4*3600+56*60+2))),
		"offset zero, named":      time.Date(2024, 1, 1, 0, 0, 0, 0, time.FixedZone("GMT", 0)),
		"before Christ":           time.Date(-5000, 1, 1, 0, 0, 0, 5, time.UTC),
		"year 292277026596":       time.Unix(1<<63-1, 0),
		"the first second of all": time.Unix(-1<<63, 1),
		"far beyond 2262":         time.Date(123456, 1, 1, 0, 0, 0, 0, berlin),
	} {
		t.Run(name, func(t *testing.T) {
			out := roundTrip(t, in)
			_, want := in.Zone()
			_, got := out.Zone()
			if !out.Equal(in) || got != want {
				t.Errorf("in %v, out %v", in, out)
			}
			if canonical := CanonicalTime(in); !reflect.DeepEqual(canonical, out) {
				t.Errorf("decoded %#v, CanonicalTime %#v", out, canonical)
			}
			if want == 0 && out.Location() != time.UTC {
				t.Errorf("location %v", out.Location())
			}
			if again := CanonicalTime(out); !reflect.DeepEqual(again, out) {
				t.Errorf("CanonicalTime changes what it made: %#v, %#v", out, again)
			}
		})
	}
	t.Run("a named time type", func(t *testing.T) {
		in := map[string]stamp{"a": stamp(time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC))}
		if out := roundTrip(t, in); !reflect.DeepEqual(in, out) {
			t.Errorf("out %v", out)
		}
	})
	t.Run("a zero time equals time.Time{}", func(t *testing.T) {
		if out := roundTrip(t, time.Time{}); out != (time.Time{}) {
			t.Errorf("%#v", out)
		}
	})
}
