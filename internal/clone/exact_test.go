package clone_test

import (
	"reflect"
	"regexp"
	"testing"
	"time"

	"github.com/stillwarm/stillwarm/internal/clone"
)

func TestExactCopies(t *testing.T) {
	t.Run("a time keeps its zone by name", func(t *testing.T) {
		zone := time.FixedZone("Nowhere", 3600)
		in := struct {
			Day  time.Time
			Days []time.Time
		}{time.Date(2026, 1, 2, 3, 4, 5, 6, zone), []time.Time{time.Date(2026, 1, 2, 3, 4, 5, 6, zone)}}
		out := copyExact(t, in)
		if out.Day.Location() != zone || out.Days[0].Location() != zone {
			t.Fatal(out)
		}
		if &out.Days[0] == &in.Days[0] {
			t.Fatal("the slice is shared")
		}
	})
	t.Run("a struct of strings, numbers and times is flat", func(t *testing.T) {
		p, err := clone.CompileExact(reflect.TypeFor[struct {
			A string
			B time.Time
			C [3]int
		}]())
		if err != nil || !p.Flat() {
			t.Fatal(p, err)
		}
	})
	t.Run("a regular expression keeps its preference", func(t *testing.T) {
		re := regexp.MustCompile(`a|ab`)
		re.Longest()
		out := copyExact(t, struct{ Re *regexp.Regexp }{re})
		if got := out.Re.FindString("ab"); got != "ab" {
			t.Fatal(got)
		}
	})
	t.Run("what is left out of the key is shared", func(t *testing.T) {
		type conn struct{ f func() }
		c := &conn{}
		out := copyExact(t, struct {
			ID   int
			Conn *conn `cache:"-"`
		}{1, c})
		if out.Conn != c {
			t.Fatal("copied")
		}
	})
	for name, typ := range map[string]reflect.Type{
		"what an interface holds":  reflect.TypeFor[struct{ V any }](),
		"hidden fields":            reflect.TypeFor[struct{ v []int }](),
		"maps found by an address": reflect.TypeFor[map[*int]string](),
		"functions":                reflect.TypeFor[func()](),
	} {
		t.Run("refused: "+name, func(t *testing.T) {
			if _, err := clone.CompileExact(typ); err == nil {
				t.Fatal("accepted")
			}
		})
	}
}

func copyExact[T any](t *testing.T, in T) T {
	t.Helper()
	p, err := clone.CompileExact(reflect.TypeFor[T]())
	if err != nil {
		t.Fatal(err)
	}
	var out T
	if err := clone.Copy(p, &out, &in); err != nil {
		t.Fatal(err)
	}
	return out
}
