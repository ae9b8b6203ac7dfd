package main

import (
	"context"
	"errors"
	"io"
	"os"

	"github.com/stillwarm/stillwarm/cmd/stillwarm/internal/buildcmd"
	"github.com/stillwarm/stillwarm/cmd/stillwarm/internal/whycmd"
)

// buildCommand is go build with an identity for the code of each cached function.
type buildCommand struct {
	Args []string `arg:"" optional:"" passthrough:"" name:"arguments" help:"The flags and the package of go build. -v prints the identities, --table=FILE says where the record goes (off: nowhere)."`
}

const (
	buildUsage = `Usage: stillwarm build [flags of go build] [package]

Build a function like go build, with an identity for the code of each cached function: a deploy keeps the entries of
functions that it does not change.

Flags:
  -v             Also print the identities, or why a function has none.
  -table FILE    Where the record of the build goes, for stillwarm why. Default: OUTPUT.stillwarm.json beside the
                 binary. off: nowhere.

All other flags are those of go build: see go help build.
`
	whyUsage = `Usage: ` + whycmd.Usage + `

Say which cached functions keep their entries from one build to another, and why. OLD and NEW are each a record, a
binary with its record beside it, a folder, or a git revision. --json prints JSON.
`
)

// wantsHelp reports whether the arguments of a command that takes go build's flags ask for help.
func wantsHelp(args []string) bool {
	return len(args) == 1 && (args[0] == "-h" || args[0] == "-help" || args[0] == "--help")
}

// Run builds.
func (c *buildCommand) Run(ctx context.Context, out *output) error {
	if wantsHelp(c.Args) {
		_, err := io.WriteString(out.Out, buildUsage)
		return err
	}
	a, err := buildcmd.Parse(c.Args)
	if err != nil {
		return usageError("%v", err)
	}
	a.Self, _ = os.Executable()
	result, err := a.Build(ctx, out.Err)
	if goErr, ok := errors.AsType[*buildcmd.GoError](err); ok {
		return &exitError{code: 1, err: goErr}
	} else if err != nil {
		return err
	}
	if result.Record == nil {
		return nil
	}
	if a.Verbose {
		buildcmd.PrintTable(out.Out, result.Record)
		return nil
	}
	buildcmd.PrintFallbacks(out.Err, result.Record)
	return nil
}

// whyCommand says which cached functions keep their entries from one build to another.
type whyCommand struct {
	Args []string `arg:"" optional:"" passthrough:"" name:"arguments" help:"Flags of go build, OLD and NEW (a record, a binary, a folder or a git revision), and the package for folders and revisions. --json prints JSON."`
}

// Run compares.
func (c *whyCommand) Run(ctx context.Context, out *output) error {
	if wantsHelp(c.Args) {
		_, err := io.WriteString(out.Out, whyUsage)
		return err
	}
	if len(c.Args) == 0 {
		return usageError("name two builds: %s", whycmd.Usage)
	}
	return whycmd.Run(ctx, out.Out, c.Args)
}
