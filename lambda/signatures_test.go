package lambda_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"strings"

	awslambda "github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambda/messages"
	"github.com/aws/aws-lambda-go/lambdacontext"

	"github.com/stillwarm/stillwarm/lambda"
)

type order struct {
	Item  string   `json:"item"`
	Count int      `json:"count"`
	Tags  []string `json:"tags,omitempty"`
}

type refused struct{ Code int }

func (e *refused) Error() string { return "refused" }

// echo implements lambda.Handler.
type echo struct{}

func (echo) Invoke(_ context.Context, payload []byte) ([]byte, error) {
	if strings.Contains(string(payload), "fail") {
		return nil, &refused{Code: 1}
	}
	return append([]byte("raw:"), payload...), nil
}

// strict decodes nothing but an order with an item, so no sample event reaches its handler.
type strict struct{ order }

func (s *strict) UnmarshalJSON(b []byte) error {
	if err := json.Unmarshal(b, &s.order); err != nil {
		return err
	}
	if s.Item == "" {
		return errors.New("an order needs an item")
	}
	return nil
}

type contextLike interface{ context.Context }

// signatures are handlers of every form, valid and not.
func signatures() map[string]function {
	fail := errors.New("out of stock")
	return map[string]function{
		"none":                {handler: func() {}},
		"in":                  {handler: func(order) {}},
		"error":               {handler: func() error { return fail }},
		"in, nil error":       {handler: func(order) error { return nil }},
		"out":                 {handler: func() (order, error) { return order{Item: "a<b>&c"}, nil }},
		"in and out":          {handler: func(o order) (*order, error) { o.Count++; return &o, nil }},
		"context":             {handler: func(context.Context) {}},
		"context, error":      {handler: func(context.Context) error { return &refused{Code: 7} }},
		"context, out":        {handler: func(ctx context.Context) (string, error) { return requestID(ctx), nil }},
		"context, in":         {handler: func(context.Context, order) {}},
		"context, in, error":  {handler: func(context.Context, *order) error { return fail }},
		"context, in, out":    {handler: func(_ context.Context, o order) (order, error) { o.Count *= 2; return o, nil }},
		"any":                 {handler: func(v any) (any, error) { return v, nil }},
		"context, any":        {handler: func(_ context.Context, v any) (any, error) { return []any{v, nil}, nil }},
		"named context":       {handler: func(_ contextLike, m map[string]int) (map[string]int, error) { return m, nil }},
		"strict event":        {handler: func(s strict) (order, error) { return s.order, nil }},
		"nil out":             {handler: func() (*order, error) { return nil, nil }},
		"nil pointer error":   {handler: func() *refused { return nil }},
		"value and error":     {handler: func() (order, error) { return order{Item: "x"}, fail }},
		"unencodable":         {handler: func() (any, error) { return func() {}, nil }},
		"error document":      {handler: func() error { return messages.InvokeResponse_Error{Type: "T", Message: "M"} }},
		"panic":               {handler: func() { panic("on fire") }},
		"panic with an error": {handler: func(context.Context, order) (order, error) { panic(fail) }},
		"raw handler":         {handler: echo{}},
		"NewHandler": {
			handler: lambda.NewHandlerWithOptions(echoOrder, lambda.WithSetIndent("", " ")),
			plain:   awslambda.NewHandlerWithOptions(echoOrder, lambda.WithSetIndent("", " ")),
			options: func() []lambda.Option { return []lambda.Option{lambda.WithSetIndent("", "ignored")} },
		},
		"NewHandler of aws-lambda-go": {handler: awslambda.NewHandler(echoOrder)},
		"NewHandler of NewHandler": {
			handler: lambda.NewHandler(lambda.NewHandler(streamed)),
			plain:   awslambda.NewHandler(awslambda.NewHandler(streamed)),
		},
		"invalid: nil":          {handler: nil},
		"invalid: a string":     {handler: "handler"},
		"invalid: three in":     {handler: func(context.Context, int, int) {}},
		"invalid: no context":   {handler: func(int, int) {}},
		"invalid: interface":    {handler: func(error) {}},
		"invalid: three out":    {handler: func() (int, int, error) { return 0, 0, nil }},
		"invalid: no error":     {handler: func() int { return 0 }},
		"invalid: second":       {handler: func() (error, int) { return nil, 0 }}, //nolint:staticcheck // wrong on purpose
		"invalid: nil function": {handler: (func(context.Context))(nil)},
		"invalid: variadic":     {handler: func(...int) {}},
	}
}

func echoOrder(o order) (order, error) { return o, nil }

func streamed() (io.Reader, error) { return strings.NewReader("streamed"), nil }

func requestID(ctx context.Context) string {
	lc, _ := lambdacontext.FromContext(ctx)
	return lc.AwsRequestID
}
