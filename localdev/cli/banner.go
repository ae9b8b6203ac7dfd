package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/stillwarm/stillwarm/localdev/internal/termlog"
	"github.com/stillwarm/stillwarm/localdev/runner"
)

// serve runs the function until ctx ends.
func serve(ctx context.Context, o runner.Options, out io.Writer) error {
	began := time.Now()
	r, err := runner.Start(ctx, o)
	if ctx.Err() != nil {
		if err == nil {
			r.Close()
		}
		return nil // Ctrl-C while it started
	}
	if err != nil {
		return err
	}
	defer r.Close()
	if o.JSON {
		_ = json.NewEncoder(out).Encode(map[string]string{"kind": "ready", "address": r.URL(), "page": r.URL() + "/_stillwarm/", "time": time.Now().Format(time.RFC3339Nano)})
	} else {
		banner(out, r, time.Since(began))
	}
	<-ctx.Done()
	if !o.JSON {
		_, _ = fmt.Fprintln(out, "\nstopping")
	}
	return nil
}

// banner says in a few lines what runs, where, and how to try it.
func banner(w io.Writer, r *runner.Runner, took time.Duration) {
	o := r.Options()
	backend := orNone(runner.WithoutPasswords(r.Backend()))
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
	for i, text := range r.Surroundings() {
		name := ""
		if i == 0 {
			name = "settings"
		}
		for _, part := range wrapped(text, bannerWidth) {
			line(name, "%s", part)
			name = ""
		}
	}
	line("backend", "%s", backend)
	for _, service := range r.Services() {
		for text := range strings.SplitSeq(service, "\n") {
			for _, part := range wrapped(text, bannerWidth) {
				line("", "%s", part)
			}
		}
	}
	line("containers", "up to %d, %d MB, timeout %s", o.Containers, o.MemoryMB, o.Timeout)
	for i, text := range suggestions(r) {
		line(map[bool]string{true: "try"}[i == 0], "%s", text)
	}
	if o.Watch {
		line("edit", "save a file, and the new version takes over when it is built")
	}
	fmt.Fprintln(&b, "  Ctrl-C ends it and everything that it started.")
	if err := r.BuildError(); err != nil {
		fmt.Fprintf(&b, "\nThe build failed. Requests are answered with the compiler's output; each tries again.\n%v\n", err)
	}
	_, _ = fmt.Fprintln(w, b.String())
}

// suggestions are ways to call the function that fit what its handler takes, as far as its source tells.
func suggestions(r *runner.Runner) []string {
	in := r.Input()
	request := "curl " + r.URL() + "/"
	invoke := "curl -d '%s' " + r.URL() + "/2015-03-31/functions/function/invocations"
	switch {
	case in.Plain() && strings.HasPrefix(in.Type, "events."):
		return []string{
			strings.TrimSuffix(Program, " dev") + " invoke EVENT.json   (the handler takes " + in.Type + ")",
			strings.TrimSuffix(Program, " dev") + " events              lists sample events",
		}
	case in.Plain() && in.Sample != "":
		return []string{fmt.Sprintf(invoke, in.Sample) + "   (the handler takes " + in.Type + ")"}
	case in.Plain():
		return []string{fmt.Sprintf(invoke, "{}") + "   (the handler takes " + in.Type + ")"}
	case in.Event != "":
		return []string{request + "   (sent as " + r.Options().Event + ": the handler takes " + in.Type + ")"}
	}
	return []string{request, fmt.Sprintf(invoke, "{}")}
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

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}
