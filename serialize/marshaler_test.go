package serialize

import (
	"encoding/json"
	"errors"
	"math/big"
	"reflect"
	"strconv"
	"testing"
	"time"
)

// jsonOnly hides its field, so only its methods can store it.
type jsonOnly struct{ n int }

func (j jsonOnly) MarshalJSON() ([]byte, error) { return json.Marshal(j.n) }
func (j *jsonOnly) UnmarshalJSON(b []byte) error {
	return json.Unmarshal(b, &j.n)
}

// trap embeds a time, whose methods it gets by promotion: they would drop Name.
type trap struct {
	time.Time
	Name string
}

// bigTrap embeds a pointer with text and JSON methods.
type bigTrap struct {
	*big.Int
	Unit string
}

// shadows embeds a time but has a pair of its own that stores everything.
type shadows struct {
	time.Time
	note string
}

func (s shadows) MarshalBinary() ([]byte, error) {
	return append(strconv.AppendInt(nil, s.Unix(), 10), " "+s.note...), nil
}

func (s *shadows) UnmarshalBinary(b []byte) error {
	for i, c := range b {
		if c == ' ' {
			sec, err := strconv.ParseInt(string(b[:i]), 10, 64)
			s.Time, s.note = time.Unix(sec, 0).UTC(), string(b[i+1:])
			return err
		}
	}
	return errors.New("no space")
}

type genericShadow[T any] struct {
	time.Time
	v T
}

func (g *genericShadow[T]) AppendText(b []byte) ([]byte, error) {
	return append(b, g.Format(time.RFC3339)...), nil
}
func (g *genericShadow[T]) UnmarshalText(b []byte) (err error) {
	g.Time, err = time.Parse(time.RFC3339, string(b))
	return err
}

// halfShadow writes itself, but reads by a promoted method.
type halfShadow struct {
	time.Time
	note string
}

func (halfShadow) MarshalJSON() ([]byte, error) { return []byte(`"x"`), nil }

type onlyTime struct{ time.Time }

// Time has the name of what it embeds.
type Time struct {
	time.Time
	Note string
}

// tiny has methods so small that the compiler copies them into whoever calls them, promoted methods among them.
type tiny struct{ S string }

func (t tiny) MarshalText() ([]byte, error) { return []byte(t.S), nil }
func (t *tiny) UnmarshalText(b []byte) error {
	t.S = string(b)
	return nil
}

type aroundTiny struct {
	tiny
	Note string
}

type aroundPointer struct {
	*Time
	More int
}

// censored is complete by structure, and hides a field from JSON.
type censored struct{ Name, Password string }

func (c censored) MarshalJSON() ([]byte, error)  { return json.Marshal(c.Name) }
func (c *censored) UnmarshalJSON(b []byte) error { return json.Unmarshal(b, &c.Name) }

// ring contains itself by type and knows how to write itself without going in circles.
type ring struct {
	Value int
	Self  *ring
}

func (r *ring) MarshalText() ([]byte, error) { return strconv.AppendInt(nil, int64(r.Value), 10), nil }
func (r *ring) UnmarshalText(b []byte) (err error) {
	r.Value, err = strconv.Atoi(string(b))
	r.Self = r
	return err
}

// holder's interface field is stored by the type's own methods.
type holder struct{ V any }

func (h holder) MarshalText() ([]byte, error) { return []byte(h.V.(error).Error()), nil }
func (h *holder) UnmarshalText(b []byte) error {
	h.V = errors.New(string(b))
	return nil
}

// keeper keeps the bytes that it is given, against the contract.
type keeper struct{ kept []byte }

func (k keeper) MarshalBinary() ([]byte, error) { return k.kept, nil }
func (k *keeper) UnmarshalBinary(b []byte) error {
	k.kept = b
	return nil
}

type failing struct{ n int }

func (f failing) MarshalBinary() ([]byte, error) {
	if f.n == 1 {
		panic("one")
	}
	return nil, errors.New("cannot")
}
func (f *failing) UnmarshalBinary([]byte) error { panic("never") }

func TestTypesThatStoreThemselves(t *testing.T) {
	at := time.Date(2025, 1, 2, 3, 4, 5, 0, time.UTC)
	for _, run := range []func(*testing.T){
		check("JSON only", jsonOnly{7}),
		check("in a slice", []jsonOnly{{7}, {8}}),
		check("behind pointers", map[string]*jsonOnly{"a": {7}, "b": nil}),
		check("a promoted method does not drop the other fields", trap{at, "n"}),
		check("a promoted method of a pointer neither", bigTrap{big.NewInt(5), "EUR"}),
		check("a nil embedded pointer is no obstacle", bigTrap{nil, "EUR"}),
		check("a type of the name of what it embeds", Time{at, "n"}),
		check("promoted methods that were inlined", aroundTiny{tiny{"a"}, "n"}),
		check("promoted twice", aroundPointer{&Time{at, "n"}, 1}),
		check("own methods beat promoted ones", shadows{at, "note"}),
		check("own methods of a generic type", genericShadow[int]{Time: at}),
		check("the only field may lend its methods", onlyTime{at}),
		check("a field hidden from JSON is kept", censored{"n", "p"}),
		check("an interface field behind own methods", holder{errors.New("e")}),
		check("a long form", keeper{make([]byte, 70_000)}),
	} {
		run(t)
	}
	t.Run("a value that contains itself behind own methods", func(t *testing.T) {
		r := &ring{Value: 4}
		r.Self = r
		if out := roundTrip(t, []*ring{r})[0]; out.Value != 4 || out.Self != out {
			t.Errorf("%+v", out)
		}
	})
	t.Run("a method that keeps its input gets its own", func(t *testing.T) {
		if out := roundTrip(t, []keeper{{[]byte("abc")}}); string(out[0].kept) != "abc" {
			t.Errorf("%q", out[0].kept)
		}
		if out := roundTrip(t, keeper{[]byte("abc")}); string(out.kept) != "abc" {
			t.Errorf("%q", out.kept)
		}
	})
	t.Run("half a pair of its own is none", func(t *testing.T) {
		var bad *UnserializableError
		if _, err := CodecFor(reflect.TypeFor[halfShadow]()); !errors.As(err, &bad) || bad.Path != "out.note" {
			t.Errorf("%v", err)
		}
	})
}

func TestFailuresOfOwnMethodsAreErrors(t *testing.T) {
	codec, err := CodecFor(reflect.TypeFor[[]failing]())
	if err != nil {
		t.Fatal(err)
	}
	for name, in := range map[string][]failing{"error": {{0}}, "panic": {{1}}} {
		t.Run(name, func(t *testing.T) {
			if out, err := codec.Append([]byte("x"), &in); err == nil || string(out) != "x" {
				t.Errorf("%q, %v", out, err)
			}
		})
	}
	t.Run("panic while decoding", func(t *testing.T) {
		if err := codec.Decode([]byte{0x81, 0x40}, new([]failing)); !errors.Is(err, ErrMalformed) {
			t.Errorf("%v", err)
		}
	})
	t.Run("what is not JSON never reaches UnmarshalJSON", func(t *testing.T) {
		codec, _ := CodecFor(reflect.TypeFor[jsonOnly]())
		if err := codec.Decode([]byte("{"), new(jsonOnly)); !errors.Is(err, ErrMalformed) {
			t.Errorf("%v", err)
		}
	})
}
