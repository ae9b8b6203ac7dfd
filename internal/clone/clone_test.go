package clone

import (
	"errors"
	"math"
	"math/big"
	"net/netip"
	"net/url"
	"reflect"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
	"weak"

	"github.com/stillwarm/stillwarm/serialize"
)

func compileFor[T any](t testing.TB) *Plan {
	t.Helper()
	p, err := Compile(reflect.TypeFor[T]())
	if err != nil {
		t.Fatalf("Compile: %v", err)
	}
	return p
}

func keepOf[T any](t testing.TB, v T) (*Kept[T], error) {
	t.Helper()
	return Keep(compileFor[T](t), &v)
}

func copyOf[T any](t testing.TB, v T) T {
	t.Helper()
	kept, err := keepOf(t, v)
	if err != nil {
		t.Fatalf("Keep: %v", err)
	}
	var out T
	if err := Copy(compileFor[T](t), &out, kept); err != nil {
		t.Fatalf("Copy: %v", err)
	}
	return out
}

func TestFlat(t *testing.T) {
	type named struct {
		A string
		B [2]struct{ C float64 }
		_ func()
		D netip.Addr
	}
	for _, c := range []struct {
		typ  reflect.Type
		flat bool
	}{
		{reflect.TypeFor[int](), true},
		{reflect.TypeFor[string](), true},
		{reflect.TypeFor[named](), true},
		{reflect.TypeFor[[0][]int](), true},
		{reflect.TypeFor[[]int](), false},
		{reflect.TypeFor[*int](), false},
		{reflect.TypeFor[map[string]int](), false},
		{reflect.TypeFor[any](), false},
		{reflect.TypeFor[time.Time](), true},
		{reflect.TypeFor[struct{ At time.Time }](), true},
	} {
		t.Run(c.typ.String(), func(t *testing.T) {
			p, err := Compile(c.typ)
			if err != nil {
				t.Fatal(err)
			}
			if p.Flat() != c.flat {
				t.Errorf("Flat() = %v", p.Flat())
			}
			if p.Type() != c.typ {
				t.Errorf("Type() = %v", p.Type())
			}
		})
	}
}

func TestOnePlanForOneType(t *testing.T) {
	if first := compileFor[[]string](t); first != compileFor[[]string](t) {
		t.Error("two plans")
	}
}

type session struct{ Conn chan int }

func TestUnsupportedTypesAreNamedWithTheirPlace(t *testing.T) {
	type out struct {
		Name    string
		Session session
	}
	_, err := Compile(reflect.TypeFor[out]())
	bad, ok := errors.AsType[*UnsupportedError](err)
	if !ok {
		t.Fatalf("got %v", err)
	}
	if bad.Type != reflect.TypeFor[out]() || bad.Culprit != reflect.TypeFor[chan int]() || bad.Path != "out.Session.Conn" {
		t.Errorf("got %#v", bad)
	}
	if !strings.Contains(err.Error(), "out.Session.Conn") {
		t.Errorf("the message %q does not say where", err)
	}
}

func TestTheTypesAreThoseOfTheCodec(t *testing.T) {
	type hidden struct{ a int }
	for _, typ := range []reflect.Type{
		nil, reflect.TypeFor[func()](), reflect.TypeFor[chan int](), reflect.TypeFor[sync.Mutex](), reflect.TypeFor[hidden](),
		reflect.TypeFor[error](), reflect.TypeFor[map[*int]int](), reflect.TypeFor[uintptr](), reflect.TypeFor[*time.Location](),
		reflect.TypeFor[any](), reflect.TypeFor[map[any]any](), reflect.TypeFor[*url.URL](), reflect.TypeFor[**int](),
		reflect.TypeFor[*regexp.Regexp](), reflect.TypeFor[big.Float](), reflect.TypeFor[[0]func()](),
	} {
		t.Run(typeName(typ), func(t *testing.T) {
			_, codecErr := serialize.CodecFor(typ)
			p, err := Compile(typ)
			if (err == nil) != (codecErr == nil) {
				t.Errorf("codec: %v, plan: %v", codecErr, err)
			}
			if err != nil && p != nil {
				t.Error("a plan beside an error")
			}
		})
	}
}

func typeName(t reflect.Type) string {
	if t == nil {
		return "nil"
	}
	return t.String()
}

type stamp time.Time

type ownText struct{ hidden string }

func (o ownText) MarshalText() ([]byte, error)     { return []byte(o.hidden), nil }
func (o *ownText) UnmarshalText(text []byte) error { o.hidden = string(text); return nil }

type promoted struct {
	ownText
	Extra []int
}

func TestCopiesEqualWhatTheCodecRestores(t *testing.T) {
	text := "t"
	var nilPointer *string
	berlin := time.FixedZone("CET", 3600)
	for name, v := range map[string]any{
		"nil slice":                     struct{ S []string }{},
		"empty slice":                   struct{ S []string }{[]string{}},
		"empty slice of structs":        struct{ S []item }{make([]item, 0, 5)},
		"empty slice of numbers":        struct{ S []int32 }{[]int32{}},
		"slice of nothing":              make([]struct{}, 3, 9),
		"nil map":                       struct{ M map[string]int }{},
		"empty map":                     struct{ M map[int8]bool }{map[int8]bool{}},
		"map of a named type":           url.Values{"a": {"b", "c"}, "d": nil},
		"map with struct keys":          map[[2]string]*item{{"a", "b"}: {Title: "x"}},
		"map with interface keys":       map[any]any{"a": 1, 2.5: []any{1}, true: nil, time.Unix(1, 0): "t"},
		"map with time keys":            map[time.Time]int{time.Unix(1, 0).UTC(): 1},
		"pointer to nil":                &nilPointer,
		"pointer to pointer":            struct{ P **string }{ptrOf(&text)},
		"named zone and monotonic time": []time.Time{time.Now(), time.Now().In(berlin), time.Now().UTC(), {}},
		"named time":                    struct{ S stamp }{stamp(time.Now().In(berlin))},
		"own text":                      []ownText{{"a"}, {"b"}},
		"pointer to own text":           &ownText{"a"},
		"promoted text":                 promoted{ownText{"a"}, []int{1}},
		"url":                           &url.URL{Host: "h", Path: "/p", User: url.UserPassword("u", "p")},
		"numbers":                       []any{big.NewInt(5).Int64(), uint8(1), float32(2), complex64(3)},
		"big numbers":                   struct{ R *big.Rat }{big.NewRat(3, 4)},
		"big float":                     []*big.Float{new(big.Float).SetPrec(200).SetMode(big.ToZero).SetInt64(7)},
		"regexp":                        []*regexp.Regexp{regexp.MustCompile("a|ab"), nil},
		"not a UTF-8 string":            []any{"\xff", "ok"},
	} {
		t.Run(name, func(t *testing.T) {
			v := reflect.ValueOf(v)
			got, err := copyValue(t, v)
			if err != nil {
				t.Fatal(err)
			}
			if want := roundTrip(v); !reflect.DeepEqual(got.Interface(), want.Interface()) {
				t.Errorf("got  %#v\nwant %#v", got.Interface(), want.Interface())
			}
		})
	}
}

func ptrOf[T any](v T) *T { return &v }

func TestFloatsKeepTheirBits(t *testing.T) {
	nan := math.Float64frombits(0x7ff8_0000_0000_1234)
	got := copyOf(t, map[string]*float64{"nan": &nan})
	if math.Float64bits(*got["nan"]) != math.Float64bits(nan) {
		t.Error("the payload of a NaN is lost")
	}
	if got := copyOf(t, map[float64]item{math.NaN(): {}, math.Copysign(0, -1): {}}); len(got) != 2 {
		t.Errorf("got %d entries", len(got))
	}
}

func TestMemoryBeyondTheLengthIsNotShared(t *testing.T) {
	for name, v := range map[string]any{
		"bytes": make([]byte, 2, 64), "strings": make([]string, 1, 9), "structs": make([]item, 0, 3),
		"interfaces": make([]any, 0, 3), "pointers": make([]*int, 1, 3), "dynamic": []any{make([]any, 0, 7), make([]byte, 1, 9)},
	} {
		t.Run(name, func(t *testing.T) { checkCopy(t, reflect.ValueOf(v)) })
	}
}

func TestSharedPointersStayShared(t *testing.T) {
	n := 1
	got := copyOf(t, []*int{&n, &n})
	if got[0] != got[1] || got[0] == &n || *got[0] != 1 {
		t.Error("the copy's pointers are two, or the source's")
	}
}

func TestARegexpOfItsOwn(t *testing.T) {
	re := regexp.MustCompile("a|ab")
	got := copyOf(t, re)
	got.Longest()
	if re.FindString("ab") != "a" {
		t.Error("Longest on the copy changed the source")
	}
	for _, odd := range []*regexp.Regexp{got, regexp.MustCompilePOSIX("a|ab")} {
		if _, err := keepOf(t, odd); !isLoss(err) {
			t.Errorf("got %v", err)
		}
	}
}

func isLoss(err error) bool { _, ok := errors.AsType[*LossError](err); return ok }

func TestCopyRefusesAnotherType(t *testing.T) {
	var a, b int64
	if err := Copy(compileFor[int32](t), &a, &Kept[int64]{Value: b}); err == nil {
		t.Error("no error")
	}
}

func TestDynamicTypesThatDoNotSurviveAreErrors(t *testing.T) {
	for name, v := range map[string]any{
		"struct": item{}, "pointer": new(int), "named number": reflect.Int, "slice of structs": []item{},
		"func": func() {}, "named map": url.Values{},
	} {
		t.Run(name, func(t *testing.T) {
			dst, src := any("before"), any(map[string]any{"a": []any{v}})
			err := Copy(compileFor[any](t), &dst, &Kept[any]{Value: src})
			bad, ok := errors.AsType[*DynamicTypeError](err)
			if !ok || bad.Dynamic != reflect.TypeOf(v) || !errors.Is(err, serialize.ErrDynamicType) {
				t.Errorf("got %v", err)
			}
			if dst != "before" {
				t.Errorf("dst was changed to %v", dst)
			}
		})
	}
}

func TestKeysThatBecomeOneAreAnError(t *testing.T) {
	at := time.Unix(1, 0)
	src := map[time.Time]int{at.In(time.FixedZone("A", 3600)): 1, at.In(time.FixedZone("A", 3600)): 2}
	if kept, err := keepOf(t, src); !errors.Is(err, serialize.ErrKeysCollide) || kept != nil {
		t.Errorf("got %v, %v", kept, err)
	}
	copyOf(t, map[time.Time]int{at.In(time.FixedZone("A", 3600)): 1, at.In(time.FixedZone("B", 3600)): 2, at: 3})
}

type failing struct{ hidden int }

var errFailing = errors.New("cannot marshal")

func (failing) MarshalText() ([]byte, error)  { return nil, errFailing }
func (*failing) UnmarshalText(_ []byte) error { return nil }

func TestAMarshalersErrorIsReturned(t *testing.T) {
	src, dst := []failing{{1}}, []failing(nil)
	if err := Copy(compileFor[[]failing](t), &dst, &Kept[[]failing]{Value: src}); !errors.Is(err, errFailing) || dst != nil {
		t.Errorf("got %v, %v", dst, err)
	}
}

func TestConcurrentCopiesOfOneValue(t *testing.T) {
	v := somePeople(5)
	p, kept := compileFor[[]person](t), &Kept[[]person]{Value: v}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 50 {
				var out []person
				if err := Copy(p, &out, kept); err != nil || !reflect.DeepEqual(out, v) {
					t.Errorf("a copy differs: %v", err)
					return
				}
				scribble(reflect.ValueOf(&out).Elem())
			}
		})
	}
	wg.Wait()
}

func TestSlicesOfEveryLengthHaveNoRoomLeft(t *testing.T) {
	for n := range 40 {
		checkCapacity(t, reflect.ValueOf(copyOf(t, make([][]int, n))))
		checkCapacity(t, reflect.ValueOf(copyOf(t, make([]item, n))))
		checkCapacity(t, reflect.ValueOf(copyOf(t, make([][3]byte, n))))
	}
}

// reuser unmarshals into the memory that it finds, as a type may that is meant to be decoded many times.
type reuser struct{ hidden []byte }

func (r reuser) MarshalText() ([]byte, error) { return r.hidden, nil }
func (r *reuser) UnmarshalText(text []byte) error {
	r.hidden = append(r.hidden[:0], text...)
	return nil
}

func TestAnUnmarshalerThatReusesMemoryGetsNoneOfTheSource(t *testing.T) {
	src := reuser{[]byte("text")}
	got := copyOf(t, src)
	got.hidden[0] = 'n'
	if string(src.hidden) != "text" {
		t.Errorf("the source became %q", src.hidden)
	}
}

func TestAPlanKeepsNoValueAlive(t *testing.T) {
	p := compileFor[*person](t)
	copyAndForget := func() weak.Pointer[person] {
		src, dst := &person{Name: "p"}, (*person)(nil)
		if err := Copy(p, &dst, &Kept[*person]{Value: src}); err != nil {
			t.Fatal(err)
		}
		return weak.Make(src)
	}
	forgotten := copyAndForget()
	runtime.GC() // one alone: the second would empty the pool of working memory too
	if forgotten.Value() != nil {
		t.Error("the source of a copy is still held")
	}
}
