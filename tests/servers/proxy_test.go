package servers_test

import (
	"bufio"
	"errors"
	"io"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stillwarm/stillwarm/tests/servers"
)

// echo starts a server that answers each line with the same line.
func echo(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				_, _ = io.Copy(c, c)
			}()
		}
	}()
	return l.Addr().String()
}

// ask sends a line and returns the answer.
func ask(c net.Conn, line string) (string, error) {
	if err := c.SetDeadline(time.Now().Add(5 * time.Second)); err != nil {
		return "", err
	}
	if _, err := io.WriteString(c, line+"\n"); err != nil {
		return "", err
	}
	s, err := bufio.NewReader(c).ReadString('\n')
	return strings.TrimSuffix(s, "\n"), err
}

func connect(t *testing.T, addr string) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func TestProxyPassesAndCounts(t *testing.T) {
	p := servers.NewProxy(t, echo(t))
	c := connect(t, p.Addr)
	if got, err := ask(c, "hello"); err != nil || got != "hello" {
		t.Fatalf("answer %q, %v", got, err)
	}
	toServer, toClient := p.Bytes()
	if p.Connections() != 1 || toServer != 6 || toClient != 6 {
		t.Errorf("connections %d, bytes %d and %d, want 1, 6 and 6", p.Connections(), toServer, toClient)
	}
}

func TestProxyFaults(t *testing.T) {
	for name, tc := range map[string]struct {
		plan  servers.Plan
		check func(answer string, err error) bool
	}{
		"reset":     {servers.Plan{Fault: servers.Reset}, func(_ string, err error) bool { return err != nil }},
		"truncate":  {servers.Plan{Fault: servers.Truncate, Bytes: 3}, func(a string, err error) bool { return a == "hel" && errors.Is(err, io.EOF) }},
		"garbage":   {servers.Plan{Fault: servers.Garbage}, func(a string, err error) bool { return err == nil && a != "hello" }},
		"slow":      {servers.Plan{Fault: servers.Slow, Latency: time.Millisecond, Bandwidth: 10_000}, func(a string, err error) bool { return a == "hello" && err == nil }},
		"passagain": {servers.Plan{}, func(a string, err error) bool { return a == "hello" && err == nil }},
	} {
		t.Run(name, func(t *testing.T) {
			p := servers.NewProxy(t, echo(t))
			c := connect(t, p.Addr)
			if _, err := ask(c, "first"); err != nil {
				t.Fatal(err)
			}
			p.Set(t, tc.plan)
			if got, err := ask(c, "hello"); !tc.check(got, err) {
				t.Errorf("answer %q, %v", got, err)
			}
		})
	}
}

func TestProxyHangsUntilItPasses(t *testing.T) {
	p := servers.NewProxy(t, echo(t))
	p.Set(t, servers.Plan{Fault: servers.Hang})
	c := connect(t, p.Addr)
	if _, err := io.WriteString(c, "lost\n"); err != nil {
		t.Fatal(err)
	}
	if err := c.SetReadDeadline(time.Now().Add(50 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	_, err := c.Read(make([]byte, 1))
	if ne, ok := errors.AsType[net.Error](err); !ok || !ne.Timeout() {
		t.Errorf("reading: %v, want a timeout", err)
	}
	p.Set(t, servers.Plan{})
	if got, err := ask(connect(t, p.Addr), "hello"); err != nil || got != "hello" {
		t.Errorf("after the fault: %q, %v", got, err)
	}
}

func TestProxyRefusesAndComesBackOnTheSameAddress(t *testing.T) {
	p := servers.NewProxy(t, echo(t))
	p.Set(t, servers.Plan{Fault: servers.Refuse})
	if _, err := net.Dial("tcp", p.Addr); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("connecting: %v, want refused", err)
	}
	p.Set(t, servers.Plan{})
	if got, err := ask(connect(t, p.Addr), "hello"); err != nil || got != "hello" {
		t.Errorf("after the fault: %q, %v", got, err)
	}
}
