package main

import (
	"context"

	"github.com/stillwarm/stillwarm/cmd/stillwarm/internal/inspectcmd"
)

// statsCommand is inspectcmd's, on this program's terminal.
type statsCommand struct{ inspectcmd.Stats }

// Run runs it.
func (c *statsCommand) Run(ctx context.Context, out *output) error {
	return c.Stats.Run(ctx, out.terminal())
}
