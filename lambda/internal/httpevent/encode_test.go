package httpevent_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"

	"github.com/stillwarm/stillwarm/internal/httpreq"
	"github.com/stillwarm/stillwarm/lambda/internal/httpevent"
)

// encoded is v as aws-lambda-go writes it.
func encoded(t *testing.T, v any) string {
	t.Helper()
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		t.Fatal(err)
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// FuzzAppendJSON holds the writer of answers to what encoding/json makes of the same response types, byte for byte.
func FuzzAppendJSON(f *testing.F) {
	f.Add(200, "text/plain; charset=utf-8", "a", "", []byte("plain text, longer than eight bytes"), false)
	f.Add(404, "<&>\u2028\u2029\"\\", "a=1", "b=2", []byte("\"\\\b\f\n\r\t\x01\x1f\x7f <é>\u2028\u2029 and eight plain bytes"), false)
	f.Add(304, "\xff", "", "\x00", []byte("\x00\xff\xfe"), false)
	f.Add(204, "", "x", "y", []byte(nil), true)
	f.Add(599, "é", "x", "y", []byte("AAECAw=="), true)
	f.Add(200, "", "", "", bytes.Repeat([]byte("é\xed\xa0\x80 01234567"), 50), false)
	f.Fuzz(func(t *testing.T, status int, value, first, second string, body []byte, base64 bool) {
		status = 200 + max(status, -status)%400
		form := httpreq.Plain
		if base64 {
			form = httpreq.Base64
		}
		for i, e := range []*httpevent.Event{
			{Source: httpevent.HTTPAPI}, {Source: httpevent.FunctionURL}, {Source: httpevent.REST}, {Source: httpevent.ALB},
			{Source: httpevent.ALB, MultiHeaders: map[string][]string{}}, {Source: httpevent.HTTPAPIv1}, {Source: httpevent.HTTPAPI}, {Source: httpevent.FunctionURL},
		} {
			answer := func() *httpevent.Recorder {
				w := &httpevent.Recorder{}
				h := w.Header()
				h["X-Value"], h["Content-Type"] = []string{value}, []string{"text/plain"}
				if first != "" {
					h["Set-Cookie"], h["X-List"] = []string{first, second}, []string{first, value, second}
				}
				h["X-Empty"] = nil
				w.WriteHeader(status)
				if err := w.WriteForm(body, form); err != nil {
					t.Fatal(err)
				}
				return w
			}
			out := []any{
				&events.APIGatewayV2HTTPResponse{}, &events.LambdaFunctionURLResponse{}, &events.APIGatewayProxyResponse{}, &events.ALBTargetGroupResponse{},
				&events.ALBTargetGroupResponse{}, &events.APIGatewayProxyResponse{}, &events.LambdaFunctionURLResponse{}, &events.APIGatewayV2HTTPResponse{},
			}[i]
			answer().Response(e).Fill(out)
			got, fits := answer().AppendJSON([]byte("before"), e, out)
			if want := "before" + encoded(t, out); string(got) != want || !fits {
				t.Fatalf("%T of %s\n%s\nwant\n%s", out, e.Source, got, want)
			}
		}
	})
}

func TestAppendJSONLimit(t *testing.T) {
	for _, c := range []struct {
		source httpevent.Source
		out    any
		limit  int
	}{{httpevent.HTTPAPI, &events.APIGatewayV2HTTPResponse{}, 6 << 20}, {httpevent.ALB, &events.ALBTargetGroupResponse{}, 1 << 20}} {
		for _, over := range []bool{false, true} {
			e, w := &httpevent.Event{Source: c.source}, &httpevent.Recorder{}
			size := c.limit/2 - 1000 // each byte is written as two
			if over {
				size = c.limit / 2
			}
			_, _ = w.Write(bytes.Repeat([]byte(`"`), size))
			if b, fits := w.AppendJSON(nil, e, c.out); fits == over {
				t.Error(fmt.Sprintf("%T", c.out), len(b), fits)
			}
		}
	}
}
