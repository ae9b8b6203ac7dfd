package redis

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
)

// mgetReply reads the answer to MGET epoch generation value... as it comes from the wire. The general reader of the client
// makes a string and an interface for each element; a hit is what this library does most, so each value is read into one
// slice of its own size, and the two short ones into arrays that are used again.
type mgetReply struct {
	// limit is the largest value that is read; for a larger one there is tooLarge.
	limit int

	epoch, generation shortValue
	values            [][]byte // nil where there is none; as many as were asked for
	refused           error    // what the server answered instead

	line    []byte // the header that is being received
	element int    // the element that comes next; 0 is the array itself
	body    int    // bytes of the element's body that are still to come, with the line end
}

// shortValue is an epoch or a generation. What is longer than any of ours is cut.
type shortValue struct {
	buf [40]byte
	n   int // -1 where the server has none
}

func (v *shortValue) bytes() []byte { return v.buf[:max(0, v.n)] }

func (v *shortValue) missing() bool { return v.n < 0 }

// reset prepares for an answer with n values. Those of the one before belong to whoever took them.
func (r *mgetReply) reset(n int) {
	r.epoch.n, r.generation.n = -1, -1
	clear(r.values)
	if cap(r.values) < n {
		r.values = make([][]byte, n)
	}
	r.values, r.refused = r.values[:n], nil
	r.line, r.element, r.body = r.line[:0], 0, 0
}

// tooLarge stands for a value that was not read. It is a slot that is no entry, with the version foreign.
var tooLarge = []byte{0}

// maxHeader is the longest header line that is received: far longer than any of an answer to MGET.
const maxHeader = 1024

var errReply = errors.New("the server's answer is not one to MGET")

// Write takes header lines, in pieces of any size, and bodies where they come this way.
func (r *mgetReply) Write(p []byte) (int, error) {
	for rest := p; len(rest) > 0; {
		if r.body > 0 {
			// The client hands bodies to ReadFrom.
			return len(p) - len(rest), errReply
		}
		piece, after, ends := bytes.Cut(rest, []byte{'\n'})
		if len(r.line)+len(piece) > maxHeader {
			return len(p) - len(rest), errReply
		}
		r.line, rest = append(r.line, piece...), after
		if !ends {
			break
		}
		if err := r.header(); err != nil {
			return len(p) - len(rest), err
		}
		r.line = r.line[:0]
	}
	return len(p), nil
}

// header acts on one complete header line.
func (r *mgetReply) header() error {
	line := r.line
	if n := len(line); n < 2 || line[n-1] != '\r' {
		return errReply
	}
	line = line[:len(line)-1]
	switch {
	case line[0] == '-':
		r.refused = serverError(line[1:])
		return nil
	case line[0] == '*' && r.element == 0:
		if n, err := strconv.Atoi(string(line[1:])); err != nil || n != r.elements() {
			return errReply
		}
		r.element = 1
		return nil
	case r.element < 1 || r.element > r.elements():
		return errReply
	case line[0] == '_' || string(line) == "$-1":
		r.element++
		return nil
	case line[0] != '$':
		return errReply
	}
	n, err := strconv.Atoi(string(line[1:]))
	if err != nil || n < 0 {
		return errReply
	}
	r.body = n + 2
	return nil
}

func (r *mgetReply) elements() int { return 2 + len(r.values) }

// ReadFrom takes the body of the element whose header came last, with its line end.
func (r *mgetReply) ReadFrom(src io.Reader) (n int64, err error) {
	if r.body == 0 {
		return 0, errReply
	}
	want := r.body
	r.body = 0
	r.element++
	switch r.element - 1 {
	case 1:
		return r.short(src, &r.epoch, want)
	case 2:
		return r.short(src, &r.generation, want)
	}
	if want-2 > r.limit {
		r.values[r.element-4] = tooLarge
		return io.Copy(io.Discard, src)
	}
	buf := make([]byte, want)
	got, err := io.ReadFull(src, buf)
	if err != nil {
		return int64(got), fmt.Errorf("value cut after %d of %d bytes: %w", got, want, err)
	}
	r.values[r.element-4] = buf[: want-2 : want-2]
	return int64(got), nil
}

// short reads a short value and passes over what is longer than that.
func (r *mgetReply) short(src io.Reader, v *shortValue, want int) (int64, error) {
	got, err := io.ReadFull(src, v.buf[:min(len(v.buf), want)])
	if err != nil {
		return int64(got), err
	}
	v.n = min(want-2, len(v.buf))
	rest, err := io.Copy(io.Discard, src)
	return int64(got) + rest, err
}

// found returns the generation that was read; 0: the server has no epoch or no generation.
func (r *mgetReply) found() uint64 {
	if r.epoch.missing() || r.generation.missing() {
		return 0
	}
	return combine(r.epoch.bytes(), r.generation.bytes())
}

// serverError is an answer of the server that begins with a minus sign.
type serverError string

// Error returns the answer.
func (e serverError) Error() string { return string(e) }

// RedisError marks the error as the server's, for the client library's functions that ask.
func (serverError) RedisError() {}
