package process

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"os"
	"sync"
)

// maxLine bounds what is kept of a line without an end; the rest follows as a line of its own.
const maxLine = 256 << 10

// output reads what a process writes, line by line. The runner keeps the writing end open as well and writes marks into
// it: a mark that comes out of the pipe proves that everything written before it has come out too. So the runner knows,
// without waiting for any time to pass, that it has seen all that a function logged before it asked for more work.
type output struct {
	w      *os.File
	token  []byte // starts every mark; random, so that no function writes it by chance
	emit   func([]byte)
	ended  chan struct{}
	closer sync.Once

	mu    sync.Mutex
	next  int
	marks map[string]chan struct{}
}

func newOutput(emit func([]byte)) (*output, *os.File, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, nil, err
	}
	if emit == nil {
		emit = func([]byte) {}
	}
	o := &output{
		w: w, emit: emit, ended: make(chan struct{}),
		token: []byte("\x00" + rand.Text() + ":"), marks: map[string]chan struct{}{},
	}
	go o.read(r)
	return o, w, nil
}

// sync returns when what is in the pipe now has been emitted.
func (o *output) sync() {
	o.mu.Lock()
	o.next++
	name := fmt.Sprint(o.next)
	passed := make(chan struct{})
	o.marks[name] = passed
	o.mu.Unlock()
	if _, err := fmt.Fprintf(o.w, "%s%s\x00", o.token, name); err != nil {
		return // finished already: all of it was emitted
	}
	select {
	case <-passed:
	case <-o.ended:
	}
}

// finish emits what is in the pipe and closes it, also where a stray process still holds its writing end.
func (o *output) finish() {
	o.closer.Do(func() {
		o.sync()
		_ = o.w.Close()
		close(o.ended)
	})
}

func (o *output) read(r *os.File) {
	go func() {
		<-o.ended
		_ = r.Close()
	}()
	var pending []byte
	chunk := make([]byte, 32<<10)
	for {
		n, err := r.Read(chunk)
		pending = o.consume(append(pending, chunk[:n]...))
		if err != nil {
			return
		}
	}
}

// consume emits the whole lines at the start of b, answers the marks in it, and returns the rest.
func (o *output) consume(b []byte) []byte {
	for len(b) > 0 {
		end := bytes.IndexByte(b, '\n')
		line := b
		if end >= 0 {
			line = b[:end]
		}
		mark := bytes.Index(line, o.token) // a mark has no line end in it, so it is whole in its line
		switch {
		case mark >= 0:
			stop := bytes.IndexByte(b[mark+len(o.token):], 0)
			if stop < 0 {
				return b // the rest of the mark is on its way
			}
			name := string(b[mark+len(o.token) : mark+len(o.token)+stop])
			if mark > 0 {
				o.emit(b[:mark]) // a line without its end yet: shown now rather than never
			}
			b = b[mark+len(o.token)+stop+1:]
			o.pass(name)
		case end >= 0:
			o.emit(bytes.TrimSuffix(b[:end], []byte{'\r'}))
			b = b[end+1:]
		case len(b) > maxLine:
			o.emit(b[:maxLine])
			b = b[maxLine:]
		default:
			return b
		}
	}
	return nil
}

func (o *output) pass(name string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if passed, ok := o.marks[name]; ok {
		close(passed)
		delete(o.marks, name)
	}
}
