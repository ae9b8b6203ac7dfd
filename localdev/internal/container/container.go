// Package container runs a function in one process as Lambda runs it in one execution environment: it starts cold,
// talks to the Runtime API and the Extensions API of its own, handles one invocation at a time, stays busy until it asks
// for the next one, and is replaced when it times out or ends.
package container

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/stillwarm/stillwarm/localdev/internal/guard"
	"github.com/stillwarm/stillwarm/localdev/internal/process"
)

// Function is what a container needs to know of the function that it runs.
type Function struct {
	Binary      string        // the executable
	Dir         string        // its working directory, which stands for /var/task
	Name        string        // the function's name
	Region      string        // the region that it believes to be in
	MemoryMB    int           // told to the function
	Enforce     bool          // end a process that has more memory than that
	Freeze      bool          // stop the process between invocations
	Timeout     time.Duration // of an invocation, until the function asks for the next one
	InitTimeout time.Duration // from the process's start until it asks for its first invocation
	Handler     string        // told to it; "" for bootstrap
	Env         []string      // what is added to the environment of a Lambda function, as K=V
}

// ARN returns the name under which the function is invoked.
func (f Function) ARN() string {
	return fmt.Sprintf("arn:aws:lambda:%s:000000000000:function:%s", f.Region, f.Name)
}

// Hooks are called by a container, never while it holds a lock of its own. Each must be set. State must return at once
// and not ask for containers: whoever gave the container a call may hold a lock.
type Hooks struct {
	Idle  func(*Container) // it can take another call
	Dead  func(*Container) // it is gone: its process has ended and its output is handed over
	State func(*Container) // its state has changed
	Done  func(*Call)      // a call is complete: the function asked for the next one, or ended
	// Output is a line that the function wrote; requestID is "" outside invocations.
	Output func(c *Container, requestID string, line []byte)
	// Settle returns when all that the function has told the runner by other ways than its output is known.
	Settle func(*Container)
	// Warn says that the function does something that behaves differently in the service.
	Warn func(c *Container, text string)
}

// State is where a container is in its life.
type State string

// The states, in the order in which a container goes through them; from After it goes back to Idle.
const (
	Starting State = "starting"       // initialising, until it asks for its first invocation
	Idle     State = "idle"           // waiting for an invocation
	Frozen   State = "frozen"         // idle, and its process is stopped until the next invocation
	Busy     State = "running"        // in an invocation
	After    State = "after response" // the client has its answer, the function still works
	Stopping State = "stopping"       // told to end
	Dead     State = "ended"
)

// Container is one process of the function. It is safe for concurrent use.
type Container struct {
	Slot int // its number in the pool, from 1

	fn      Function
	hooks   Hooks
	started time.Time
	tmp     string
	proc    *process.Process
	api     *http.Server

	mu      sync.Mutex
	state   State
	reason  string        // why it is stopping, for SHUTDOWN events
	waiter  chan<- *Call  // the runtime, waiting for its next invocation
	call    *Call         // the one that it was given or will be given
	timer   *time.Timer   // ends the initialisation or the invocation
	initErr []byte        // what the function reported about its own start
	init    time.Duration // how long it took to start, once it has
	served  int
	frozen  bool  // idle and stopped
	peak    int64 // the most memory that the process was seen to have, in bytes
	exts    map[string]*extension
}

// Place says where a container runs.
type Place struct {
	Slot   int             // its number, from 1
	Temp   string          // a folder in which it gets a temporary folder of its own
	Keeper *process.Keeper // may be nil
	Env    []string        // variables of this container alone
}

// Start starts the process. The first call, which may be nil, is given to it when it has started; if it ends before,
// that is the call's answer. The container begins in the state Starting.
func Start(place Place, fn Function, hooks Hooks, first *Call) (*Container, error) {
	slot := place.Slot
	c := &Container{
		Slot: slot, fn: fn, hooks: hooks, started: time.Now(), state: Starting, exts: map[string]*extension{}, call: first,
	}
	if first != nil {
		first.assign(slot, true)
	}
	var err error
	if c.tmp, err = os.MkdirTemp(place.Temp, fmt.Sprintf("container-%d-", slot)); err != nil {
		return nil, fmt.Errorf("temporary folder of container %d: %w", slot, err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		_ = os.RemoveAll(c.tmp)
		return nil, fmt.Errorf("runtime API of container %d: %w", slot, err)
	}
	c.api = &http.Server{Handler: guard.Machines(c.routes()), ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = c.api.Serve(listener) }()
	// The lock keeps the API's handlers out until the process is known to the container.
	c.mu.Lock()
	c.proc, err = process.Start(process.Spec{
		Path: fn.Binary, Dir: fn.Dir, Env: fn.environment(listener.Addr().String(), c.tmp, place.Env...),
		Output: c.output, Keeper: place.Keeper,
	})
	if err == nil {
		c.timer = time.AfterFunc(fn.InitTimeout, c.initTimedOut)
	}
	c.mu.Unlock()
	if err != nil {
		_ = c.api.Close()
		_ = os.RemoveAll(c.tmp)
		return nil, err
	}
	hooks.State(c)
	go c.watch()
	if fn.Enforce {
		go c.watchMemory()
	}
	return c, nil
}

// PID returns the id of the container's process.
func (c *Container) PID() int { return c.proc.PID() }

// Status is a picture of a container at one moment.
type Status struct {
	Slot    int
	PID     int
	State   State
	Started time.Time
	Init    time.Duration // 0 while it starts
	Served  int           // invocations until now
	Frozen  bool          // its process is stopped
	Memory  int64         // resident bytes now, or 0 where the system does not tell
	Peak    int64         // the most resident bytes
	Path    string        // what it works on, "" when idle
}

// Status returns what the container is doing.
func (c *Container) Status() Status {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := Status{Slot: c.Slot, PID: c.proc.PID(), State: c.state, Started: c.started, Init: c.init, Served: c.served}
	if s.Frozen = c.frozen; s.Frozen {
		s.State = Frozen
	}
	s.Peak = c.peak
	if c.call != nil {
		s.Path = c.call.Label
	}
	return s
}

// Dispatch gives the container a call: at once if it is idle, or when it has started. It reports false if the
// container cannot take one (it is busy, or ending).
func (c *Container) Dispatch(call *Call) bool {
	c.mu.Lock()
	if c.call != nil || (c.state != Starting && c.state != Idle) {
		c.mu.Unlock()
		return false
	}
	c.call = call
	call.assign(c.Slot, c.state == Starting)
	if c.state == Idle {
		c.deliver()
	}
	c.mu.Unlock()
	c.hooks.State(c)
	return true
}

// deliver hands the call to the waiting runtime and to the extensions that want to know. It is called with the lock
// held and the runtime waiting.
func (c *Container) deliver() {
	call := c.call
	c.served++
	c.state = Busy
	c.thaw()
	call.begin(c.fn.Timeout, c.init)
	c.timer.Stop()
	c.timer = time.AfterFunc(c.fn.Timeout, func() { c.timedOut(call) })
	c.waiter <- call
	c.waiter = nil
	for _, x := range c.exts {
		x.invoke(call, c.fn)
	}
}

// advance moves on when the runtime and every extension wait for their next event: the start is over, or the
// invocation complete.
func (c *Container) advance() {
	c.mu.Lock()
	if c.waiter == nil || !c.extensionsReady() || c.state == Stopping || c.state == Dead || c.state == Idle {
		c.mu.Unlock()
		return
	}
	c.timer.Stop()
	var finished *Call
	if c.state == Starting {
		c.init = time.Since(c.started)
	} else {
		finished, c.call = c.call, nil
	}
	c.state = Idle
	free := c.call == nil
	switch {
	case !free:
		c.deliver()
	case c.fn.Freeze:
		c.freeze()
	}
	c.mu.Unlock()
	if finished != nil {
		finished.complete(c.measure())
		c.hooks.Done(finished)
	}
	c.hooks.State(c)
	if free {
		c.hooks.Idle(c)
	}
}

func (c *Container) output(line []byte) {
	c.mu.Lock()
	id := ""
	if c.call != nil {
		id = c.call.RequestID
	}
	c.mu.Unlock()
	c.hooks.Output(c, id, line)
}
