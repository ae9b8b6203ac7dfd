package clone

import (
	"math/rand/v2"
	"reflect"
	"testing"
)

// copyValue is Keep and then Copy for a type that only reflection knows.
func copyValue(t *testing.T, v reflect.Value) (reflect.Value, error) {
	t.Helper()
	p, err := Compile(v.Type())
	if err != nil {
		t.Fatalf("Compile(%v): %v", v.Type(), err)
	}
	src, kept, dst := reflect.New(v.Type()), reflect.New(v.Type()), reflect.New(v.Type())
	src.Elem().Set(v)
	kept.Elem().Set(v)
	if err := p.keeping().keep(&state{left: maxBytes}, pointerOf(kept), pointerOf(src)); err != nil {
		return dst.Elem(), err
	}
	dst.Elem().Set(kept.Elem())
	if !p.Flat() {
		err = p.root.copy(walk{state: &state{left: maxBytes}}, pointerOf(dst), pointerOf(kept))
	}
	return dst.Elem(), err
}

func TestCopiesOfGeneratedTypes(t *testing.T) {
	for seed := range uint64(400) {
		g := generator{rand.New(rand.NewPCG(seed, 1))}
		typ := g.typ(1 + int(seed%4))
		for range 4 {
			checkCopy(t, g.value(typ))
			if t.Failed() {
				t.Fatalf("seed %d, type %v", seed, typ)
			}
		}
	}
}

// checkCopy holds the copy of v against the slow copy and the codec, looks for shared memory, and at last changes every
// part of the copy to see that v stays as it was.
func checkCopy(t *testing.T, v reflect.Value) {
	t.Helper()
	want, before := slowCopy(v), slowCopy(v)
	got, err := copyValue(t, v)
	if err != nil {
		t.Errorf("copy: %v", err)
		return
	}
	if !reflect.DeepEqual(got.Interface(), want.Interface()) {
		t.Errorf("got  %#v\nwant %#v", got.Interface(), want.Interface())
	}
	if decoded := roundTrip(v); !reflect.DeepEqual(got.Interface(), decoded.Interface()) {
		t.Errorf("got     %#v\ndecoded %#v", got.Interface(), decoded.Interface())
	}
	if at := sharedMemory(v, got); at != "" {
		t.Errorf("shared: %s", at)
	}
	checkCapacity(t, got)
	scribble(got)
	if after := slowCopy(v); !reflect.DeepEqual(after.Interface(), before.Interface()) {
		t.Errorf("changing the copy changed the source from %#v to %#v", before.Interface(), after.Interface())
	}
}

// checkCapacity fails if some slice in v has room beyond its length: what lies there would be held for nothing.
func checkCapacity(t *testing.T, v reflect.Value) {
	t.Helper()
	switch {
	case leaves[v.Type()]:
	case v.Kind() == reflect.Slice:
		if v.Cap() != v.Len() {
			t.Errorf("a %v of length %d has capacity %d", v.Type(), v.Len(), v.Cap())
		}
		for i := range v.Len() {
			checkCapacity(t, v.Index(i))
		}
	case v.Kind() == reflect.Pointer || v.Kind() == reflect.Interface:
		if !v.IsNil() {
			checkCapacity(t, v.Elem())
		}
	case v.Kind() == reflect.Struct:
		for i := range v.NumField() {
			checkCapacity(t, v.Field(i))
		}
	case v.Kind() == reflect.Map:
		for iter := v.MapRange(); iter.Next(); {
			checkCapacity(t, iter.Value())
		}
	}
}

func TestTheCheckersSeeWhatTheyLookFor(t *testing.T) {
	type box struct {
		S []int
		M map[string]*int
	}
	n := 1
	v := box{S: make([]int, 1, 4), M: map[string]*int{"a": &n}}
	cases := map[string]box{
		"a slice":                       {S: v.S},
		"a slice beyond its length":     {S: v.S[1:1]},
		"a map":                         {M: v.M},
		"a pointer in a map of its own": {M: map[string]*int{"b": &n}},
	}
	for name, other := range cases {
		t.Run(name, func(t *testing.T) {
			if sharedMemory(reflect.ValueOf(v), reflect.ValueOf(other)) == "" {
				t.Error("not seen")
			}
		})
	}
	if at := sharedMemory(reflect.ValueOf(v), slowCopy(reflect.ValueOf(v))); at != "" {
		t.Errorf("the slow copy shares %s", at)
	}
}
