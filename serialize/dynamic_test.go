package serialize

import (
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"testing"
	"time"
)

func TestInterfacesGiveTheirTypesBack(t *testing.T) {
	at := time.Date(2025, 1, 2, 3, 4, 5, 6, time.UTC)
	for _, v := range []any{
		nil, true, false, 0.0, -1.5, math.Inf(1), "", "text", "\xff", []any{}, []any(nil), []any{nil, []any{1.0}},
		map[string]any{}, map[string]any(nil), map[string]any{"a": map[string]any{"b": nil}, "\xfe": 1.0},
		1, int8(-2), int16(3), int32(4), int64(math.MinInt64), uint(5), uint8(6), uint16(7), uint32(8),
		uint64(math.MaxUint64), float32(1.5), complex64(1i), complex(1, 2), []byte{}, []byte(nil), []byte("b"), at,
		time.Hour, json.Number("1e400"), []string{"a"}, []string(nil), []int{1}, []float64{1}, map[string]string{"a": "b"},
		[]map[string]any{{"a": 1}, nil},
	} {
		t.Run(fmt.Sprintf("%T %v", v, v), func(t *testing.T) {
			if out := roundTrip(t, v); !reflect.DeepEqual(v, out) {
				t.Errorf("in %#v, out %#v", v, out)
			}
			in := struct {
				A any
				M map[string]any
				S []any
			}{v, map[string]any{"k": v}, []any{v, v}}
			if out := roundTrip(t, in); !reflect.DeepEqual(in, out) {
				t.Errorf("in %#v, out %#v", in, out)
			}
		})
	}
}

func TestDecodedJSONComesBack(t *testing.T) {
	var in any
	text := `{"a":[1,2.5,"x",null,true,{"b":[]}],"c":{},"d":"\u00e9","e":1e308}`
	if err := json.Unmarshal([]byte(text), &in); err != nil {
		t.Fatal(err)
	}
	if out := roundTrip(t, in); !reflect.DeepEqual(in, out) {
		t.Errorf("in %#v, out %#v", in, out)
	}
}

// TestTheOrderOfDynamicTypesIsFixed holds the tag numbers that entries in stores were written with.
func TestTheOrderOfDynamicTypesIsFixed(t *testing.T) {
	want := "[string []interface {} map[string]interface {} int int8 int16 int32 int64 uint uint8 uint16 uint32 uint64 " +
		"float32 complex64 complex128 []uint8 time.Time time.Duration json.Number []string []int []float64 " +
		"map[string]string []map[string]interface {}]"
	if got := fmt.Sprint(dynamicTypes); got != want {
		t.Errorf("got %s", got)
	}
}
