package runner

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"time"

	"github.com/stillwarm/stillwarm/localdev/internal/build"
	"github.com/stillwarm/stillwarm/localdev/internal/container"
)

// Version is one state of the function's code that containers run, or ran.
type Version struct {
	Number int    // from 1
	Binary string // the executable; it is removed some time after the next version has taken over
	Folder string // of the sources, "" where a binary was given
	Tags   string // the build tags
}

// BuildStatus says how far a build is.
type BuildStatus string

// The states of a build.
const (
	Building BuildStatus = "building"
	Built    BuildStatus = "ok"
	Failed   BuildStatus = "failed"
)

// BuildState is what is known of the newest build. A build that failed leaves the version before it at work, if there
// was one.
type BuildState struct {
	Status  BuildStatus
	Serving int       // the version that containers run; 0 before the first
	Since   time.Time // when the build began, or ended
	Took    time.Duration
	Changed []string // the files whose change led to it; empty for the first build
	Problem string   // what the compiler said, of a failed build
	Keys    []string // what the change did to the keys of cached functions, as far as it is known
}

// version is what a container is started from.
type version struct {
	Version
	fn   container.Function
	opts Options // with what template and env file said at the time
}

// function says what the containers of a version run.
func (r *Runner) function(o Options, binary string) container.Function {
	f := container.Function{
		Binary: binary, Dir: o.Function, Name: o.Name, Region: o.Region, MemoryMB: o.MemoryMB,
		Timeout: o.Timeout, InitTimeout: o.InitTimeout, Handler: o.Handler,
		Enforce: o.EnforceMemory, Freeze: o.Freeze,
	}
	url := r.backend.URL
	if r.unlinked.Store(o.Backend == "" && lacks(binary)); r.unlinked.Load() {
		url = "" // nobody has asked for it, and the function would only complain
	}
	// Always set, also to "": a backend in the developer's own environment must not be used by surprise.
	f.Env = append(f.Env, "STILLWARM_BACKEND="+url)
	f.Env = append(f.Env, r.backend.Env...)
	f.Env = append(f.Env, o.Env...)
	return f
}

// renew brings containers to what the files say now: settings, and the code where source is true. It returns the
// compiler's error, or that of a file that cannot be read; then all stays as it is. One renewal runs at a time.
func (r *Runner) renew(ctx context.Context, changed []string, source bool) error {
	r.buildMu.Lock()
	defer r.buildMu.Unlock()
	began := time.Now()
	r.setBuild(func(b *BuildState) {
		*b = BuildState{Status: Building, Serving: b.Serving, Since: began, Changed: relativeTo(r.opts.Function, changed)}
	})
	next, err := r.prepare(ctx, source)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	now := time.Now()
	r.buildTried = now
	if err != nil {
		r.buildErr = err
		r.setBuild(func(b *BuildState) {
			b.Status, b.Since, b.Took, b.Problem = Failed, now, now.Sub(began), err.Error()
		})
		return err
	}
	r.buildErr = nil
	before := r.current.Load()
	switched := r.switchTo(before, next)
	r.setBuild(func(b *BuildState) {
		b.Status, b.Serving, b.Since, b.Took = Built, r.current.Load().Number, now, now.Sub(began)
	})
	if switched && before != nil {
		r.afterSwitch(before, next)
	}
	return nil
}

// prepare makes the next version, without a number where it is the same as the current one.
func (r *Runner) prepare(ctx context.Context, source bool) (*version, error) {
	opts, took, err := r.raw.surroundings()
	if err != nil {
		return nil, err
	}
	if opts, err = opts.withDefaults(); err != nil {
		return nil, err
	}
	before := r.current.Load()
	number := 1
	if before != nil {
		number = before.Number + 1
	}
	v := &version{Version: Version{Number: number, Folder: opts.Function, Tags: opts.Tags}, opts: opts}
	switch {
	case opts.Binary != "":
		v.Binary, v.Folder = opts.Binary, ""
	case before != nil && !source:
		v.Binary = before.Binary
	default:
		v.Binary = filepath.Join(r.temp, fmt.Sprintf("bootstrap-%d", number)+executableSuffix)
		err = build.Build(ctx, build.Options{
			Dir: opts.Function, Output: v.Binary, Command: opts.BuildCommand, Tags: withTag(opts.Tags), Race: opts.Race,
			Fast: opts.FastBuild, Again: before != nil, Progress: r.buildLog(before == nil),
		})
		if err != nil {
			return nil, err
		}
	}
	v.fn = r.function(opts, v.Binary)
	r.noteSurroundings(took)
	return v, nil
}

const windowsSuffix = ".exe"

var executableSuffix = map[bool]string{true: windowsSuffix}[runtime.GOOS == "windows"]

// buildLog is where the compiler's lines go. Those of the first build are shown as they come: it may download and compile
// for minutes.
func (r *Runner) buildLog(first bool) io.Writer {
	if first {
		return r.log
	}
	return nil
}

// switchTo lets new containers run the next version, and those of the one before leave after their invocation. It
// returns false where nothing differs.
func (r *Runner) switchTo(before, next *version) bool {
	if before == nil {
		r.current.Store(next)
		return true
	}
	sameBinary := r.opts.Binary == "" && (before.Binary == next.Binary || sameFile(before.Binary, next.Binary))
	if sameBinary && reflect.DeepEqual(before.opts.comparable(), next.opts.comparable()) {
		if before.Binary != next.Binary {
			_ = os.Remove(next.Binary)
		}
		return false
	}
	r.current.Store(next)
	if r.pool != nil {
		r.pool.Recycle()
	}
	return true
}

// comparable returns what of the options makes a container behave differently.
func (o Options) comparable() Options {
	o.Log, o.OnInvocation, o.OnOutput, o.CompareKeys, o.AskAWS = nil, nil, nil, nil, nil
	return o
}

// afterSwitch finds out what the change did to the keys, and then removes the executable before the last one: one that
// starts at this moment may still need the last.
func (r *Runner) afterSwitch(before, next *version) {
	stale := r.retired
	if before.Binary != next.Binary {
		r.retired = before.Binary
	}
	r.async.Go(func() {
		if compare := r.opts.CompareKeys; compare != nil && before.Binary != next.Binary {
			lines, err := compare(r.ctx, before.Version, next.Version)
			if err != nil && r.ctx.Err() == nil {
				lines = []string{"what the change does to the keys could not be found out: " + err.Error()}
			}
			r.setBuild(func(b *BuildState) {
				if b.Serving == next.Number {
					b.Keys = lines
				}
			})
			for _, line := range lines {
				_, _ = fmt.Fprintf(r.log, "          keys: %s\n", line)
			}
		}
		if stale != "" && r.opts.Binary == "" {
			_ = os.Remove(stale)
		}
	})
}

// sameFile reports whether two executables have the same content: a change of a comment may well give the same program.
// Two that differ do so near their beginning, where the linker writes the build's id.
func sameFile(a, b string) bool {
	x, err := os.Open(a)
	if err != nil {
		return false
	}
	defer func() { _ = x.Close() }()
	y, err := os.Open(b)
	if err != nil {
		return false
	}
	defer func() { _ = y.Close() }()
	p, q := make([]byte, 64<<10), make([]byte, 64<<10)
	for {
		n, errX := io.ReadFull(x, p)
		m, errY := io.ReadFull(y, q)
		if !bytes.Equal(p[:n], q[:m]) {
			return false
		}
		if errX != nil || errY != nil {
			return atEnd(errX) && atEnd(errY)
		}
	}
}

func atEnd(err error) bool { return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) }

// setBuild changes what is known of the build and tells the page.
func (r *Runner) setBuild(change func(*BuildState)) {
	r.stateMu.Lock()
	change(&r.build)
	r.stateMu.Unlock()
	if r.page != nil {
		r.page.Changed()
	}
}

// Build returns what is known of the newest build.
func (r *Runner) Build() BuildState {
	r.stateMu.Lock()
	defer r.stateMu.Unlock()
	return r.build
}

// built returns nil once there is something to run. After a first build that failed every request tries again; those
// that came during a try share its result.
func (r *Runner) built() error {
	if r.current.Load() != nil {
		return nil
	}
	came := time.Now()
	r.buildMu.Lock()
	err, tried := r.buildErr, r.buildTried
	r.buildMu.Unlock()
	if r.current.Load() != nil || tried.After(came) {
		return err
	}
	return r.renew(r.ctx, nil, true)
}

// BuildError returns why the newest build failed, or nil.
func (r *Runner) BuildError() error {
	r.buildMu.Lock()
	defer r.buildMu.Unlock()
	return r.buildErr
}

// relativeTo shortens paths for people: below the function's folder, or as they are.
func relativeTo(folder string, paths []string) []string {
	var out []string
	for _, path := range paths {
		if rel, err := filepath.Rel(folder, path); err == nil && !strings.HasPrefix(rel, filepath.Join("..", "..", "..")) {
			path = rel
		}
		out = append(out, filepath.ToSlash(path))
	}
	return out
}

// failedBuild reports whether an error is the compiler's.
func failedBuild(err error) bool {
	_, ok := errors.AsType[*build.Error](err)
	return ok
}
