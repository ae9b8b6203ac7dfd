// Package panics carries a panic from the goroutine of a run to the callers that waited for it, together with the stack
// of the run: without it a caller sees its own stack, which does not name the line that panicked.
//
// The goroutine of the run recovers and captures; each caller raises what was captured:
//
//	defer func() {
//		if r := recover(); r != nil {
//			captured = panics.Capture(r)
//		}
//	}()
//	...
//	panic(captured)
package panics

import (
	"fmt"
	"path/filepath"
	"runtime"
	"strings"
)

// Carrier is what a recovered value implements that brings the stack of another goroutine. Package lambda looks for it
// when it writes Lambda's error document.
type Carrier interface {
	error
	// RunStack returns the frames of the run, the function that panicked first.
	RunStack() []runtime.Frame
	// PanicValue returns the value that was given to panic.
	PanicValue() any
	// Unwrap returns that value where it is an error, and nil else.
	Unwrap() error
}

// Error is a recovered panic. It is immutable and safe for concurrent use.
type Error struct {
	value any
	stack []runtime.Frame
}

var _ Carrier = (*Error)(nil)

// depth bounds the frames that are kept.
const depth = 64

// Capture returns the recovered value together with the stack of the panic. It must be called from the deferred
// function that recovered, or from a function that this one calls, while the frames of the panic are still there. A
// value that carries a stack already is returned as it is, so the stack of the innermost run wins.
func Capture(recovered any) Carrier {
	if c, ok := recovered.(Carrier); ok {
		return c
	}
	pcs := make([]uintptr, depth)
	n := runtime.Callers(2, pcs)
	return &Error{value: recovered, stack: panicked(runtime.CallersFrames(pcs[:n]))}
}

// panicked returns the frames below the runtime's own that raised the panic. Where there are none, because nothing
// panicked, it returns all.
func panicked(frames *runtime.Frames) []runtime.Frame {
	var all []runtime.Frame
	start, raised := 0, false
	for {
		f, more := frames.Next()
		all = append(all, f)
		switch {
		case !raised && (f.Function == "runtime.gopanic" || f.Function == "runtime.sigpanic"):
			raised, start = true, len(all)
		case raised && start == len(all)-1 && strings.HasPrefix(f.Function, "runtime."):
			start = len(all) // runtime.panicmem, runtime.goPanicIndex and their like
		}
		if !more {
			return all[start:]
		}
	}
}

// Error returns the value's text and the place of the panic, on one line.
func (e *Error) Error() string {
	place := e.Place()
	if place == "" {
		return fmt.Sprint(e.value)
	}
	return fmt.Sprintf("%v (panic in %s)", e.value, place)
}

// Place returns the function, file and line that panicked, or "" where the stack is empty.
func (e *Error) Place() string {
	if len(e.stack) == 0 {
		return ""
	}
	f := e.stack[0]
	return fmt.Sprintf("%s at %s:%d", f.Function, filepath.Base(f.File), f.Line)
}

// Format implements fmt.Formatter: %+v adds the stack.
func (e *Error) Format(s fmt.State, verb rune) {
	fmt.Fprint(s, e.Error())
	if verb != 'v' || !s.Flag('+') {
		return
	}
	for _, f := range e.stack {
		fmt.Fprintf(s, "\n%s\n\t%s:%d", f.Function, f.File, f.Line)
	}
}

// Unwrap returns the original value where it is an error, and nil else.
func (e *Error) Unwrap() error {
	err, _ := e.value.(error)
	return err
}

// PanicValue returns the original value.
func (e *Error) PanicValue() any { return e.value }

// RunStack returns the frames of the run, the function that panicked first. Callers must not change it.
func (e *Error) RunStack() []runtime.Frame { return e.stack }
