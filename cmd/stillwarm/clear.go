package main

import (
	"context"

	"github.com/stillwarm/stillwarm/cmd/stillwarm/internal/inspectcmd"
)

// clearCommand is inspectcmd's, on this program's terminal.
type clearCommand struct{ inspectcmd.Clear }

// Run runs it.
func (c *clearCommand) Run(ctx context.Context, out *output) error {
	return c.Clear.Run(ctx, out.terminal())
}
