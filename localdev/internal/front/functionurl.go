package front

import (
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strconv"

	"github.com/stillwarm/stillwarm/localdev/internal/container"
	"github.com/stillwarm/stillwarm/localdev/internal/funcurl"
	"github.com/stillwarm/stillwarm/localdev/internal/httpevent"
	"github.com/stillwarm/stillwarm/localdev/internal/journal"
)

// functionURL answers a request as the function's URL would.
func (s *Server) functionURL(w http.ResponseWriter, r *http.Request) {
	label := r.Method + " " + r.URL.RequestURI()
	call := newCall(label, nil, r)
	s.Journal.Begin(journal.Invocation{
		RequestID: call.RequestID, Method: r.Method, Path: r.URL.RequestURI(), Started: call.Received,
	})
	w.Header().Set("X-Amzn-Requestid", call.RequestID)
	w.Header().Set("X-Amzn-Trace-Id", call.TraceID)
	rec := record(w, call.Received)
	w = rec
	out := &outcome{status: http.StatusOK, form: s.Form}
	// Deferred, because a response that breaks off ends this handler by a panic.
	defer func() {
		s.Journal.Responded(call.RequestID, rec.response)
		s.Journal.Served(call.RequestID, out.status, out.fault, out.reached)
	}()

	body, err := s.readBody(w, r)
	if err == nil {
		err = s.Form.Check(r, len(body))
	}
	if err == nil {
		call.Payload, err = s.Form.Event(httpevent.Request{
			Request: r, Body: body, RequestID: call.RequestID, TraceID: call.TraceID, At: call.Received,
		})
	}
	if err == nil && len(call.Payload) > container.MaxPayload {
		err = &httpevent.LimitError{Status: http.StatusRequestEntityTooLarge, Text: fmt.Sprintf(
			"the request's event has %d bytes, and Lambda takes at most %d", len(call.Payload), container.MaxPayload)}
	}
	s.Journal.Payload(call.RequestID, call.Payload)
	var a container.Answer
	if err == nil {
		a, out.reached, err = s.Do(r.Context(), call, 0)
	}
	if err != nil {
		f := explain(err)
		out.status, out.fault = f.status, f.reason
		f.write(w, r)
		return
	}
	defer a.Close()
	out.write(w, r, a)
}

// outcome is what became of a request, for the log.
type outcome struct {
	form    *httpevent.Form
	status  int
	fault   string
	reached bool
}

func (o *outcome) write(w http.ResponseWriter, r *http.Request, a container.Answer) {
	media, _, _ := mime.ParseMediaType(a.ContentType)
	switch {
	case a.FunctionError != "":
		o.functionError(w, a)
	case a.Streaming && !o.form.Streams:
		o.unconvertible(w, r, &funcurl.ConversionError{Reason: "it is streamed, and " + o.form.Title + " takes whole answers"})
	case a.Streaming && media == container.StreamContentType:
		o.stream(w, r, a)
	case a.Streaming: // streamed without a prelude: the bytes are the body
		w.Header().Set("Content-Type", "application/octet-stream")
		w.WriteHeader(http.StatusOK)
		o.copy(w, a.Body)
	default:
		o.buffered(w, r, a)
	}
}

// functionError answers 502 as the service does, but with the function's error instead of hiding it in the logs.
func (o *outcome) functionError(w http.ResponseWriter, a container.Answer) {
	doc, _ := io.ReadAll(a.Body)
	o.status, o.fault = http.StatusBadGateway, errorWords(doc)
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Amz-Function-Error", a.FunctionError)
	w.WriteHeader(o.status)
	_, _ = w.Write(doc)
}

func (o *outcome) unconvertible(w http.ResponseWriter, r *http.Request, err error) {
	o.status, o.fault = http.StatusBadGateway, err.Error()
	refusal{o.status, "InvalidFunctionResponse", err.Error()}.write(w, r)
}

func (o *outcome) buffered(w http.ResponseWriter, r *http.Request, a container.Answer) {
	payload, err := io.ReadAll(a.Body)
	if err != nil {
		o.unconvertible(w, r, err)
		return
	}
	response, err := o.form.Response(payload)
	if err != nil {
		o.unconvertible(w, r, err)
		return
	}
	o.head(w, response.Head)
	if bodyAllowed(r, o.status) {
		w.Header().Set("Content-Length", strconv.Itoa(len(response.Body)))
	}
	w.WriteHeader(o.status)
	if bodyAllowed(r, o.status) {
		_, _ = w.Write(response.Body)
	}
}

func (o *outcome) stream(w http.ResponseWriter, r *http.Request, a container.Answer) {
	head, body, err := funcurl.ReadPrelude(a.Body)
	if err != nil {
		o.unconvertible(w, r, err)
		return
	}
	o.head(w, head)
	w.WriteHeader(o.status)
	o.copy(w, body)
}

func (o *outcome) head(w http.ResponseWriter, h funcurl.Head) {
	o.status = h.Status
	for name, values := range h.Header {
		w.Header()[name] = values
	}
}

// copy sends what comes as it comes. A stream that breaks off breaks the client's connection off: a clean end would
// say that the response is whole.
func (o *outcome) copy(w http.ResponseWriter, body io.Reader) {
	flusher := http.NewResponseController(w)
	_ = flusher.Flush()
	chunk := make([]byte, 32<<10)
	for {
		n, err := body.Read(chunk)
		if n > 0 {
			if _, err := w.Write(chunk[:n]); err != nil {
				o.fault = "the client went away during the response"
				return
			}
			_ = flusher.Flush()
		}
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			o.fault = err.Error()
			panic(http.ErrAbortHandler)
		}
	}
}

func bodyAllowed(r *http.Request, status int) bool {
	return r.Method != http.MethodHead && status != http.StatusNoContent && status != http.StatusNotModified
}
