package lambda

import (
	"context"

	awslambda "github.com/aws/aws-lambda-go/lambda"
)

// Option is aws-lambda-go's option, the same type: options of either package may be given to either.
type Option = awslambda.Option

// Handler is aws-lambda-go's interface for handlers that take and return bytes.
type Handler = awslambda.Handler

// HandlerFunc is aws-lambda-go's constraint for [StartHandlerFunc]: a function of a context and an event that returns
// a response and an error.
type HandlerFunc[TIn, TOut any] = awslambda.HandlerFunc[TIn, TOut]

// WithContext returns an option that sets the context from which every invocation's context descends.
func WithContext(ctx context.Context) Option { return awslambda.WithContext(ctx) }

// WithContextValue returns an option that adds a value to every invocation's context.
func WithContextValue(key, value any) Option { return awslambda.WithContextValue(key, value) }

// WithSetEscapeHTML returns an option that tells whether <, > and & are escaped in JSON responses. By default they are not.
func WithSetEscapeHTML(escapeHTML bool) Option { return awslambda.WithSetEscapeHTML(escapeHTML) }

// WithSetIndent returns an option that indents JSON responses, as json.Encoder.SetIndent does.
func WithSetIndent(prefix, indent string) Option { return awslambda.WithSetIndent(prefix, indent) }

// WithUseNumber returns an option that decodes numbers of untyped JSON as json.Number instead of float64.
func WithUseNumber(useNumber bool) Option { return awslambda.WithUseNumber(useNumber) }

// WithDisallowUnknownFields returns an option that makes an event with a field that the handler's type lacks an error.
func WithDisallowUnknownFields(disallowUnknownFields bool) Option {
	return awslambda.WithDisallowUnknownFields(disallowUnknownFields)
}

// WithEnableSIGTERM returns an option that has Lambda send SIGTERM before it ends the container, about 500 ms before the
// SIGKILL, and runs the callbacks then, one after another. It registers an extension, which makes a cold start
// longer. Stillwarm's own release of resources needs no such option; where both are wanted, one extension is registered
// and these callbacks run first.
func WithEnableSIGTERM(callbacks ...func()) Option { return awslambda.WithEnableSIGTERM(callbacks...) }
