package field_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stillwarm/stillwarm/httpcache/internal/field"
)

var now = time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)

func TestDirectives(t *testing.T) {
	ds := field.ParseDirectives([]string{`Max-Age=60 , no-store, a="b, no-cache", =x, private="Set-Cookie, X", ,`, "max-age=60"})
	if d, found := ds.Seconds("max-age"); d != time.Minute || found != field.Valid {
		t.Error(d, found)
	}
	if !ds.Has("no-store") || ds.Has("no-cache") || ds.Has("x") || ds.Has("") {
		t.Error(ds)
	}
	if bare, names := ds.Fields("private"); bare || !slices.Equal(names, []string{"set-cookie", "x"}) {
		t.Error(bare, names)
	}
	for _, bad := range []string{"max-age", "max-age=", "max-age=-1", "max-age=+1", "max-age=1.0", "max-age=0x1", "max-age=1 2", "max-age =1", "max-age= 1", `max-age="1`, `max-age="1"2`, "max-age=1, max-age=2", "max-age='1'"} {
		if _, found := field.ParseDirectives([]string{bad}).Seconds("max-age"); found != field.Invalid {
			t.Error(bad, found)
		}
	}
	if _, found := ds.Seconds("s-maxage"); found != field.Absent {
		t.Error(found)
	}
}

func TestDates(t *testing.T) {
	want := time.Date(1994, 11, 6, 8, 49, 37, 0, time.UTC)
	for _, good := range []string{"Sun, 06 Nov 1994 08:49:37 GMT", "sun, 06 nov 1994 08:49:37 gmt", "Mon, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"} {
		if got, ok := field.ParseDate(good, now); !ok || !got.Equal(want) {
			t.Error(good, got, ok)
		}
	}
	for _, bad := range []string{"", "0", "Sun, 6 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 08:49:37", "Sun, 06 Nov 1994 08:49:37 UTC", "Sun, 06 Nov 1994 8:49:37 GMT", "Sun,  06 Nov 1994 08:49:37 GMT", "Xxx, 06 Nov 1994 08:49:37 GMT", "Sun, 31 Feb 1994 08:49:37 GMT", "Sun, 00 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 24:49:37 GMT", "Sun, 06 Nov 1994 08:60:37 GMT", "Sun, 06 Nov 1994 08:49:37 GMT ", "Sun Nov 6 08:49:37 1994", "Sunday, 06-Nov-1994 08:49:37 GMT"} {
		if got, ok := field.ParseDate(bad, now); ok {
			t.Error(bad, got)
		}
	}
	for text, year := range map[string]int{"76": 2076, "77": 1977, "99": 1999, "26": 2026, "00": 2000} {
		if got, _ := field.ParseDate("Sunday, 06-Nov-"+text+" 08:49:37 GMT", now); got.Year() != year {
			t.Error(text, got)
		}
	}
	if got, ok := field.ParseDate("Sat, 31 Dec 2016 23:59:60 GMT", now); !ok || !got.Equal(time.Date(2017, 1, 1, 0, 0, 0, 0, time.UTC)) {
		t.Error("a leap second", got, ok)
	}
}

func TestETags(t *testing.T) {
	for _, bad := range []string{"", "a", `"a`, `w/"a"`, `W\"a"`, `W"a"`, `"a b"`, `"a" `, "\"a\x7f\""} {
		if e, ok := field.ParseETag(bad); ok {
			t.Error(bad, e)
		}
	}
	for _, bad := range []string{"", ",", `"a" "b"`, `"a", b`, `*, "a"`, "*a"} {
		if l, ok := field.ParseETags([]string{bad}); ok {
			t.Error(bad, l)
		}
	}
	weak, _ := field.ParseETag(`W/"a"`)
	strong, _ := field.ParseETag(`"a"`)
	if !weak.WeakMatch(strong) || weak.StrongMatch(strong) || weak.StrongMatch(weak) || !strong.StrongMatch(strong) {
		t.Error("comparison")
	}
	if l, ok := field.ParseETags([]string{`"x,y" , W/"a"`, `"\"`}); !ok || len(l.Tags) != 3 || !l.WeakMatch(strong) {
		t.Error(l, ok)
	}
}

func TestRanges(t *testing.T) {
	for _, c := range []struct {
		text          string
		kind          field.RangeKind
		first, length int64
	}{
		{"bytes=0-3", field.PartOfBody, 0, 4}, {"bytes=4-", field.PartOfBody, 4, 6}, {"bytes=-3", field.PartOfBody, 7, 3},
		{"bytes=-99", field.PartOfBody, 0, 10}, {"bytes=9-99999999999999999999999", field.PartOfBody, 9, 1}, {"BYTES=1-1", field.PartOfBody, 1, 1},
		{"bytes=10-", field.Unsatisfiable, 0, 0}, {"bytes=-0", field.Unsatisfiable, 0, 0}, {"bytes=99-100", field.Unsatisfiable, 0, 0},
		{"bytes=3-1", field.WholeBody, 0, 0}, {"bytes=0-1,3-4", field.WholeBody, 0, 0}, {"bytes=a-b", field.WholeBody, 0, 0}, {"bytes", field.WholeBody, 0, 0},
		{"lines=0-1", field.WholeBody, 0, 0}, {"bytes=", field.WholeBody, 0, 0}, {"bytes=-", field.WholeBody, 0, 0}, {"bytes=--1", field.WholeBody, 0, 0}, {"bytes=1--1", field.WholeBody, 0, 0},
	} {
		kind, first, length := field.ParseRange([]string{c.text}, 10)
		if kind != c.kind || first != c.first || length != c.length {
			t.Error(c.text, kind, first, length)
		}
	}
}

func TestCodings(t *testing.T) {
	for text, want := range map[string]string{
		"gzip": "gzip", "br": "br", "gzip, br": "br, gzip", "br;q=0.5, gzip;q=1.0": "br, gzip", "x-gzip": "gzip", "*": "br, gzip",
		"*;q=0": "", "gzip;q=0, *": "br", "gzip;q=0.000": "", "gzip;q=0.001": "gzip", "identity": "", "zstd, deflate": "", "": "",
		"GZIP": "gzip", "gzip;q=2": "", "gzip;q=abc": "", "gzip; q=1": "gzip", "gzipped": "",
	} {
		if got := field.Codings([]string{text}); got != want {
			t.Errorf("%q: %q, not %q", text, got, want)
		}
	}
}

func TestVary(t *testing.T) {
	names, any := field.ParseVary([]string{"Accept, accept-ENCODING", "accept,"})
	if any || !slices.Equal(names, []string{"accept", "accept-encoding"}) {
		t.Error(names, any)
	}
	for _, star := range []string{"*", "Accept, *", "a b", "a:b"} {
		if _, any := field.ParseVary([]string{star}); !any {
			t.Error(star)
		}
	}
	a, _ := field.Normalize("x", []string{`1 , "a , b"`, "2"})
	b, _ := field.Normalize("x", []string{`1,"a , b" ,2`})
	if c, _ := field.Normalize("x", []string{`1,"a, b",2`}); a != b || a == c {
		t.Error(a, b, c)
	}
}

func TestTags(t *testing.T) {
	if got := field.ParseTags("Surrogate-Key", []string{"a  b,c"}); !slices.Equal(got, []string{"a", "b,c"}) {
		t.Error(got)
	}
	if got := field.ParseTags("Cache-Tag", []string{"a b, c", "d,"}); !slices.Equal(got, []string{"a b", "c", "d"}) {
		t.Error(got)
	}
	if got, ok := field.ParseGroups([]string{`"a", "b, c";x=1`}); !ok || !slices.Equal(got, []string{"a", "b, c"}) {
		t.Error(got, ok)
	}
	for _, bad := range []string{"a", "1", `("a")`, `"a`} {
		if got, ok := field.ParseGroups([]string{bad}); ok {
			t.Error(bad, got)
		}
	}
}

func TestForwarded(t *testing.T) {
	if a, b := field.ParseForwarded([]string{"for=1;host=x"}), field.ParseForwarded([]string{"for=2; Host=x"}); a != b {
		t.Error(a, b)
	}
	if a, b := field.ParseForwarded([]string{`host="a;b"`}), field.ParseForwarded([]string{`host="a;c"`}); a == b {
		t.Error(a)
	}
}

// Parsers must not panic, and must not say more of a field than a reader of its grammar would.

func FuzzDirectives(f *testing.F) {
	f.Add(`max-age=60, private="a, b", no-cache`)
	f.Add(`a="\"`)
	f.Fuzz(func(t *testing.T, s string) {
		for _, d := range field.ParseDirectives([]string{s}) {
			if d.Name == "" || d.Name != strings.ToLower(d.Name) || strings.ContainsAny(d.Name, `", =`) {
				t.Fatalf("%q", d.Name)
			}
			if !strings.Contains(strings.ToLower(s), d.Name) {
				t.Fatalf("%q is not in %q", d.Name, s)
			}
		}
		if d, found := field.ParseDirectives([]string{s}).Seconds("max-age"); d < 0 || d > field.MaxSeconds*time.Second || found != field.Valid && d != 0 {
			t.Fatal(d, found)
		}
	})
}

func FuzzDate(f *testing.F) {
	f.Add("Sun, 06 Nov 1994 08:49:37 GMT")
	f.Add("Sunday, 06-Nov-94 08:49:37 GMT")
	f.Add("Sun Nov  6 08:49:37 1994")
	f.Fuzz(func(t *testing.T, s string) {
		got, ok := field.ParseDate(s, now)
		if !ok {
			return
		}
		again, ok := field.ParseDate(got.Format("Mon, 02 Jan 2006 15:04:05 GMT"), now)
		if !ok || !again.Equal(got) {
			t.Fatal(s, got, again, ok)
		}
	})
}

func FuzzETags(f *testing.F) {
	f.Add(`"a", W/"b,c"`)
	f.Fuzz(func(t *testing.T, s string) {
		l, ok := field.ParseETags([]string{s})
		if !ok {
			return
		}
		for _, e := range l.Tags {
			if again, ok := field.ParseETag(e.Opaque); !ok || again.Opaque != e.Opaque || !strings.Contains(s, e.Opaque) {
				t.Fatalf("%q in %q", e.Opaque, s)
			}
		}
	})
}

func FuzzRange(f *testing.F) {
	f.Add("bytes=0-1", int64(10))
	f.Fuzz(func(t *testing.T, s string, size int64) {
		size = max(0, size)
		kind, first, length := field.ParseRange([]string{s}, size)
		if kind == field.PartOfBody && (first < 0 || length <= 0 || first+length > size) {
			t.Fatal(s, size, first, length)
		}
	})
}

func FuzzVary(f *testing.F) {
	f.Add("a, B", `gzip;q=0.5, "x,y"`)
	f.Fuzz(func(t *testing.T, names, value string) {
		_, _ = field.ParseVary([]string{names})
		for _, name := range []string{"x", "accept-language", "accept-encoding"} {
			once, _ := field.Normalize(name, []string{value})
			if twice, _ := field.Normalize(name, []string{once}); twice != once {
				t.Fatalf("%s: %q becomes %q", name, once, twice)
			}
		}
	})
}

func FuzzStructured(f *testing.F) {
	f.Add(`max-age=60, private="a"`)
	f.Add(`"a", "b";x`)
	f.Fuzz(func(t *testing.T, s string) {
		if ds, ok := field.ParseTargeted([]string{s}); ok {
			if d, found := ds.Seconds("max-age"); found == field.Invalid || d < 0 {
				t.Fatal(s, ds)
			}
		}
		_, _ = field.ParseGroups([]string{s})
		for _, m := range field.ParseStatus([]string{s}) {
			if m.Text == "" || !strings.Contains(s, m.Text) {
				t.Fatal(s, m)
			}
		}
		_ = field.ParseForwarded([]string{s})
		for _, tag := range append(field.ParseTags("Cache-Tag", []string{s}), field.ParseTags("Surrogate-Key", []string{s})...) {
			if tag == "" {
				t.Fatal(s)
			}
		}
		_, _ = field.ParseAge([]string{s})
	})
}
