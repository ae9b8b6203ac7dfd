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

func TestCyclesAreErrors(t *testing.T) {
	loop := &link{}
	loop.Next = &link{Next: loop}
	round := &ring{}
	round.Pair[1] = round
	slice := make(nest, 1)
	slice[0] = slice
	m := mapNest{}
	m["m"] = m
	dynamic := map[string]any{}
	dynamic["a"] = []any{dynamic}
	both := &diamond{}
	both.L, both.R = both, both
	for name, v := range map[string]any{
		"pointers": loop, "array": round, "slice": slice, "map": m, "interfaces": dynamic, "both ways": both,
	} {
		t.Run(name, func(t *testing.T) {
			_, err := copyValue(t, reflect.ValueOf(v))
			if !errors.Is(err, ErrCycle) || !errors.Is(err, serialize.ErrCycle) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestCycleLeavesTheDestinationAlone(t *testing.T) {
	loop := &link{}
	loop.Next = loop
	mine := &link{N: 9}
	dst := mine
	if err := Copy(compileFor[*link](t), &dst, &loop); err == nil || dst != mine || mine.N != 9 {
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
	for _, n := range []int{1, watchDepth, watchDepth + 1, maxDepth, maxDepth + 1, 1_000_000} {
		v := chain(n)
		_, codecErr := codec.Append(nil, &v)
		var dst *link
		err := Copy(compileFor[*link](t), &dst, &v)
		if want := n > maxDepth; errors.Is(err, ErrTooDeep) != want || errors.Is(codecErr, serialize.ErrTooDeep) != want {
			t.Errorf("%d links: copy %v, codec %v", n, err, codecErr)
		}
	}
}

func TestOneTargetOnManyWaysIsNoCycle(t *testing.T) {
	shared := chain(2)
	var deep any = []any{}
	for range watchDepth + 5 {
		deep = []any{deep}
	}
	if _, err := copyValue(t, reflect.ValueOf([]any{deep, deep})); err != nil {
		t.Error(err)
	}
	twice := nest{}
	for range watchDepth + 5 {
		twice = nest{twice}
	}
	if _, err := copyValue(t, reflect.ValueOf(nest{twice, twice, twice[0]})); err != nil {
		t.Error(err)
	}
	if _, err := copyValue(t, reflect.ValueOf([]*link{shared, shared.Next, shared})); err != nil {
		t.Error(err)
	}
}

func TestUnfoldingWithoutEndIsAnError(t *testing.T) {
	v := &diamond{}
	for range 100 {
		v = &diamond{v, v}
	}
	p := compileFor[*diamond](t)
	src := reflect.ValueOf(&v)
	dst := reflect.New(p.Type())
	err := p.root.copy(walk{state: &state{left: 1 << 16}}, pointerOf(dst), pointerOf(src))
	if !errors.Is(err, ErrTooLarge) {
		t.Errorf("got %v", err)
	}
}

func TestACopyForgetsTheFailedOneBefore(t *testing.T) {
	head := chain(watchDepth + 100)
	last := head
	for last.Next != nil {
		last = last.Next
	}
	p := compileFor[*link](t)
	var dst *link
	last.Next = last
	if err := Copy(p, &dst, &head); !errors.Is(err, ErrCycle) {
		t.Fatalf("got %v", err)
	}
	last.Next = nil
	for range 10 {
		if err := Copy(p, &dst, &head); err != nil {
			t.Fatalf("the cycle is broken, but: %v", err)
		}
	}
}
