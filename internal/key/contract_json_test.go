package key

import (
	"encoding/json"
	"reflect"
	"testing"
)

func TestRawJSON(t *testing.T) {
	raw := func(s string) json.RawMessage { return json.RawMessage(s) }
	t.Run("K12 by bytes", func(t *testing.T) {
		differ(t, raw(`{"a":1}`), raw(`{ "a":1}`), raw(`1.0`), raw(`1`), nil, raw(""))
	})
	p, err := Compile(reflect.TypeFor[[]json.RawMessage](), Options{CanonicalJSON: true})
	if err != nil {
		t.Fatal(err)
	}
	keyOf := func(s ...string) string {
		var v []json.RawMessage
		for _, s := range s {
			v = append(v, raw(s))
		}
		return encode(t, p, v)
	}
	t.Run("K12 by canonical JSON where that is asked for", func(t *testing.T) {
		if keyOf(`{"b":1,"a":[true,null]}`) != keyOf(" {\"a\" : [true,null],\n\"b\":1.0}") {
			t.Error("one document has two keys")
		}
		seen := map[string]string{}
		for _, s := range []string{`9007199254740993`, `9007199254740992`, `"1"`, `1`, `{`, `[1`, ``, `-0`, `0`, `{"a":1,"a":2}`, `{"a":2,"a":1}`, `1e400`, `1e401`} {
			if other, found := seen[keyOf(s)]; found {
				t.Errorf("%s and %s share a key", s, other)
			}
			seen[keyOf(s)] = s
		}
		if keyOf("1", "2") == keyOf("12", "") || encode(t, p, []json.RawMessage{nil}) == keyOf("") || encode(t, p, []json.RawMessage{nil}) == keyOf("null") {
			t.Error("documents run into each other")
		}
	})
	t.Run("K12 the two ways never meet", func(t *testing.T) {
		if compile[[]json.RawMessage](t).Fingerprint() == p.Fingerprint() {
			t.Error("two ways of encoding have one fingerprint")
		}
	})
}
