package main

import (
	"context"

	"github.com/stillwarm/stillwarm/cmd/stillwarm/internal/inspectcmd"
)

// pruneCommand is inspectcmd's, on this program's terminal.
type pruneCommand struct{ inspectcmd.Prune }

// Run runs it.
func (c *pruneCommand) Run(ctx context.Context, out *output) error {
	return c.Prune.Run(ctx, out.terminal())
}
