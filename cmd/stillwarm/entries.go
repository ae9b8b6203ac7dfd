package main

import (
	"context"

	"github.com/stillwarm/stillwarm/cmd/stillwarm/internal/inspectcmd"
)

// entriesCommand is inspectcmd's, on this program's terminal.
type entriesCommand struct{ inspectcmd.Entries }

// Run runs it.
func (c *entriesCommand) Run(ctx context.Context, out *output) error {
	return c.Entries.Run(ctx, out.terminal())
}
