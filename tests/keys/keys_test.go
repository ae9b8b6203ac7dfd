// Package keys tests the promises of internal/key on arguments that a property-testing library makes up and shrinks.
package keys

import (
	"bytes"
	"math"
	"reflect"
	"slices"
	"testing"

	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/wrapperspb"
	"pgregory.net/rapid"

	"github.com/stillwarm/stillwarm/internal/key"
)

// An argument has something of everything. Its values come from small sets, so that two are often equal or nearly so.
type argument struct {
	Text  string
	Bytes []byte
	Small int8
	Big   int64
	Rate  float64
	Words []string
	Pair  [2]string
	Next  *argument
	Count map[string]int
	Any   any
	Note  string `cache:"-"`
}

func texts() *rapid.Generator[string] {
	return rapid.StringOfN(rapid.RuneFrom([]rune("a \x00\x01")), 0, 3, -1)
}

func arguments(depth int) *rapid.Generator[argument] {
	return rapid.Custom(func(t *rapid.T) argument {
		a := argument{
			Text: texts().Draw(t, "text"), Bytes: []byte(texts().Draw(t, "bytes")), Small: rapid.Int8Range(-1, 1).Draw(t, "small"),
			Big: rapid.Int64Range(0, 1).Draw(t, "big"), Rate: rapid.SampledFrom([]float64{0, math.Copysign(0, -1), 1, math.NaN()}).Draw(t, "rate"),
			Words: rapid.OneOf(rapid.SliceOfN(texts(), 0, 2), rapid.Just[[]string](nil)).Draw(t, "words"), Pair: [2]string{texts().Draw(t, "first"), texts().Draw(t, "second")},
			Count: rapid.OneOf(rapid.MapOfN(texts(), rapid.IntRange(0, 1), 0, 2), rapid.Just[map[string]int](nil)).Draw(t, "count"), Note: texts().Draw(t, "note"),
		}
		if depth > 0 && rapid.Bool().Draw(t, "linked") {
			next := arguments(depth-1).Draw(t, "next")
			a.Next = &next
		}
		a.Any = rapid.SampledFrom([]any{nil, 0, int8(0), "", []string(nil), []string{}, [0]string{}, a.Words, a.Pair, a.Count, a.Next}).Draw(t, "any")
		return a
	})
}

// near returns an argument that is made of a, with at most one part from b.
func near(t *rapid.T, a, b argument) argument {
	v := reflect.ValueOf(&a).Elem()
	if i := rapid.IntRange(-1, v.NumField()-1).Draw(t, "changed"); i >= 0 {
		v.Field(i).Set(reflect.ValueOf(b).Field(i))
	}
	return a
}

// alike is what the contract calls equal: by value and type, floats by bits, nil and empty lists different, tagged fields
// left out.
func alike(a, b reflect.Value) bool {
	if a.IsValid() != b.IsValid() || a.IsValid() && a.Type() != b.Type() {
		return false
	}
	if !a.IsValid() {
		return true
	}
	switch a.Kind() {
	case reflect.Float64:
		return math.Float64bits(a.Float()) == math.Float64bits(b.Float())
	case reflect.Pointer, reflect.Interface:
		return a.IsNil() == b.IsNil() && alike(a.Elem(), b.Elem())
	case reflect.Slice, reflect.Array:
		if a.Len() != b.Len() || a.Kind() == reflect.Slice && a.IsNil() != b.IsNil() {
			return false
		}
		for i := range a.Len() {
			if !alike(a.Index(i), b.Index(i)) {
				return false
			}
		}
		return true
	case reflect.Map:
		if a.Len() != b.Len() || a.IsNil() != b.IsNil() {
			return false
		}
		for k, v := range a.Seq2() {
			if !alike(v, b.MapIndex(k)) {
				return false
			}
		}
		return true
	case reflect.Struct:
		for i := range a.NumField() {
			if a.Type().Field(i).Tag.Get("cache") != "-" && !alike(a.Field(i), b.Field(i)) {
				return false
			}
		}
		return true
	}
	return a.Equal(b)
}

func plan[T any](t testing.TB) *key.Plan {
	t.Helper()
	p, err := key.Compile(reflect.TypeFor[T](), key.Options{Function: "property"})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func encode[T any](t rapid.TB, p *key.Plan, v T) []byte {
	b, err := key.Append(p, nil, &v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestKeysAreEqualWhereArgumentsAre(t *testing.T) {
	p := plan[argument](t)
	equal := 0
	rapid.Check(t, func(t *rapid.T) {
		a, b := arguments(2).Draw(t, "a"), arguments(2).Draw(t, "b")
		b = near(t, a, b)
		want := alike(reflect.ValueOf(a), reflect.ValueOf(b))
		if want {
			equal++
		}
		if got := bytes.Equal(encode(t, p, a), encode(t, p, b)); got != want {
			t.Fatalf("equal keys: %v, equal arguments: %v", got, want)
		}
	})
	if equal == 0 {
		t.Error("no two arguments were equal: the property was not tested")
	}
}

func TestEncodingsDoNotRunIntoEachOther(t *testing.T) {
	// If no encoding is the beginning of another one, then two in a row can be read in one way only.
	p := plan[argument](t)
	rapid.Check(t, func(t *rapid.T) {
		a, b := arguments(1).Draw(t, "a"), arguments(1).Draw(t, "b")
		x, y := encode(t, p, a), encode(t, p, near(t, a, b))
		if !bytes.Equal(x, y) && (bytes.HasPrefix(x, y) || bytes.HasPrefix(y, x)) {
			t.Fatalf("%x and %x", x, y)
		}
	})
}

func TestAppendKeepsWhatIsThere(t *testing.T) {
	p := plan[argument](t)
	rapid.Check(t, func(t *rapid.T) {
		a := arguments(1).Draw(t, "a")
		before := rapid.SliceOfN(rapid.Byte(), 0, 40).Draw(t, "before")
		out, err := key.Append(p, slices.Clone(before), &a)
		if err != nil || !bytes.Equal(out, append(slices.Clone(before), encode(t, p, a)...)) {
			t.Fatalf("%x, %v", out, err)
		}
	})
}

func TestDigestsOfDifferentCallsDiffer(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		type call struct{ part1, part2, scope, args string }
		draw := func(name string) call {
			return call{texts().Draw(t, name), texts().Draw(t, name), texts().Draw(t, name), texts().Draw(t, name)}
		}
		digest := func(c call) [32]byte {
			p := key.NewPrefix(c.part1, c.part2)
			return p.Sum(c.scope, []byte(c.args))
		}
		a, b := draw("a"), draw("b")
		if (digest(a) == digest(b)) != (a == b) {
			t.Fatalf("%q and %q", a, b)
		}
	})
}

func TestProtobufMessages(t *testing.T) {
	type in struct {
		Message *structpb.Struct
		Any     any
	}
	p := plan[in](t)
	message := func(fields map[string]any) *structpb.Struct {
		m, err := structpb.NewStruct(fields)
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	fields := map[string]any{"a": 1.0, "b": "x", "c": []any{true, nil}, "d": map[string]any{"e": 2.0}}
	want := encode(t, p, in{message(fields), wrapperspb.String("x")})
	t.Run("by deterministic marshaling, whatever was called on them", func(t *testing.T) {
		for range 20 {
			m := message(fields)
			_ = m.String() // fills internal caches
			if !bytes.Equal(encode(t, p, in{m, wrapperspb.String("x")}), want) {
				t.Fatal("another key")
			}
		}
	})
	t.Run("different messages differ", func(t *testing.T) {
		keys := map[string]bool{string(want): true}
		for _, v := range []in{
			{nil, nil}, {message(nil), nil}, {message(map[string]any{"a": 1.0}), nil}, {message(map[string]any{"a": 2.0}), nil},
			{nil, wrapperspb.String("x")}, {nil, wrapperspb.Bytes([]byte("x"))}, {nil, wrapperspb.String("y")}, {nil, (*structpb.Struct)(nil)},
		} {
			keys[string(encode(t, p, v))] = true
		}
		if len(keys) != 9 {
			t.Errorf("%d keys of 9", len(keys))
		}
	})
}
