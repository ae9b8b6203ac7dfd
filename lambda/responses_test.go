package lambda_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing/iotest"

	"github.com/aws/aws-lambda-go/events"

	"github.com/stillwarm/stillwarm/lambda"
)

// jsonReader is a reader that JSON has something to say about.
type jsonReader struct {
	io.Reader `json:"-"`
	Name      string
}

// page is a reader that names its type.
type page struct{ *strings.Reader }

func (page) ContentType() string { return "text/html" }

type contextKey struct{}

// responses are handlers whose responses are written in a way of their own.
func responses() map[string]function {
	with := func(o ...lambda.Option) func() []lambda.Option { return func() []lambda.Option { return o } }
	pair := func(v any) (any, error) {
		return map[string]any{"a": v, "html": "<b>&\u2028", "nested": []int{1, 2}}, nil
	}
	return map[string]function{
		"reader":         {handler: func() (io.Reader, error) { return strings.NewReader("plain <text>"), nil }},
		"nil reader":     {handler: func() (io.Reader, error) { return nil, nil }},
		"empty reader":   {handler: func() (io.Reader, error) { return strings.NewReader(""), nil }},
		"buffer":         {handler: func() (*bytes.Buffer, error) { return bytes.NewBufferString("buffered"), nil }},
		"typed reader":   {handler: func() (any, error) { return page{strings.NewReader("<p>hi")}, nil }},
		"JSON first":     {handler: func() (any, error) { return jsonReader{strings.NewReader("no"), "yes"}, nil }},
		"failing reader": {handler: func() (io.Reader, error) { return failingReader(), nil }},
		"function URL": {handler: func(context.Context) (*events.LambdaFunctionURLStreamingResponse, error) {
			return &events.LambdaFunctionURLStreamingResponse{StatusCode: 201, Body: strings.NewReader("streamed")}, nil
		}},
		"strict event, reader": {handler: func(strict) (io.Reader, error) { return strings.NewReader("{}"), nil }},
		"escaped":              {handler: pair, options: with(lambda.WithSetEscapeHTML(true))},
		"unescaped":            {handler: pair, options: with(lambda.WithSetEscapeHTML(false))},
		"indented":             {handler: pair, options: with(lambda.WithSetIndent("", "  "))},
		"prefixed":             {handler: pair, options: with(lambda.WithSetIndent("> ", ""))},
		"odd indent": {handler: pair, options: with(
			lambda.WithSetIndent(" }\"\n{", "\t\"\n\""), lambda.WithSetEscapeHTML(true))},
		"strict event, indented": {
			handler: func(s strict) (order, error) { return s.order, nil },
			options: with(lambda.WithSetIndent("", " ")),
		},
		"numbers":          {handler: pair, options: with(lambda.WithUseNumber(true))},
		"unknown fields":   {handler: func(o order) (order, error) { return o, nil }, options: with(lambda.WithDisallowUnknownFields(true))},
		"context options":  {handler: contextValue, options: with(lambda.WithContext(base()), lambda.WithContextValue(1, "one"))},
		"raw with options": {handler: echo{}, options: with(lambda.WithContext(base()), lambda.WithSetIndent("", " "))},
		"raw message":      {handler: func(m json.RawMessage) (json.RawMessage, error) { return m, nil }},
		"bytes":            {handler: func(b []byte) ([]byte, error) { return b, nil }},
	}
}

func base() context.Context { return context.WithValue(context.Background(), contextKey{}, "base") }

func contextValue(ctx context.Context) ([]any, error) {
	return []any{ctx.Value(contextKey{}), ctx.Value(1)}, nil
}

func failingReader() io.Reader {
	return io.MultiReader(strings.NewReader("half"), iotest.ErrReader(errors.New("the source dried up")))
}
