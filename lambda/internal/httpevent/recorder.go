package httpevent

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/stillwarm/stillwarm/internal/httpreq"
)

// Recorder is a [http.ResponseWriter] that keeps what is written to it. It implements [httpreq.FormWriter],
// [httpreq.AnswerWriter], [httpreq.ErrorWriter] and [http.Flusher]. It is for one goroutine.
type Recorder struct {
	// Sniff has a missing Content-Type guessed from the body, as a server does.
	Sniff bool
	// Head leaves the body out.
	Head bool

	header http.Header
	sent   http.Header // a copy, as it was when the header was final
	status int
	body   []byte
	left   []byte // the beginning of the body that Head leaves out
	form   httpreq.Form
	whole  bool // the body came in one piece, in a form
	err    error
}

// Header implements [http.ResponseWriter].
func (r *Recorder) Header() http.Header {
	if r.header == nil {
		r.header = make(http.Header, 12)
	}
	return r.header
}

// WriteHeader implements [http.ResponseWriter]. Informational answers cannot be sent and are dropped.
func (r *Recorder) WriteHeader(status int) {
	checkStatus(status)
	if r.status != 0 || status < 200 {
		return
	}
	r.status, r.sent = status, sendable(r.Header())
}

// checkStatus panics where net/http does: an answer made up in place of a handler's mistake would look like the handler's.
func checkStatus(status int) {
	if status < 100 || status > 999 {
		panic(fmt.Sprintf("invalid WriteHeader code %d", status))
	}
}

// sendable returns a copy of the fields as net/http sends them: without fields whose name is no name, and with spaces in place
// of new lines. The lines of all fields share one list, which nobody appends to.
func sendable(h http.Header) http.Header {
	n := 0
	for _, values := range h {
		n += len(values)
	}
	all := make([]string, 0, n)
	out := make(http.Header, len(h))
	for name, values := range h {
		if len(values) == 0 || !validToken(name) {
			continue
		}
		start := len(all)
		for _, v := range values {
			if !validValue(v) {
				v = strings.Map(printable, v)
			}
			all = append(all, v)
		}
		out[name] = all[start:len(all):len(all)]
	}
	return out
}

func printable(c rune) rune {
	if c < ' ' && c != '\t' || c == 0x7f {
		return ' '
	}
	return c
}

// sniffed is how much of a body its type is guessed from.
const sniffed = 512

// errForm is returned to a handler that writes to a body that it has given whole.
var errForm = errors.New("the body was written already")

// Sniffs implements [httpreq.Sniffer].
func (r *Recorder) Sniffs() bool { return r.Sniff }

// Write implements [http.ResponseWriter].
func (r *Recorder) Write(p []byte) (int, error) {
	if r.status == 0 {
		r.WriteHeader(http.StatusOK)
	}
	switch {
	case r.whole:
		return 0, errForm
	case !bodyAllowed(r.status):
		return 0, http.ErrBodyNotAllowed
	case r.Head:
		r.left = append(r.left, p[:min(len(p), sniffed-len(r.left))]...)
		return len(p), nil
	}
	r.body = append(r.body, p...)
	return len(p), nil
}

// WriteForm implements [httpreq.FormWriter].
func (r *Recorder) WriteForm(body []byte, form httpreq.Form) error {
	if r.status == 0 {
		r.WriteHeader(http.StatusOK)
	}
	switch {
	case r.whole || len(r.body) > 0:
		return errForm
	case r.Head || !bodyAllowed(r.status):
		return nil
	}
	r.body, r.form, r.whole = body, form, true
	return nil
}

// WriteAnswer implements [httpreq.AnswerWriter].
func (r *Recorder) WriteAnswer(status int, header http.Header, body []byte, form httpreq.Form) bool {
	if r.status != 0 || status < 200 || len(r.header) > 0 {
		return false
	}
	for name, values := range header {
		if len(values) == 0 || !validToken(name) || slices.ContainsFunc(values, func(v string) bool { return !validValue(v) }) {
			return false // it needs a copy that can be sent
		}
	}
	r.status, r.sent = status, header
	if !r.Head && bodyAllowed(status) {
		r.body, r.form, r.whole = body, form, true
	}
	return true
}

// WriteError implements [httpreq.ErrorWriter].
func (r *Recorder) WriteError(err error) { r.err = err }

// Flush implements [http.Flusher]: it makes the header final.
func (r *Recorder) Flush() {
	if r.status == 0 {
		r.WriteHeader(http.StatusOK)
	}
}

// Err returns what WriteError was given.
func (r *Recorder) Err() error { return r.err }

// Wrote reports whether anything was written.
func (r *Recorder) Wrote() bool { return r.status != 0 }

// Status returns the status that was written, and 200 where none was.
func (r *Recorder) Status() int {
	if r.status == 0 {
		return http.StatusOK
	}
	return r.status
}

// Response returns the answer as the event's source takes it.
func (r *Recorder) Response(e *Event) *Response {
	h := r.final()
	return e.Encode(r.status, h, r.body, r.form)
}

// final makes the header final and returns it as it is sent.
func (r *Recorder) final() http.Header {
	r.Flush()
	if r.Sniff {
		sniff(r.sent, r.body, r.status)
		sniff(r.sent, r.left, r.status)
	}
	if !r.Head && r.status != http.StatusNotModified {
		delete(r.sent, "Content-Length") // the service counts what it sends
	}
	return r.sent
}

// sniff sets a missing Content-Type, as net/http does.
func sniff(h http.Header, body []byte, status int) {
	if _, set := h["Content-Type"]; set || len(body) == 0 || h.Get("Content-Encoding") != "" || !bodyAllowed(status) {
		return
	}
	h.Set("Content-Type", http.DetectContentType(body))
}

func bodyAllowed(status int) bool {
	return status >= 200 && status != http.StatusNoContent && status != http.StatusNotModified
}
