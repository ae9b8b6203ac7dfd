// Command localdev is a developer's Lambda on a laptop: it builds a function, runs it in processes as the service runs
// it in execution environments, answers HTTP requests and raw events with it, and shows what happens in the terminal and
// on a status page. It needs nothing but Go.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/stillwarm/stillwarm/localdev/internal/termlog"
	"github.com/stillwarm/stillwarm/localdev/runner"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout))
}

// run is the program: it returns the exit status when ctx ends.
func run(ctx context.Context, args []string, out *os.File) int {
	o, err := parse(args, out)
	if errors.Is(err, flag.ErrHelp) {
		return 0
	}
	if err != nil {
		_, _ = fmt.Fprintln(out, "localdev:", err)
		return 2
	}
	o.Log, o.Colour = out, termlog.Colours(out)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	followGoRun(ctx, cancel)

	began := time.Now()
	if o.Binary == "" {
		_, _ = fmt.Fprintf(out, "building %s ...\n", shown(o.Function))
	}
	r, err := runner.Start(ctx, o)
	if err != nil {
		if ctx.Err() != nil {
			return 130
		}
		_, _ = fmt.Fprintln(out, "localdev:", err)
		return 1
	}
	defer r.Close()
	banner(out, r, time.Since(began))
	<-ctx.Done()
	_, _ = fmt.Fprintln(out, "\nstopping")
	return 0
}

func shown(function string) string {
	if function == "" {
		return "the demo function"
	}
	return function
}

// banner says in a few lines what runs, where, and how to try it.
func banner(w io.Writer, r *runner.Runner, took time.Duration) {
	o := r.Options()
	backend := r.Backend()
	if backend == "" {
		backend = "none"
	}
	if note := r.BackendNote(); note != "" {
		backend += " (" + note + ")"
	}
	var b strings.Builder
	line := func(name, format string, args ...any) {
		fmt.Fprintf(&b, "  %-11s %s\n", name, fmt.Sprintf(format, args...))
	}
	fmt.Fprintln(&b, "Stillwarm local runner")
	line("function", "%s (ready after %s)", relative(r.Function()), termlog.Duration(took))
	line("address", "%s/", r.URL())
	line("page", "%s/_stillwarm/", r.URL())
	line("backend", "%s", backend)
	line("containers", "up to %d, %d MB, timeout %s", o.Containers, o.MemoryMB, o.Timeout)
	line("try", "curl %s/", r.URL())
	line("", "curl -d '{}' %s/2015-03-31/functions/function/invocations", r.URL())
	fmt.Fprintln(&b, "  Ctrl-C ends it and everything that it started.")
	if err := r.BuildError(); err != nil {
		fmt.Fprintf(&b, "\nThe build failed. Requests are answered with the compiler's output; each tries again.\n%v\n", err)
	}
	_, _ = fmt.Fprintln(w, b.String())
}

func relative(path string) string {
	wd, err := os.Getwd()
	if err != nil {
		return path
	}
	if rel, err := filepath.Rel(wd, path); err == nil && len(rel) < len(path) {
		return rel
	}
	return path
}

// followGoRun ends the program when it was started by go run and that is gone: SIGTERM ends go run without a word to
// the program that it runs. A program that was started otherwise outlives its parent, as under nohup.
func followGoRun(ctx context.Context, end func()) {
	if !startedByGo() {
		return
	}
	parent := os.Getppid()
	go func() {
		tick := time.NewTicker(250 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				if os.Getppid() != parent {
					end()
					return
				}
			}
		}
	}()
}

// startedByGo reports whether the parent is the go command. Where the executable lies does not tell: go run may take it
// from a cache with any name.
func startedByGo() bool {
	parent := strconv.Itoa(os.Getppid())
	name, err := os.ReadFile("/proc/" + parent + "/comm")
	if err != nil {
		name, err = exec.Command("ps", "-o", "comm=", "-p", parent).Output()
	}
	return err == nil && filepath.Base(strings.TrimSpace(string(name))) == "go"
}
