package handler

import (
	"os"
	"path/filepath"
	"testing"
)

func TestFind(t *testing.T) {
	const imports = "import (\n\t\"context\"\n\tev \"github.com/aws/aws-lambda-go/events\"\n\t\"github.com/aws/aws-lambda-go/lambda\"\n)\n"
	for _, c := range []struct {
		name, source string
		want         Input
	}{
		{"a function of a request type", "func main() { lambda.Start(h) }\nfunc h(ctx context.Context, e ev.APIGatewayProxyRequest) error { return nil }", Input{"ev.APIGatewayProxyRequest", "rest", ""}},
		{"a pointer to one", "func main() { lambda.Start(h) }\nfunc h(e *ev.ALBTargetGroupRequest) {}", Input{"ev.ALBTargetGroupRequest", "alb", ""}},
		{"a literal", "func main() { lambda.StartWithOptions(func(ctx context.Context, e ev.LambdaFunctionURLRequest) {}) }", Input{"ev.LambdaFunctionURLRequest", "http", ""}},
		{"wrapped", "func main() { lambda.Start(cache(opt(), h)) }\nfunc h(e ev.APIGatewayV2HTTPRequest) {}", Input{"ev.APIGatewayV2HTTPRequest", "http", ""}},
		{"a notification", "func main() { lambda.Start(h) }\nfunc h(ctx context.Context, e ev.SQSEvent) {}", Input{"ev.SQSEvent", "", ""}},
		{"a type of its own", "type Q struct { Year int `json:\"year\"`; Tags []string; hidden int; Skip int `json:\"-\"` }\n" +
			"func main() { lambda.Start(h) }\nfunc h(ctx context.Context, q Q) {}", Input{"Q", "", `{"Tags":["text"],"year":1}`}},
		{"numbers for keys, numbers in strings, bytes", "type Q struct { By map[int]string; N int `json:\",string\"`; Raw []byte; At time.Time }\n" +
			"func main() { lambda.Start(h) }\nfunc h(q Q) {}", Input{"Q", "", `{"At":null,"By":{"1":"text"},"N":"1","Raw":"dGV4dA=="}`}},
		{"a string", "func main() { lambda.Start(h) }\nfunc h(s string) {}", Input{"string", "", `"text"`}},
		{"a number", "func main() { lambda.Start(h) }\nfunc h(n int) {}", Input{"int", "", "1"}},
		{"a list", "type Q struct { A int }\nfunc main() { lambda.Start(h) }\nfunc h(q []Q) {}", Input{"[]Q", "", `[{"A":1}]`}},
		{"a named list", "type Q []string\nfunc main() { lambda.Start(h) }\nfunc h(q Q) {}", Input{"Q", "", `["text"]`}},
		{"a map", "func main() { lambda.Start(h) }\nfunc h(q map[string]any) {}", Input{}},
		{"a type in a circle", "type Q struct { Next *Q }\nfunc main() { lambda.Start(h) }\nfunc h(q Q) {}", Input{"Q", "", `{"Next":{"Next":null}}`}},
		{"a net/http handler", "func main() { lambda.Start(lambda.HTTPHandler(mux)) }", Input{"http.Handler", "http", ""}},
		{"raw JSON", "func main() { lambda.Start(h) }\nfunc h(e json.RawMessage) {}", Input{}},
		{"nothing", "func main() { lambda.Start(h) }\nfunc h() {}", Input{}},
		{"not to be seen", "func main() { lambda.Start(other.Handler) }", Input{}},
		{"not Lambda's Start", "func main() { server.Start(h) }\nfunc h(q int) {}", Input{}},
		{"broken", "func main() { lambda.Start(", Input{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, "main.go"), []byte("package main\n\n"+imports+c.source), 0o600); err != nil {
				t.Fatal(err)
			}
			if got := Find(dir); got != c.want {
				t.Errorf("%+v, want %+v", got, c.want)
			}
		})
	}
	t.Run("the demo", func(t *testing.T) {
		if got := Find("../../../lambda/demo"); got.Event != "http" {
			t.Errorf("%+v", got)
		}
	})
}
