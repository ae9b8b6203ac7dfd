// Package cli is the local runner's command line: the subcommand dev of the command stillwarm, the whole of
// go run ./localdev, and what goes with them.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"runtime/debug"

	"github.com/alecthomas/kong"

	"github.com/stillwarm/stillwarm/localdev/runner"
)

// UsageError says that the command line asks for what cannot be. A command that returns it ends with status 2.
type UsageError struct{ Err error }

func (e *UsageError) Error() string { return e.Err.Error() }

// Unwrap returns the reason.
func (e *UsageError) Unwrap() error { return e.Err }

// ExitCode returns 2.
func (e *UsageError) ExitCode() int { return 2 }

// Program is how the command that this process runs is called, for texts that tell what to type next. A program sets it
// before it parses its arguments.
var Program = "stillwarm dev"

// CompareKeys says what a change of the code did to the keys of cached functions, in lines for people: see
// [runner.Options]. A program that can tell sets it before it parses its arguments; nil says nothing.
var CompareKeys func(ctx context.Context, before, after runner.Version) ([]string, error)

// BuildCommand builds a function in place of go build: see [runner.Options]. A program that has such a command sets it
// before it parses its arguments.
var BuildCommand []string

// AskAWS finds the developer's AWS credentials: see [runner.Options]. A program that links package awschain sets it to
// awschain.Ask before it parses its arguments.
var AskAWS func(context.Context) (runner.AWSCredentials, error)

// standalone is the command line of go run ./localdev: dev is what it does where no other command is named.
type standalone struct {
	Dev      Dev      `cmd:"" default:"withargs" help:"Run a function on this machine (the default)."`
	Invoke   Invoke   `cmd:"" help:"Send an event to the function that runs."`
	Events   Events   `cmd:"" help:"Write a sample event, or list them."`
	Services Services `cmd:"" help:"List or install the servers behind --backend redis and s3."`
}

// Main runs the command line without the command stillwarm around it and returns the exit status: 0 for success, help
// and Ctrl-C, 1 for what failed, 2 for wrong usage.
func Main(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	if len(args) == 1 && (args[0] == "--help" || args[0] == "-h") {
		args = []string{"dev", "--help"}
	}
	exited := -1
	parser, err := kong.New(&standalone{},
		kong.Name("localdev"),
		kong.Description("A developer's Lambda on this machine."),
		kong.Writers(stdout, stderr),
		kong.Exit(func(code int) { exited = code }),
		kong.ConfigureHelp(kong.HelpOptions{FlagsLast: true}),
		kong.BindTo(ctx, (*context.Context)(nil)),
		kong.Vars{"version": "localdev " + Version()},
	)
	if err != nil {
		_, _ = fmt.Fprintln(stderr, "localdev:", err)
		return 1
	}
	command, err := parser.Parse(args)
	if exited >= 0 {
		return exited // help or the version has been printed
	}
	if err != nil {
		err = &UsageError{err}
	} else {
		err = command.Run()
	}
	if err == nil {
		return 0
	}
	_, _ = fmt.Fprintln(stderr, "localdev:", err)
	if wrong, ok := errors.AsType[*UsageError](err); ok {
		return wrong.ExitCode()
	}
	return 1
}

// Version returns what this binary was built from: the module's version, the commit where it is known, and the Go
// release.
func Version() string { return version(debug.ReadBuildInfo()) }

func version(info *debug.BuildInfo, ok bool) string {
	number, commit := "(devel)", ""
	if ok {
		if info.Main.Version != "" {
			number = info.Main.Version
		}
		dirty := ""
		for _, s := range info.Settings {
			switch {
			case s.Key == "vcs.revision":
				commit = " " + s.Value[:min(12, len(s.Value))]
			case s.Key == "vcs.modified" && s.Value == "true":
				dirty = " (modified)"
			}
		}
		commit += dirty
	}
	return fmt.Sprintf("%s%s, %s %s/%s", number, commit, runtime.Version(), runtime.GOOS, runtime.GOARCH)
}
