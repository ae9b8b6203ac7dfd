package main

import (
	"fmt"

	"github.com/stillwarm/stillwarm/localdev/cli"
)

// versionCommand prints what this binary was built from.
type versionCommand struct{}

// Run prints one line: the module's version, the commit where it is known, and the Go release.
func (versionCommand) Run(out *output) error {
	_, err := fmt.Fprintln(out.Out, "stillwarm", cli.Version())
	return err
}
