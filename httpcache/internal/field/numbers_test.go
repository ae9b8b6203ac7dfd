package field_test

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stillwarm/stillwarm/httpcache/internal/field"
)

// delta-seconds is 1*DIGIT and nothing else, clamped.
func FuzzSeconds(f *testing.F) {
	for _, s := range []string{"0", "007", "60", "-1", "+1", "1.0", "1 ", "2147483648", "99999999999999999999", "0x1", "1_0", "١", ""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		digits := s != "" && strings.Trim(s, "0123456789") == ""
		d, ok := field.ParseSeconds(s)
		if ok != digits || d < 0 || d > field.MaxSeconds*time.Second {
			t.Fatalf("%q: %v %v", s, d, ok)
		}
		if n, err := strconv.ParseInt(s, 10, 64); ok && err == nil && n <= field.MaxSeconds && d != time.Duration(n)*time.Second {
			t.Fatalf("%q: %v", s, d)
		}
	})
}

// Age is its first member, on its first line.
func FuzzAge(f *testing.F) {
	f.Add("60", "1")
	f.Add("60, 1", "x")
	f.Add(" 5 ,", "")
	f.Add(`"5"`, "-1")
	f.Fuzz(func(t *testing.T, first, second string) {
		alone, ok := field.ParseAge([]string{first})
		if d, again := field.ParseAge([]string{first, second}); d != alone || again != ok {
			t.Fatalf("%q, %q: %v %v", first, second, d, again)
		}
		member, _, _ := strings.Cut(first, ",")
		if d, valid := field.ParseSeconds(strings.Trim(member, " \t")); ok != valid || ok && d != alone {
			t.Fatalf("%q: %v %v", first, alone, ok)
		}
	})
}

// What differs in host or proto must not be one: the result is part of the key.
func FuzzForwarded(f *testing.F) {
	f.Add("for=1;host=a", "for=2;host=b")
	f.Add(`host="a;b"`, `host="a;c"`)
	f.Add("host=a, host=b", "proto=http")
	f.Add(`host="a`, "host=")
	f.Fuzz(func(t *testing.T, a, b string) {
		_ = field.ParseForwarded([]string{a, b})
		token := func(s string) bool {
			return s != "" && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789.-") == ""
		}
		if !token(a) || !token(b) || a == b {
			return
		}
		for _, name := range []string{"host=", "proto="} {
			if field.ParseForwarded([]string{name + a}) == field.ParseForwarded([]string{"for=x; " + name + b}) {
				t.Fatalf("%s%q and %q are one", name, a, b)
			}
		}
	})
}
