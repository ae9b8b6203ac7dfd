package httpcache

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"sync"

	"github.com/stillwarm/stillwarm/internal/httpreq"
)

// mode says what becomes of what the handler writes.
type mode uint8

const (
	undecided mode = iota // no final header yet
	stream                // the leader copies it to its client as it comes
	hold                  // the leader waits for the end: its answer is made from the whole
	discard               // nobody needs it: a 304, or an error in whose place a stale answer is served
)

// window is how much of a body that is not kept may wait for its client.
const window = 256 << 10

// recorder is the ResponseWriter of a run. The handler writes, in the run's goroutine, and the leader reads, in its own. It
// never touches the leader's ResponseWriter, so a run cannot write to an answer that is gone.
type recorder struct {
	// decide is called once, with the final header.
	decide func(status int, h http.Header) (mode, http.Header)
	// overflow is called when the body is longer than may be kept.
	overflow func()
	maxBody  int64
	method   string

	header http.Header // the handler's
	failed error       // WriteError

	mu       sync.Mutex
	changed  sync.Cond
	mode     mode
	status   int
	final    http.Header // as decided; not changed any more
	declared int64       // Content-Length; -1: none
	infos    []info
	buf      []byte
	form     httpreq.Form
	base     int64 // where buf begins in the body
	written  int64
	flushed  bool // the handler flushed what is there
	kept     bool // the whole body is kept, so that it can be stored
	gone     bool // there is no leader who reads
	ended    bool
}

// info is an informational answer.
type info struct {
	status int
	header http.Header
}

func newRecorder(method string, maxBody int64) *recorder {
	r := &recorder{header: http.Header{}, maxBody: maxBody, method: method, kept: true}
	r.changed.L = &r.mu
	return r
}

// reset prepares for a second run, after one whose answer nobody has seen.
func (r *recorder) reset() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.header, r.failed, r.mode, r.buf, r.written, r.form = http.Header{}, nil, undecided, nil, 0, httpreq.Plain
	r.infos = nil
}

func (r *recorder) Header() http.Header { return r.header }

func (r *recorder) WriteHeader(status int) {
	if status < 100 || status > 999 {
		panic(fmt.Sprintf("httpcache: invalid status code %d", status)) // as net/http does
	}
	if status >= 100 && status <= 199 {
		r.inform(status)
		return
	}
	if r.mode != undecided { // only this goroutine sets it
		return
	}
	m, final := r.decide(status, r.header)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.mode, r.status, r.final, r.declared = m, status, final, -1
	if lines := final["Content-Length"]; len(lines) == 1 {
		if n, err := strconv.ParseInt(lines[0], 10, 64); err == nil && n >= 0 {
			r.declared = n
		}
	}
	r.changed.Broadcast()
}

func (r *recorder) inform(status int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.mode == undecided && status != http.StatusSwitchingProtocols {
		r.infos = append(r.infos, info{status, r.header.Clone()})
		r.changed.Broadcast()
	}
}

func (r *recorder) Write(b []byte) (int, error) {
	if r.mode == undecided {
		r.WriteHeader(http.StatusOK)
	}
	if !bodyAllowed(r.status) {
		return 0, http.ErrBodyNotAllowed
	}
	if r.method == http.MethodHead || r.mode == discard {
		return len(b), nil
	}
	if r.declared >= 0 && r.written+int64(len(b)) > r.declared {
		return 0, http.ErrContentLength
	}
	return r.append(b)
}

func (r *recorder) append(b []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.kept && r.written+int64(len(b)) > r.maxBody {
		r.kept = false
		if r.mode == hold { // it cannot be made from the whole: what there is goes out as it is
			r.mode = stream
		}
		r.changed.Broadcast() // the leader may have written all there is, which need not be kept any more
		r.mu.Unlock()
		r.overflow()
		r.mu.Lock()
	}
	for !r.kept && len(r.buf) > window && !r.gone {
		r.changed.Wait()
	}
	if !r.kept && r.gone {
		return 0, context.Canceled
	}
	r.buf = append(r.buf, b...)
	r.written += int64(len(b))
	r.changed.Broadcast()
	return len(b), nil
}

// alone says that the body is for the leader only, so that it need not be kept.
func (r *recorder) alone() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.kept = false
	r.changed.Broadcast()
}

// leave says that the leader has gone.
func (r *recorder) leave() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.gone = true
	r.changed.Broadcast()
}

func (r *recorder) Flush() {
	if r.mode == undecided {
		r.WriteHeader(http.StatusOK)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.flushed = true
	r.changed.Broadcast()
}

func (r *recorder) FlushError() error {
	r.Flush()
	return nil
}

// WriteForm takes a whole body in the event's own form.
func (r *recorder) WriteForm(body []byte, form httpreq.Form) error {
	if form == httpreq.Plain {
		_, err := r.Write(body)
		return err
	}
	if r.mode == undecided {
		r.WriteHeader(http.StatusOK)
	}
	r.mu.Lock()
	fits := r.mode != discard && r.written == 0 && int64(len(body)) <= r.maxBody
	if fits {
		r.form = form
	}
	declared := r.declared
	if fits {
		r.declared = -1 // it counts the body itself
	}
	r.mu.Unlock()
	if fits {
		_, err := r.Write(body)
		return err
	}
	plain, err := form.Decode(body)
	if err != nil {
		return err
	}
	r.declared = declared
	_, err = r.Write(plain)
	return err
}

// WriteError notes that the handler failed.
func (r *recorder) WriteError(err error) {
	if r.mode == undecided {
		r.failed = err
	}
}

// complete reports whether the whole body is there, as far as its header tells.
func (r *recorder) complete() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.kept || r.mode == discard || r.mode == undecided {
		return false
	}
	return r.declared < 0 || r.declared == r.written || r.method == http.MethodHead || !bodyAllowed(r.status)
}

// end says that nothing more will come.
func (r *recorder) end() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ended = true
	r.changed.Broadcast()
}

// step is what the leader does next.
type step struct {
	kind  stepKind
	info  info
	chunk []byte
	form  httpreq.Form // of a chunk that is a whole body
}

type stepKind uint8

const (
	stepInfo   stepKind = iota
	stepHeader          // write status and header
	stepData
	stepFlush
	stepEnd
	stepGone // the leader's client is gone
)

// next returns what the leader does next, having written the header or not and the body up to offset. It waits until there
// is something. Where the length is known it holds back the last byte until the run has ended: the client must not have
// the whole answer before memory has it.
func (r *recorder) next(ctx context.Context, headed bool, offset int64) step {
	r.mu.Lock()
	defer r.mu.Unlock()
	for {
		if s, ok := r.ready(headed, offset); ok {
			return s
		}
		if ctx.Err() != nil {
			return step{kind: stepGone}
		}
		r.changed.Wait()
	}
}

func (r *recorder) ready(headed bool, offset int64) (step, bool) {
	if len(r.infos) > 0 {
		one := r.infos[0]
		r.infos = r.infos[1:]
		return step{kind: stepInfo, info: one}, true
	}
	if r.mode != stream {
		return step{kind: stepEnd}, r.ended
	}
	if !headed {
		return step{kind: stepHeader}, true
	}
	r.trim(offset)
	limit := r.written
	if r.kept && !r.ended && r.declared > 0 {
		limit = min(limit, r.declared-1)
	}
	if offset < limit {
		return step{kind: stepData, chunk: r.buf[offset-r.base : limit-r.base], form: r.form}, true
	}
	if r.flushed {
		r.flushed = false
		return step{kind: stepFlush}, true
	}
	return step{kind: stepEnd}, r.ended
}

// trim drops what the leader has written, where it is not kept.
func (r *recorder) trim(offset int64) {
	if r.kept || offset == r.base {
		return
	}
	n := copy(r.buf, r.buf[offset-r.base:])
	r.buf, r.base = r.buf[:n], offset
	r.changed.Broadcast()
}

// wake makes a waiting leader look at its context.
func (r *recorder) wake() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.changed.Broadcast()
}

// progress is a number that grows as the run makes progress.
func (r *recorder) progress() int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.written + int64(r.mode)
}

func bodyAllowed(status int) bool {
	return status >= 200 && status != http.StatusNoContent && status != http.StatusNotModified
}
