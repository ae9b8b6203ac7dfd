package runtimeapitest

import (
	"fmt"
	"net/http"
	"os"
	"sync"
)

// Gate holds a function's process at a place of its code until the test opens it.
type Gate struct {
	reached chan struct{}
	open    chan struct{}
	reach   sync.Once
	unlock  sync.Once
	mu      sync.Mutex
	passed  int
}

// Gate returns the gate of that name.
func (s *Server) Gate(name string) *Gate {
	s.mu.Lock()
	defer s.mu.Unlock()
	g := s.gates[name]
	if g == nil {
		g = &Gate{reached: make(chan struct{}), open: make(chan struct{})}
		s.gates[name] = g
	}
	return g
}

// Reached is closed when somebody has come to the gate.
func (g *Gate) Reached() <-chan struct{} { return g.reached }

// Open lets through whoever waits and whoever comes later.
func (g *Gate) Open() { g.unlock.Do(func() { close(g.open) }) }

// Passed returns how often the gate was passed.
func (g *Gate) Passed() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.passed
}

func (s *Server) pass(_ http.ResponseWriter, r *http.Request) {
	g := s.Gate(r.PathValue("name"))
	g.reach.Do(func() { close(g.reached) })
	select {
	case <-g.open:
		g.mu.Lock()
		g.passed++
		g.mu.Unlock()
	case <-s.closed:
	case <-r.Context().Done():
	}
}

// Pass is for the function's process: it returns when the test has opened the gate.
func Pass(name string) error {
	res, err := http.Get("http://" + os.Getenv("AWS_LAMBDA_RUNTIME_API") + "/gate/" + name)
	if err != nil {
		return fmt.Errorf("gate %q: %w", name, err)
	}
	return res.Body.Close()
}
