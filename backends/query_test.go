package backends_test

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stillwarm/stillwarm/backends"
)

func query(t *testing.T, raw string) *backends.Query {
	t.Helper()
	return backends.NewQuery(&url.URL{RawQuery: raw})
}

func TestQueryReadsTypes(t *testing.T) {
	q := query(t, "s=a%20b&b=false&bare&n=-7&d=1500ms&z=1.5KiB&plain=42")
	if got := q.String("s", ""); got != "a b" {
		t.Errorf("String = %q", got)
	}
	if q.Bool("b", true) || !q.Bool("bare", false) {
		t.Error("Bool of false and of a bare name")
	}
	if got := q.Int("n", 0); got != -7 {
		t.Errorf("Int = %d", got)
	}
	if got := q.Duration("d", 0); got != 1500*time.Millisecond {
		t.Errorf("Duration = %v", got)
	}
	if got := q.Size("z", 0); got != 1536 {
		t.Errorf("Size = %d", got)
	}
	if got := q.Size("plain", 0); got != 42 {
		t.Errorf("Size = %d", got)
	}
	if err := q.Err(); err != nil {
		t.Error(err)
	}
}

func TestQueryFallsBack(t *testing.T) {
	q := query(t, "")
	if q.String("s", "x") != "x" || !q.Bool("b", true) || q.Int("n", 3) != 3 ||
		q.Duration("d", time.Second) != time.Second || q.Size("z", 9) != 9 || q.Has("h") || q.Err() != nil {
		t.Fatal("a parameter that is not given does not have its fallback")
	}
}

func TestQueryErrors(t *testing.T) {
	for name, c := range map[string]struct {
		raw  string
		want []string
	}{
		"unknown parameters are named, in order, with the known ones": {"zeta=1&alpha=2", []string{`"alpha", "zeta"`, "known: b, d, n, s, z"}},
		"a bad bool":               {"b=maybe", []string{`"b"`, `"maybe"`, "true or false"}},
		"a bad number":             {"n=1.5", []string{`"n"`, `"1.5"`, "whole number"}},
		"a bad duration":           {"d=soon", []string{`"d"`, `"soon"`, "250ms"}},
		"a negative duration":      {"d=-1s", []string{`"d"`, `"-1s"`}},
		"a bad size":               {"z=-1", []string{`"z"`, `"-1"`, "64KiB"}},
		"an empty size":            {"z=", []string{`"z"`}},
		"a parameter given twice":  {"s=1&s=2", []string{`"s"`, "2 times"}},
		"a query that is no query": {"s=%zz", []string{"percent-encode"}},
		"everything at once":       {"b=maybe&n=x&what=1", []string{`"maybe"`, `"x"`, `"what"`}},
	} {
		t.Run(name, func(t *testing.T) {
			q := query(t, c.raw)
			for range 2 { // asking twice must not report twice
				q.String("s", "")
				q.Bool("b", false)
				q.Int("n", 0)
				q.Duration("d", 0)
				q.Size("z", 0)
			}
			err := q.Err()
			if err == nil {
				t.Fatal("no error")
			}
			for _, want := range c.want {
				if strings.Count(err.Error(), want) != 1 {
					t.Errorf("%q does not say %q once", err, want)
				}
			}
		})
	}
	t.Run("the value of an unknown parameter is not shown", func(t *testing.T) {
		q := query(t, "pasword=hunter2")
		q.String("password", "")
		if err := q.Err(); err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Fatal(err)
		}
	})
	t.Run("a backend can refuse a value that parses", func(t *testing.T) {
		q := query(t, "n=0")
		if q.Int("n", 1) == 0 {
			q.Reject("n", "more than zero")
		}
		if err := q.Err(); err == nil || !strings.Contains(err.Error(), "more than zero") {
			t.Fatal(err)
		}
	})
}
