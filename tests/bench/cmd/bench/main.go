// Command bench measures Stillwarm beside its peers. Without flags it prints a table and writes docs/performance.md, its chart and
// docs/internals/performance.md; with -quick it prints lines "ratio NAME VALUE GOAL" in less than a minute and writes nothing.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/stillwarm/stillwarm/tests/bench"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("bench: ")
	quick := flag.Bool("quick", false, "a short run: lines ratio NAME VALUE GOAL, in less than a minute")
	only := flag.String("only", "", "contests to hold, by the beginnings of their names, with commas between: hit-flat,redis,cold")
	out := flag.String("o", "", "folder to write the pages into; default: docs of the repository, after a full run")
	flag.Parse()
	if err := keepMemory(); err != nil {
		log.Print("measuring with memory that comes and goes: ", err)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *quick, *only, *out); err != nil {
		log.Fatal(err)
	}
}

// keepMemory starts the program again with a runtime that does not hand free memory back to the system. Pages that were handed
// back cost several times as much to use again, and which contender meets them is chance.
func keepMemory() error {
	const setting = "madvdontneed=0"
	before := os.Getenv("GODEBUG")
	if strings.Contains(before, setting) {
		return nil
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	if err := os.Setenv("GODEBUG", strings.TrimPrefix(before+","+setting, ",")); err != nil {
		return err
	}
	return syscall.Exec(self, os.Args, os.Environ())
}

func run(ctx context.Context, quick bool, only, out string) error {
	o := bench.Options{Quick: quick, Progress: os.Stderr}
	if only != "" {
		o.Only = strings.Split(only, ",")
	}
	if quick {
		o.Progress = io.Discard
	}
	report, err := bench.Run(ctx, o)
	if err != nil {
		return err
	}
	if quick {
		return report.WriteLines(os.Stdout)
	}
	if err := report.WriteTable(os.Stdout); err != nil {
		return err
	}
	return writePages(report, out)
}

// writePages replaces the pages; a run that left something out goes only where it was told to.
func writePages(report *bench.Report, docs string) error {
	if docs == "" {
		if report.Partial() {
			fmt.Println("docs/performance.md and docs/internals/performance.md are left as they are: contests are missing from this run")
			return nil
		}
		top, err := bench.Root()
		if err != nil {
			return err
		}
		docs = filepath.Join(top, "docs")
	}
	return report.WritePages(docs)
}
