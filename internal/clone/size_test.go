// The sizes are those of words of 64 bits.

//go:build !386

package clone

import (
	"math/big"
	"strings"
	"testing"
	"time"
)

func sizeOf[T any](t *testing.T, v T) int64 {
	t.Helper()
	return Size(compileFor[T](t), &Kept[T]{Value: v})
}

func TestSizeCountsWhatAValueHolds(t *testing.T) {
	long := strings.Repeat("x", 1000)
	for name, c := range map[string]struct{ got, want int64 }{
		"an int":                       {sizeOf(t, 1), 8},
		"a string":                     {sizeOf(t, long), 16 + 1024},
		"bytes up to their capacity":   {sizeOf(t, make([]byte, 10, 100)), 24 + 112},
		"a slice of strings":           {sizeOf(t, []string{long, long}), 24 + 32 + 2*1024},
		"a nil pointer":                {sizeOf(t, (*[100]int)(nil)), 8},
		"a pointer":                    {sizeOf(t, new([100]int)), 8 + 896},
		"a pointer to a string":        {sizeOf(t, &long), 8 + 16 + 1024},
		"a struct":                     {sizeOf(t, struct{ A, B string }{long, "b"}), 32 + 1024 + 8},
		"an array":                     {sizeOf(t, [2]string{long, "b"}), 32 + 1024 + 8},
		"a nil map":                    {sizeOf(t, map[string]int(nil)), 8},
		"a nil interface":              {sizeOf[any](t, nil), 16},
		"a number in an interface":     {sizeOf[any](t, 1.5), 16 + 8},
		"a string in an interface":     {sizeOf[any](t, long), 16 + 16 + 1024},
		"a slice in an interface":      {sizeOf[any](t, []any{long}), 16 + 24 + 16 + 16 + 1024},
		"a nil slice of pointers":      {sizeOf(t, []*int(nil)), 24},
		"a shared target, once":        {sizeOf(t, []*string{&long, &long}), 24 + 16 + 16 + 1024},
		"a time":                       {sizeOf(t, time.Now()), 24},
		"a big number with its digits": {sizeOf(t, new(big.Int).Lsh(big.NewInt(1), 640)), 8 + 32 + 96},
	} {
		t.Run(name, func(t *testing.T) {
			if c.got != c.want {
				t.Errorf("got %d, want %d", c.got, c.want)
			}
		})
	}
}

func TestSizeOfMapsGrowsWithTheirEntries(t *testing.T) {
	entries := func(n int) int64 { return sizeOf(t, someMap(n, "12345678")) }
	perEntry := float64(entries(1000)-entries(0)) / 1000
	if perEntry < 45 || perEntry > 110 { // 32 of headers, 8 and about 7 of text, and the map's own
		t.Errorf("%v bytes an entry", perEntry)
	}
	if d := sizeOf[any](t, map[string]any{"k": "v"}) - sizeOf[any](t, map[string]any{}); d < 32 {
		t.Errorf("an entry of a dynamic map counts %d bytes", d)
	}
}

func TestSizeEndsOnCyclesAndDepth(t *testing.T) {
	loop := &link{}
	loop.Next = loop
	if got := sizeOf(t, loop); got <= 0 {
		t.Errorf("got %d", got)
	}
	if got := sizeOf(t, chain(1_000_000)); got < 16*maxDepth {
		t.Errorf("got %d", got)
	}
	dynamic := []any{nil}
	dynamic[0] = dynamic
	if got := sizeOf(t, dynamic); got <= 0 {
		t.Errorf("got %d", got)
	}
}
