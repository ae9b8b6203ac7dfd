package rule_test

import (
	"testing"

	"github.com/stillwarm/stillwarm/httpcache/internal/rule"
)

// A normal query is its own normal form, and one that nothing is taken from stays as it was sent.
func FuzzNormalizeQuery(f *testing.F) {
	for _, s := range []string{"", "a=1&b=2", "utm_x=1&a", "&&", "a=1&a=2", "%75tm_x=1", "a;b", "=", "a=%zz", "+=+"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, query string) {
		for _, o := range []*rule.Options{{}, {SortQuery: true}, {IgnoreQuery: []string{"utm_*", "a"}}, {IgnoreQuery: []string{"*"}}} {
			once := o.NormalizeQuery(query)
			if again := o.NormalizeQuery(once); again != once {
				t.Fatalf("%+v: %q becomes %q, and then %q", o, query, once, again)
			}
		}
		if got := (&rule.Options{}).NormalizeQuery(query); got != query {
			t.Fatalf("%q becomes %q", query, got)
		}
	})
}
