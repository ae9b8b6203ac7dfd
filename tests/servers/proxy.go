package servers

import (
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// A Fault is what a [Proxy] does to connections.
type Fault int

const (
	// Pass hands everything on.
	Pass Fault = iota
	// Refuse closes the listener, so that connecting is refused, and drops the connections there are.
	Refuse
	// Reset accepts and answers with a TCP reset, also on the connections there are.
	Reset
	// Hang accepts, reads and never answers; connections there are fall silent.
	Hang
	// Slow hands everything on, with Latency before each chunk of an answer and at most Bandwidth bytes a second.
	Slow
	// Truncate closes a connection after Bytes bytes of answers, counted from when the fault was set.
	Truncate
	// Hold keeps the next thing that a client says from the server and breaks its connection, once: see [Proxy.Deliver].
	Hold
	// Garbage answers with bytes that belong to no protocol, once for whatever is sent.
	Garbage
)

// A Plan is a fault with its settings. The zero Plan passes everything.
type Plan struct {
	Fault     Fault
	Latency   time.Duration // Slow: before each chunk
	Bandwidth int           // Slow: bytes a second; zero means no limit
	Bytes     int           // Truncate: how much of the answers passes
	Once      bool          // Truncate: the first connection that is cut is the last one
}

// A Proxy stands between a client and a server and breaks connections on demand. It is safe for concurrent use.
type Proxy struct {
	// Addr is where clients connect; it stays the same while faults come and go.
	Addr string

	target   atomic.Pointer[string]
	turns    atomic.Int64
	accepted atomic.Int64
	toServer atomic.Int64
	toClient atomic.Int64

	mu       sync.Mutex
	plan     Plan
	changed  chan struct{} // closed when the plan changes
	listener net.Listener
	conns    map[net.Conn]struct{}
	closed   bool
	held     *link
	wg       sync.WaitGroup
}

// link is one client's connection to the server.
type link struct {
	client, server net.Conn
	spoke          atomic.Bool // the client was the last to speak
	held           []byte      // what was kept from the server; nil: nothing
	answered       chan struct{}
}

// NewProxy starts a proxy in front of target ("host:port") that ends with the test. It begins by passing everything.
func NewProxy(t testing.TB, target string) *Proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &Proxy{Addr: l.Addr().String(), changed: make(chan struct{}), conns: map[net.Conn]struct{}{}}
	p.target.Store(&target)
	p.listen(l)
	t.Cleanup(p.close)
	return p
}

// Set changes what the proxy does, for the connections there are and for those to come.
func (p *Proxy) Set(t testing.TB, plan Plan) {
	t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.plan = plan
	close(p.changed)
	p.changed = make(chan struct{})
	switch plan.Fault {
	case Refuse:
		if p.listener != nil {
			p.listener.Close()
			p.listener = nil
		}
		p.drop(false)
		return
	case Reset:
		p.drop(true)
	}
	if p.listener != nil {
		return
	}
	l, err := net.Listen("tcp", p.Addr)
	if err != nil {
		t.Fatalf("proxy: listening again on %s: %v", p.Addr, err)
	}
	p.listen(l)
}

// Drop closes the connections there are, as a server that restarts does.
func (p *Proxy) Drop() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.drop(false)
}

// Retarget lets new connections go to another server, as a name that resolves to another address does.
func (p *Proxy) Retarget(target string) { p.target.Store(&target) }

// RoundTrips returns how often clients spoke after they had listened, over all connections so far: each time, they
// waited for the network once.
func (p *Proxy) RoundTrips() int { return int(p.turns.Load()) }

// Connections returns how many connections were accepted so far.
func (p *Proxy) Connections() int { return int(p.accepted.Load()) }

// Bytes returns how many bytes were passed on to the server, and back to clients, so far.
func (p *Proxy) Bytes() (toServer, toClient int64) { return p.toServer.Load(), p.toClient.Load() }

// listen accepts on l until it is closed. The caller holds p.mu, or nobody else knows p yet.
func (p *Proxy) listen(l net.Listener) {
	p.listener = l
	p.wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			p.accepted.Add(1)
			if p.track(c) {
				p.wg.Go(func() { p.serve(c) })
			}
		}
	})
}

// track remembers a connection, so that a fault can end it. It closes c and reports false where the proxy is closed.
func (p *Proxy) track(c net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || p.plan.Fault == Refuse {
		c.Close()
		return false
	}
	p.conns[c] = struct{}{}
	return true
}

// forget closes a connection that is done with.
func (p *Proxy) forget(c net.Conn) {
	p.mu.Lock()
	delete(p.conns, c)
	p.mu.Unlock()
	c.Close()
}

// drop closes every connection, with a reset where asked. The caller holds p.mu.
func (p *Proxy) drop(reset bool) {
	for c := range p.conns {
		abort(c, reset)
	}
}

// abort closes a connection, with a reset where asked.
func abort(c net.Conn, reset bool) {
	if tcp, ok := c.(*net.TCPConn); ok && reset {
		_ = tcp.SetLinger(0) // closing with nothing to linger for sends RST
	}
	c.Close()
}

// current returns the plan and a channel that is closed when it changes.
func (p *Proxy) current() (Plan, <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.plan, p.changed
}

// close ends the proxy and waits for its goroutines.
func (p *Proxy) close() {
	p.mu.Lock()
	p.closed = true
	if p.listener != nil {
		p.listener.Close()
	}
	close(p.changed)
	p.changed = make(chan struct{})
	p.drop(false)
	p.mu.Unlock()
	p.wg.Wait()
}

// serve joins one client with the server and applies the plan of the moment to each chunk.
func (p *Proxy) serve(client net.Conn) {
	defer p.forget(client)
	if plan, _ := p.current(); plan.Fault == Reset {
		abort(client, true)
		return
	}
	server, err := net.Dial("tcp", *p.target.Load())
	if err != nil {
		abort(client, true)
		return
	}
	if !p.track(server) {
		return
	}
	defer p.forget(server)
	var both sync.WaitGroup
	l := &link{client: client, server: server, answered: make(chan struct{})}
	both.Go(func() { p.request(l) })
	both.Go(func() { p.answer(l) })
	both.Wait()
}

// request copies what the client says to the server, unless the plan keeps it.
func (p *Proxy) request(l *link) {
	client, server := l.client, l.server
	kept := false
	defer func() {
		if !kept {
			server.Close()
		}
	}()
	buf := make([]byte, 32<<10)
	for {
		n, err := client.Read(buf)
		if n > 0 {
			if !l.spoke.Swap(true) {
				p.turns.Add(1)
			}
			switch plan, _ := p.current(); plan.Fault {
			case Hold:
				if kept = p.hold(l, buf[:n]); kept {
					client.Close()
					return
				}
				if _, err := server.Write(buf[:n]); err != nil {
					return
				}
			case Hang:
				// read and forgotten: the client waits for an answer that never comes
			case Garbage:
				if _, err := client.Write([]byte("\x00\xff?!garbage\r\n\x16\x03{[<")); err != nil {
					return
				}
			default:
				p.toServer.Add(int64(n)) // before it is passed on: whoever has the answer finds it counted
				if _, err := server.Write(buf[:n]); err != nil {
					return
				}
			}
		}
		if err != nil {
			return
		}
	}
}

// answer copies what the server says to the client, as the plan has it.
func (p *Proxy) answer(l *link) {
	client, server := l.client, l.server
	defer client.Close()
	defer close(l.answered)
	buf := make([]byte, 32<<10)
	var cut struct {
		since <-chan struct{} // the plan that the count belongs to
		n     int
	}
	for {
		n, err := server.Read(buf)
		if n > 0 {
			l.spoke.Store(false)
			plan, changed := p.current()
			b := buf[:n]
			switch plan.Fault {
			case Hang, Garbage:
				b = nil
			case Slow:
				if !p.delay(plan, n, changed) {
					return
				}
			case Truncate:
				if cut.since != changed {
					cut.since, cut.n = changed, 0
				}
				b = b[:min(n, max(0, plan.Bytes-cut.n))]
				cut.n += n
			}
			p.toClient.Add(int64(len(b)))
			if _, err := client.Write(b); err != nil {
				return
			}
			if plan.Fault == Truncate && cut.n >= plan.Bytes {
				p.spent(plan, changed)
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// hold keeps what the client said, unless something else is kept already, and ends the fault.
func (p *Proxy) hold(l *link, said []byte) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.held != nil || p.plan.Fault != Hold {
		return false
	}
	l.held, p.held, p.plan = append([]byte{}, said...), l, Plan{}
	close(p.changed)
	p.changed = make(chan struct{})
	return true
}

// Deliver hands to the server what [Hold] kept from it, on the connection on which it came, and waits for the server's
// answer, which nobody gets.
func (p *Proxy) Deliver(t testing.TB) {
	t.Helper()
	p.mu.Lock()
	l := p.held
	p.held = nil
	p.mu.Unlock()
	if l == nil {
		t.Fatal("proxy: nothing was held back")
	}
	if _, err := l.server.Write(l.held); err != nil {
		t.Fatalf("proxy: delivering what was held back: %v", err)
	}
	select {
	case <-l.answered:
	case <-time.After(30 * time.Second):
		t.Fatal("proxy: no answer to what was held back")
	}
}

// spent ends a fault that was to happen once, unless it has been changed since.
func (p *Proxy) spent(plan Plan, changed <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if plan.Once && p.changed == changed {
		p.plan = Plan{}
		close(p.changed)
		p.changed = make(chan struct{})
	}
}

// delay waits as a slow network would, or until the plan changes. It reports false where the proxy closes.
func (p *Proxy) delay(plan Plan, n int, changed <-chan struct{}) bool {
	d := plan.Latency
	if plan.Bandwidth > 0 {
		d += time.Duration(float64(n) / float64(plan.Bandwidth) * float64(time.Second))
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-changed:
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return !p.closed
}
