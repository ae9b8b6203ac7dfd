package funcurl

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"reflect"
	"strings"
	"testing"
)

func TestConvert(t *testing.T) {
	for _, c := range []struct {
		name, in string
		status   int
		header   http.Header
		body     string
	}{
		{"an object without statusCode is a 200 with itself", `{"a":1}`, 200, http.Header{"Content-Type": {"application/json"}}, `{"a":1}`},
		{"a string keeps its quotes", `"hello"`, 200, http.Header{"Content-Type": {"application/json"}}, `"hello"`},
		{"null is JSON", `null`, 200, http.Header{"Content-Type": {"application/json"}}, `null`},
		{"a null statusCode is none", `{"statusCode":null}`, 200, http.Header{"Content-Type": {"application/json"}}, `{"statusCode":null}`},
		{"an array is JSON", ` [1, 2]`, 200, http.Header{"Content-Type": {"application/json"}}, ` [1, 2]`},
		{"status, header and body are taken", `{"statusCode":404,"headers":{"content-type":"text/plain"},"body":"no"}`, 404,
			http.Header{"Content-Type": {"text/plain"}}, "no"},
		{"a status may be a string", `{"statusCode":"204"}`, 204, http.Header{"Content-Type": {"application/json"}}, ""},
		{"base64 is decoded", `{"statusCode":200,"body":"AAH/","isBase64Encoded":true}`, 200,
			http.Header{"Content-Type": {"application/json"}}, "\x00\x01\xff"},
		{"each cookie is a header", `{"statusCode":200,"cookies":["a=1","b=2"]}`, 200,
			http.Header{"Content-Type": {"application/json"}, "Set-Cookie": {"a=1", "b=2"}}, ""},
		{"numbers and bools are header values", `{"statusCode":200,"headers":{"X-N":1,"X-B":true,"X-Nil":null}}`, 200,
			http.Header{"Content-Type": {"application/json"}, "X-N": {"1"}, "X-B": {"true"}}, ""},
		{"what belongs to the connection is dropped", `{"statusCode":200,"headers":{"content-length":"9","connection":"close","x":"y"}}`, 200,
			http.Header{"Content-Type": {"application/json"}, "X": {"y"}}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := Convert([]byte(c.in))
			if err != nil {
				t.Fatal(err)
			}
			if got.Status != c.status || string(got.Body) != c.body || !reflect.DeepEqual(got.Header, c.header) {
				t.Errorf("got %d %v %q", got.Status, got.Header, got.Body)
			}
		})
	}
}

func TestConvertRefuses(t *testing.T) {
	for name, c := range map[string][2]string{
		"what is no JSON":                   {`hello`, "not JSON (5 bytes)"},
		"nothing at all":                    {``, "not JSON (0 bytes)"},
		"a status out of range":             {`{"statusCode":99}`, "statusCode is 99"},
		"a status that is no number":        {`{"statusCode":{"a":1}}`, "statusCode is"},
		"a body that is no string":          {`{"statusCode":200,"body":{"a":1}}`, "body is not a string"},
		"base64 that is none":               {`{"statusCode":200,"body":"?","isBase64Encoded":true}`, "not base64"},
		"a header with a line end":          {`{"statusCode":200,"headers":{"X":"a\r\nSet-Cookie: b"}}`, "control character"},
		"a header name with a line end":     {`{"statusCode":200,"headers":{"X\r\nY":"a"}}`, "no name of a header"},
		"a cookie with a line end":          {`{"statusCode":200,"cookies":["a\nb"]}`, "control character"},
		"a list where a header should be":   {`{"statusCode":200,"headers":{"X":["a"]}}`, "not a string"},
		"cookies that are not a list":       {`{"statusCode":200,"cookies":"a"}`, "cookies"},
		"isBase64Encoded that is no bool":   {`{"statusCode":200,"isBase64Encoded":"yes"}`, "isBase64Encoded"},
		"headers that are not an object":    {`{"statusCode":200,"headers":[]}`, "headers"},
		"a header without a name":           {`{"statusCode":200,"headers":{"":"a"}}`, "no name of a header"},
		"a status that is not whole":        {`{"statusCode":200.5}`, "statusCode is 200.5"},
		"an informational status":           {`{"statusCode":101}`, "statusCode is 101"},
		"a status beyond what HTTP defines": {`{"statusCode":700}`, "statusCode is 700"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Convert([]byte(c[0]))
			if _, ok := errors.AsType[*ConversionError](err); !ok || !strings.Contains(err.Error(), c[1]) {
				t.Errorf("error %v, want %q in it", err, c[1])
			}
		})
	}
}

const nuls = "\x00\x00\x00\x00\x00\x00\x00\x00"

func TestReadPrelude(t *testing.T) {
	t.Run("the head is parsed and the rest is left, however it arrives", func(t *testing.T) {
		in := `{"statusCode":206,"headers":{"X":"1"},"cookies":["a=1"]}` + nuls + "\x00body"
		for _, r := range []io.Reader{strings.NewReader(in), &oneByte{strings.NewReader(in)}} {
			head, rest, err := ReadPrelude(r)
			if err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(rest)
			if err != nil || string(body) != "\x00body" || head.Status != 206 || head.Header.Get("X") != "1" ||
				head.Header.Get("Set-Cookie") != "a=1" {
				t.Errorf("%+v %q %v", head, body, err)
			}
		}
	})
	t.Run("an empty object is a 200", func(t *testing.T) {
		if head, _, err := ReadPrelude(strings.NewReader("{}" + nuls)); err != nil || head.Status != 200 {
			t.Errorf("%+v %v", head, err)
		}
	})
	for name, in := range map[string]string{
		"no separator":          `{"statusCode":200}`,
		"a short separator":     `{}` + nuls[:7],
		"a broken separator":    `{}` + nuls[:5] + "abc",
		"a head that is broken": `{` + nuls,
		"nothing":               "",
		"a head without an end": strings.Repeat(" ", maxPrelude+10000),
	} {
		t.Run(name+" is refused", func(t *testing.T) {
			_, _, err := ReadPrelude(strings.NewReader(in))
			if _, ok := errors.AsType[*ConversionError](err); !ok {
				t.Errorf("error %v", err)
			}
		})
	}
	t.Run("an error of the stream itself passes untouched", func(t *testing.T) {
		broken := errors.New("broken pipe")
		if _, _, err := ReadPrelude(io.MultiReader(strings.NewReader("{"), failing{broken})); !errors.Is(err, broken) {
			t.Error(err)
		}
	})
}

type oneByte struct{ r io.Reader }

func (o *oneByte) Read(p []byte) (int, error) { return o.r.Read(p[:min(1, len(p))]) }

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

func FuzzReadPrelude(f *testing.F) {
	f.Add([]byte(`{"statusCode":200,"headers":{"a":"b"}}` + nuls + "body"))
	f.Add([]byte(`{}` + nuls))
	f.Add([]byte(nuls))
	f.Fuzz(func(t *testing.T, in []byte) {
		head, rest, err := ReadPrelude(bytes.NewReader(in))
		if err != nil {
			return
		}
		checkHead(t, head)
		body, err := io.ReadAll(rest)
		if err != nil {
			t.Fatal(err)
		}
		first := bytes.IndexByte(in, 0)
		if !bytes.Equal(body, in[first+8:]) || !json.Valid(in[:first]) {
			t.Errorf("body %q of %q", body, in)
		}
	})
}

func FuzzConvert(f *testing.F) {
	f.Add([]byte(`{"statusCode":200,"headers":{"a":"b"},"cookies":["c"],"body":"AAAA","isBase64Encoded":true}`))
	f.Add([]byte(`"text"`))
	f.Add([]byte(`{"statusCode":null}`))
	f.Fuzz(func(t *testing.T, in []byte) {
		response, err := Convert(in)
		if err != nil {
			return
		}
		if !json.Valid(in) {
			t.Errorf("%q is no JSON", in)
		}
		checkHead(t, response.Head)
	})
}

// checkHead fails unless the head can be sent as it is.
func checkHead(t *testing.T, h Head) {
	t.Helper()
	if h.Status < 200 || h.Status > 599 {
		t.Errorf("status %d", h.Status)
	}
	for name, values := range h.Header {
		for _, v := range values {
			if strings.ContainsAny(name+v, "\r\n\x00") {
				t.Errorf("header %q: %q", name, v)
			}
		}
	}
}
