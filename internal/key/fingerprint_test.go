package key

import (
	"encoding/json"
	"math/big"
	"os"
	"reflect"
	"testing"
	"time"
)

func TestFingerprintsDiffer(t *testing.T) {
	type named struct{ A int }
	type recursive struct{ Next *recursive }
	type recursiveList struct{ Next []recursiveList }
	types := []reflect.Type{
		reflect.TypeFor[int](), reflect.TypeFor[int64](), reflect.TypeFor[uint](), reflect.TypeFor[string](), reflect.TypeFor[[]byte](), reflect.TypeFor[[]string](), reflect.TypeFor[[1]string](),
		reflect.TypeFor[[2]string](), reflect.TypeFor[*string](), reflect.TypeFor[map[string]int](), reflect.TypeFor[map[int]string](), reflect.TypeFor[chan int](), reflect.TypeFor[<-chan int](),
		reflect.TypeFor[func()](), reflect.TypeFor[func(int)](), reflect.TypeFor[any](), reflect.TypeFor[error](), reflect.TypeFor[interface{ M() }](), reflect.TypeFor[interface{ N() }](),
		reflect.TypeFor[struct{}](), reflect.TypeFor[struct{ A int }](), reflect.TypeFor[struct{ B int }](), reflect.TypeFor[struct{ A int64 }](), reflect.TypeFor[struct{ A, B int }](), reflect.TypeFor[struct{ B, A int }](),
		reflect.TypeFor[struct {
			A int `cache:"-"`
		}](),
		reflect.TypeFor[struct {
			A int `json:"b"`
		}](),
		reflect.TypeFor[struct{ named }](), reflect.TypeFor[struct{ named named }](),
		reflect.TypeFor[time.Time](), reflect.TypeFor[os.File](), reflect.TypeFor[big.Int](), reflect.TypeFor[big.Rat](), reflect.TypeFor[json.RawMessage](), reflect.TypeFor[byTextMarshaler](), reflect.TypeFor[byBinaryMarshaler](),
		reflect.TypeFor[recursive](), reflect.TypeFor[recursiveList](), reflect.TypeFor[*recursive](),
	}
	seen := map[[32]byte]reflect.Type{}
	for _, typ := range types {
		sum := Fingerprint(typ)
		if other := seen[sum]; other != nil {
			t.Errorf("%v and %v share a fingerprint", typ, other)
		}
		seen[sum] = typ
	}
}

func TestFingerprintsOfRenamedTypes(t *testing.T) {
	type before struct {
		A int
		L []before
	}
	type after struct {
		A int
		L []after
	}
	if Fingerprint(reflect.TypeFor[before]()) != Fingerprint(reflect.TypeFor[after]()) {
		t.Error("a name counts")
	}
}

func TestPlanFingerprintCoversHashFunctions(t *testing.T) {
	plain, hashed := compile[inner](t).Fingerprint(), compile[inner](t, by(func(inner) any { return 1 })).Fingerprint()
	if plain == hashed {
		t.Error("a hash function makes no difference")
	}
	if compile[inner](t).Fingerprint() != plain {
		t.Error("two plans of one type differ")
	}
}
