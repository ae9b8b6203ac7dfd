package key

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/big"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"
	"unsafe"
)

// Types with every kind of canonical form. Each has a field that its form ignores.
type (
	byBinaryAppender  struct{ id, noise string }
	byBinaryMarshaler struct{ id, noise string }
	byTextAppender    struct{ id, noise string }
	byTextMarshaler   struct{ id, noise string }
	byPointer         struct{ id, noise string }
	folded            string
	rude              struct{ id string }
	uuid              [16]byte
)

func (b byBinaryAppender) AppendBinary(dst []byte) ([]byte, error) { return append(dst, b.id...), nil }
func (b byBinaryMarshaler) MarshalBinary() ([]byte, error)         { return []byte(b.id), nil }
func (b byTextAppender) AppendText(dst []byte) ([]byte, error)     { return append(dst, b.id...), nil }
func (b byTextMarshaler) MarshalText() ([]byte, error)             { return []byte(b.id), nil }
func (b *byPointer) MarshalText() ([]byte, error)                  { return []byte(b.id), nil }
func (f folded) MarshalText() ([]byte, error)                      { return []byte(strings.ToLower(string(f))), nil }
func (r rude) AppendText([]byte) ([]byte, error)                   { return []byte(r.id), nil }
func (u uuid) MarshalBinary() ([]byte, error)                      { return u[:], nil }

var errBroken = errors.New("broken on purpose")

func TestCanonicalForms(t *testing.T) {
	t.Run("K10 each kind of form, and hidden fields beside it", func(t *testing.T) {
		differ(t, byBinaryAppender{"a", "1"}, byBinaryAppender{"a", "2"}, byBinaryAppender{"b", "1"}, byBinaryAppender{})
		differ(t, byBinaryMarshaler{"a", "1"}, byBinaryMarshaler{"a", "2"}, byBinaryMarshaler{"b", "1"})
		differ(t, byTextAppender{"a", "1"}, byTextAppender{"a", "2"}, byTextAppender{"b", "1"})
		differ(t, byTextMarshaler{"a", "1"}, byTextMarshaler{"a", "2"}, byTextMarshaler{"b", "1"})
		same(t, byTextMarshaler{"a", "1"}, byTextMarshaler{"a", "1"})
	})
	t.Run("K4 structure beats a form that says less", func(t *testing.T) {
		differ(t, uuid{}, uuid{1}, uuid{15: 1})
		differ[folded](t, "Straße", "STRAßE")
	})
	t.Run("K10 with a pointer receiver, by value, by pointer and in an interface", func(t *testing.T) {
		differ(t, byPointer{"a", "1"}, byPointer{"a", "2"})
		same(t, &byPointer{"a", "1"}, &byPointer{"a", "1"})
		differ(t, nil, &byPointer{"a", "1"}, &byPointer{"a", "2"})
		differ[any](t, &byPointer{"a", "1"}, &byPointer{"a", "2"}, byPointer{"a", "1"}, byPointer{"a", "2"})
	})
	t.Run("forms are framed", func(t *testing.T) {
		differ(t, [2]byTextMarshaler{{id: "ab"}, {id: "c"}}, [2]byTextMarshaler{{id: "a"}, {id: "bc"}})
	})
	t.Run("an appender that returns something else harms nothing", func(t *testing.T) {
		type in struct {
			A string
			R rude
		}
		differ(t, in{"a", rude{"x"}}, in{"b", rude{"x"}}, in{"a", rude{"y"}}, in{"a", rude{}})
	})
	t.Run("promoted marshalers do not count", func(t *testing.T) {
		type promoted struct {
			byTextMarshaler
			Other string
		}
		differ(t, promoted{byTextMarshaler{id: "a"}, "1"}, promoted{byTextMarshaler{id: "a"}, "2"}, promoted{byTextMarshaler{id: "b"}, "1"})
		type hiding struct {
			byTextMarshaler
			other string
		}
		refuses[hiding](t, "in.other")
		_ = hiding{}.other
	})
	t.Run("a struct with tags is hashed field by field", func(t *testing.T) {
		same(t, taggedMarshaler{"a", "1"}, taggedMarshaler{"a", "2"})
		differ(t, taggedMarshaler{"a", "1"}, taggedMarshaler{"b", "1"})
	})
}

type taggedMarshaler struct {
	ID   string
	Note string `cache:"-"`
}

func (m taggedMarshaler) MarshalText() ([]byte, error) { return []byte(m.Note), nil }

func TestStandardTypes(t *testing.T) {
	t.Run("big.Int, big.Rat", func(t *testing.T) {
		differ(t, nil, big.NewInt(0), big.NewInt(1), big.NewInt(-1), new(big.Int).Lsh(big.NewInt(1), 200))
		same(t, big.NewInt(7), new(big.Int).Sub(big.NewInt(10), big.NewInt(3)))
		same(t, big.NewRat(1, 2), big.NewRat(2, 4))
		differ(t, big.NewRat(1, 2), big.NewRat(-1, 2), big.NewRat(1, 3), new(big.Rat))
	})
	t.Run("big.Float with precision and rounding", func(t *testing.T) {
		one := func() *big.Float { return big.NewFloat(1) }
		same(t, one(), one())
		differ(t, one(), one().SetPrec(100), one().SetMode(big.ToZero), big.NewFloat(0), new(big.Float))
	})
	t.Run("netip", func(t *testing.T) {
		differ(t, netip.Addr{}, netip.MustParseAddr("1.2.3.4"), netip.MustParseAddr("::ffff:1.2.3.4"), netip.MustParseAddr("fe80::1%eth0"), netip.MustParseAddr("fe80::1"))
		differ(t, netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("10.0.0.0/9"))
		differ(t, netip.MustParseAddrPort("1.2.3.4:80"), netip.MustParseAddrPort("1.2.3.4:81"))
	})
	t.Run("url.URL, also where two are written alike", func(t *testing.T) {
		u := func() *url.URL { u, _ := url.Parse("https://user:pw@example.com/a%2Fb?q=1#f"); return u }
		same(t, u(), u())
		differ(t, nil, &url.URL{}, &url.URL{Scheme: "http", Host: "a", Path: "/b"}, &url.URL{Scheme: "http", Opaque: "//a/b"}, u())
		differ(t, &url.URL{User: url.User("a")}, &url.URL{User: url.UserPassword("a", "")}, &url.URL{User: url.UserPassword("a", "b")})
	})
	t.Run("regexp.Regexp, also POSIX and longest match", func(t *testing.T) {
		longest := regexp.MustCompile(`a|ab`)
		longest.Longest()
		same(t, regexp.MustCompile(`a|ab`), regexp.MustCompile(`a|ab`))
		differ(t, regexp.MustCompile(`a|ab`), longest, regexp.MustCompile(`a|ac`), nil)
		posix, perl := regexp.MustCompilePOSIX(`^a`), regexp.MustCompile(`^a`)
		perl.Longest()
		differ(t, posix, perl)
	})
	t.Run("values from one package in both ways", func(t *testing.T) {
		same[any](t, time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
	})
}

func TestFiles(t *testing.T) {
	t.Run("K11 by name, size, modification time and offset", filesByWhatTheyAre)
}

func filesByWhatTheyAre(t *testing.T) {
	path := filepath.Join(t.TempDir(), "data")
	p := compile[*os.File](t)
	open := func() *os.File {
		f, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { f.Close() })
		return f
	}
	put := func(text string, at time.Time) {
		if err := errors.Join(os.WriteFile(path, []byte(text), 0o600), os.Chtimes(path, at, at)); err != nil {
			t.Fatal(err)
		}
	}
	old := time.Unix(1_700_000_000, 0)
	put("12345", old)
	first := encode(t, p, open())
	t.Run("the same file has the same key", func(t *testing.T) {
		if encode(t, p, open()) != first {
			t.Error("another key")
		}
	})
	t.Run("offset, size, modification time and name count", func(t *testing.T) {
		f := open()
		if _, err := f.Seek(2, io.SeekStart); err != nil {
			t.Fatal(err)
		}
		keys := map[string]bool{first: true, encode(t, p, f): true, encode[*os.File](t, p, nil): true}
		put("12345", old.Add(1))
		keys[encode(t, p, open())] = true
		put("123456", old)
		keys[encode(t, p, open())] = true
		if len(keys) != 5 {
			t.Errorf("%d keys of 5", len(keys))
		}
	})
	t.Run("K16 a closed file and a pipe have no key", func(t *testing.T) {
		f := open()
		f.Close()
		if e := uncached(t, "in", f); !errors.Is(e, os.ErrClosed) {
			t.Errorf("got %v", e)
		}
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		defer w.Close()
		uncached(t, "in", r)
	})
}

type reading struct{ Left []byte }

func (r *reading) Read(p []byte) (int, error) { return copy(p, r.Left), io.EOF }

func TestRefusedByType(t *testing.T) {
	t.Run("func", func(t *testing.T) { refuses[struct{ F func() }](t, "in.F") })
	t.Run("chan", func(t *testing.T) { refuses[struct{ C chan int }](t, "in.C") })
	t.Run("unsafe.Pointer", func(t *testing.T) { refuses[struct{ P unsafe.Pointer }](t, "in.P") })
	t.Run("context in a struct", func(t *testing.T) { refuses[struct{ Ctx context.Context }](t, "in.Ctx") })
	t.Run("context itself", func(t *testing.T) { refuses[context.Context](t, "in") })
	t.Run("reader interfaces", func(t *testing.T) {
		refuses[struct{ R io.Reader }](t, "in.R")
		refuses[struct{ R io.ReadCloser }](t, "in.R")
	})
	t.Run("readers", func(t *testing.T) {
		refuses[struct{ R *reading }](t, "in.R")
		refuses[*bytes.Buffer](t, "in")
		refuses[*strings.Reader](t, "in")
	})
	t.Run("atomics", func(t *testing.T) { refuses[struct{ N atomic.Int64 }](t, "in.N...") })
	t.Run("within lists, maps and pointers", func(t *testing.T) {
		refuses[struct{ L []map[string]func() }](t, "in.L[*][*]")
		refuses[map[chan int]bool](t, "in[key]")
		refuses[struct{ P **func() }](t, "in.P")
		refuses[[3]func()](t, "in[*]")
	})
	t.Run("within recursive types", func(t *testing.T) {
		type recursive struct {
			Next *recursive
			Kids []recursive
			F    func()
		}
		refuses[recursive](t, "in.F")
	})
}

func TestRefusedByValue(t *testing.T) {
	type in struct {
		A    any
		List []any
		Map  map[string]any
	}
	t.Run("what interfaces hold is seen at call time", func(t *testing.T) {
		e := refusesValue(t, "in.A", in{A: func() {}})
		if e.Argument != "A" || e.Type != reflect.TypeFor[func()]() {
			t.Errorf("argument %s, type %v", e.Argument, e.Type)
		}
		refusesValue(t, "in.List[1]", in{List: []any{1, make(chan int)}})
		refusesValue(t, "in.Map[*].F", in{Map: map[string]any{"secret": struct{ F func() }{}}})
		refusesValue(t, "in.A", in{A: context.Background()})
		refusesValue(t, "in.A", in{A: &reading{}})
		refusesValue(t, "in.A[0]...", in{A: []any{errors.New("x")}})
	})
	t.Run("K7 two types of one name are not confused", func(t *testing.T) {
		one := func() any { type local int; return local(1) }
		two := func() any { type local int; return local(1) }
		differ(t, one(), two())
		lists := func() []any {
			type local int
			return []any{[]local{1}, &[1]local{1}, map[local]local{1: 1}, struct{ L local }{1}}
		}
		others := func() []any {
			type local int
			return []any{[]local{1}, &[1]local{1}, map[local]local{1: 1}, struct{ L local }{1}}
		}
		differ(t, append(lists(), others()...)...)
	})
}

func TestAppendRefusesAnotherType(t *testing.T) {
	v := 1
	if _, err := Append(compile[string](t), nil, &v); err == nil {
		t.Error("a plan for strings has encoded an int")
	}
}
