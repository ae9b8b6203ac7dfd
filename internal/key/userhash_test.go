package key

import (
	"context"
	"errors"
	"io"
	"reflect"
	"strings"
	"testing"
	"unsafe"
)

type session struct {
	ID   string
	conn chan int
}

// by makes a Hasher for T as the adapter does.
func by[T any](f func(T) any) Hasher {
	return Hasher{Type: reflect.TypeFor[T](), Name: "testHasher", Hash: func(v any) (any, error) { return f(v.(T)), nil }}
}

func bySession() Hasher { return by(func(s session) any { return s.ID }) }

func sameWith[T any](t *testing.T, h []Hasher, a, b T, want bool) {
	t.Helper()
	p := compile[T](t, h...)
	if got := encode(t, p, a) == encode(t, p, b); got != want {
		t.Errorf("equal keys: %v, want %v", got, want)
	}
}

func TestHashFunctionsDecide(t *testing.T) {
	h := []Hasher{bySession()}
	a, a2, b := session{"a", nil}, session{"a", make(chan int)}, session{"b", nil}
	t.Run("for a type that would be refused", func(t *testing.T) {
		sameWith(t, h, a, a2, true)
		sameWith(t, h, a, b, false)
	})
	t.Run("in fields, elements, map keys and values, behind pointers and in interfaces", func(t *testing.T) {
		type deep struct {
			L []session
			P *session
			M map[session]session
			A any
		}
		mk := func(s session) deep { return deep{[]session{s}, &s, map[session]session{s: s}, []any{s, &s}} }
		sameWith(t, h, mk(a), mk(a2), true)
		sameWith(t, h, mk(a), mk(b), false)
	})
	t.Run("over every built-in rule", func(t *testing.T) {
		constant := by(func(uuid) any { return 1 })
		sameWith(t, []Hasher{constant}, uuid{1}, uuid{2}, true)
		length := by(func(s string) any { return len(s) })
		sameWith(t, []Hasher{length}, []string{"a"}, []string{"b"}, true)
		sameWith(t, []Hasher{length}, []any{"a"}, []any{"bb"}, false)
	})
	t.Run("for exactly one type", func(t *testing.T) {
		refuses[*session](t, "in.conn", by(func(s *[]session) any { return 1 }))
		sameWith(t, []Hasher{by(func(s *session) any { return s.ID })}, &a, &a2, true)
		refuses[session](t, "in.conn", by(func(s *session) any { return s.ID }))
	})
	t.Run("by type name", func(t *testing.T) {
		const pkg = "github.com/stillwarm/stillwarm/internal/key"
		named := func(name string) []Hasher {
			return []Hasher{{TypeName: name, Hash: func(v any) (any, error) { return reflect.Indirect(reflect.ValueOf(v)).Field(0).String(), nil }}}
		}
		sameWith(t, named(pkg+".session"), a, a2, true)
		sameWith(t, named("*"+pkg+".session"), &a, &a2, true)
		refuses[session](t, "in.conn", named("*"+pkg+".session")...)
		refuses[session](t, "in.conn", named("other/key.session")...)
	})
	t.Run("a result's type counts", func(t *testing.T) {
		p := compile[session](t, by(func(s session) any {
			if s.ID == "a" {
				return int32(1)
			}
			return int64(1)
		}))
		if encode(t, p, a) == encode(t, p, b) {
			t.Error("int32(1) and int64(1) share a key")
		}
	})
	t.Run("nil is not offered", func(t *testing.T) {
		h := []Hasher{by(func(s *session) any { return s.ID }), by(func(r io.Reader) any { return "reader" })}
		sameWith(t, h, nil, &a, false)
		sameWith[io.Reader](t, h, nil, strings.NewReader(""), false)
	})
	t.Run("for an implementation, so that the interface is accepted", func(t *testing.T) {
		type in struct{ R io.Reader }
		h := []Hasher{by(func(r *strings.Reader) any { return r.Size() })}
		sameWith(t, h, in{strings.NewReader("a")}, in{strings.NewReader("b")}, true)
		p := compile[in](t, h...)
		_, err := Append(p, nil, &in{R: io.LimitReader(nil, 1)})
		unhashable(t, err, "in.R")
		refuses[struct{ C context.Context }](t, "in.C", h...)
	})
	t.Run("a function may return its own type, and two each other's", func(t *testing.T) {
		type (
			meters float64
			feet   float64
		)
		h := []Hasher{
			by(func(m meters) any { return feet(m * 3) }), by(func(f feet) any { return meters(f / 3) }),
			by(func(s string) any { return strings.ToLower(s) }),
		}
		sameWith(t, h, meters(1), meters(1), true)
		sameWith(t, h, meters(1), meters(2), false)
		sameWith(t, h, "A", "a", true)
	})
	t.Run("once per value and call", func(t *testing.T) {
		calls := 0
		p := compile[map[session][]session](t, by(func(s session) any { calls++; return s.ID }))
		encode(t, p, map[session][]session{a: {a, b}, b: {}})
		if calls != 4 {
			t.Errorf("%d calls for 4 values", calls)
		}
	})
}

func TestHashFunctionsThatFail(t *testing.T) {
	boom := errors.New("boom")
	type in struct{ Sessions []session }
	for name, h := range map[string]Hasher{
		"an error":              {Type: reflect.TypeFor[session](), Name: "byID", Hash: func(any) (any, error) { return nil, boom }},
		"a panic with an error": {Type: reflect.TypeFor[session](), Name: "byID", Hash: func(any) (any, error) { panic(boom) }},
	} {
		t.Run(name+" names function, type and path", func(t *testing.T) {
			_, err := Append(compile[in](t, h), nil, &in{Sessions: make([]session, 1)})
			e, ok := errors.AsType[*UserHashError](err)
			if !ok || !errors.Is(err, boom) || e.Path != "in.Sessions[0]" || e.Type != reflect.TypeFor[session]() || e.Function != "f" {
				t.Fatalf("got %#v", err)
			}
			for _, part := range []string{"'byID'", "in.Sessions[0]", "key.session", "boom"} {
				if !strings.Contains(e.Error(), part) {
					t.Errorf("%q does not name %s", e, part)
				}
			}
		})
	}
	t.Run("a result that cannot be hashed", func(t *testing.T) {
		h := by(func(s session) any { return []any{s} })
		_, err := Append(compile[in](t, h), nil, &in{Sessions: make([]session, 1)})
		if e, ok := errors.AsType[*UserHashError](err); !ok || e.Path != "in.Sessions[0]" || !strings.Contains(e.Error(), "unexported") {
			t.Fatalf("got %v", err)
		}
	})
}

func TestAddresses(t *testing.T) {
	one, two, c := 1, 1, make(chan int)
	for name, result := range map[string]any{
		"a pointer": &one, "an unsafe.Pointer": unsafe.Pointer(&one), "a uintptr": uintptr(1), "a chan": c, "a func": func() {},
		"a uintptr within": struct{ P uintptr }{1}, "a list of them": []uintptr{1},
	} {
		t.Run(name+" is refused at call time and by type", func(t *testing.T) {
			_, err := Append(compile[session](t, by(func(session) any { return result })), nil, &session{})
			e, ok := errors.AsType[*UserHashError](err)
			if !ok || !strings.Contains(e.Error(), "address") {
				t.Errorf("got %v", err)
			}
			if err := CheckHashResult(reflect.TypeOf(result), Options{Function: "f"}); err == nil || !strings.Contains(err.Error(), "address") {
				t.Errorf("CheckHashResult: %v", err)
			}
		})
	}
	t.Run("a uintptr in an argument is a number", func(t *testing.T) { differ[any](t, uintptr(1), uintptr(2)) })
	t.Run("where they are allowed they are the identity", func(t *testing.T) {
		for _, k := range []reflect.Type{reflect.TypeFor[*int](), reflect.TypeFor[uintptr](), reflect.TypeFor[any](), reflect.TypeFor[string]()} {
			if err := CheckHashResult(k, Options{AllowAddresses: true}); err != nil {
				t.Error(err)
			}
		}
		result := &one
		p, err := Compile(reflect.TypeFor[session](), Options{AllowAddresses: true, Hashers: []Hasher{by(func(session) any { return result })}})
		if err != nil {
			t.Fatal(err)
		}
		first := encode(t, p, session{})
		if encode(t, p, session{}) != first {
			t.Error("the same address has two keys")
		}
		if result = &two; encode(t, p, session{}) == first {
			t.Error("two addresses share a key")
		}
	})
	t.Run("other results are accepted by type", func(t *testing.T) {
		for _, k := range []reflect.Type{reflect.TypeFor[string](), reflect.TypeFor[any](), reflect.TypeFor[inner](), reflect.TypeFor[[]*int]()} {
			if err := CheckHashResult(k, Options{}); err != nil {
				t.Error(err)
			}
		}
		if _, ok := errors.AsType[*UnhashableError](CheckHashResult(reflect.TypeFor[session](), Options{})); !ok {
			t.Error("a result with unexported fields is accepted")
		}
	})
}

func TestBadHashers(t *testing.T) {
	ok := func(any) (any, error) { return nil, nil }
	for name, hashers := range map[string][]Hasher{
		"no function": {{Type: reflect.TypeFor[int]()}}, "no type": {{Hash: ok}}, "two for one type": {bySession(), bySession()},
		"two for one type, one by name": {by(func(int) any { return 0 }), {TypeName: "int", Hash: ok}}, "a bad name": {{TypeName: "a b.T", Hash: ok}},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := Compile(reflect.TypeFor[int](), Options{Hashers: hashers}); err == nil {
				t.Error("accepted")
			}
		})
	}
}

func TestTypeNames(t *testing.T) {
	for _, name := range []string{"time.Time", "*database/sql.DB", "main.Session", "gopkg.in/yaml.v3.Node", "int", "example.com/p.Pair[int,example.com/q.T]", "example.com/p.Pair[[]int]", "**main.T", "example.com/x.Größe"} {
		if err := checkTypeName(name); err != nil {
			t.Errorf("%s is refused: %v", name, err)
		}
	}
	for _, name := range []string{"", "*", "Session", ".T", "main.", "a b.T", "main.T[", "main.T]", "main.T[a]b", "main.1T", "[]byte", "main.*T", "main.T "} {
		if err := checkTypeName(name); err == nil || !strings.Contains(err.Error(), "examples:") {
			t.Errorf("%q: %v", name, err)
		}
	}
}

func FuzzTypeName(f *testing.F) {
	for _, s := range []string{"time.Time", "*a/b.T", "p.T[[x]]", "p.T[", "*", "."} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if checkTypeName(s) == nil && checkTypeName("*"+s) != nil {
			t.Errorf("%q is a name, and with a star it is not", s)
		}
	})
}
