// Command localdev is a developer's Lambda on a laptop: it builds a function, runs it in processes as the service runs
// it in execution environments, answers HTTP requests and raw events with it, and shows what happens in the terminal and
// on a page. It needs nothing but Go. The command stillwarm has it as its subcommand dev.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/stillwarm/stillwarm/localdev/cli"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	cli.Program = "go run ./localdev"
	os.Exit(cli.Main(ctx, os.Args[1:], os.Stdout, os.Stderr))
}
