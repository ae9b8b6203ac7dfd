// Package clone_test states what copies promise as properties of random values, with a library that shrinks what it
// finds, and with types that the root module does not depend on.
package clone_test

import (
	"math/big"
	"reflect"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/wrapperspb"
	"pgregory.net/rapid"

	"github.com/stillwarm/stillwarm/internal/clone"
	"github.com/stillwarm/stillwarm/serialize"
)

type level struct{ Price, Size float64 }

type document struct {
	Name    string
	Count   int32
	Raw     []byte
	Levels  []level
	Words   map[string]string
	Nested  map[int16][]*level
	Keys    map[[2]uint8]level
	Parent  *document
	Kids    []document
	Seen    time.Time
	Total   *big.Int
	Dynamic any
	Grid    [2][]float32
}

// documents generates documents that nest at most depth deep.
func documents(depth int) *rapid.Generator[document] {
	return rapid.Custom(func(t *rapid.T) document {
		d := document{
			Name:   rapid.String().Draw(t, "name"),
			Count:  rapid.Int32().Draw(t, "count"),
			Raw:    orNil(t, rapid.SliceOf(rapid.Byte()), "raw"),
			Levels: orNil(t, rapid.SliceOfN(levels, 0, 8), "levels"),
			Words:  rapid.MapOfN(rapid.String(), rapid.String(), 0, 20).Draw(t, "words"),
			Nested: rapid.MapOfN(rapid.Int16(), rapid.SliceOfN(rapid.Ptr(levels, true), 0, 3), 0, 4).Draw(t, "nested"),
			Keys:   rapid.MapOfN(rapid.Make[[2]uint8](), levels, 0, 12).Draw(t, "keys"),
			Seen: time.Unix(rapid.Int64Range(-1e10, 1e10).Draw(t, "seconds"), rapid.Int64Range(0, 999_999_999).Draw(t, "ns")).
				In(time.FixedZone("named", rapid.IntRange(-50_000, 50_000).Draw(t, "offset"))),
			Total:   big.NewInt(rapid.Int64Range(1, 1<<62).Draw(t, "total")),
			Dynamic: dynamic(depth).Draw(t, "dynamic"),
			Grid:    [2][]float32{orNil(t, rapid.SliceOf(rapid.Float32Range(-9, 9)), "grid")},
		}
		if depth > 0 {
			d.Parent = rapid.Ptr(documents(depth-1), true).Draw(t, "parent")
			d.Kids = orNil(t, rapid.SliceOfN(documents(depth-1), 0, 2), "kids")
		}
		return d
	})
}

var levels = rapid.Custom(func(t *rapid.T) level {
	return level{rapid.Float64Range(-1e9, 1e9).Draw(t, "price"), rapid.Float64Range(0, 1).Draw(t, "size")}
})

func orNil[E any](t *rapid.T, of *rapid.Generator[[]E], label string) []E {
	if rapid.Bool().Draw(t, label+" is nil") {
		return nil
	}
	return of.Draw(t, label)
}

func dynamic(depth int) *rapid.Generator[any] {
	scalars := rapid.OneOf(
		rapid.Just[any](nil), rapid.Bool().AsAny(), rapid.String().AsAny(), rapid.Float64Range(-1, 1).AsAny(),
		rapid.Int().AsAny(), rapid.SliceOf(rapid.Byte()).AsAny(), rapid.SliceOf(rapid.String()).AsAny(),
	)
	if depth == 0 {
		return scalars
	}
	inner := dynamic(depth - 1)
	return rapid.OneOf(scalars, rapid.SliceOfN(inner, 0, 4).AsAny(), rapid.MapOfN(rapid.String(), inner, 0, 4).AsAny())
}

func planFor[T any](t interface{ Fatal(...any) }) (*clone.Plan, *serialize.Codec) {
	plan, err := clone.Compile(reflect.TypeFor[T]())
	if err != nil {
		t.Fatal(err)
	}
	codec, err := serialize.CodecFor(reflect.TypeFor[T]())
	if err != nil {
		t.Fatal(err)
	}
	return plan, codec
}

func TestCopiesAreDecodedValuesOfTheirOwn(t *testing.T) {
	plan, codec := planFor[document](t)
	rapid.Check(t, func(t *rapid.T) {
		src := documents(2).Draw(t, "document")
		kept, err := clone.Keep(plan, &src)
		if err != nil {
			t.Fatal(err)
		}
		var got, again clone.Kept[document]
		var decoded document
		data, err := codec.Append(nil, &kept.Value)
		if err == nil {
			err = codec.Decode(data, &decoded)
		}
		if err != nil {
			t.Fatal(err)
		}
		if err := clone.Copy(plan, &got.Value, kept); err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got.Value, decoded) || !reflect.DeepEqual(src, decoded) {
			t.Fatalf("copied  %#v\ndecoded %#v", got.Value, decoded)
		}
		if err := clone.Copy(plan, &again.Value, &got); err != nil || !reflect.DeepEqual(again.Value, got.Value) {
			t.Fatalf("a copy of the copy differs: %v", err)
		}
		wipe(reflect.ValueOf(&got.Value).Elem())
		if !reflect.DeepEqual(again.Value, decoded) {
			t.Fatal("wiping a copy changed the copy that was made of it")
		}
		var fresh document
		if err := clone.Copy(plan, &fresh, kept); err != nil || !reflect.DeepEqual(fresh, decoded) || !reflect.DeepEqual(src, decoded) {
			t.Fatal("wiping a copy changed its source")
		}
	})
}

func TestSizeCoversTheText(t *testing.T) {
	plan, _ := planFor[document](t)
	rapid.Check(t, func(t *rapid.T) {
		kept := &clone.Kept[document]{Value: documents(1).Draw(t, "document")}
		src := &kept.Value
		size := clone.Size(plan, kept)
		least := int64(reflect.TypeFor[document]().Size()) + int64(len(src.Name)+cap(src.Raw)+16*cap(src.Levels))
		if size < least {
			t.Fatalf("%d bytes, of which %d are plain to see", size, least)
		}
		src.Name += strings.Repeat("0123456789", 10)
		if got := clone.Size(plan, kept); got < size+96 || got > size+128 {
			t.Fatalf("a hundred more bytes make %d of %d", got, size)
		}
	})
}

// wipe sets everything that v refers to, and then v itself, to zero.
func wipe(v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer:
		if n, ok := v.Interface().(*big.Int); ok && n != nil {
			clear(n.Bits())
		} else if !v.IsNil() {
			wipe(v.Elem())
		}
	case reflect.Interface:
		if !v.IsNil() && (v.Elem().Kind() == reflect.Slice || v.Elem().Kind() == reflect.Map) {
			inner := reflect.New(v.Elem().Type()).Elem()
			inner.Set(v.Elem())
			wipe(inner)
		}
	case reflect.Slice, reflect.Array:
		for i := range v.Len() {
			wipe(v.Index(i))
		}
	case reflect.Map:
		for iter := v.MapRange(); iter.Next(); {
			inner := reflect.New(v.Type().Elem()).Elem()
			inner.Set(iter.Value())
			wipe(inner)
		}
		v.Clear()
	case reflect.Struct:
		if v.Type() != reflect.TypeFor[time.Time]() {
			for i := range v.NumField() {
				wipe(v.Field(i))
			}
		}
	}
	v.SetZero()
}

func TestProtobufMessagesAreCopied(t *testing.T) {
	type result struct {
		One  *wrapperspb.StringValue
		Many []*structpb.Struct
		None *structpb.Struct
	}
	plan, _ := planFor[result](t)
	many, err := structpb.NewStruct(map[string]any{"a": []any{1, "b"}})
	if err != nil {
		t.Fatal(err)
	}
	src := result{One: wrapperspb.String("x"), Many: []*structpb.Struct{many, nil}}
	kept, err := clone.Keep(plan, &src)
	if err != nil {
		t.Fatal(err)
	}
	var got result
	if err := clone.Copy(plan, &got, kept); err != nil {
		t.Fatal(err)
	}
	if !proto.Equal(got.One, src.One) || !proto.Equal(got.Many[0], many) || got.Many[1] != nil || got.None != nil {
		t.Errorf("got %v", got)
	}
	got.One.Value = "changed"
	got.Many[0].Fields["a"] = nil
	if src.One.Value != "x" || many.Fields["a"] == nil {
		t.Error("the copy shares a message with its source")
	}
}
