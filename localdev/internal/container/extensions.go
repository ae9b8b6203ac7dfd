package container

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"time"
)

// extension is what registered with the Extensions API. It is guarded by the container's lock.
type extension struct {
	id      string
	name    string
	events  []string
	waiting bool        // it asked for its next event
	queue   chan []byte // its events; two fit, an invocation and the end
}

// invoke tells the extension of an invocation. The container waits for it to ask again before the invocation is
// complete.
func (x *extension) invoke(call *Call, fn Function) {
	if !slices.Contains(x.events, "INVOKE") {
		return
	}
	x.waiting = false
	x.send(map[string]any{
		"eventType":          "INVOKE",
		"deadlineMs":         call.Deadline().UnixMilli(),
		"requestId":          call.RequestID,
		"invokedFunctionArn": fn.ARN(),
		"tracing":            map[string]string{"type": "X-Amzn-Trace-Id", "value": call.TraceID},
	})
}

func (x *extension) shutdown(reason string, deadline time.Time) {
	if slices.Contains(x.events, "SHUTDOWN") {
		x.send(map[string]any{
			"eventType": "SHUTDOWN", "shutdownReason": reason, "deadlineMs": deadline.UnixMilli(),
		})
	}
}

func (x *extension) send(event map[string]any) {
	b, err := json.Marshal(event)
	if err != nil { // strings and numbers always encode
		return
	}
	select {
	case x.queue <- b:
	default: // it has not fetched the one before; the container does not wait for it for ever
	}
}

// extensionsReady reports whether every extension waits for its next event. The lock is held.
func (c *Container) extensionsReady() bool {
	for _, x := range c.exts {
		if !x.waiting {
			return false
		}
	}
	return true
}

func (c *Container) register(w http.ResponseWriter, r *http.Request) {
	name := r.Header.Get("Lambda-Extension-Name")
	if name == "" {
		refuse(w, http.StatusForbidden, "Extension.MissingHeader", "Lambda-Extension-Name is missing")
		return
	}
	var body struct {
		Events []string `json:"events"`
	}
	if err := json.NewDecoder(io.LimitReader(r.Body, 1<<20)).Decode(&body); err != nil {
		refuse(w, http.StatusBadRequest, "InvalidRequestFormat", "the body is no JSON object with events: "+err.Error())
		return
	}
	for _, event := range body.Events {
		if event != "INVOKE" && event != "SHUTDOWN" {
			refuse(w, http.StatusForbidden, "Extension.InvalidEventType", fmt.Sprintf("no such event: %q", event))
			return
		}
	}
	c.mu.Lock()
	if c.state != Starting {
		c.mu.Unlock()
		refuse(w, http.StatusForbidden, "Extension.RegistrationClosed", "the initialisation is over")
		return
	}
	x := &extension{id: uuid(), name: name, events: body.Events, queue: make(chan []byte, 2)}
	c.exts[x.id] = x
	c.mu.Unlock()
	if slices.Contains(body.Events, "SHUTDOWN") {
		c.hooks.Warn(c, "extension "+name+" asked for SHUTDOWN events: the service refuses them to an extension "+
			"that runs inside the function's process, and sends it SIGTERM instead")
	}
	w.Header().Set("Lambda-Extension-Identifier", x.id)
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]string{
		"functionName": c.fn.Name, "functionVersion": version, "handler": c.fn.handler(),
	})
}

// nextEvent holds the extension's request until there is an event for it.
func (c *Container) nextEvent(w http.ResponseWriter, r *http.Request) {
	id := r.Header.Get("Lambda-Extension-Identifier")
	c.mu.Lock()
	x := c.exts[id]
	if x != nil {
		x.waiting = true
	}
	c.mu.Unlock()
	if x == nil {
		refuse(w, http.StatusForbidden, "Extension.UnknownExtensionIdentifier", fmt.Sprintf("unknown: %q", id))
		return
	}
	c.advance()
	select {
	case event := <-x.queue:
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Lambda-Extension-Event-Identifier", uuid())
		_, _ = w.Write(event)
	case <-r.Context().Done():
	}
}

// extensionError takes an extension's word that it cannot start or go on; the container ends with it.
func (c *Container) extensionError(w http.ResponseWriter, r *http.Request) {
	kind := r.Header.Get("Lambda-Extension-Function-Error-Type")
	c.mu.Lock()
	x := c.exts[r.Header.Get("Lambda-Extension-Identifier")]
	if x == nil {
		c.mu.Unlock()
		refuse(w, http.StatusForbidden, "Extension.UnknownExtensionIdentifier", "unknown extension")
		return
	}
	call := c.call
	c.beginStop(failure)
	c.mu.Unlock()
	if call != nil {
		call.fault("extension error")
		call.fail(document("Extension.Crash", call.RequestID, fmt.Sprintf("extension %s failed: %s", x.name, kind)))
	}
	accept(w)
	_ = http.NewResponseController(w).Flush()
	c.hooks.State(c)
	c.proc.Kill()
}

// uuid returns a random identifier in the form that the service uses.
func uuid() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails: the runtime ends the program instead
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// NewRequestID returns a request id that no other invocation has.
func NewRequestID() string { return uuid() }
