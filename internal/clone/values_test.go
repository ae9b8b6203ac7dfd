package clone

import (
	"reflect"
	"strings"
	"testing"
)

type valued struct {
	Name  string
	Parts []int
	Same  []*int
}

func TestValuesWorkByAddress(t *testing.T) {
	v, err := ValuesOf(reflect.TypeFor[valued](), TypedOf[valued]())
	if err != nil {
		t.Fatal(err)
	}
	one := 1
	given := valued{Name: "a", Parts: []int{1, 2}, Same: []*int{&one, &one}}
	kept, err := v.Keep(ptrTo(&given))
	if err != nil {
		t.Fatal(err)
	}
	if got := kept.(*Kept[valued]); v.At(kept) != ptrTo(&got.Value) || !reflect.DeepEqual(got.Value, given) || &got.Value.Parts[0] == &given.Parts[0] {
		t.Errorf("kept %+v", got)
	}
	plan, _ := Compile(reflect.TypeFor[valued]())
	if got, want := v.Size(kept), Size(plan, kept.(*Kept[valued])); got != want {
		t.Errorf("size %d, want %d", got, want)
	}
	given.Parts[0] = 7
	for range 2 { // the second copy knows the value's shape
		var copied valued
		if err := v.Copy(ptrTo(&copied), kept); err != nil {
			t.Fatal(err)
		}
		if copied.Parts[0] != 1 || copied.Same[0] != copied.Same[1] || *copied.Same[0] != 1 || copied.Same[0] == &one {
			t.Errorf("copied %+v", copied)
		}
		copied.Parts[0] = 9
	}
	if fresh, at := v.New(); v.At(fresh) != at || !reflect.DeepEqual(fresh.(*Kept[valued]).Value, valued{}) {
		t.Errorf("a new one is %+v", fresh)
	} else if v.Assign(at, ptrTo(&given)); fresh.(*Kept[valued]).Value.Name != "a" || v.In(at) != fresh {
		t.Errorf("assigned %+v", fresh)
	}
	many := v.Many(3)
	for i := range 3 {
		v.Assign(v.Nth(many, i), ptrTo(&valued{Name: string(rune('a' + i))}))
	}
	for i := range 3 {
		if got := v.In(v.Nth(many, i)).(*Kept[valued]); got.Value.Name != string(rune('a'+i)) {
			t.Errorf("the one at %d is %+v", i, got)
		}
	}
}

func TestValuesRefuseOtherTypes(t *testing.T) {
	v, err := ValuesOf(reflect.TypeFor[valued](), TypedOf[valued]())
	if err != nil {
		t.Fatal(err)
	}
	var dst valued
	for _, other := range []any{nil, 7, &Kept[string]{Value: "x"}, &dst} {
		if err := v.Copy(ptrTo(&dst), other); err == nil || v.At(other) != nil {
			t.Errorf("a %T was copied", other)
		}
	}
	if _, err := ValuesOf(reflect.TypeFor[valued](), TypedOf[string]()); err == nil || !strings.Contains(err.Error(), "does not keep") {
		t.Errorf("got %v", err)
	}
	if _, err := ValuesOf(reflect.TypeFor[func()](), TypedOf[func()]()); err == nil {
		t.Error("functions can be copied")
	}
}

func TestValuesOfFlatTypesAreAssigned(t *testing.T) {
	v, err := ValuesOf(reflect.TypeFor[struct{}](), TypedOf[struct{}]())
	if err != nil || !v.Flat() {
		t.Fatalf("flat %v, %v", v.Flat(), err)
	}
	n, err := ValuesOf(reflect.TypeFor[[3]byte](), TypedOf[[3]byte]())
	if err != nil || !n.Flat() {
		t.Fatal(err)
	}
	given, got := [3]byte{1, 2, 3}, [3]byte{}
	kept, err := n.Keep(ptrTo(&given))
	if err != nil || n.Copy(ptrTo(&got), kept) != nil || got != given {
		t.Errorf("copied %v, %v", got, err)
	}
}
