package main

import (
	"os"

	"golang.org/x/term"

	"github.com/stillwarm/stillwarm/cmd/stillwarm/internal/inspectcmd"
)

// terminal is where commands that ask read answers. Somebody is there to ask where standard input is a terminal.
func (o *output) terminal() inspectcmd.IO {
	return inspectcmd.IO{In: os.Stdin, Out: o.Out, Err: o.Err, Asks: term.IsTerminal(int(os.Stdin.Fd()))}
}
