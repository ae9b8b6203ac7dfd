package shape_test

import (
	"encoding/json"
	"reflect"
	"testing"
	"time"

	"github.com/stillwarm/stillwarm/internal/shape"
)

type item struct {
	Name  string
	Price int64
	_     [4]byte
	Next  *item
}

type order struct {
	At    time.Time
	Items []item
	Notes map[string][2]bool
}

func TestTree(t *testing.T) {
	got, err := json.Marshal(shape.Of(reflect.TypeFor[order]()))
	if err != nil {
		t.Fatal(err)
	}
	want := `{"kind":"struct","type":"shape_test.order","fields":[{"name":"At","kind":"time","type":"time.Time"},` +
		`{"name":"Items","kind":"slice","elem":{"kind":"struct","type":"shape_test.item","fields":[{"name":"Name","kind":"string"},` +
		`{"name":"Price","kind":"int64"},{"name":"Next","kind":"ptr","elem":{"kind":"recursive","type":"shape_test.item"}}]}},` +
		`{"name":"Notes","kind":"map","key":{"kind":"string"},"elem":{"kind":"array","elem":{"kind":"bool"},"len":2}}]}`
	if string(got) != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

type wide struct{ A, B, C, D *narrow }

type narrow struct {
	W []struct{ X, Y, Z map[string]int }
}

func TestTreeIsBounded(t *testing.T) {
	typ := reflect.TypeFor[wide]()
	for range 12 {
		typ = reflect.StructOf([]reflect.StructField{{Name: "A", Type: typ}, {Name: "B", Type: reflect.SliceOf(typ)}})
	}
	b, err := json.Marshal(shape.Of(typ))
	if err != nil || len(b) > 1<<20 {
		t.Fatal(len(b), err)
	}
}
