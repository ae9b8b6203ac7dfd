package key

import (
	"bytes"
	"errors"
	"reflect"
	"strings"
	"testing"
)

func compile[T any](t testing.TB, hashers ...Hasher) *Plan {
	t.Helper()
	p, err := Compile(reflect.TypeFor[T](), Options{Function: "f", Hashers: hashers})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func encode[T any](t testing.TB, p *Plan, v T) string {
	t.Helper()
	b, err := Append(p, nil, &v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// differ checks that all values have encodings of their own.
func differ[T any](t testing.TB, values ...T) {
	t.Helper()
	p := compile[T](t)
	seen := map[string]int{}
	for i, v := range values {
		k := encode(t, p, v)
		if j, ok := seen[k]; ok {
			t.Errorf("%#v and %#v share the key %x", values[j], v, k)
		}
		seen[k] = i
	}
}

// same checks that all values have one encoding.
func same[T any](t testing.TB, values ...T) {
	t.Helper()
	p := compile[T](t)
	for _, v := range values[1:] {
		if a, b := encode(t, p, values[0]), encode(t, p, v); a != b {
			t.Errorf("%#v and %#v have the keys %x and %x", values[0], v, a, b)
		}
	}
}

// refuses checks that the type alone is refused, at the path.
func refuses[T any](t testing.TB, path string, hashers ...Hasher) *UnhashableError {
	t.Helper()
	_, err := Compile(reflect.TypeFor[T](), Options{Function: "f", Hashers: hashers})
	return unhashable(t, err, path)
}

// refusesValue checks that the type is accepted and the value refused, at the path.
func refusesValue[T any](t testing.TB, path string, v T) *UnhashableError {
	t.Helper()
	dst := []byte("before")
	out, err := Append(compile[T](t), dst, &v)
	if !bytes.Equal(out, dst) {
		t.Errorf("after an error dst is %q", out)
	}
	return unhashable(t, err, path)
}

// uncached checks that the type is accepted and that the value has no key, at the path.
func uncached[T any](t testing.TB, path string, v T, hashers ...Hasher) *UncachedError {
	t.Helper()
	dst := []byte("before")
	out, err := Append(compile[T](t, hashers...), dst, &v)
	if !bytes.Equal(out, dst) {
		t.Errorf("after an error dst is %q", out)
	}
	e, ok := errors.AsType[*UncachedError](err)
	if !ok {
		t.Fatalf("got %v, want an UncachedError", err)
	}
	if e.Path != path {
		t.Errorf("path %q, want %q\n%v", e.Path, path, e)
	}
	return e
}

func unhashable(t testing.TB, err error, path string) *UnhashableError {
	t.Helper()
	e, ok := errors.AsType[*UnhashableError](err)
	if !ok {
		t.Fatalf("got %v, want an UnhashableError", err)
	}
	if prefix, any := strings.CutSuffix(path, "..."); any && strings.HasPrefix(e.Path, prefix) {
		return e // another release of Go may hide other fields
	}
	if e.Path != path {
		t.Errorf("path %q, want %q\n%v", e.Path, path, e)
	}
	return e
}
