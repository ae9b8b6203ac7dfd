package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"
)

// mutant is one fault.
type mutant struct {
	id    string // of the lines of docs/semantics.md that it breaks
	fault string // what it breaks, in words
	file  string
	after string // a line of the file, which occurs once: the fault is behind it; empty: the file has its line once
	line  string // without its indentation
	with  string // what takes its place
	killer
	survives string // why no test can notice it; empty: one has to
}

func (m mutant) name() string { return m.id + " " + m.fault }

// killer is the tests that have to notice a fault.
type killer struct {
	pkg  string // as for go test, from the repository
	run  string // as for -run
	args []string
}

func (k killer) String() string {
	return strings.Join(append([]string{k.pkg, "-run", strconv.Quote(k.run)}, k.args...), " ")
}

// verdict is what became of a mutant.
type verdict string

// The verdicts. All after listed are faults of the tests or of the list.
const (
	killed     verdict = "killed"
	timedOut   verdict = "killed by its time"
	listed     verdict = "survives as listed"
	survived   verdict = "SURVIVED"
	notListed  verdict = "KILLED, THOUGH LISTED"
	gone       verdict = "LINE IS GONE"
	uncompiled verdict = "DOES NOT COMPILE"
	baseless   verdict = "TESTS FAIL WITHOUT IT"
)

func (v verdict) isFault() bool { return v != killed && v != timedOut && v != listed }

// result is what became of one mutant.
type result struct {
	mutant  mutant
	verdict verdict
	line    int
	found   string // how the model found it
	output  string
	took    time.Duration
}

// limit is how long the tests of a mutant may take: many faults make somebody wait for ever.
const limit = 4 * time.Minute

// lab tries mutants.
type lab struct {
	root, scratch string

	baselines sync.Map // killer.String() -> func() error
	binaries  sync.Map // package -> func() (string, error)
}

// found reads how the model found a fault.
var found = regexp.MustCompile(`failed after (\d+) tests`)

func (l *lab) try(ctx context.Context, n int, m mutant) (r result) {
	start := time.Now()
	r.mutant = m
	defer func() { r.took = time.Since(start) }()
	changed, line, err := plant(l.root, m)
	r.line = line
	if err != nil {
		r.verdict, r.output = gone, err.Error()
		return r
	}
	if err := l.baseline(ctx, m.killer); err != nil {
		r.verdict, r.output = baseless, err.Error()
		return r
	}
	dir := filepath.Join(l.scratch, strconv.Itoa(n))
	defer func() { _ = os.RemoveAll(dir) }()
	overlay, err := l.overlay(dir, m.file, changed)
	if err != nil {
		r.verdict, r.output = uncompiled, err.Error()
		return r
	}
	binary := filepath.Join(dir, "test")
	if err := l.build(ctx, m.pkg, binary, "-overlay", overlay); err != nil {
		r.verdict, r.output = uncompiled, err.Error()
		return r
	}
	r.verdict, r.output = l.judge(ctx, m, binary)
	if match := found.FindStringSubmatch(r.output); match != nil {
		r.found = "in plan " + match[1]
	}
	return r
}

// judge runs the tests of a mutant.
func (l *lab) judge(ctx context.Context, m mutant, binary string) (verdict, string) {
	out, err := l.test(ctx, m.killer, binary)
	var exit *exec.ExitError
	switch {
	case err == nil && m.survives != "":
		return listed, out
	case err == nil:
		return survived, out
	case !errors.As(err, &exit):
		return uncompiled, err.Error()
	case m.survives != "":
		return notListed, out
	case strings.Contains(out, "panic: test timed out") || !exit.Exited():
		return timedOut, out
	}
	return killed, out
}

// plant returns the file of a mutant with its fault, and the number of the line.
func plant(root string, m mutant) (changed string, line int, err error) {
	src, err := os.ReadFile(filepath.Join(root, m.file))
	if err != nil {
		return "", 0, err
	}
	lines := strings.Split(string(src), "\n")
	from := 0
	if m.after != "" {
		at := places(lines, m.after)
		if len(at) != 1 {
			return "", 0, fmt.Errorf("%s has %d lines %q, behind which the fault is to be", m.file, len(at), m.after)
		}
		from = at[0] + 1
	}
	at := places(lines[from:], m.line)
	if len(at) == 0 || len(at) > 1 && m.after == "" {
		return "", 0, fmt.Errorf("%s has %d lines %q", m.file, len(at), m.line)
	}
	n := from + at[0]
	if m.with == m.line {
		return "", n + 1, fmt.Errorf("%s:%d: the change changes nothing", m.file, n+1)
	}
	lines[n] = m.with
	return strings.Join(lines, "\n"), n + 1, nil
}

func places(lines []string, want string) (at []int) {
	for i, line := range lines {
		if strings.TrimSpace(line) == want {
			at = append(at, i)
		}
	}
	return at
}

// overlay writes the changed file and the description of the overlay that puts it in place of the original.
func (l *lab) overlay(dir, file, changed string) (string, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", err
	}
	copied := filepath.Join(dir, "changed.go")
	doc, err := json.Marshal(map[string]map[string]string{"Replace": {filepath.Join(l.root, file): copied}})
	if err != nil {
		return "", err
	}
	overlay := filepath.Join(dir, "overlay.json")
	return overlay, errors.Join(os.WriteFile(copied, []byte(changed), 0o600), os.WriteFile(overlay, doc, 0o600))
}

// baseline makes sure that the tests of a killer run and pass where nothing is planted.
func (l *lab) baseline(ctx context.Context, k killer) error {
	f, _ := l.baselines.LoadOrStore(k.String(), sync.OnceValue(func() error {
		built, _ := l.binaries.LoadOrStore(k.pkg, sync.OnceValues(func() (string, error) {
			binary := filepath.Join(l.scratch, strings.NewReplacer("/", "_", ".", "_").Replace(k.pkg))
			return binary, l.build(ctx, k.pkg, binary)
		}))
		binary, err := built.(func() (string, error))()
		if err != nil {
			return err
		}
		out, err := l.test(ctx, k, binary)
		switch {
		case err != nil:
			return fmt.Errorf("%w\n%s", err, out)
		case !strings.Contains(out, "--- PASS"):
			return fmt.Errorf("no test of %s ran\n%s", k, out)
		}
		return nil
	}))
	return f.(func() error)()
}

// build compiles the tests of a package, with full paths whatever GOFLAGS says: some tests look for their sources.
func (l *lab) build(ctx context.Context, pkg, binary string, flags ...string) error {
	args := append([]string{"test", "-c", "-trimpath=false", "-p", "2", "-o", binary}, flags...)
	cmd := exec.CommandContext(ctx, "go", append(args, pkg)...) //nolint:gosec // the list is our own
	cmd.Dir = l.root
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("go %s: %w\n%s", strings.Join(cmd.Args[1:], " "), err, out)
	}
	_, err := os.Stat(binary) // a package without tests builds nothing
	return err
}

// test runs tests that were built, as go test does.
func (l *lab) test(ctx context.Context, k killer, binary string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, limit+10*time.Second)
	defer cancel()
	args := append([]string{"-test.v", "-test.failfast", "-test.timeout", limit.String(), "-test.run", k.run}, k.args...)
	cmd := exec.CommandContext(ctx, binary, args...) //nolint:gosec // the list is our own
	cmd.Dir = filepath.Join(l.root, k.pkg)
	out, err := cmd.CombinedOutput()
	return string(out), err
}
