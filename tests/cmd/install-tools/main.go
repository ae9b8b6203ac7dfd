// Command install-tools installs the servers that the integration tests use: all of them, or those that are named.
// It prints the path of each. The versions are pinned in localdev/tools.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"

	"github.com/stillwarm/stillwarm/localdev/tools"
)

func main() {
	list := flag.Bool("list", false, "list the tools, their versions and where they are, and install nothing")
	flag.Usage = func() {
		fmt.Fprintf(flag.CommandLine.Output(), "usage: install-tools [-list] [name ...]\n")
		flag.PrintDefaults()
	}
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	names := flag.Args()
	if len(names) == 0 {
		for _, t := range tools.All() {
			names = append(names, t.Name)
		}
	}
	failed := false
	for _, name := range names {
		if err := handle(ctx, name, *list); err != nil {
			fmt.Fprintln(os.Stderr, err)
			failed = true
		}
	}
	if failed {
		stop()
		os.Exit(1)
	}
}

// handle installs or lists one tool and prints a line about it.
func handle(ctx context.Context, name string, list bool) error {
	t, err := tools.Lookup(name)
	if err != nil {
		return err
	}
	var path string
	if list {
		path, err = tools.Find(name)
		if err != nil {
			path = "not installed"
		}
	} else if path, err = tools.Install(ctx, name, os.Stderr); err != nil {
		return err
	}
	version := t.Version
	if version == "" {
		version = "of the system"
	}
	fmt.Println(strings.Join([]string{t.Name, version, path}, "\t"))
	return nil
}
