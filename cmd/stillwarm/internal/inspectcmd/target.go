// Package inspectcmd is what the subcommands functions, entries, explain, clear, prune and stats do.
package inspectcmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	_ "github.com/stillwarm/stillwarm/backends/all"
	_ "github.com/stillwarm/stillwarm/backends/s3/awsconfig" // profiles, SSO and roles: a laptop is not a function
	"github.com/stillwarm/stillwarm/inspect"
)

// Target is the backend that a command works on, and the functions in it.
type Target struct {
	URL       string `arg:"" optional:"" env:"STILLWARM_BACKEND" help:"The backend, as the function's STILLWARM_BACKEND names it: redis://, rediss://, s3://, disk://, or several in quotes."`
	SealKeys  string `env:"STILLWARM_SEAL_KEYS" placeholder:"KEYS" help:"The functions' sealing keys. Better in the environment than here, where other users of the machine see them."`
	Namespace string `short:"n" help:"Only this namespace."`
	Function  string `short:"f" help:"Only this function: its whole name, or the end of it."`
	JSON      bool   `name:"json" help:"One JSON object a line."`
}

// UsageError says that a command was called in a way that cannot be meant.
type UsageError struct{ text string }

// Error implements error.
func (e *UsageError) Error() string { return e.text }

// ExitCode is the status that wrong usage has.
func (e *UsageError) ExitCode() int { return 2 }

func usage(format string, args ...any) error { return &UsageError{text: fmt.Sprintf(format, args...)} }

// open opens the backend.
func (t *Target) open(ctx context.Context) (*inspect.Inspector, error) {
	if strings.TrimSpace(t.URL) == "" {
		return nil, usage("which backend? Name its URL, or set STILLWARM_BACKEND")
	}
	if strings.HasPrefix(t.URL, "memory:") {
		return nil, usage("memory: is inside the process that uses it; no other can look into it")
	}
	return inspect.Open(ctx, t.URL, inspect.Options{SealKeys: t.SealKeys})
}

// with runs do with an open backend.
func (t *Target) with(ctx context.Context, do func(*inspect.Inspector) error) error {
	i, err := t.open(ctx)
	if err != nil {
		return err
	}
	return errors.Join(do(i), i.Close())
}

// matches reports whether a function is meant: by its whole name, or by an end of it that begins a word.
func (t *Target) matches(f inspect.Function) bool {
	if t.Namespace != "" && f.Namespace != t.Namespace {
		return false
	}
	if t.Function == "" || f.Name == t.Function {
		return true
	}
	before, ok := strings.CutSuffix(f.Name, t.Function)
	return ok && strings.ContainsAny(before[len(before)-1:], "./ ")
}

// functions returns the functions that are meant, by name. A name that no record has is taken as it stands, since caches of HTTP
// and functions that never ran have none; then the namespace must be named, too.
func (t *Target) functions(ctx context.Context, i *inspect.Inspector) ([]inspect.Function, error) {
	var all []inspect.Function
	err := i.Functions(ctx, func(f inspect.Function) bool {
		if t.matches(f) {
			all = append(all, f)
		}
		return true
	})
	if err != nil && !(errors.Is(err, inspect.ErrNoFunctions) && t.Function != "") {
		return nil, err
	}
	if len(all) == 0 && t.Function != "" {
		f, _, err := i.Function(ctx, t.Namespace, t.Function)
		return []inspect.Function{f}, err
	}
	slices.SortFunc(all, func(a, b inspect.Function) int {
		return strings.Compare(a.Namespace+"\x00"+a.Name, b.Namespace+"\x00"+b.Name)
	})
	return all, nil
}

// IO is where a command reads answers and writes.
type IO struct {
	In       io.Reader
	Out, Err io.Writer
	// Asks says that somebody is there to answer.
	Asks bool
}

func (o IO) say(format string, args ...any) { _, _ = fmt.Fprintf(o.Err, format+"\n", args...) }
