// Package logs makes the logger of a program that gave none: slog's default where the program has set one, else standard
// error, as JSON when deployed.
package logs

import (
	"context"
	"io"
	"log/slog"
	"os"
	"reflect"
	"strings"
)

// The environment that Lambda's own logging controls set.
const (
	envFormat = "AWS_LAMBDA_LOG_FORMAT"
	envLevel  = "AWS_LAMBDA_LOG_LEVEL"
)

// Default returns a logger that writes to [slog.Default] as soon as and as long as the program has set one, and else to
// w: as JSON where json is true or Lambda's log format is JSON, from the level that Lambda's log level names.
func Default(w io.Writer, json bool) *slog.Logger {
	o := &slog.HandlerOptions{}
	switch strings.ToUpper(os.Getenv(envLevel)) {
	case "TRACE", "DEBUG":
		o.Level = slog.LevelDebug
	case "WARN":
		o.Level = slog.LevelWarn
	case "ERROR", "FATAL":
		o.Level = slog.LevelError
	}
	var own slog.Handler = slog.NewTextHandler(w, o)
	if json || strings.EqualFold(os.Getenv(envFormat), "json") {
		own = slog.NewJSONHandler(w, o)
	}
	return slog.New(&follower{own: own})
}

// Or returns l, or where it is nil a logger of the process's own: see [Default]. In Lambda it writes JSON.
func Or(l *slog.Logger) *slog.Logger {
	if l != nil {
		return l
	}
	return Default(os.Stderr, os.Getenv("AWS_LAMBDA_FUNCTION_NAME") != "")
}

// follower is a handler that passes records on to the program's default handler, which may be set after it was made.
type follower struct {
	own  slog.Handler
	with []func(slog.Handler) slog.Handler // attributes and groups, for the default handler
}

// following marks a context on its way through a follower: a program may have made its default handler around one.
type following struct{}

// untouched is the type of the handler that slog has before a program sets one.
const untouched = "*slog.defaultHandler"

// target returns the handler to use now, and the context to use it with.
func (f *follower) target(ctx context.Context) (slog.Handler, context.Context) {
	set := slog.Default().Handler()
	if _, ours := set.(*follower); ours || reflect.TypeOf(set).String() == untouched || ctx.Value(following{}) != nil {
		return f.own, ctx
	}
	for _, with := range f.with {
		set = with(set)
	}
	return set, context.WithValue(ctx, following{}, true)
}

// Enabled implements slog.Handler.
func (f *follower) Enabled(ctx context.Context, level slog.Level) bool {
	h, ctx := f.target(ctx)
	return h.Enabled(ctx, level)
}

// Handle implements slog.Handler.
func (f *follower) Handle(ctx context.Context, r slog.Record) error {
	h, ctx := f.target(ctx)
	return h.Handle(ctx, r)
}

// WithAttrs implements slog.Handler.
func (f *follower) WithAttrs(attrs []slog.Attr) slog.Handler {
	return f.derive(func(h slog.Handler) slog.Handler { return h.WithAttrs(attrs) })
}

// WithGroup implements slog.Handler.
func (f *follower) WithGroup(name string) slog.Handler {
	return f.derive(func(h slog.Handler) slog.Handler { return h.WithGroup(name) })
}

func (f *follower) derive(with func(slog.Handler) slog.Handler) slog.Handler {
	return &follower{own: with(f.own), with: append(f.with[:len(f.with):len(f.with)], with)}
}
