package runner

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/stillwarm/stillwarm/localdev/internal/surroundings"
	"github.com/stillwarm/stillwarm/localdev/internal/termlog"
	"github.com/stillwarm/stillwarm/localdev/internal/watch"
)

// follow looks at the function's files until the runner is closed, and renews what they changed. began is when the first
// build began.
func (r *Runner) follow(began time.Time) {
	w := watch.New()
	r.list(w, began)
	tick := time.NewTicker(watch.Interval)
	defer tick.Stop()
	for {
		select {
		case <-r.ctx.Done():
			return
		case <-tick.C:
		}
		if changed := w.Changed(); len(changed) > 0 {
			r.react(w, changed)
		}
	}
}

// list brings what is watched up to date. What was watched stays so where the go command cannot say anything: a go.mod
// that is broken for a moment.
func (r *Runner) list(w *watch.Watcher, since time.Time) {
	var in watch.Inputs
	o := r.opts
	for _, path := range []string{o.Template, o.EnvFile} {
		if path != "" {
			in.Files = append(in.Files, path)
		}
	}
	if o.Binary != "" {
		in.Files = append(in.Files, o.Binary)
		w.Set(in, since)
		return
	}
	listed, err := watch.List(r.ctx, o.Function, withTag(o.Tags))
	if err == nil {
		r.sources = listed
	} else { // both: what was known, and what could be found out
		r.sources.Forget()
		r.sources.Files = append(slices.Clone(r.sources.Files), listed.Files...)
		r.sources.Folders = append(slices.Clone(r.sources.Folders), listed.Folders...)
		if len(r.sources.Folders) == 0 {
			r.sources.Folders = []string{o.Function}
		}
	}
	in.Files = append(in.Files, r.sources.Files...)
	in.Folders = append(in.Folders, r.sources.Folders...)
	w.Set(in, since)
	r.sayMissing(listed.Own)
}

// react renews until the files stand still. A change during a build ends that build: its result would be of yesterday.
func (r *Runner) react(w *watch.Watcher, changed []string) {
	for len(changed) > 0 && r.ctx.Err() == nil {
		began := time.Now()
		ctx, cancel := context.WithCancel(r.ctx)
		done := make(chan renewal, 1)
		source := slices.ContainsFunc(changed, func(path string) bool {
			return path != r.opts.Template && path != r.opts.EnvFile
		}) || r.BuildError() != nil
		r.sayBuilding(changed)
		go func() { done <- renewal{r.renew(ctx, changed, source)} }()
		more, err := r.await(w, done, cancel)
		cancel()
		if len(more) > 0 {
			changed = append(changed, more...)
			slices.Sort(changed)
			changed = slices.Compact(changed)
			continue
		}
		r.sayBuilt(err)
		if r.sources.Same(changed) {
			r.sayMissing(r.sources.Own)
		} else {
			r.list(w, began)
		}
		changed = w.Changed()
	}
}

// renewal is how a renewal ended.
type renewal struct{ err error }

// await returns the result of a renewal, or the files that changed while it ran: then it has been ended.
func (r *Runner) await(w *watch.Watcher, done <-chan renewal, cancel func()) (more []string, err error) {
	tick := time.NewTicker(watch.Interval)
	defer tick.Stop()
	for {
		select {
		case done := <-done:
			return nil, done.err
		case <-tick.C:
		}
		if more := w.Changed(); len(more) > 0 {
			cancel()
			<-done // its result is of yesterday
			return more, nil
		}
	}
}

func (r *Runner) sayBuilding(changed []string) {
	names := relativeTo(r.opts.Function, changed)
	text := strings.Join(names[:min(3, len(names))], ", ")
	if n := len(names) - 3; n > 0 {
		text += fmt.Sprintf(" and %d more", n)
	}
	_, _ = fmt.Fprintf(r.log, "%s  changed: %s\n", time.Now().Format(time.TimeOnly), text)
}

func (r *Runner) sayBuilt(err error) {
	at := time.Now().Format(time.TimeOnly)
	b := r.Build()
	switch {
	case r.ctx.Err() != nil:
	case err == nil:
		_, _ = fmt.Fprintf(r.log, "%s  version %d serves, built in %s\n", at, b.Serving, termlog.Duration(b.Took))
	case b.Serving > 0:
		_, _ = fmt.Fprintf(r.log, "%s  the build failed; version %d still serves\n%v\n", at, b.Serving, err)
	default:
		_, _ = fmt.Fprintf(r.log, "%s  the build failed\n%v\n", at, err)
	}
}

// sayMissing names, once each, the variables that the code asks for, that the developer's shell has and that the function
// does not get.
func (r *Runner) sayMissing(files []string) {
	v := r.current.Load()
	if v == nil {
		return
	}
	given := surroundings.Names(v.fn.Environment())
	missing := surroundings.Missing(files,
		func(name string) bool { _, ok := os.LookupEnv(name); return ok },
		func(name string) bool { return slices.Contains(given, name) })
	missing = slices.DeleteFunc(missing, func(name string) bool { return slices.Contains(r.missing, name) })
	if len(missing) == 0 {
		return
	}
	r.missing = append(r.missing, missing...)
	r.journal.Warn(0, fmt.Sprintf("the code reads %s, which your shell has and the function does not get; pass it through with --env %s",
		strings.Join(missing, ", "), strings.Join(missing, " --env ")))
}

// noteSurroundings keeps what template and env file gave, for the banner and the page.
func (r *Runner) noteSurroundings(took []string) {
	r.stateMu.Lock()
	defer r.stateMu.Unlock()
	r.took = took
}

// Surroundings says what the function was given by a template and an env file, and what could not be resolved.
func (r *Runner) Surroundings() []string {
	r.stateMu.Lock()
	defer r.stateMu.Unlock()
	return r.took
}

// surroundings completes options by what the template and the env file say. What the options say themselves holds.
func (o Options) surroundings() (_ Options, took []string, err error) {
	own := o.Env
	var env []string
	if o.EnvFile != "" {
		if env, err = surroundings.EnvFile(o.EnvFile); err != nil {
			return o, nil, err
		}
		took = append(took, fmt.Sprintf("%s: %s", filepath.Base(o.EnvFile), variableNames(env)))
	}
	env = append(env, own...)
	if o.Template != "" {
		var f surroundings.Function
		folder, _ := filepath.Abs(o.Function)
		if f, err = surroundings.Template(o.Template, o.TemplateFunction, folder, o.region(), env); err != nil {
			return o, nil, err
		}
		took = append(took, o.take(f)...)
		env = append(f.Env, env...)
	}
	o.Env = env
	return o, took, nil
}

// take fills in what the template says and the options do not, and says what it took.
func (o *Options) take(f surroundings.Function) []string {
	var parts []string
	note := func(format string, args ...any) { parts = append(parts, fmt.Sprintf(format, args...)) }
	if o.Timeout == 0 && f.Timeout > 0 {
		o.Timeout = f.Timeout
		note("timeout %s", f.Timeout)
	}
	if o.MemoryMB == 0 && f.MemoryMB > 0 {
		o.MemoryMB = f.MemoryMB
		note("%d MB", f.MemoryMB)
	}
	if o.Handler == "" && f.Handler != "" {
		o.Handler = f.Handler
		note("handler %s", f.Handler)
	}
	if o.Function == "" && o.Binary == "" && f.Folder != "" && CheckFolder(f.Folder) == nil {
		o.Function = f.Folder
		note("code in %s", f.Folder)
	}
	if len(f.Env) > 0 {
		note("%s", variableNames(f.Env))
	}
	if len(parts) == 0 {
		note("nothing")
	}
	lines := []string{fmt.Sprintf("%s, %s: %s", filepath.Base(o.Template), f.Resource, strings.Join(parts, ", "))}
	for _, u := range f.Unresolved {
		name, what, _ := strings.Cut(u, ": ")
		lines = append(lines, fmt.Sprintf("not set, since only a deployment knows it: %s (%s); pass --env %s=VALUE", name, what, name))
	}
	return lines
}

func variableNames(env []string) string {
	names := surroundings.Names(env)
	if len(names) == 1 {
		return "1 variable (" + names[0] + ")"
	}
	return fmt.Sprintf("%d variables (%s)", len(names), strings.Join(names, ", "))
}
