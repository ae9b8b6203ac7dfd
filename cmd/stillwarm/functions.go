package main

import (
	"context"

	"github.com/stillwarm/stillwarm/cmd/stillwarm/internal/inspectcmd"
)

// functionsCommand is inspectcmd's, on this program's terminal.
type functionsCommand struct{ inspectcmd.Functions }

// Run runs it.
func (c *functionsCommand) Run(ctx context.Context, out *output) error {
	return c.Functions.Run(ctx, out.terminal())
}
