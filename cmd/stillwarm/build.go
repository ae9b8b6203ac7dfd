package main

import (
	"context"
	"errors"

	"github.com/stillwarm/stillwarm/cmd/stillwarm/internal/buildcmd"
	"github.com/stillwarm/stillwarm/cmd/stillwarm/internal/whycmd"
)

// buildCommand is go build with an identity for the code of each cached function.
type buildCommand struct {
	Args []string `arg:"" optional:"" passthrough:"" name:"arguments" help:"The flags and the package of go build. -v prints the identities, --table=FILE says where the record goes (off: nowhere)."`
}

// Run builds.
func (c *buildCommand) Run(ctx context.Context, out *output) error {
	a, err := buildcmd.Parse(c.Args)
	if err != nil {
		return usageError("%v", err)
	}
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
	if len(c.Args) == 0 {
		return usageError("name two builds: %s", whycmd.Usage)
	}
	return whycmd.Run(ctx, out.Out, c.Args)
}
