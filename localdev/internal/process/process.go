// Package process starts the function's processes so that none of them outlives the runner: each leads a process group
// of its own, dies with the runner where the system can do that, and is killed together with its own children.
package process

import (
	"errors"
	"fmt"
	"os/exec"
	"runtime"
	"sync"
	"syscall"
)

// Spec says what to start.
type Spec struct {
	Path string   // the executable
	Args []string // its arguments, without its name
	Dir  string   // its working directory
	Env  []string // its whole environment: nothing is inherited
	// Output receives every line that the process writes to stdout or stderr, without the line end, in the order of
	// writing, from one goroutine. It must not keep the slice.
	Output func(line []byte)
	// Keeper, if set, knows the process group while it lives and ends it if the runner is killed.
	Keeper *Keeper
}

// Process is a started process. It is safe for concurrent use.
type Process struct {
	cmd    *exec.Cmd
	output *output
	keeper *Keeper
	done   chan struct{}
	err    error
}

// spawner runs functions on one operating system thread that lives as long as the program. Linux delivers a parent
// death signal when the parent's thread ends, not its process: a child started from a thread that Go retires would die.
var spawner = sync.OnceValue(func() chan<- func() {
	jobs := make(chan func())
	go func() {
		runtime.LockOSThread()
		for job := range jobs {
			job()
		}
	}()
	return jobs
})

// Start starts the process and returns while it runs. The error names the executable.
func Start(spec Spec) (*Process, error) {
	out, w, err := newOutput(spec.Output)
	if err != nil {
		return nil, fmt.Errorf("pipe for the output of %s: %w", spec.Path, err)
	}
	cmd := exec.Command(spec.Path, spec.Args...)
	cmd.Dir, cmd.Env = spec.Dir, spec.Env
	if cmd.Env == nil {
		cmd.Env = []string{} // nil would inherit the runner's whole environment
	}
	cmd.Stdout, cmd.Stderr = w, w
	cmd.SysProcAttr = groupLeader()

	started := make(chan error)
	spawner() <- func() { started <- cmd.Start() }
	if err := <-started; err != nil {
		out.finish()
		return nil, fmt.Errorf("start %s: %w", spec.Path, err)
	}
	p := &Process{cmd: cmd, output: out, keeper: spec.Keeper, done: make(chan struct{})}
	p.keeper.add(p.PID())
	go p.wait()
	return p, nil
}

func (p *Process) wait() {
	p.err = p.cmd.Wait()
	killGroup(p.PID()) // what the process left behind
	p.keeper.remove(p.PID())
	p.output.finish()
	close(p.done)
}

// PID returns the process id, which is also the id of its process group.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Done is closed when the process has ended, its output has been handed over and its process group is killed.
func (p *Process) Done() <-chan struct{} { return p.done }

// Exit says how the process ended, as Lambda words it: "exit status 1", "signal: killed", or "" for a clean exit. It
// is valid once Done is closed.
func (p *Process) Exit() string {
	if p.err == nil {
		return ""
	}
	if exit, ok := errors.AsType[*exec.ExitError](p.err); ok {
		return exit.ProcessState.String()
	}
	return p.err.Error()
}

// Sync returns when everything that the process has written until now has been handed to Output.
func (p *Process) Sync() { p.output.sync() }

// Terminate asks the process to end (SIGTERM). Its children are left to it.
func (p *Process) Terminate() { _ = p.cmd.Process.Signal(syscall.SIGTERM) }

// Stop stops the process and all that it started (SIGSTOP to its group), and reports whether it could.
func (p *Process) Stop() bool {
	select {
	case <-p.done:
		return false
	default:
		return stopGroup(p.PID())
	}
}

// Continue lets a stopped process go on.
func (p *Process) Continue() {
	select {
	case <-p.done:
	default:
		continueGroup(p.PID())
	}
}

// Kill ends the process and all that it started (SIGKILL to its group). It does not wait.
func (p *Process) Kill() {
	select {
	case <-p.done: // the id may belong to somebody else by now
	default:
		killGroup(p.PID())
	}
}
