package devchannel

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"sync/atomic"
	"time"
)

// Source is what the runner may ask a function for. Its methods are called from several goroutines.
type Source interface {
	// Functions returns the cached functions that are known now.
	Functions() []Function
	// Entries returns at most limit entries of memory.
	Entries(limit int) []Entry
	// Value returns an entry's value, or an error that says why there is none.
	Value(ctx context.Context, r Ref) (Value, error)
	// Explain says what a call would find, and changes nothing.
	Explain(ctx context.Context, r Ref) (Explanation, error)
	// Clear clears with the promises of the public methods.
	Clear(ctx context.Context, t Target) error
	// SetClockOffset moves the clock by which entries age.
	SetClockOffset(d time.Duration)
}

// The bounds of a client.
const (
	queued      = 4096
	dialTimeout = 500 * time.Millisecond
	askTimeout  = 10 * time.Second
	batch       = 256
)

// Client is the function's side of the channel. All its methods may be called on nil, which does nothing. It is safe for
// concurrent use, and none of its methods blocks.
type Client struct {
	src   Source
	conn  net.Conn
	out   chan Message
	lost  atomic.Uint64
	calls atomic.Uint64
	gone  chan struct{}
}

// connected is how many clients this process has.
var connected atomic.Int32

// Connected reports whether a runner listens to this process.
func Connected() bool { return Linked && connected.Load() > 0 }

// Connect dials the runner and introduces the process. It returns nil where there is none: see the package's
// documentation.
func Connect(src Source) *Client {
	if !Linked {
		return nil
	}
	return dial(src)
}

// dial is Connect where the function's side is linked.
func dial(src Source) *Client {
	address := os.Getenv(EnvAddress)
	if address == "" || os.Getenv(EnvMode) != "development" {
		return nil
	}
	network, at, token, err := parseAddress(address)
	if err != nil {
		return nil
	}
	conn, err := net.DialTimeout(network, at, dialTimeout)
	if err != nil {
		return nil
	}
	c := &Client{src: src, conn: conn, out: make(chan Message, queued), gone: make(chan struct{})}
	hello := Message{Hello: &Hello{Version: Version, Token: token, PID: os.Getpid(), Functions: src.Functions()}}
	connected.Add(1)
	go c.write(hello)
	go c.read()
	return c
}

// parseAddress splits the runner's address.
func parseAddress(s string) (network, address, token string, err error) {
	u, err := url.Parse(s)
	if err != nil {
		return "", "", "", fmt.Errorf("%s cannot be read", EnvAddress) // without the token in it
	}
	token = u.Query().Get("token")
	switch {
	case u.Scheme == "unix" && u.Path != "":
		return "unix", u.Path, token, nil
	case u.Scheme == "tcp" && u.Host != "":
		return "tcp", u.Host, token, nil
	}
	return "", "", "", fmt.Errorf("%s is neither unix:///path nor tcp://host:port", EnvAddress)
}

// Emit sends an event. One that does not fit into the queue is counted and dropped.
func (c *Client) Emit(e Event) {
	if c == nil {
		return
	}
	if e.At == 0 {
		e.At = time.Now().UnixNano()
	}
	c.put(Message{Events: []Event{e}})
}

// Announce sends the functions anew, when more of them are known.
func (c *Client) Announce() {
	if c != nil {
		c.put(Message{Functions: c.src.Functions()})
	}
}

// NextCall returns a number for a cached call.
func (c *Client) NextCall() uint64 {
	if c == nil {
		return 0
	}
	return c.calls.Add(1)
}

func (c *Client) put(m Message) {
	select {
	case c.out <- m:
	case <-c.gone:
	default:
		c.lost.Add(1)
	}
}

// write sends what is queued, as much at a time as there is.
func (c *Client) write(first Message) {
	w := bufio.NewWriterSize(c.conn, 64<<10)
	encoder := json.NewEncoder(w)
	err := encoder.Encode(first)
	for err == nil {
		if err = w.Flush(); err != nil {
			break
		}
		var m Message
		select {
		case m = <-c.out:
		case <-c.gone:
			return
		}
		for n := 0; err == nil; n++ {
			if lost := c.lost.Swap(0); lost > 0 {
				err = encoder.Encode(Message{Lost: lost})
			}
			if err == nil {
				err = encoder.Encode(m)
			}
			if n >= batch || len(c.out) == 0 {
				break
			}
			m = <-c.out
		}
	}
	_ = c.conn.Close() // read ends with it
}

// read answers questions until the runner is gone.
func (c *Client) read() {
	defer connected.Add(-1)
	defer close(c.gone)
	defer func() { _ = c.conn.Close() }()
	decoder := json.NewDecoder(bufio.NewReader(io.LimitReader(c.conn, 1<<40)))
	for {
		var m Message
		if decoder.Decode(&m) != nil {
			return
		}
		if m.Ask == nil {
			continue
		}
		if m.Ask.Verb == VerbSync { // in order: after all events that were given to Emit before
			c.reply(&Reply{ID: m.Ask.ID})
			continue
		}
		go c.answer(*m.Ask)
	}
}

// reply waits for room: a question must be answered.
func (c *Client) reply(r *Reply) {
	select {
	case c.out <- Message{Reply: r}:
	case <-c.gone:
	}
}

func (c *Client) answer(a Ask) {
	r := &Reply{ID: a.ID}
	defer func() {
		if p := recover(); p != nil {
			r = &Reply{ID: a.ID, Err: fmt.Sprintf("panic: %v", p)}
		}
		c.reply(r)
	}()
	ctx, cancel := context.WithTimeout(context.Background(), askTimeout)
	defer cancel()
	value, err := c.ask(ctx, a)
	if err == nil && value != nil {
		r.Value, err = json.Marshal(value)
	}
	if err != nil {
		r.Err = err.Error()
	}
}

func (c *Client) ask(ctx context.Context, a Ask) (any, error) {
	switch a.Verb {
	case VerbEntries:
		return c.src.Entries(a.Limit), nil
	case VerbValue:
		return c.src.Value(ctx, a.Ref)
	case VerbExplain:
		return c.src.Explain(ctx, a.Ref)
	case VerbClear:
		return nil, c.src.Clear(ctx, a.Target)
	case VerbClock:
		c.src.SetClockOffset(a.Offset)
		return nil, nil
	}
	return nil, fmt.Errorf("unknown question %q", a.Verb)
}
