package lambda

import (
	"fmt"
	"reflect"
	"runtime"
	"strings"

	"github.com/aws/aws-lambda-go/lambda/messages"

	"github.com/stillwarm/stillwarm/internal/panics"
)

// describePanic is deferred around a handler that Start serves. aws-lambda-go writes the stack at hand into the error
// document; for a panic in a cached function that is the stack of the caller that waited. So the document is made here, with
// the stack of the run.
func describePanic() {
	r := recover()
	if r == nil {
		return
	}
	if _, ok := r.(messages.InvokeResponse_Error); ok {
		panic(r) // it is a document already
	}
	c := panics.Capture(r)
	if document, ok := c.PanicValue().(messages.InvokeResponse_Error); ok { // from a cached function
		panic(document)
	}
	panic(panicDocument(c))
}

// stackFrames is how many frames aws-lambda-go puts into an error document.
const stackFrames = 32

// panicDocument returns Lambda's error document of a panic: message and type are those of the original value.
func panicDocument(c panics.Carrier) messages.InvokeResponse_Error {
	d := messages.InvokeResponse_Error{
		Message:    fmt.Sprint(c.PanicValue()),
		Type:       typeName(c.PanicValue()),
		ShouldExit: true,
	}
	stack := c.RunStack()
	for _, f := range stack[:min(len(stack), stackFrames)] {
		d.StackTrace = append(d.StackTrace, documentFrame(f))
	}
	return d
}

func typeName(v any) string {
	t := reflect.TypeOf(v)
	if t == nil {
		return ""
	}
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t.Name()
}

// documentFrame writes a frame as aws-lambda-go does: the path from the package's first element on, the function without
// its package.
func documentFrame(f runtime.Frame) *messages.InvokeResponse_Error_StackFrame {
	path, cut := f.File, len(f.File)
	for range strings.Count(f.Function, "/") + 2 {
		if cut = strings.LastIndexByte(path[:cut], '/'); cut < 0 {
			break
		}
	}
	label := f.Function[strings.LastIndexByte(f.Function, '/')+1:]
	label = label[strings.IndexByte(label, '.')+1:]
	return &messages.InvokeResponse_Error_StackFrame{Path: path[cut+1:], Label: label, Line: int32(f.Line)} //nolint:gosec // lines are few
}
