package httpevent_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/aws/aws-lambda-go/events"

	"github.com/stillwarm/stillwarm/lambda/internal/httpevent"
)

// requests returns a new pointer to each of the request types.
func requests() []any {
	return []any{
		&events.APIGatewayV2HTTPRequest{}, &events.LambdaFunctionURLRequest{}, &events.APIGatewayProxyRequest{}, &events.ALBTargetGroupRequest{},
	}
}

// FuzzDecode holds the reader of a function's own event types to what encoding/json reads: the same values, nil and empty told
// apart, and the same errors.
func FuzzDecode(f *testing.F) {
	files, err := filepath.Glob("testdata/*.json")
	if err != nil || len(files) == 0 {
		f.Fatal(files, err)
	}
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	for _, s := range []string{
		`null`, `{}`, `[]`, `""`, `7`, ` {"rawPath" : "/a" , "cookies":["a"],"cookies":[null]} `, `{"RAWPATH":"/a","rawpath":"/b"}`,
		`{"headers":{"a":null,"a":"\u0041\ud800","` + "\xff" + `":"é"},"headers":{"b":"1"},"headers":null}`, `{"headers":{"a":1}}`,
		`{"multiValueHeaders":{"a":["1",null],"b":null,"c":[]},"path":null,"isBase64Encoded":null}`, `{"isBase64Encoded":"true"}`,
		`{"requestContext":{"timeEpoch":1.5}}`, `{"requestContext":{"timeEpoch":-9223372036854775809}}`, `{"requestContext":{"timeEpoch":-7}}`,
		`{"requestContext":{"http":{"method":"GET","METHOD":"PUT"},"http":null,"authorizer":{"jwt":{"claims":{"sub":"1"}}}}}`,
		`{"requestContext":{"authorizer":{"lambda":{"a":[1,{"b":"]}"}]}},"x":{"y":["\"",1e9,false,null,{}]}}}`, `{"body":"\"\\","cookies":[]}`,
		`{"requestContext":[]}`, `{"cookies":{"a":1}}`, `{"queryStringParameters":[],"rawQueryString":{}}`, `{"\u0062ody":"x"}`, `{"stage` + "\u017f" + `":1}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if !json.Valid(data) {
			return
		}
		want := requests()
		for i, got := range requests() {
			err, wantErr := httpevent.Decode(data, got), json.Unmarshal(data, want[i])
			if !reflect.DeepEqual(err, wantErr) || !reflect.DeepEqual(got, want[i]) {
				t.Fatalf("%s:\n%+v, %v\nwant %+v, %v", data, got, err, want[i], wantErr)
			}
		}
	})
}

// What the services send is read without encoding/json's reflection over the whole event.
func TestDecodeAllocates(t *testing.T) {
	data, err := os.ReadFile("testdata/v2-decoded-path.json")
	if err != nil {
		t.Fatal(err)
	}
	mine := testing.AllocsPerRun(100, func() { _ = httpevent.Decode(data, &events.APIGatewayV2HTTPRequest{}) })
	theirs := testing.AllocsPerRun(100, func() { _ = json.Unmarshal(data, &events.APIGatewayV2HTTPRequest{}) })
	t.Log(mine, theirs)
	if mine >= theirs {
		t.Fatalf("%v allocations, encoding/json has %v", mine, theirs)
	}
}

func BenchmarkDecode(b *testing.B) {
	data, err := os.ReadFile("testdata/v2-decoded-path.json")
	if err != nil {
		b.Fatal(err)
	}
	b.Run("Decode", func(b *testing.B) {
		for b.Loop() {
			_ = httpevent.Decode(data, &events.APIGatewayV2HTTPRequest{})
		}
	})
	b.Run("encoding/json", func(b *testing.B) {
		for b.Loop() {
			_ = json.Unmarshal(data, &events.APIGatewayV2HTTPRequest{})
		}
	})
}
