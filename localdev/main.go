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
	"net/url"
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
	if len(args) > 0 && args[0] == "services" {
		return manage(ctx, args[1:], out)
	}
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

// banner says in a few lines what runs, where, and how to try it.
func banner(w io.Writer, r *runner.Runner, took time.Duration) {
	o := r.Options()
	backend := withoutPasswords(r.Backend())
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
	for _, service := range r.Services() {
		for text := range strings.SplitSeq(service, "\n") {
			for _, part := range wrapped(text, bannerWidth) {
				line("", "%s", part)
			}
		}
	}
	line("containers", "up to %d, %d MB, timeout %s", o.Containers, o.MemoryMB, o.Timeout)
	line("try", "curl %s/", r.URL())
	line("", "curl -d '{}' %s/2015-03-31/functions/function/invocations", r.URL())
	fmt.Fprintln(&b, "  Ctrl-C ends it and everything that it started.")
	if err := r.BuildError(); err != nil {
		fmt.Fprintf(&b, "\nThe build failed. Requests are answered with the compiler's output; each tries again.\n%v\n", err)
	}
	_, _ = fmt.Fprintln(w, b.String())
}

// bannerWidth is the width of a line's text: with its name, not more than 120 columns.
const bannerWidth = 104

// wrapped breaks a sentence into lines.
func wrapped(text string, width int) []string {
	var lines []string
	current := ""
	for _, word := range strings.Fields(text) {
		if current != "" && len(current)+1+len(word) > width {
			lines, current = append(lines, current), ""
		}
		if current != "" {
			current += " "
		}
		current += word
	}
	return append(lines, current)
}

// withoutPasswords returns the backend's URLs as they may stand in a terminal.
func withoutPasswords(backend string) string {
	if backend == "" {
		return "none"
	}
	parts := strings.Fields(backend)
	for i, part := range parts {
		if u, err := url.Parse(part); err == nil && u.User != nil {
			parts[i] = u.Redacted()
		}
	}
	return strings.Join(parts, " ")
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
