package key

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"testing"
)

// A lie is what a liar's form says of its value.
type lie interface{ say(v any) ([]byte, error) }

type (
	redacts struct{}
	rounds  struct{}
	fails   struct{}
	forgets struct{}
	throws  struct{}
)

func (redacts) say(any) ([]byte, error)   { return []byte("[REDACTED]"), nil }
func (rounds) say(v any) ([]byte, error)  { return fmt.Append(nil, len(fmt.Sprint(v))/4), nil }
func (fails) say(any) ([]byte, error)     { return nil, errBroken }
func (forgets) say(v any) ([]byte, error) { return fmt.Appendf(nil, "%.1v", fmt.Sprint(v)), nil }
func (throws) say(any) ([]byte, error)    { panic("out of order") }

// open shows its values, hides does not; the forms of both lie.
type open[T any, L lie] struct {
	A T
	B []T
}

type hides[T any, L lie] struct {
	a T
	b *T
	C map[string]T
}

func (o open[T, L]) MarshalText() ([]byte, error) { var l L; return l.say(o.A) }

func (h *hides[T, L]) MarshalBinary() ([]byte, error) { var l L; return l.say(h.a) }

// checkLiar holds the keys of random values against what the values are: equal keys for equal values, and for no others.
func checkLiar[T any, L lie](t *testing.T, draw func(*rand.Rand) T) {
	t.Helper()
	random := rand.New(rand.NewPCG(1, 2))
	type argument struct {
		Open  open[T, L]
		Hides hides[T, L]
		Any   any
	}
	one := func() argument {
		p := draw(random)
		a := argument{Open: open[T, L]{draw(random), nil}, Hides: hides[T, L]{a: draw(random)}}
		switch random.IntN(3) {
		case 0:
			a.Open.B, a.Hides.b = []T{p}, &p
		case 1:
			a.Open.B, a.Hides.C = []T{}, map[string]T{"x": p}
		}
		if random.IntN(2) == 0 {
			a.Any = []any{a.Open, &a.Hides}
		}
		return a
	}
	plan, equal := compile[argument](t), 0
	for range 1500 {
		a, b := one(), one()
		if random.IntN(4) == 0 {
			b = a
		}
		want := reflect.DeepEqual(a, b)
		if want {
			equal++
		}
		if got := encode(t, plan, a) == encode(t, plan, b); got != want {
			t.Fatalf("equal keys: %v, equal values: %v\n%+v\n%+v", got, want, a, b)
		}
	}
	if equal < 100 {
		t.Errorf("only %d pairs were equal", equal)
	}
}

func checkLiars[T any](t *testing.T, draw func(*rand.Rand) T) {
	t.Run("K4 K10 redacts", func(t *testing.T) { checkLiar[T, redacts](t, draw) })
	t.Run("K4 K10 rounds", func(t *testing.T) { checkLiar[T, rounds](t, draw) })
	t.Run("K4 K16 fails", func(t *testing.T) { checkLiar[T, fails](t, draw) })
	t.Run("K4 K10 forgets", func(t *testing.T) { checkLiar[T, forgets](t, draw) })
	t.Run("K4 K16 panics", func(t *testing.T) { checkLiar[T, throws](t, draw) })
}

func TestTypesThatLieHaveKeysOfTheirValues(t *testing.T) {
	word := func(r *rand.Rand) string { return []string{"", "a", "b", "alice", "alina"}[r.IntN(5)] }
	t.Run("text", func(t *testing.T) { checkLiars(t, word) })
	t.Run("numbers", func(t *testing.T) { checkLiars(t, func(r *rand.Rand) float64 { return float64(r.IntN(4)) / 4 }) })
	t.Run("pairs", func(t *testing.T) { checkLiars(t, func(r *rand.Rand) pair { return pair{word(r), word(r)} }) })
	t.Run("secrets", func(t *testing.T) { checkLiars(t, func(r *rand.Rand) token { return token{word(r)} }) })
	t.Run("lists", func(t *testing.T) {
		checkLiars(t, func(r *rand.Rand) []secret {
			return [][]secret{nil, {}, {secret(word(r))}, {secret(word(r)), ""}}[r.IntN(4)]
		})
	})
}
