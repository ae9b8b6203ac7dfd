package main

import (
	"context"

	"github.com/stillwarm/stillwarm/cmd/stillwarm/internal/inspectcmd"
)

// explainCommand is inspectcmd's, on this program's terminal.
type explainCommand struct{ inspectcmd.Explain }

// Run runs it.
func (c *explainCommand) Run(ctx context.Context, out *output) error {
	return c.Explain.Run(ctx, out.terminal())
}
