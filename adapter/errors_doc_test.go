package adapter_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stillwarm/stillwarm/adapter"
	_ "github.com/stillwarm/stillwarm/backends/disk"
)

var update = flag.Bool("update", false, "write the files that are compared anew")

// What docs/errors.md shows is what the errors print: the page is made by this test.

type Cart struct {
	Items   []string
	Session Session
}

type Session struct {
	ID   string
	conn net.Conn
}

type Page struct {
	Title  string
	Render func() string
}

type Result struct {
	Rows   []int
	cursor int
}

func total(context.Context, Cart) (int, error)         { return 0, nil }
func render(context.Context, string) (Page, error)     { return Page{}, nil }
func query(context.Context, string) (Result, error)    { return Result{}, nil }
func quotes(context.Context, string) ([]string, error) { return nil, nil }
func others(context.Context, string) ([]string, error) { return nil, nil }

func sessionID(any) (any, error) { return nil, errors.New("the session has no id") }

func sessionAddress(s Session) *Session { return &s }

var pricesByItem = func(context.Context, string) (int, error) { return 0, nil }

func multiplyScore(_ context.Context, in struct{ Obj MyCustomClass }) (int, error) { return 0, nil }

type MyCustomClass struct{ score int }

func TestErrorsPage(t *testing.T) {
	rt := newWorld(t).container().Runtime
	on := adapter.WithRuntime(rt)
	wrap := func(_ any, err error) error { return err }
	memo, err := adapter.NewData(func(context.Context, any) (int, error) { return 0, nil }, adapter.Name("main.describe"), on)
	if err != nil {
		t.Fatal(err)
	}
	hashed, err := adapter.NewData(total, on, adapter.HashFuncNamed("github.com/stillwarm/stillwarm/adapter_test.Session",
		sessionID))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := adapter.NewData(quotes, adapter.TTL("10m"), on); err != nil {
		t.Fatal(err)
	}
	if _, err := adapter.NewData(quotes, adapter.Name("prices"), on); err != nil {
		t.Fatal(err)
	}
	call := func(_ int, err error) error { return err }
	sections := []struct {
		title, prose, code string
		err                error
	}{
		{"An argument that cannot be hashed", "Found when the function is wrapped, wherever the types alone decide it.",
			"type MyCustomClass struct{ score int }\n\nfunc multiplyScore(ctx context.Context, in struct{ Obj MyCustomClass }) (int, error)\n\nvar scores = adapter.CacheData(multiplyScore)",
			wrap(adapter.NewData(multiplyScore, on))},
		{"An argument with a connection inside", "The message names the way to the culprit.",
			"type Session struct {\n\tID   string\n\tconn net.Conn\n}\n\ntype Cart struct {\n\tItems   []string\n\tSession Session\n}\n\nfunc total(ctx context.Context, in Cart) (int, error)\n\nvar totals = adapter.CacheData(total)",
			wrap(adapter.NewData(total, on, adapter.Name("total")))},
		{"A dynamic value that cannot be hashed", "Found at the call, because only then it is known what the interface holds.",
			"func describe(ctx context.Context, v any) (int, error)\n\nvar descriptions = adapter.CacheData(describe)\n\n_, err := descriptions.Get(ctx, func() {})",
			call(memo.Get(t.Context(), func() {}))},
		{"A hash function that fails", "The function, the type and the way to the value.",
			"func sessionID(v any) (any, error) { return nil, errors.New(\"the session has no id\") }\n\nadapter.HashFuncNamed(\"example.com/shop.Session\", sessionID)",
			call(hashed.Get(t.Context(), Cart{}))},
		{"A hash function that returns an address", "It would make a new key in every process. For resources it is allowed.",
			"type Session struct{ ID string }\n\nfunc sessionAddress(s Session) *Session { return &s }\n\nadapter.HashFunc(sessionAddress)",
			wrap(adapter.NewData(total, on, adapter.Name("totals"), adapter.HashFunc(sessionAddress)))},
		{"A result that cannot be stored", "A hit must equal the miss, so what would get lost is refused when the function is wrapped.",
			"type Result struct {\n\tRows   []int\n\tcursor int\n}\n\nfunc query(ctx context.Context, id string) (Result, error)\n\nvar results = adapter.CacheData(query)",
			wrap(adapter.NewData(query, on))},
		{"A result with a function inside", "The same.",
			"type Page struct {\n\tTitle  string\n\tRender func() string\n}\n\nfunc render(ctx context.Context, path string) (Page, error)\n\nvar pages = adapter.CacheData(render)",
			wrap(adapter.NewData(render, on))},
		{"A function without a name", "Its ordinal among the function literals would move when code is edited.",
			"var prices = adapter.CacheData(func(ctx context.Context, item string) (int, error) { return len(item), nil })",
			wrap(adapter.NewData(pricesByItem, on))},
		{"One function, two sets of options", "Two sets of options are two caches.",
			"func quotes(ctx context.Context, symbol string) ([]string, error)\n\nvar a = adapter.CacheData(quotes, adapter.TTL(\"10m\"))\nvar b = adapter.CacheData(quotes, adapter.TTL(\"1h\"))",
			wrap(adapter.NewData(quotes, adapter.TTL("1h"), on))},
		{"Two functions under one name", "They would give each other's results.",
			"func quotes(ctx context.Context, symbol string) ([]string, error)\nfunc others(ctx context.Context, symbol string) ([]string, error)\n\nvar a = adapter.CacheData(quotes, adapter.Name(\"prices\"))\nvar b = adapter.CacheData(others, adapter.Name(\"prices\"))",
			wrap(adapter.NewData(others, adapter.Name("prices"), on))},
		{"A ttl that is no duration", "With examples of what is.",
			"adapter.TTL(\"soon\")", wrap(adapter.NewData(double, adapter.TTL("soon"), on))},
		{"An option out of range", "With what is accepted.",
			"adapter.Jitter(1.5)", wrap(adapter.NewData(double, adapter.Jitter(1.5), on))},
		{"An option for another type", "An option that takes a function takes one of the cached function's types.",
			"func double(ctx context.Context, n int) (int, error)\n\nadapter.CacheData(double, adapter.CacheIf(func(s string) bool { return s != \"\" }))",
			wrap(adapter.NewData(double, adapter.CacheIf(func(s string) bool { return s != "" }), on))},
		{"A backend that does not exist", "From the environment.",
			"STILLWARM_BACKEND=floppy://a", wrap(adapter.New(adapter.Config{Backend: "floppy://a"}))},
		{"A backend parameter that does not exist", "",
			"STILLWARM_BACKEND=disk:///tmp/stillwarm?size=1GB", wrap(adapter.New(adapter.Config{Backend: "disk:///tmp/stillwarm?size=1GB"}))},
		{"A sealing key that is none", "",
			"STILLWARM_SEAL_KEYS=k1:secret", wrap(adapter.New(adapter.Config{SealKeys: "k1:secret"}))},
	}
	var b strings.Builder
	b.WriteString("# Errors\n\nWhat misuse prints, as it really prints: this page is written by the test `TestErrorsPage` in package adapter " +
		"(`go test ./adapter -run ErrorsPage -update`), and the test fails where the two differ.\n\n" +
		"`CacheData` and `CacheResource` panic with these, because they stand in package-level variables, where a program that starts is " +
		"the place to find out; `NewData` and `NewResource` return them. Errors at a call are returned by `Get`. An error that is " +
		"returned has the same words on one line, for a log record; `fmt.Printf(\"%+v\", err)` prints it as it stands here.\n")
	for _, s := range sections {
		if s.err == nil {
			t.Fatalf("%s: no error", s.title)
		}
		fmt.Fprintf(&b, "\n## %s\n\n", s.title)
		if s.prose != "" {
			b.WriteString(s.prose + "\n\n")
		}
		lang := "go"
		if strings.HasPrefix(s.code, "STILLWARM") {
			lang = "sh"
		}
		fmt.Fprintf(&b, "```%s\n%s\n```\n\n```text\n%s\n```\n", lang, s.code, asInMain(fmt.Sprintf("%+v", s.err)))
	}
	const page = "../docs/errors.md"
	if *update {
		if err := os.WriteFile(page, []byte(b.String()), 0o644); err != nil { //nolint:gosec // a page for everybody
			t.Fatal(err)
		}
	}
	have, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	// make fmt wraps the page's prose: one space is like another.
	if !slices.Equal(strings.Fields(string(have)), strings.Fields(b.String())) {
		t.Fatalf("%s differs from what the errors print; run with -update and make fmt to accept\n%s", page, b.String())
	}
}

var somewhere = regexp.MustCompile(`\S*errors_doc_test\.go:\d+`)

// asInMain shows the message as a program of the reader's would print it.
func asInMain(msg string) string {
	n := 10
	msg = somewhere.ReplaceAllStringFunc(msg, func(string) string { n += 10; return fmt.Sprintf("shop/main.go:%d", n) })
	return strings.NewReplacer("github.com/stillwarm/stillwarm/adapter_test.", "example.com/shop.", "adapter_test.", "main.").Replace(msg)
}
