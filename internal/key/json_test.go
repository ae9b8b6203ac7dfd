package key

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"strings"
	"testing"
)

// canonical returns the canonical form of JSON, and false for what is not JSON.
func canonical(raw string) (string, bool) {
	b := appendJSON(nil, []byte(raw))
	if b[0] == jsonRaw {
		return "", false
	}
	if n := binary.LittleEndian.Uint64(b[1:]); n != uint64(len(b)-9) {
		return "the length is wrong", true
	}
	return string(b[9:]), true
}

func TestCanonicalJSON(t *testing.T) {
	for raw, want := range map[string]string{
		" null ": "null", "true": "true", "[ ]": "[]", "{ }": "{}", "[1, 2 ,[3]]": "[1,2,[3]]",
		`{"b":1,"a":{"d":2,"c":3}}`: `{"a":{"c":3,"d":2},"b":1}`, `{"":1,"a":2,"A":3}`: `{"":1,"A":3,"a":2}`, `{"ab":1,"a":2}`: `{"a":2,"ab":1}`,
		// The order of UTF-16: U+1F600 (D83D DE00) comes before U+FB33, which comes first in UTF-8.
		`{"\ufb33":1,"\ud83d\ude00":2,"\u20ac":3,"\r":4}`: "{\"\\r\":4,\"\u20ac\":3,\"\U0001f600\":2,\"\ufb33\":1}",
		`"\u0041\/\u00e9\ud83d\ude00"`:                    `"A/é😀"`, `"\u0000\u001F\u0008\t\n\f\r\"\\"`: `"\u0000\u001f\b\t\n\f\r\"\\"`, "\"\u2028<&>\x7f\"": "\"\u2028<&>\x7f\"",
		// ECMAScript's numbers.
		"0": "0", "1.0": "1", "1e2": "100", "-1.50": "-1.5", "0.000001": "0.000001", "0.0000001": "1e-7", "1E21": "1e+21", "100000000000000000000": "100000000000000000000",
		"1e-7": "1e-7", "1e+300": "1e+300", "5e-324": "5e-324", "1.7976931348623157e308": "1.7976931348623157e+308", "0e9": "0", "0.0": "0", "9007199254740992": "9007199254740992",
		// What a double cannot say is kept.
		"-0": "-0", "9007199254740993": "9007199254740992#9007199254740993e16", "0.1000000000000000055": "0.1#1000000000000000055e0", "1e400": "#1e401", "-1e-400": "#-1e-399",
		"333333333.33333329": "333333333.3333333#33333333333333329e9",
	} {
		if got, ok := canonical(raw); !ok || got != want {
			t.Errorf("%s: got %s, %v; want %s", raw, got, ok, want)
		}
	}
}

func TestNotJSON(t *testing.T) {
	for _, raw := range []string{
		"", " ", "nul", "tru e", "{", "[", "[1", "[1,]", "[,1]", `{"a"}`, `{"a":}`, `{"a":1,}`, `{a:1}`, `{"a":1 "b":2}`, "1 2", "[1]]", "01", "-", "+1", ".5", "1.", "1e", "1e+", "0x1", "--1",
		`"`, `"\x"`, `"\u12"`, `"\ud800"`, `"\ud800\u0041"`, `"\udc00"`, "\"\x01\"", "\"\xff\"", "NaN", "1e9999999999",
		`{"a":1,"a":1}`, `{"a":1,"\u0061":2}`, strings.Repeat("[", maxJSONDepth+1) + strings.Repeat("]", maxJSONDepth+1),
	} {
		if got, ok := canonical(raw); ok {
			t.Errorf("%.40s: got %.40s", raw, got)
		}
	}
	if string(appendJSON(nil, []byte("{"))) == string(appendJSON(nil, []byte("["))) {
		t.Error("texts that are not JSON share a key")
	}
}

func FuzzJSON(f *testing.F) {
	for _, s := range []string{`{"b":[1,2.50,-0],"a":"\u00e9"}`, `"😀"`, "1e400", "9007199254740993", `{"a":1,"a":2}`, "[[[]]]", "0.1e-5"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		form, ok := canonical(raw)
		if ok && !json.Valid([]byte(raw)) {
			t.Fatalf("%q is not JSON", raw)
		}
		if !ok || strings.Contains(form, "#") {
			return
		}
		if again, ok := canonical(form); !ok || again != form {
			t.Fatalf("%q has the form %q, which has the form %q", raw, form, again)
		}
		var a, b any
		if json.Unmarshal([]byte(raw), &a) != nil || json.Unmarshal([]byte(form), &b) != nil {
			return
		}
		x, _ := json.Marshal(a)
		y, _ := json.Marshal(b)
		if !bytes.Equal(x, y) {
			t.Fatalf("%q reads as %s, its form %q as %s", raw, x, form, y)
		}
	})
}
