// Package runtimeapitest is a small Lambda Runtime API for tests, and a way to run a function behind it in a process of
// its own, because aws-lambda-go's Start never returns.
package runtimeapitest

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// Server speaks the Runtime API, and of the Extensions API what registering takes. It is safe for concurrent use.
type Server struct {
	listener net.Listener
	http     *http.Server
	queue    chan *Invocation
	closed   chan struct{}
	once     sync.Once

	mu         sync.Mutex
	open       map[string]*Invocation // by request id, taken and not done
	gates      map[string]*Gate
	extensions []string
	polls      int
	sent       int
}

// NewServer returns a server that listens on a free loopback port.
func NewServer() (*Server, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("runtime API for tests: %w", err)
	}
	s := &Server{
		listener: listener,
		queue:    make(chan *Invocation, 1024),
		closed:   make(chan struct{}),
		open:     map[string]*Invocation{},
		gates:    map[string]*Gate{},
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /2018-06-01/runtime/invocation/next", s.next)
	mux.HandleFunc("POST /2018-06-01/runtime/invocation/{id}/{outcome}", s.answer)
	mux.HandleFunc("POST /2020-01-01/extension/register", s.register)
	mux.HandleFunc("GET /2020-01-01/extension/event/next", s.hold)
	mux.HandleFunc("GET /gate/{name}", s.pass)
	s.http = &http.Server{Handler: mux}
	go func() { _ = s.http.Serve(listener) }()
	return s, nil
}

// Addr returns what belongs in AWS_LAMBDA_RUNTIME_API.
func (s *Server) Addr() string { return s.listener.Addr().String() }

// Close ends the server; functions behind it find that out at their next poll and exit.
func (s *Server) Close() {
	s.once.Do(func() { close(s.closed) })
	_ = s.http.Close()
}

// Extensions returns the names of the extensions that were registered, in order.
func (s *Server) Extensions() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.extensions...)
}

// Polls returns how often the next invocation was asked for.
func (s *Server) Polls() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.polls
}

// Send queues an invocation for the function.
func (s *Server) Send(e Event) *Invocation {
	s.mu.Lock()
	s.sent++
	if e.RequestID == "" {
		e.RequestID = "request-" + strconv.Itoa(s.sent)
	}
	s.mu.Unlock()
	if e.Timeout == 0 {
		e.Timeout = time.Minute
	}
	inv := newInvocation(e)
	s.queue <- inv
	return inv
}

func (s *Server) next(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.polls++
	for id, inv := range s.open {
		if inv.isAnswered() {
			delete(s.open, id)
			close(inv.done)
		}
	}
	s.mu.Unlock()
	select {
	case inv := <-s.queue:
		s.mu.Lock()
		s.open[inv.event.RequestID] = inv
		s.mu.Unlock()
		h := w.Header()
		h.Set("Lambda-Runtime-Aws-Request-Id", inv.event.RequestID)
		h.Set("Lambda-Runtime-Deadline-Ms", strconv.FormatInt(time.Now().Add(inv.event.Timeout).UnixMilli(), 10))
		h.Set("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:eu-west-1:123456789012:function:test")
		if inv.event.TenantID != "" {
			h.Set("Lambda-Runtime-Aws-Tenant-Id", inv.event.TenantID)
		}
		close(inv.taken)
		_, _ = w.Write(inv.event.Payload)
	case <-s.closed:
	case <-r.Context().Done():
	}
}

func (s *Server) answer(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	inv := s.open[r.PathValue("id")]
	s.mu.Unlock()
	if inv == nil {
		http.Error(w, "no such invocation", http.StatusBadRequest)
		return
	}
	_ = http.NewResponseController(w).EnableFullDuplex()
	body := inv.receive(r.Body)
	w.WriteHeader(http.StatusAccepted)
	inv.settle(Answer{
		Failed:      r.PathValue("outcome") == "error",
		ContentType: r.Header.Get("Content-Type"),
		XRayCause:   r.Header.Get("Lambda-Runtime-Function-Xray-Error-Cause"),
		Body:        body,
		Trailer:     r.Trailer,
	})
}

func (s *Server) register(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	s.mu.Lock()
	s.extensions = append(s.extensions, r.Header.Get("Lambda-Extension-Name"))
	s.mu.Unlock()
	w.Header().Set("Lambda-Extension-Identifier", "extension-1")
}

// hold keeps an extension that asks for events waiting: there are none.
func (s *Server) hold(_ http.ResponseWriter, r *http.Request) {
	select {
	case <-s.closed:
	case <-r.Context().Done():
	}
}
