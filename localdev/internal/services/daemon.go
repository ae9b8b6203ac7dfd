package services

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/stillwarm/stillwarm/localdev/internal/process"
)

const (
	readyWithin = 60 * time.Second      // generous: a laptop that builds at the same time is slow
	askEvery    = 20 * time.Millisecond // how often a starting server is asked whether it is ready
	sayEvery    = 3 * time.Second       // how often the terminal hears that a server is still starting
	stopWithin  = 3 * time.Second       // how long a server may take to write its data and end
	starts      = 3                     // tries: the free port may be taken by somebody who was faster
	keptLines   = 12                    // of a server's output, for an error message
	loopback    = "127.0.0.1"           // nobody else may reach what has no password, or one that a process list shows
)

// daemon describes a server to start.
type daemon struct {
	title string
	path  string
	args  []string
	env   []string
	dir   string
	// ready asks whether the server with that process id answers.
	ready func(ctx context.Context, pid int) error
}

// running is a server that was started and answered.
type running struct {
	process *process.Process
	lines   lastLines
}

// startDaemon starts what prepare describes for a free port, and returns when it answers.
func startDaemon(ctx context.Context, o Options, prepare func(port int) daemon) (*running, error) {
	for try := 1; ; try++ {
		port, err := freePort()
		if err != nil {
			return nil, err
		}
		d := prepare(port)
		if try == 1 {
			fmt.Fprintf(o.Progress, "starting %s (%s)\n", d.title, short(d.path))
		}
		r, err := d.start(ctx, o)
		if err == nil || ctx.Err() != nil || try == starts {
			return r, err
		}
	}
}

func (d daemon) start(ctx context.Context, o Options) (*running, error) {
	r := &running{}
	// Little of the developer's environment: a server's own variables, such as MINIO_*, would change what it does.
	env := append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + d.dir, "TMPDIR=" + o.Temp}, d.env...)
	var err error
	r.process, err = process.Start(process.Spec{
		Path: d.path, Args: d.args, Dir: d.dir, Env: env, Output: r.lines.add, Keeper: o.Keeper,
	})
	if err != nil {
		return nil, err
	}
	if err := r.await(ctx, o, d); err != nil {
		r.process.Kill()
		<-r.process.Done()
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, fmt.Errorf("%w%s", err, r.lines.quoted(d.title))
	}
	return r, nil
}

// await asks the server until it answers, ends, or time is up.
func (r *running) await(ctx context.Context, o Options, d daemon) error {
	began := time.Now()
	ctx, cancel := context.WithTimeout(ctx, readyWithin)
	defer cancel()
	ask, say := time.NewTicker(askEvery), time.NewTicker(sayEvery)
	defer ask.Stop()
	defer say.Stop()
	for {
		err := d.ready(ctx, r.process.PID())
		if err == nil {
			return nil
		}
		select {
		case <-r.process.Done():
			return fmt.Errorf("%s ended before it answered (%s)", d.title, r.process.Exit())
		case <-ctx.Done():
			return fmt.Errorf("%s does not answer after %s: %w", d.title, readyWithin, err)
		case <-say.C:
			fmt.Fprintf(o.Progress, "waiting for %s, %d s\n", d.title, int(time.Since(began).Seconds()))
		case <-ask.C:
		}
	}
}

// stop ends the server: first so that it can write its data, then anyhow.
func (r *running) stop() {
	r.process.Terminate()
	late := time.NewTimer(stopWithin)
	defer late.Stop()
	select {
	case <-r.process.Done():
	case <-late.C:
		r.process.Kill()
		<-r.process.Done()
	}
}

// short returns a path as people write it.
func short(path string) string {
	home, err := os.UserHomeDir()
	if err != nil {
		return path
	}
	if rest, ok := strings.CutPrefix(path, home+string(os.PathSeparator)); ok {
		return filepath.Join("~", rest)
	}
	return path
}

// freePort returns a port of the loopback interface that nobody listens on.
func freePort() (int, error) {
	l, err := net.Listen("tcp", net.JoinHostPort(loopback, "0"))
	if err != nil {
		return 0, fmt.Errorf("free port: %w", err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().(*net.TCPAddr).Port, nil
}

func address(port int) string { return net.JoinHostPort(loopback, strconv.Itoa(port)) }

// errNotYet is what a readiness check returns while the server starts.
var errNotYet = errors.New("no answer yet")

// lastLines keeps the end of a server's output.
type lastLines struct {
	mu   sync.Mutex
	kept []string
}

func (l *lastLines) add(line []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.kept = append(l.kept, string(bytes.TrimSpace(line)))
	if n := len(l.kept) - keptLines; n > 0 {
		l.kept = append(l.kept[:0], l.kept[n:]...)
	}
}

// quoted returns what an error message adds, or "".
func (l *lastLines) quoted(title string) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.kept) == 0 {
		return ""
	}
	return fmt.Sprintf("; the last lines of %s:\n  %s", title, strings.Join(l.kept, "\n  "))
}

// lineWriter passes on every write at once: lines of two servers never mix.
type lineWriter struct {
	mu sync.Mutex
	w  io.Writer
}

func wholeLines(w io.Writer) io.Writer { return &lineWriter{w: w} }

func (l *lineWriter) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(b)
}
