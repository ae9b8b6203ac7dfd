package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/alecthomas/kong"

	"github.com/stillwarm/stillwarm/localdev/tools"
)

// Services is the subcommand that lists and installs the servers that --backend redis and s3 start.
type Services struct {
	List    servicesList    `cmd:"" help:"List the servers, their versions and where they are."`
	Install servicesInstall `cmd:"" help:"Install servers: all, or those that are named."`
}

type servicesList struct{}

// Run writes the list.
func (servicesList) Run(k *kong.Context) error {
	list(k.Stdout)
	return nil
}

type servicesInstall struct {
	Names []string `arg:"" optional:"" placeholder:"NAME" help:"redis-server, minio or versitygw."`
}

// Run installs what is missing. Ctrl-C ends it.
func (s *servicesInstall) Run(ctx context.Context, k *kong.Context) error {
	return install(ctx, s.Names, k.Stdout)
}

// installCommand is how a server is installed from this command line.
func installCommand(name string) string {
	return strings.TrimSpace(strings.TrimSuffix(Program, " dev") + " services install " + name)
}

// list writes what is installed, and what a missing one would need.
func list(out io.Writer) {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, t := range servers() {
		path, err := tools.Find(t.Name)
		if err != nil {
			path = "not installed: " + installCommand(t.Name)
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
		for _, t := range servers() {
			names = append(names, t.Name)
		}
	}
	for _, name := range names { // a mistyped name, before anything is built for minutes
		if _, err := tools.Lookup(name); err != nil {
			return &UsageError{err}
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

// servers are the tools that back functions.
func servers() []tools.Tool {
	return slices.DeleteFunc(tools.All(), func(t tools.Tool) bool { return t.Tests })
}
