package clone

import (
	"errors"
	"reflect"
	"testing"

	"github.com/stillwarm/stillwarm/serialize"
)

type link struct {
	N    int
	Next *link
}

type tree struct {
	Name string
	Kids []tree
	By   map[string]*tree
}

type (
	nest     []nest
	mapNest  map[string]mapNest
	ring     struct{ Pair [2]*ring }
	diamond  struct{ L, R *diamond }
	inverted struct{ In *inner }
	inner    struct{ Out inverted }
)

func chain(n int) *link {
	var head *link
	for i := range n {
		head = &link{i, head}
	}
	return head
}

func TestRecursiveTypes(t *testing.T) {
	t.Run("a tree", func(t *testing.T) {
		leaf := tree{Name: "leaf"}
		checkCopy(t, reflect.ValueOf(tree{Kids: []tree{leaf, {Kids: []tree{}}}, By: map[string]*tree{"a": &leaf, "b": nil}}))
	})
	t.Run("slices of themselves", func(t *testing.T) { checkCopy(t, reflect.ValueOf(nest{{}, nil, {{}, {}}})) })
	t.Run("maps of themselves", func(t *testing.T) { checkCopy(t, reflect.ValueOf(mapNest{"a": {"b": nil, "c": {}}})) })
	t.Run("pointers in an array", func(t *testing.T) { checkCopy(t, reflect.ValueOf(ring{[2]*ring{{}, nil}})) })
	t.Run("two structs in turn", func(t *testing.T) {
		checkCopy(t, reflect.ValueOf(inverted{&inner{inverted{&inner{}}}}))
	})
	t.Run("compiled from another member", func(t *testing.T) { checkCopy(t, reflect.ValueOf(&inner{inverted{&inner{}}})) })
}

func TestCyclesAreCopied(t *testing.T) {
	loop := &link{N: 1}
	loop.Next = &link{N: 2, Next: loop}
	t.Run("I2 pointers", func(t *testing.T) {
		if got := copyOf(t, loop); got == loop || got.Next == loop.Next || got.Next.Next != got || got.Next.N != 2 {
			t.Errorf("%+v", got)
		}
	})
	t.Run("I2 an array", func(t *testing.T) {
		round := &ring{}
		round.Pair[1] = round
		if got := copyOf(t, round); got == round || got.Pair[1] != got || got.Pair[0] != nil {
			t.Errorf("%+v", got)
		}
	})
	t.Run("I2 a slice", func(t *testing.T) {
		slice := make(nest, 2)
		slice[0] = slice
		if got := copyOf(t, slice); &got[0] == &slice[0] || &got[0][0] != &got[0] {
			t.Error("another")
		}
	})
	t.Run("I2 a map", func(t *testing.T) {
		m := mapNest{}
		m["m"] = m
		got := copyOf(t, m)
		if got["x"] = nil; len(m) != 1 || len(got["m"]) != 2 {
			t.Error("another")
		}
	})
	t.Run("I2 interfaces", func(t *testing.T) {
		dynamic := map[string]any{}
		dynamic["a"] = []any{dynamic}
		got := copyOf[any](t, dynamic).(map[string]any)
		if got["x"] = 1; len(dynamic) != 1 || len(got["a"].([]any)[0].(map[string]any)) != 2 {
			t.Error("another")
		}
	})
	t.Run("I2 a graph that would unfold without end", func(t *testing.T) {
		v := &diamond{}
		for range 500 {
			v = &diamond{v, v}
		}
		got, depth := copyOf(t, v), 0
		for ; got.L != nil; got = got.L {
			if depth++; got.L != got.R {
				t.Fatal("not shared")
			}
		}
		if depth != 500 {
			t.Error(depth)
		}
	})
}

func TestAFailureLeavesTheDestinationAlone(t *testing.T) {
	mine := &link{N: 9}
	dst, deep := mine, chain(maxDepth+1)
	if err := Copy(compileFor[*link](t), &dst, &Kept[*link]{Value: deep}); err == nil || dst != mine || mine.N != 9 {
		t.Errorf("got %v, %v", dst, err)
	}
	if got := copyOf(t, chain(3)); got.Next.Next == nil || got.Next.Next.Next != nil {
		t.Error("a later copy by the same plan is wrong")
	}
}

func TestDepthHasTheCodecsBound(t *testing.T) {
	codec, err := serialize.CodecFor(reflect.TypeFor[*link]())
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range []int{1, 200, maxDepth, maxDepth + 1, 1_000_000} {
		v := chain(n)
		_, codecErr := codec.Append(nil, &v)
		var dst *link
		err := Copy(compileFor[*link](t), &dst, &Kept[*link]{Value: v})
		if want := n > maxDepth; errors.Is(err, ErrTooDeep) != want || errors.Is(codecErr, serialize.ErrTooDeep) != want {
			t.Errorf("%d links: copy %v, codec %v", n, err, codecErr)
		}
	}
}

func TestACopyIsBounded(t *testing.T) {
	p := compileFor[[][]byte](t)
	v := make([][]byte, 100)
	for i := range v {
		v[i] = make([]byte, 1<<10)
	}
	src, dst := reflect.ValueOf(&v), reflect.New(p.Type())
	err := p.root.copy(walk{state: &state{left: 1 << 16}}, pointerOf(dst), pointerOf(src))
	if !errors.Is(err, ErrTooLarge) {
		t.Errorf("got %v", err)
	}
}
