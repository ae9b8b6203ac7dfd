// Command stillwarm is the tool beside the library: it runs a function on this machine, builds it for deployment, and
// looks into what is cached.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"

	"github.com/stillwarm/stillwarm/cmd/stillwarm/internal/buildcmd"
	"github.com/stillwarm/stillwarm/localdev/cli"
)

// commands is the command line. A subcommand is one field here and one file: a struct whose fields are its flags and
// whose Run method does the work. Run may take a context.Context, which ends with Ctrl-C, and an *output.
type commands struct {
	Build     buildCommand     `cmd:"" passthrough:"" help:"Build a function like go build, and keep cached results over deploys that do not change what computes them."`
	Why       whyCommand       `cmd:"" passthrough:"" help:"Say which cached functions keep their entries from one build or revision to another, and why."`
	Dev       cli.Dev          `cmd:"" help:"Run a function on this machine as Lambda would, with a page that shows what happens."`
	Invoke    cli.Invoke       `cmd:"" help:"Send an event to the function that dev runs."`
	Events    cli.Events       `cmd:"" help:"Write a sample event of an AWS service, or list them."`
	Services  cli.Services     `cmd:"" help:"List or install the servers behind dev --backend redis and s3."`
	Functions functionsCommand `cmd:"" help:"List the functions that have results in a backend."`
	Entries   entriesCommand   `cmd:"" help:"List what functions have stored in a backend."`
	Explain   explainCommand   `cmd:"" help:"Show one entry of a backend in full, with its value."`
	Clear     clearCommand     `cmd:"" help:"Clear a function, a key, tags or everything in a backend."`
	Prune     pruneCommand     `cmd:"" help:"Remove from a backend what has expired or was cleared."`
	Stats     statsCommand     `cmd:"" help:"Count what functions have stored in a backend."`
	Version   versionCommand   `cmd:"" help:"Print the version of this command."`
}

// output is where a command writes: its result, and what it has to say beside it.
type output struct {
	Out, Err io.Writer
}

// An exitError ends the command with its own status. Its text, if there is any, is printed.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string {
	if e.err == nil {
		return ""
	}
	return e.err.Error()
}
func (e *exitError) Unwrap() error { return e.err }

// ExitCode returns the status. An error of any other type that has this method chooses its status in the same way.
func (e *exitError) ExitCode() int { return e.code }

// usageError is for wrong usage that the flags' own rules cannot see: a folder that is not there, two flags that
// exclude each other. It ends the command with status 2.
func usageError(format string, args ...any) error {
	return &exitError{code: 2, err: fmt.Errorf(format, args...)}
}

func main() {
	if len(os.Args) > 1 && os.Args[1] == buildcmd.LinkTool {
		os.Exit(buildcmd.RunTool(os.Args[2:]))
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	connectDev()
	os.Exit(run(ctx, os.Args[1:], &output{Out: os.Stdout, Err: os.Stderr}))
}

// run parses the arguments and runs the command they name: 0 for success and help, 1 for a command that failed, 2 for
// wrong usage.
func run(ctx context.Context, args []string, out *output) int {
	exited := -1
	parser, err := kong.New(&commands{},
		kong.Name("stillwarm"),
		kong.Description("Run, build and look into Go functions on AWS Lambda that cache with Stillwarm."),
		kong.UsageOnError(),
		kong.Writers(out.Out, out.Err),
		kong.Exit(func(code int) { exited = code }),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
		kong.BindTo(ctx, (*context.Context)(nil)),
		kong.Bind(out),
		kong.Vars{"version": "stillwarm " + cli.Version()},
	)
	if err != nil {
		_, _ = fmt.Fprintln(out.Err, "stillwarm:", err)
		return 1
	}
	switch {
	case len(args) == 0:
		args = []string{"--help"}
	case args[0] == "help": // "help dev" is "dev --help"
		args = append(args[1:len(args):len(args)], "--help")
	}
	command, err := parser.Parse(args)
	if exited >= 0 {
		return exited // --help has been printed
	}
	if err != nil {
		_, _ = fmt.Fprintf(out.Err, "stillwarm: %v\nRun \"stillwarm --help\" for usage.\n", err)
		return 2
	}
	return status(command.Run(), out.Err)
}

// status says what an error of a command means for the exit status, and prints it.
func status(err error, w io.Writer) int {
	if err == nil {
		return 0
	}
	code := 1
	var own kong.ExitCoder
	if errors.As(err, &own) {
		code = own.ExitCode()
	}
	if text := err.Error(); text != "" {
		_, _ = fmt.Fprintln(w, "stillwarm:", text)
	}
	return code
}
