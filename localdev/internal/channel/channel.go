// Package channel is the runner's side of the development channel: it listens for the function's processes, takes what
// they tell, and asks them. See devchannel for the other side and the protocol.
package channel

import (
	"bufio"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"runtime"
	"sync"
	"time"

	"github.com/stillwarm/stillwarm/devchannel"
)

// The bounds of what a process may cost.
const (
	helloTimeout = 10 * time.Second
	maxSocket    = 100 // bytes of a socket's path that every system takes
)

// ErrNotConnected says that a container has no channel: its function does not use Stillwarm, or was built without the
// channel.
var ErrNotConnected = errors.New("the container has no development channel")

// Hooks are called from the goroutine that reads a process's messages, in their order.
type Hooks struct {
	Connected func(slot int, hello devchannel.Hello)
	Functions func(slot int, functions []devchannel.Function)
	Events    func(slot int, events []devchannel.Event)
	Lost      func(slot int, events uint64)
}

// Server listens for processes. It is safe for concurrent use.
type Server struct {
	listener net.Listener
	network  string
	hooks    Hooks

	mu    sync.Mutex
	slots map[string]int // by token
	conns map[int]*conn  // by slot
	open  map[net.Conn]bool
	done  sync.WaitGroup
}

// Listen opens a Unix socket in folder, or a loopback address where there are none.
func Listen(folder string, hooks Hooks) (*Server, error) {
	s := &Server{hooks: hooks, slots: map[string]int{}, conns: map[int]*conn{}, open: map[net.Conn]bool{}}
	socket := filepath.Join(folder, "dev.sock")
	var err error
	if s.network = "unix"; runtime.GOOS != "windows" && len(socket) <= maxSocket {
		s.listener, _ = net.Listen("unix", socket) // a folder that takes no sockets: the address below
	}
	if s.listener == nil {
		s.network = "tcp"
		if s.listener, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
			return nil, fmt.Errorf("development channel: %w", err)
		}
	}
	s.done.Go(s.accept)
	return s, nil
}

// Env returns the variables that lead a new process of a container to the server. The token admits it once.
func (s *Server) Env(slot int) []string {
	token := rand.Text()
	s.mu.Lock()
	s.slots[token] = slot
	s.mu.Unlock()
	address := s.listener.Addr().String()
	if s.network == "unix" {
		address = "/" + filepath.ToSlash(address)[1:]
	}
	return []string{devchannel.EnvAddress + "=" + s.network + "://" + address + "?token=" + token}
}

func (s *Server) accept() {
	for {
		c, err := s.listener.Accept()
		if err != nil {
			return
		}
		s.done.Go(func() { s.serve(c) })
	}
}

// conn is one process's connection.
type conn struct {
	c       net.Conn
	decoder *json.Decoder
	slot    int

	mu      sync.Mutex
	next    uint64
	waiting map[uint64]chan *devchannel.Reply
	closed  bool
}

func (s *Server) serve(c net.Conn) {
	s.mu.Lock()
	s.open[c] = true
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		delete(s.open, c)
		s.mu.Unlock()
		_ = c.Close()
	}()
	k := &conn{c: c, decoder: json.NewDecoder(bufio.NewReaderSize(c, 64<<10)), waiting: map[uint64]chan *devchannel.Reply{}}
	_ = c.SetReadDeadline(time.Now().Add(helloTimeout))
	var first devchannel.Message
	if k.decoder.Decode(&first) != nil || first.Hello == nil || first.Hello.Version != devchannel.Version {
		return
	}
	s.mu.Lock()
	slot, ok := s.slots[first.Hello.Token]
	delete(s.slots, first.Hello.Token)
	if ok {
		k.slot = slot
		s.conns[slot] = k
	}
	s.mu.Unlock()
	if !ok {
		return
	}
	_ = c.SetReadDeadline(time.Time{})
	first.Hello.Token = ""
	s.hooks.Connected(slot, *first.Hello)
	k.read(s.hooks)
	s.mu.Lock()
	if s.conns[slot] == k {
		delete(s.conns, slot)
	}
	s.mu.Unlock()
	k.close()
}

func (k *conn) read(hooks Hooks) {
	for {
		var m devchannel.Message
		if k.decoder.Decode(&m) != nil {
			return
		}
		switch {
		case m.Events != nil:
			hooks.Events(k.slot, m.Events)
		case m.Functions != nil:
			hooks.Functions(k.slot, m.Functions)
		case m.Lost > 0:
			hooks.Lost(k.slot, m.Lost)
		case m.Reply != nil:
			k.mu.Lock()
			if wait := k.waiting[m.Reply.ID]; wait != nil {
				wait <- m.Reply
				delete(k.waiting, m.Reply.ID)
			}
			k.mu.Unlock()
		}
	}
}

func (k *conn) close() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.closed = true
	for id, wait := range k.waiting {
		close(wait)
		delete(k.waiting, id)
	}
}

// Slots returns the containers that are connected.
func (s *Server) Slots() []int {
	s.mu.Lock()
	defer s.mu.Unlock()
	var slots []int
	for slot := range s.conns {
		slots = append(slots, slot)
	}
	return slots
}

// Ask asks a container and decodes its answer into v, which may be nil. The error is the container's, ErrNotConnected, or
// ctx's.
func (s *Server) Ask(ctx context.Context, slot int, a devchannel.Ask, v any) error {
	s.mu.Lock()
	k := s.conns[slot]
	s.mu.Unlock()
	if k == nil {
		return ErrNotConnected
	}
	reply, err := k.ask(ctx, a)
	if err != nil {
		return err
	}
	if reply.Err != "" {
		return errors.New(reply.Err)
	}
	if v == nil || len(reply.Value) == 0 {
		return nil
	}
	return json.Unmarshal(reply.Value, v)
}

func (k *conn) ask(ctx context.Context, a devchannel.Ask) (*devchannel.Reply, error) {
	wait := make(chan *devchannel.Reply, 1)
	k.mu.Lock()
	if k.closed {
		k.mu.Unlock()
		return nil, ErrNotConnected
	}
	k.next++
	a.ID = k.next
	k.waiting[a.ID] = wait
	deadline, ok := ctx.Deadline()
	if !ok {
		deadline = time.Now().Add(helloTimeout)
	}
	_ = k.c.SetWriteDeadline(deadline) // a process that is stopped reads nothing
	err := json.NewEncoder(k.c).Encode(devchannel.Message{Ask: &a})
	k.mu.Unlock()
	if err == nil {
		select {
		case reply, ok := <-wait:
			if !ok {
				return nil, ErrNotConnected
			}
			return reply, nil
		case <-ctx.Done():
			err = ctx.Err()
		}
	}
	k.mu.Lock()
	delete(k.waiting, a.ID)
	k.mu.Unlock()
	return nil, err
}

// Settle returns when all events that a container has told until now have been handed to the hooks, or when ctx ends.
func (s *Server) Settle(ctx context.Context, slot int) {
	_ = s.Ask(ctx, slot, devchannel.Ask{Verb: devchannel.VerbSync}, nil)
}

// Close ends the server and all connections.
func (s *Server) Close() {
	_ = s.listener.Close()
	s.mu.Lock()
	for c := range s.open {
		_ = c.Close()
	}
	s.mu.Unlock()
	s.done.Wait()
}
