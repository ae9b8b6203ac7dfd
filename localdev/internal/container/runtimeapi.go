package container

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strconv"
)

// MaxPayload is the largest event and the largest buffered response, in bytes, that the service takes.
const MaxPayload = 6 * 1024 * 1024

// StreamContentType is what a function calls a response that begins with a prelude and may be streamed.
const StreamContentType = "application/vnd.awslambda.http-integration-response"

const (
	trailerErrorType = "Lambda-Runtime-Function-Error-Type"
	trailerErrorBody = "Lambda-Runtime-Function-Error-Body"
)

func (c *Container) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /2018-06-01/runtime/invocation/next", c.next)
	mux.HandleFunc("POST /2018-06-01/runtime/invocation/{id}/response", c.response)
	mux.HandleFunc("POST /2018-06-01/runtime/invocation/{id}/error", c.functionError)
	mux.HandleFunc("POST /2018-06-01/runtime/init/error", c.initError)
	mux.HandleFunc("POST /2020-01-01/extension/register", c.register)
	mux.HandleFunc("GET /2020-01-01/extension/event/next", c.nextEvent)
	mux.HandleFunc("POST /2020-01-01/extension/init/error", c.extensionError)
	mux.HandleFunc("POST /2020-01-01/extension/exit/error", c.extensionError)
	return mux
}

// next holds the function's request until there is an invocation. By asking, the function says that the one before is
// complete, so what it has written is taken in first.
func (c *Container) next(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	proc, early := c.proc, c.state == Busy
	c.mu.Unlock()
	if early {
		refuse(w, http.StatusForbidden, "InvalidStateTransition", "the invocation before has no response yet")
		return
	}
	proc.Sync()
	c.hooks.Settle(c)
	wait := make(chan *Call, 1)
	c.mu.Lock()
	if c.waiter != nil {
		c.mu.Unlock()
		refuse(w, http.StatusForbidden, "InvalidStateTransition", "another request for the next invocation is waiting")
		return
	}
	c.waiter = wait
	c.mu.Unlock()
	c.advance()
	select {
	case call := <-wait:
		c.sendInvocation(w, call)
	case <-r.Context().Done():
		c.hungUp(wait)
	}
}

// hungUp notes that the function does not wait for an invocation any more. If it was given one meanwhile, the end of
// its process or the timeout settles that.
func (c *Container) hungUp(wait chan<- *Call) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.waiter != wait {
		return
	}
	c.waiter = nil
	if c.state == Idle {
		c.state = After // busy with something of its own, until it asks again or ends
	}
}

func (c *Container) sendInvocation(w http.ResponseWriter, call *Call) {
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Lambda-Runtime-Aws-Request-Id", call.RequestID)
	h.Set("Lambda-Runtime-Deadline-Ms", strconv.FormatInt(call.Deadline().UnixMilli(), 10))
	h.Set("Lambda-Runtime-Invoked-Function-Arn", c.fn.ARN())
	h.Set("Lambda-Runtime-Trace-Id", call.TraceID)
	if call.TenantID != "" {
		h.Set("Lambda-Runtime-Aws-Tenant-Id", call.TenantID)
	}
	if call.ClientContext != "" {
		h.Set("Lambda-Runtime-Client-Context", call.ClientContext)
	}
	h.Set("Content-Length", strconv.Itoa(len(call.Payload)))
	_, _ = w.Write(call.Payload) // a function that is gone is seen by its process's end
}

// current returns the call that the request is about, or refuses the request.
func (c *Container) current(w http.ResponseWriter, r *http.Request) *Call {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.call == nil || c.call.RequestID != r.PathValue("id") {
		refuse(w, http.StatusBadRequest, "InvalidRequestID", "this is not the invocation that the function works on")
		return nil
	}
	if c.state != Busy {
		refuse(w, http.StatusForbidden, "InvalidStateTransition", "the invocation has its response already")
		return nil
	}
	return c.call
}

// answered notes that the client has its answer while the function still works.
func (c *Container) answered(call *Call) {
	c.mu.Lock()
	if c.call == call && c.state == Busy {
		c.state = After
	}
	c.mu.Unlock()
	c.hooks.State(c)
}

func (c *Container) response(w http.ResponseWriter, r *http.Request) {
	call := c.current(w, r)
	if call == nil {
		return
	}
	contentType := r.Header.Get("Content-Type")
	media, _, _ := mime.ParseMediaType(contentType)
	if media == StreamContentType || r.Header.Get("Lambda-Runtime-Function-Response-Mode") == "streaming" {
		c.stream(call, contentType, r)
		accept(w)
		return
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, MaxPayload+1))
	if err != nil {
		refuse(w, http.StatusBadRequest, "InvalidRequest", "the response broke off: "+err.Error())
		return
	}
	if len(body) > MaxPayload {
		call.fail(document("Function.ResponseSizeTooLarge", call.RequestID, fmt.Sprintf(
			"Response payload size exceeded maximum allowed payload size (%d bytes).", MaxPayload)))
		c.answered(call)
		refuse(w, http.StatusRequestEntityTooLarge, "RequestEntityTooLarge",
			fmt.Sprintf("the response is larger than %d bytes", MaxPayload))
		return
	}
	if doc := errorTrailer(r); doc != nil {
		call.fail(doc)
	} else {
		call.answer(Answer{Body: bytes.NewReader(body), ContentType: contentType})
	}
	c.answered(call)
	accept(w)
}

// stream passes the response on as it comes. An error in its trailers, or its sudden end, breaks the client's response
// off: it has begun and cannot be taken back.
func (c *Container) stream(call *Call, contentType string, r *http.Request) {
	reader, writer := io.Pipe()
	if !call.answer(Answer{Body: reader, ContentType: contentType, Streaming: true}) {
		_ = reader.Close() // it timed out meanwhile: nobody will read
	}
	_, err := io.Copy(writer, r.Body)
	if errors.Is(err, io.ErrClosedPipe) { // the client left; the function runs on
		_, err = io.Copy(io.Discard, r.Body)
	}
	if doc := errorTrailer(r); err == nil && doc != nil {
		call.fault("error in the stream")
		err = fmt.Errorf("the function failed while it streamed: %s", doc)
	}
	_ = writer.CloseWithError(err)
	c.answered(call)
}

// errorTrailer returns the error document that follows a response whose body failed half way, or nil.
func errorTrailer(r *http.Request) []byte {
	name := r.Trailer.Get(trailerErrorType)
	if name == "" {
		return nil
	}
	doc, err := base64.StdEncoding.DecodeString(r.Trailer.Get(trailerErrorBody))
	if err != nil || !json.Valid(doc) {
		return document(name, "", "the response broke off")
	}
	return doc
}

func (c *Container) functionError(w http.ResponseWriter, r *http.Request) {
	call := c.current(w, r)
	if call == nil {
		return
	}
	doc, err := io.ReadAll(io.LimitReader(r.Body, MaxPayload))
	if err != nil {
		refuse(w, http.StatusBadRequest, "InvalidRequest", "the error document broke off: "+err.Error())
		return
	}
	call.fail(doc)
	c.answered(call)
	accept(w)
}

// initError takes the function's word for why it could not start. The process usually ends next; it is ended if not.
func (c *Container) initError(w http.ResponseWriter, r *http.Request) {
	doc, err := io.ReadAll(io.LimitReader(r.Body, MaxPayload))
	if err != nil || len(doc) == 0 {
		doc = document("Runtime.InitError", "", "the function reported that it could not start, and no reason")
	}
	c.mu.Lock()
	if c.state != Starting {
		c.mu.Unlock()
		refuse(w, http.StatusForbidden, "InvalidStateTransition", "the initialisation is over")
		return
	}
	call := c.call
	c.initErr = doc
	c.beginStop(failure)
	c.mu.Unlock()
	if call != nil {
		call.fault("init error")
		call.fail(doc)
	}
	accept(w)
	_ = http.NewResponseController(w).Flush() // the answer must be out before the process is
	c.hooks.State(c)
	c.proc.Kill()
}

func accept(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusAccepted)
	_, _ = io.WriteString(w, `{"status":"OK"}`+"\n")
}

func refuse(w http.ResponseWriter, status int, errorType, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]string{"errorType": errorType, "errorMessage": message})
}
