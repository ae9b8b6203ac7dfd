// Package build compiles a function with the developer's own Go toolchain.
package build

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// Error is a build that failed. Output is what the compiler said.
type Error struct {
	Dir    string
	Output string
	Hint   string // what to do about it, or ""
	Err    error
}

func (e *Error) Error() string {
	text := fmt.Sprintf("go build in %s failed: %v\n%s", e.Dir, e.Err, strings.TrimSpace(e.Output))
	if e.Hint != "" {
		text += "\n" + e.Hint
	}
	return text
}

func (e *Error) Unwrap() error { return e.Err }

// Options say what to build.
type Options struct {
	Dir      string    // the function's folder; its own go.mod holds
	Output   string    // the executable to write
	Command  []string  // in place of go build, with the same flags; nil is that
	Tags     string    // build tags, or ""
	Race     bool      // with the race detector
	Fast     bool      // compile the clients of AWS and Redis without optimisation, for a shorter first build
	Again    bool      // most of it is in the build cache: a save, for which somebody waits
	Progress io.Writer // gets the compiler's lines as they come, and a line every few seconds; nil for none
}

// fastFlags switch off what costs most in a build on an empty cache: the SDK's S3 client alone takes the compiler 13 s of
// one core with optimisation and 5 s without, at the end of the build when nothing else can run beside it. Generated
// request code of a development run does not need it.
var fastFlags = []string{"-gcflags=github.com/aws/...=-N -l", "-gcflags=github.com/redis/...=-N -l"}

// Build builds the function. A failed build is an *Error.
func Build(ctx context.Context, o Options) error {
	info, err := os.Stat(o.Dir)
	if err != nil || !info.IsDir() {
		return &Error{Dir: o.Dir, Err: errors.New("no such folder"), Hint: "name the function's folder with --function"}
	}
	// Nobody debugs this file, and symbols are a good part of what a link writes.
	command := o.Command
	if len(command) == 0 {
		command = []string{"go", "build"}
	}
	// The state of the repository, which the go command asks git for, is of no use here either.
	args := append(command[1:len(command):len(command)], "-ldflags=-s -w", "-buildvcs=false", "-o", o.Output)
	if o.Tags != "" {
		args = append(args, "-tags", o.Tags)
	}
	if o.Race {
		args = append(args, "-race")
	}
	if o.Fast {
		args = append(args, fastFlags...)
	}
	cmd := exec.CommandContext(ctx, command[0], append(args, ".")...)
	cmd.Dir = o.Dir
	if o.Again && os.Getenv("GOGC") == "" {
		// A compiler and a linker that live for a second spend a quarter of it collecting garbage.
		cmd.Env = append(os.Environ(), "GOGC=400")
	}
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) } // go ends its compilers itself
	cmd.WaitDelay = 5 * time.Second
	var output bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &output
	if o.Progress != nil {
		cmd.Stdout = io.MultiWriter(&output, o.Progress)
		cmd.Stderr = cmd.Stdout
		defer tick(o.Progress)()
	}
	if err := cmd.Run(); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return &Error{Dir: o.Dir, Output: output.String(), Err: err, Hint: hint(err, output.String())}
	}
	if info, err := os.Stat(o.Output); err != nil || info.Mode()&0o111 == 0 && filepath.Ext(o.Output) != ".exe" {
		return &Error{Dir: o.Dir, Err: errors.New("it built no program"), Hint: "the folder must hold package main"}
	}
	return nil
}

// tick says every few seconds that the build still runs, until the returned function is called.
func tick(w io.Writer) (stop func()) {
	start, done, ended := time.Now(), make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		ticker := time.NewTicker(3 * time.Second)
		defer ticker.Stop()
		for {
			select {
			case <-ticker.C:
				_, _ = fmt.Fprintf(w, "still building, %d s\n", int(time.Since(start).Seconds()))
			case <-done:
				return
			}
		}
	}()
	return func() { close(done); <-ended }
}

func hint(err error, output string) string {
	switch {
	case errors.Is(err, exec.ErrNotFound):
		return "the go command is not on the PATH; install Go first"
	case strings.Contains(output, "not one of the workspace modules"):
		return "the folder lies in a workspace that does not use it: run with GOWORK=off, or add it with go work use"
	case strings.Contains(output, "no Go files in"):
		return "the folder holds no Go files; name the function's folder with --function"
	}
	return ""
}
