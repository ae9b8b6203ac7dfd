package clone

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"reflect"
	"testing"

	"github.com/stillwarm/stillwarm/serialize"
)

// A lie changes what a liar's methods write of its value.
type lie interface {
	tell(b []byte) ([]byte, error)
}

type (
	tellsAll struct{}
	redacts  struct{}
	shortens struct{}
	throws   struct{}
	refuses  struct{}
)

func (tellsAll) tell(b []byte) ([]byte, error) { return b, nil }
func (redacts) tell([]byte) ([]byte, error)    { return []byte("null"), nil }
func (shortens) tell(b []byte) ([]byte, error) { // forgets every value that is written long
	if len(b) > 4 {
		return []byte("null"), nil
	}
	return b, nil
}
func (throws) tell([]byte) ([]byte, error)  { panic("out of order") }
func (refuses) tell([]byte) ([]byte, error) { return nil, errFailing }

// A liar hides its value behind methods that may lie.
type liar[T any, L lie] struct{ v T }

func (l liar[T, L]) MarshalText() ([]byte, error) {
	b, err := json.Marshal(l.v)
	if err != nil {
		return nil, err
	}
	var how L
	return how.tell(b)
}

func (l *liar[T, L]) UnmarshalText(b []byte) error { return json.Unmarshal(b, &l.v) }

// checkLiar: what comes back is what was returned, or it is refused.
func checkLiar[T any, L lie](t *testing.T, mayKeep, mustRefuse bool, draw func(*rand.Rand) T) {
	t.Helper()
	type result struct {
		One  liar[T, L]
		Many []*liar[T, L]
		By   map[string]liar[T, L]
	}
	random, kept := rand.New(rand.NewPCG(1, 2)), 0
	codec, err := serialize.CodecFor(reflect.TypeFor[result]())
	if err != nil {
		t.Fatal(err)
	}
	for range 500 {
		v := result{One: liar[T, L]{draw(random)}}
		if random.IntN(2) == 0 {
			v.Many, v.By = []*liar[T, L]{{draw(random)}, nil}, map[string]liar[T, L]{"x": {draw(random)}}
		}
		k, err := keepOf(t, v)
		if err != nil {
			continue
		}
		kept++
		var out, decoded result
		data, err := codec.Append(nil, &k.Value)
		if err == nil {
			err = codec.Decode(data, &decoded)
		}
		if err != nil || Copy(compileFor[result](t), &out, k) != nil || !reflect.DeepEqual(v, out) || !reflect.DeepEqual(v, decoded) {
			t.Fatalf("%+v came back as %+v and %+v, %v", v, out, decoded, err)
		}
	}
	if mayKeep && kept == 0 || mustRefuse && kept > 0 {
		t.Errorf("%d of 500 were kept", kept)
	}
}

func checkLiars[T any](t *testing.T, draw func(*rand.Rand) T) {
	t.Run("I2 honest", func(t *testing.T) { checkLiar[T, tellsAll](t, true, false, draw) })
	t.Run("I2 redacts", func(t *testing.T) { checkLiar[T, redacts](t, false, false, draw) })
	t.Run("I2 forgets", func(t *testing.T) { checkLiar[T, shortens](t, false, false, draw) })
	t.Run("I2 panics", func(t *testing.T) { checkLiar[T, throws](t, false, true, draw) })
	t.Run("I2 fails", func(t *testing.T) { checkLiar[T, refuses](t, false, true, draw) })
}

func TestResultsOfLiarsComeBackOrAreRefused(t *testing.T) {
	word := func(r *rand.Rand) string { return []string{"", "a", "alice", "a longer one"}[r.IntN(4)] }
	t.Run("text", func(t *testing.T) { checkLiars(t, word) })
	t.Run("numbers", func(t *testing.T) { checkLiars(t, func(r *rand.Rand) int { return r.IntN(3) * 100_000 }) })
	t.Run("lists", func(t *testing.T) {
		checkLiars(t, func(r *rand.Rand) []string { return [][]string{nil, {}, {word(r)}, {word(r), word(r)}}[r.IntN(4)] })
	})
	t.Run("maps", func(t *testing.T) {
		checkLiars(t, func(r *rand.Rand) map[string]string {
			return []map[string]string{nil, {}, {word(r): fmt.Sprint(r.IntN(3))}}[r.IntN(3)]
		})
	})
}
