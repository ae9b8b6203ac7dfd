package devchannel

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stillwarm/stillwarm/internal/clone"
)

type redacted string

func (redacted) MarshalText() ([]byte, error) { return []byte("[REDACTED]"), nil }

type panics struct{ A int }

func (panics) String() string { panic("no") }

type node struct {
	Name string
	Next *node
}

type login struct {
	User     string
	Password string
	APIKey   string
	hidden   int
	Skip     int `cache:"-"`
}

func TestRender(t *testing.T) {
	circle := &node{Name: "a"}
	circle.Next = circle
	for _, c := range []struct {
		name string
		v    any
		want string
	}{
		{"text", "a b", `"a b"`},
		{"a number", 1.5, "1.5"},
		{"nothing", nil, "nil"},
		{"a struct", login{User: "ann", Password: "x", APIKey: "y", hidden: 1}, `{User:"ann" Password:[hidden] APIKey:[hidden]}`},
		{"a type that redacts", redacted("secret"), `"[REDACTED]"`},
		{"a type whose form panics", panics{}, "[its own form panics]"},
		{"a map", map[string]int{"b": 2, "a": 1}, `["a":1 "b":2]`},
		{"a map with a secret", map[string]string{"token": "t"}, `["token":[hidden]]`},
		{"bytes", []byte{0, 0xff}, "2 bytes"},
		{"a time", time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), "2026-01-02T03:04:05Z"},
		{"an error", errors.New("e"), "e"},
		{"a nil pointer", (*node)(nil), "nil"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := Render(c.v, MaxArg); got != c.want {
				t.Errorf("%s, want %s", got, c.want)
			}
		})
	}
	t.Run("never longer than asked for, never half a character", func(t *testing.T) {
		for _, v := range []any{circle, strings.Repeat("é", 500), make([]int, 1000), map[string]string{strings.Repeat("k", 300): "v"}} {
			for _, most := range []int{3, 10, 199, 200} {
				if got := Render(v, most); len(got) > most || strings.Contains(got, "\uFFFD") {
					t.Errorf("%d bytes: %q", len(got), got)
				}
			}
		}
	})
}

func TestValueOf(t *testing.T) {
	type inner struct{ Secret, Plain string }
	type outer struct {
		Rows []inner
		M    map[string]int
		T    time.Time
		P    *int
		E    []string
	}
	v := ValueOf(outer{Rows: []inner{{"s", "p"}}, M: map[string]int{"k": 1}, E: []string{}})
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"name":"Plain","type":"string","text":"\"p\""`, `"name":"Secret","type":"string","text":"[hidden]"`,
		`"name":"\"k\"","type":"int","text":"1"`, `"name":"P","type":"*int","text":"nil"`, `"name":"E","type":"[]string","text":"empty"`} {
		if !strings.Contains(string(b), want) {
			t.Errorf("no %s in %s", want, b)
		}
	}
	circle := &node{Name: "a"}
	circle.Next = circle
	for _, big := range []any{make([]int, 1_000_000), circle, strings.Repeat("x", 1<<20)} {
		if b, err := json.Marshal(ValueOf(big)); err != nil || len(b) > 64<<10 {
			t.Errorf("%T: %d bytes, %v", big, len(b), err)
		}
	}
}

func TestValueOfWhatACacheKeeps(t *testing.T) {
	type result struct{ City string }
	got := ValueOf(&clone.Kept[result]{Value: result{City: "Oslo"}})
	if !strings.HasSuffix(got.Type, ".result") || len(got.Children) != 1 || got.Children[0].Name != "City" || got.Children[0].Text != `"Oslo"` {
		t.Errorf("%+v", got)
	}
	if got := ValueOf((*clone.Kept[result])(nil)); got.Text != "nil" {
		t.Errorf("%+v", got)
	}
	if got := ValueOf(nil); got.Text != "nil" {
		t.Errorf("%+v", got)
	}
}

func TestTreeOf(t *testing.T) {
	tree := TreeOf(reflect.TypeFor[[]*node]())
	if tree.Type != "[]*devchannel.node" || len(tree.Fields) != 2 || tree.Fields[1].Name != "Next" {
		t.Errorf("%+v", tree)
	}
	if b, _ := json.Marshal(tree); len(b) > 4000 {
		t.Errorf("%d bytes for a type that contains itself", len(b))
	}
}

func TestParseAddress(t *testing.T) {
	for s, want := range map[string]string{
		"unix:///tmp/x.sock?token=T": "unix /tmp/x.sock T <nil>", "tcp://127.0.0.1:5?token=T": "tcp 127.0.0.1:5 T <nil>",
		"http://x?token=secret": "error", "": "error", "::": "error", "unix://": "error",
	} {
		network, at, token, err := parseAddress(s)
		got := fmt.Sprint(network, " ", at, " ", token, " ", err)
		if err != nil {
			got = "error"
			if strings.Contains(err.Error(), "secret") {
				t.Errorf("the token is told: %v", err)
			}
		}
		if got != want {
			t.Errorf("%q: %s", s, got)
		}
	}
}

type source struct {
	cleared chan Target
	offset  chan time.Duration
}

func (source) Functions() []Function { return []Function{{Name: "f", Kind: "data"}} }
func (source) Entries(limit int) []Entry {
	return []Entry{{Ref: Ref{"f", "k"}, Size: int64(limit)}}
}
func (source) Value(_ context.Context, r Ref) (Value, error) {
	if r.Key == "panic" {
		panic("in the function")
	}
	return Value{}, errors.New("no entry " + r.Key)
}
func (source) Explain(context.Context, Ref) (Explanation, error) {
	return Explanation{Why: "never asked"}, nil
}
func (s source) Clear(_ context.Context, t Target) error { s.cleared <- t; return nil }
func (s source) SetClockOffset(d time.Duration)          { s.offset <- d }

func TestClient(t *testing.T) {
	t.Run("without an address there is no client, and nil does nothing", func(t *testing.T) {
		t.Setenv(EnvMode, "development")
		c := dial(source{})
		c.Emit(Event{})
		c.Announce()
		if c != nil || c.NextCall() != 0 || connected.Load() > 0 {
			t.Error("there is one")
		}
	})
	socket := filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	t.Setenv(EnvAddress, "unix://"+socket+"?token=T")
	t.Run("deployed it dials nobody", func(t *testing.T) {
		t.Setenv(EnvMode, "deployed")
		if dial(source{}) != nil {
			t.Error("it did")
		}
	})
	t.Setenv(EnvMode, "development")
	s := source{make(chan Target, 1), make(chan time.Duration, 1)}
	c := dial(s)
	if c == nil {
		t.Fatal("no client")
	}
	conn, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	in := json.NewDecoder(bufio.NewReader(conn))
	next := func() (m Message) {
		t.Helper()
		if err := in.Decode(&m); err != nil {
			t.Fatal(err)
		}
		return m
	}
	if m := next(); m.Hello == nil || m.Hello.Token != "T" || m.Hello.Version != Version || m.Hello.Functions[0].Name != "f" {
		t.Fatalf("%+v", m)
	}
	out := json.NewEncoder(conn)
	ask := func(a Ask) *Reply {
		t.Helper()
		if err := out.Encode(Message{Ask: &a}); err != nil {
			t.Fatal(err)
		}
		m := next()
		if m.Reply == nil || m.Reply.ID != a.ID {
			t.Fatalf("%+v", m)
		}
		return m.Reply
	}
	t.Run("events come before the answer to a later sync", func(t *testing.T) {
		for range 100 {
			c.Emit(Event{Kind: "hit"})
		}
		if err := out.Encode(Message{Ask: &Ask{ID: 1, Verb: VerbSync}}); err != nil {
			t.Fatal(err)
		}
		events := 0
		for {
			m := next()
			events += len(m.Events)
			if m.Reply != nil {
				break
			}
		}
		if events != 100 {
			t.Errorf("%d events", events)
		}
	})
	t.Run("questions", func(t *testing.T) {
		if r := ask(Ask{ID: 2, Verb: VerbEntries, Limit: 7}); r.Err != "" || !strings.Contains(string(r.Value), `"size":7`) {
			t.Errorf("%+v", r)
		}
		if r := ask(Ask{ID: 3, Verb: VerbValue, Ref: Ref{"f", "x"}}); r.Err != "no entry x" {
			t.Errorf("%+v", r)
		}
		if r := ask(Ask{ID: 4, Verb: VerbValue, Ref: Ref{"f", "panic"}}); r.Err != "panic: in the function" {
			t.Errorf("%+v", r)
		}
		if r := ask(Ask{ID: 5, Verb: VerbExplain}); !strings.Contains(string(r.Value), "never asked") {
			t.Errorf("%+v", r)
		}
		if r := ask(Ask{ID: 6, Verb: VerbClear, Target: Target{Tag: "t"}}); r.Err != "" || (<-s.cleared).Tag != "t" {
			t.Errorf("%+v", r)
		}
		if r := ask(Ask{ID: 7, Verb: VerbClock, Offset: time.Hour}); r.Err != "" || <-s.offset != time.Hour {
			t.Errorf("%+v", r)
		}
		if r := ask(Ask{ID: 8, Verb: "what"}); !strings.Contains(r.Err, "unknown question") {
			t.Errorf("%+v", r)
		}
	})
	t.Run("a runner that does not read holds nobody up", func(t *testing.T) {
		for range 10 * queued {
			c.Emit(Event{Kind: "hit", Arg: strings.Repeat("x", MaxArg)})
		}
		if c.lost.Load() == 0 {
			t.Error("nothing was lost")
		}
	})
	t.Run("a runner that is gone", func(t *testing.T) {
		_ = conn.Close()
		<-c.gone
		c.Emit(Event{})
	})
}

func FuzzRender(f *testing.F) {
	f.Add("text", 5, []byte("b"))
	f.Fuzz(func(t *testing.T, s string, n int, b []byte) {
		v := map[string]any{s: []any{n, b, &s}}
		if got := Render(v, MaxArg); len(got) > MaxArg {
			t.Errorf("%d bytes", len(got))
		}
		ValueOf(v)
	})
}
