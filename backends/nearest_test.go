package backends

import (
	"net/url"
	"strings"
	"testing"
)

func TestNearest(t *testing.T) {
	names := []string{"disk", "memory", "read-timeout", "redis", "rediss", "s3", "sse", "tls-ca"}
	for typed, want := range map[string]string{
		"reids": "redis", "rediss": "rediss", "Redis": "redis", "redi": "redis", "memroy": "memory", "s4": "s3", "read_timeout": "read-timeout",
		"readtimeout": "read-timeout", "raed-timeotu": "read-timeout", "tlsca": "tls-ca", "size": "", "ttl": "", "http": "", "mongo": "", "": "",
	} {
		if got := nearest(typed, names); got != want {
			t.Errorf("nearest(%q) = %q, want %q", typed, got, want)
		}
	}
}

func TestAMistypedParameterComesWithTheOneThatWasMeant(t *testing.T) {
	q := NewQuery(&url.URL{RawQuery: "read_timeout=1s&colour=red"})
	q.Duration("read-timeout", 0)
	q.Bool("cluster", false)
	err := q.Err()
	if err == nil || !strings.Contains(err.Error(), `"read_timeout" (did you mean read-timeout?)`) || strings.Contains(err.Error(), `"colour" (`) {
		t.Fatal(err)
	}
}

func FuzzMistakes(f *testing.F) {
	f.Add("redis", "reids")
	f.Fuzz(func(t *testing.T, a, b string) {
		d := mistakes(a, b)
		if d != mistakes(b, a) || (d == 0) != (a == b) || d > max(len(a), len(b)) || d < max(len(a), len(b))-min(len(a), len(b)) {
			t.Fatalf("%q and %q: %d, %d", a, b, d, mistakes(b, a))
		}
	})
}
