package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/stillwarm/stillwarm/localdev/tools"
)

const servicesUsage = `The servers that --backend redis and --backend s3 start.

Usage: go run ./localdev services list
       go run ./localdev services install [name ...]
`

// manage is the command "services": it returns the exit status.
func manage(ctx context.Context, args []string, out io.Writer) int {
	var err error
	switch {
	case len(args) == 1 && args[0] == "list":
		list(out)
	case len(args) > 0 && args[0] == "install":
		err = install(ctx, args[1:], out)
	case len(args) > 0 && strings.Contains(args[0], "help") || len(args) == 1 && args[0] == "-h":
		_, _ = io.WriteString(out, servicesUsage)
	default:
		_, _ = io.WriteString(out, servicesUsage)
		return 2
	}
	if err != nil {
		_, _ = fmt.Fprintln(out, "localdev:", err)
		return 1
	}
	return 0
}

// list writes what is installed, and what a missing one would need.
func list(out io.Writer) {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, t := range tools.All() {
		path, err := tools.Find(t.Name)
		if err != nil {
			path = "not installed: go run ./localdev services install " + t.Name
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", t.Name, t.Title, versionOf(t), path)
	}
	_ = w.Flush()
	fmt.Fprintln(out, "\n--backend redis starts redis-server or valkey-server, --backend s3 the first of minio and versitygw that is here or on "+
		"the PATH.\nWithout them a stand-in inside the runner answers.")
}

func versionOf(t tools.Tool) string {
	if t.Version == "" {
		return "of the system"
	}
	return t.Version
}

// install installs the named servers, or all, one after the other. What fails does not keep the others back.
func install(ctx context.Context, names []string, out io.Writer) error {
	if len(names) == 0 {
		for _, t := range tools.All() {
			names = append(names, t.Name)
		}
	}
	for _, name := range names { // a mistyped name, before anything is built for minutes
		if _, err := tools.Lookup(name); err != nil {
			return err
		}
	}
	var errs []error
	for _, name := range names {
		t, err := tools.Lookup(name)
		if err != nil {
			return err
		}
		if path, err := tools.Find(name); err == nil {
			fmt.Fprintf(out, "%s is installed: %s\n", t.Title, path)
			continue
		}
		fmt.Fprintln(out, strings.TrimSpace("installing "+t.Title+" "+t.Version))
		began := time.Now()
		stop := tellTime(out, t.Title)
		path, err := tools.Install(ctx, name, io.Discard)
		stop()
		if err != nil {
			errs = append(errs, err)
			if ctx.Err() != nil {
				break
			}
			continue
		}
		fmt.Fprintf(out, "installed %s in %s: %s\n", t.Title, time.Since(began).Round(time.Second), path)
	}
	return errors.Join(errs...)
}

// tellTime says every ten seconds that the installation goes on: MinIO takes minutes to compile.
func tellTime(out io.Writer, title string) (stop func()) {
	began, done, ended := time.Now(), make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		tick := time.NewTicker(10 * time.Second)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				fmt.Fprintf(out, "still installing %s, %s\n", title, time.Since(began).Round(time.Second))
			case <-done:
				return
			}
		}
	}()
	return func() { close(done); <-ended }
}
