package key

import (
	"bytes"
	"errors"
	"net"
	"reflect"
	"strings"
	"testing"
)

func TestAddressesInKeys(t *testing.T) {
	byAddress := func(allow bool, h ...Hasher) (*Plan, error) {
		return Compile(reflect.TypeFor[*session](), Options{Function: "f", Hashers: h, AllowAddresses: allow})
	}
	t.Run("K17 the argument itself is refused for data, by type", func(t *testing.T) {
		for _, result := range []reflect.Type{reflect.TypeFor[*session](), reflect.TypeFor[session](), reflect.TypeFor[net.Conn](), reflect.TypeFor[uintptr]()} {
			o := Options{Function: "f", Hashers: []Hasher{by(func(s session) any { return s.ID })}}
			err := CheckHashResult(result, o)
			if result.Kind() == reflect.Interface {
				continue // what it holds is seen at call time
			}
			if err == nil {
				t.Errorf("%v is accepted", result)
			}
		}
	})
	t.Run("K17 what an address keys is reported, so that it can be kept", func(t *testing.T) {
		for name, h := range map[string]Hasher{
			"a pointer":       by(func(s *session) any { return s }),
			"a number":        by(func(s *session) any { return uintptr(reflect.ValueOf(s).UnsafePointer()) }),
			"a number within": by(func(s *session) any { return struct{ P uintptr }{7} }),
			"an interface":    by(func(s *session) any { return []any{uintptr(7)} }),
			"another's":       by(func(s *session) any { return s.conn }),
		} {
			p, err := byAddress(true, h)
			if err != nil {
				t.Fatal(err)
			}
			s, r := &session{ID: "a", conn: make(chan int)}, Report{}
			if _, err := AppendReport(p, nil, &s, &r); err != nil || !p.MayHoldAddresses() {
				t.Errorf("%s: %v", name, err)
			}
			held := false
			for _, v := range r.Held {
				held = held || v == any(s)
			}
			if !held {
				t.Errorf("%s: %v does not hold the argument", name, r.Held)
			}
			r.Reset()
			if len(r.Held) != 0 {
				t.Error("Reset forgets nothing")
			}
		}
	})
	t.Run("K17 what no address keys is not held", func(t *testing.T) {
		p, _ := byAddress(true, by(func(s *session) any { return s.ID }))
		s, r := &session{ID: "a"}, Report{}
		if _, err := AppendReport(p, nil, &s, &r); err != nil || len(r.Held) != 0 {
			t.Errorf("%v, %v", r.Held, err)
		}
	})
	t.Run("K17 one that is seen only at call time is the hash function's error", func(t *testing.T) {
		p, _ := byAddress(false, by(func(s *session) any { return s }))
		s := &session{}
		if _, err := Append(p, nil, &s); !isUserHash(err) {
			t.Errorf("got %v", err)
		}
	})
}

func TestKeyOfTheWholeArgument(t *testing.T) {
	type request struct {
		Path string
		Body *bytes.Buffer
	}
	plan := func(t *testing.T, f func(request) (any, bool), o Options) *Plan {
		t.Helper()
		p, err := CompileKey(f, "byPath", o)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	byPath := func(r request) (any, bool) { return r.Path, r.Path != "" }
	t.Run("K21 decides alone", func(t *testing.T) {
		p := plan(t, byPath, Options{Hashers: []Hasher{by(func(string) any { return 1 })}})
		if encode(t, p, request{Path: "a"}) != encode(t, p, request{"a", new(bytes.Buffer)}) || encode(t, p, request{Path: "a"}) == encode(t, p, request{Path: "b"}) {
			t.Error("something else decides")
		}
	})
	t.Run("K21 false: not cached", func(t *testing.T) {
		dst := []byte("before")
		out, err := Append(plan(t, byPath, Options{}), dst, &request{})
		if !errors.Is(err, ErrDeclined) || string(out) != "before" {
			t.Errorf("%q, %v", out, err)
		}
	})
	t.Run("K13 a panic is a UserHashError", func(t *testing.T) {
		_, err := Append(plan(t, func(request) (any, bool) { panic(errBroken) }, Options{Function: "f"}), nil, &request{})
		if !isUserHash(err) || !errors.Is(err, errBroken) || !strings.Contains(err.Error(), "'byPath'") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("K17 addresses", func(t *testing.T) {
		f := func(r *request) (*request, bool) { return r, true }
		if _, err := CompileKey(f, "self", Options{}); err == nil {
			t.Error("accepted for data")
		}
		p, err := CompileKey(f, "self", Options{AllowAddresses: true})
		if err != nil {
			t.Fatal(err)
		}
		one, two, r := &request{}, &request{}, Report{}
		a, err := AppendReport(p, nil, &one, &r)
		b, err2 := AppendReport(p, nil, &two, &r)
		if err != nil || err2 != nil || bytes.Equal(a, b) || len(r.Held) != 4 || !p.MayHoldAddresses() {
			t.Errorf("%x, %x, %v, %v, %v", a, b, r.Held, err, err2)
		}
	})
	t.Run("K21 results that cannot be hashed are refused", func(t *testing.T) {
		if _, err := CompileKey(func(r request) (request, bool) { return r, true }, "self", Options{}); err == nil {
			t.Error("accepted")
		}
		if _, err := CompileKey[request, string](nil, "none", Options{}); err == nil {
			t.Error("no function is accepted")
		}
		p := plan(t, func(request) (any, bool) { return func() {}, true }, Options{})
		if _, err := Append(p, nil, &request{}); !isUserHash(err) {
			t.Errorf("got %v", err)
		}
		if _, err := Append(plan(t, func(request) (any, bool) { return failsPart{f: func() {}}, true }, Options{}), nil, &request{}); !isUncached(err) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("K3 is part of the fingerprint", func(t *testing.T) {
		seen := map[[32]byte]bool{compile[string](t).Fingerprint(): true}
		one, _ := CompileKey(func(s string) (string, bool) { return s, true }, "", Options{})
		two, _ := CompileKey(func(s string) (int, bool) { return len(s), true }, "", Options{})
		seen[one.Fingerprint()], seen[two.Fingerprint()] = true, true
		if len(seen) != 3 {
			t.Error("plans share a fingerprint")
		}
	})
}

func TestKeysShowNothing(t *testing.T) {
	t.Run("K19 a digest has a fixed width and no part of the argument", func(t *testing.T) {
		p := NewPrefix("f")
		d := p.Sum("", []byte(encode(t, compile[string](t), "hunter2-4711")))
		if bytes.Contains(d[:], []byte("hunter2")) {
			t.Error("it shows")
		}
	})
	t.Run("K19 errors show no values", func(t *testing.T) {
		for _, err := range []error{uncached(t, "in.v[key]", boxed{map[any]int{"hunter2": 1, &[]*guarded{lockedGuard()}[0]: 2}})} {
			if strings.Contains(err.Error(), "hunter2") {
				t.Error(err)
			}
		}
	})
}
