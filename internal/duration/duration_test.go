package duration

import (
	"math"
	"strings"
	"testing"
	"time"
)

func TestParseReads(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"0": 0, "0s": 0, "-0s": 0, "24h": day, "1h30m": 90 * time.Minute, "1.5h": 90 * time.Minute, "300ms": 300 * time.Millisecond,
		"10us": 10 * time.Microsecond, "10µs": 10 * time.Microsecond, "1d": day, "1.5 days": 36 * time.Hour, "1 day": day,
		"1h23s": time.Hour + 23*time.Second, "90m": 90 * time.Minute, "1w 2d": 9 * day, "1 day 2 hours": 26 * time.Hour,
		"1 day, 2 hours": 26 * time.Hour, "2 minutes 30 sec": 150 * time.Second, "1D": day, "2 Weeks": 2 * week, "1HR": time.Hour,
		"  5 min ": 5 * time.Minute, "+3s": 3 * time.Second, "+2 days": 2 * day, ".5d": 12 * time.Hour, "1.d": day, "1d12h": 36 * time.Hour,
		"0.1d": 2*time.Hour + 24*time.Minute, "PT1H": time.Hour, "P1DT12H": 36 * time.Hour, "P2W": 2 * week, "pt1.5s": 1500 * time.Millisecond,
		"PT0,5H": 30 * time.Minute, "P1W2DT3H4M5S": 9*day + 3*time.Hour + 4*time.Minute + 5*time.Second, "PT36H": 36 * time.Hour,
		"9223372036854775807ns": math.MaxInt64, "106751d": 106751 * day, "7 nanoseconds": 7, "0.3333333333333333333 d": 28799999999999,
	} {
		t.Run(text, func(t *testing.T) {
			got, err := Parse(text)
			if err != nil || got != want {
				t.Fatalf("got %v, %v; want %v", got, err, want)
			}
		})
	}
}

func TestParseRefuses(t *testing.T) {
	for text, why := range map[string]string{
		"": "empty", "  ": "empty", "-1s": "negative", "-PT1H": "negative", "-": "negative", "--0s": "negative", "+": "no number", "NaN": "leave the option out", "NaT": "leave the option out",
		"15": "the number 15 has no unit", "1 2h": "the number 1 has no unit", "h": "a number is expected", "1x": "`x` is no unit", "1d,": "no number",
		"1 year": "not always equally long", "3 months": "not always equally long", "1M": "minutes or months", "P1Y": "not always equally long", "P1M": "not always equally long",
		"P": "no number", "PT": "one \"T\"", "P1DT": "one \"T\"", "PT1HT1M": "one \"T\"", "P1H": "not expected there", "PT1M1H": "not expected there", "PT1": "has no unit",
		"PT1.5H3M": "only the last", "106752d": "292 years", "9223372036854775808ns": "292 years", "99999999999999999999h": "292 years",
		"1e3s": "`e` is no unit", "one day": "a number is expected", "1d-2h": "`d-` is no unit", "5 \xff": "is no unit", "+-1s": "a number is expected",
		strings.Repeat("x", 1000): "...",
	} {
		t.Run(text, func(t *testing.T) {
			got, err := Parse(text)
			if err == nil {
				t.Fatalf("got %v, want an error", got)
			}
			for _, part := range []string{why, "is not a duration", "examples:"} {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("%q does not say %q", err, part)
				}
			}
			if len(err.Error()) > 400 {
				t.Errorf("the message has %d bytes", len(err.Error()))
			}
		})
	}
}

func TestParseSize(t *testing.T) {
	for text, want := range map[string]int64{
		"0": 0, "512": 512, "512B": 512, "10MB": 10_000_000, "10 MiB": 10 << 20, "1.5GB": 1_500_000_000, "64KiB": 64 << 10, "1G": 1_000_000_000,
		"1k": 1000, "2 ki": 2048, "1TB": 1e12, "1TiB": 1 << 40, "0.5KiB": 512, "7EiB": 7 << 60, "9223372036854775807": math.MaxInt64, "1.0": 1, "3 bytes": 3, "1.0005kB": 1000,
	} {
		t.Run(text, func(t *testing.T) {
			if got, err := ParseSize(text); err != nil || got != want {
				t.Fatalf("got %v, %v; want %v", got, err, want)
			}
		})
	}
	for text, why := range map[string]string{
		"": "empty", "-1": "negative", "MB": "a number is expected", "10 Mb/s": "no unit", "1.5": "part of a byte", "8EiB": "8 EiB", "9223372036854775808": "8 EiB",
		"99999999999999999999GB": "8 EiB", "1 2": "no unit", "NaN": "a number is expected", "1e6": "no unit",
	} {
		t.Run("refuses "+text, func(t *testing.T) {
			got, err := ParseSize(text)
			if err == nil || !strings.Contains(err.Error(), why) || !strings.Contains(err.Error(), "examples:") {
				t.Fatalf("got %v, %v; want an error that says %q", got, err, why)
			}
		})
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"1h30m", "1.5 days", "P1DT12H", "PT0,5S", "-1s", "1w 2d", ".", "P", "1 day, 2 hours", "2562047h47m16.854775807s"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, err := Parse(s)
		if err == nil && got < 0 {
			t.Fatalf("Parse(%q) = %v", s, got)
		}
		if want, bad := time.ParseDuration(s); bad == nil && want >= 0 && (err != nil || got != want) {
			t.Fatalf("Parse(%q) = %v, %v; time.ParseDuration says %v", s, got, err, want)
		}
		if err == nil {
			if again, err := Parse(got.String()); err != nil || again != got {
				t.Fatalf("Parse(%q) = %v, which reads as %v, %v", s, got, again, err)
			}
		}
	})
}

func FuzzParseSize(f *testing.F) {
	for _, s := range []string{"512", "10MB", "10 MiB", "1.5GB", ".5k", "8EiB", "1.", "."} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if n, err := ParseSize(s); err == nil && n < 0 {
			t.Fatalf("ParseSize(%q) = %d", s, n)
		}
	})
}
