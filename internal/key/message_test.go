package key

import (
	"context"
	"flag"
	"net"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "write the files in testdata anew")

// golden compares text with a file in testdata.
func golden(t *testing.T, name, text string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if text != string(want) {
		t.Errorf("%s differs (run with -update to accept):\n%s", path, text)
	}
}

type (
	Session struct {
		ID   string
		User string
		conn net.Conn
	}
	Callback struct {
		Name string      `json:"name"`
		Done func(error) `json:"-"`
	}
	Input struct {
		Session Session
		Limit   int
	}
)

// here is the path of this package, in which the user of the messages writes.
const here = "github.com/stillwarm/stillwarm/internal/key"

func TestMessages(t *testing.T) {
	compileError := func(t *testing.T, typ reflect.Type) string {
		_, err := Compile(typ, Options{Function: "multiplyScore", Package: here})
		if err == nil {
			t.Fatal("accepted")
		}
		return err.Error()
	}
	callError := func(t *testing.T, v any, hashers ...Hasher) string {
		p, err := Compile(reflect.TypeFor[struct{ Value any }](), Options{Function: "multiplyScore", Package: here, Hashers: hashers})
		if err != nil {
			t.Fatal(err)
		}
		_, err = Append(p, nil, &struct{ Value any }{v})
		if err == nil {
			t.Fatal("accepted")
		}
		return err.Error()
	}
	for name, text := range map[string]func(t *testing.T) string{
		"unexported-field": func(t *testing.T) string { return compileError(t, reflect.TypeFor[Input]()) },
		"behind-a-pointer": func(t *testing.T) string { return compileError(t, reflect.TypeFor[struct{ Session *Session }]()) },
		"the-argument":     func(t *testing.T) string { return compileError(t, reflect.TypeFor[Session]()) },
		"func-in-a-list":   func(t *testing.T) string { return compileError(t, reflect.TypeFor[struct{ Callbacks []Callback }]()) },
		"foreign-argument": func(t *testing.T) string { return compileError(t, reflect.TypeFor[*time.Location]()) },
		"context":          func(t *testing.T) string { return compileError(t, reflect.TypeFor[struct{ Ctx context.Context }]()) },
		"map-key": func(t *testing.T) string {
			return compileError(t, reflect.TypeFor[struct{ ByConn map[chan int]string }]())
		},
		"dynamic-value":      func(t *testing.T) string { return callError(t, map[string]any{"secret": []any{1, func() {}}}) },
		"unexported-foreign": func(t *testing.T) string { return callError(t, context.Background()) },
		"hash-function": func(t *testing.T) string {
			return callError(t, Session{}, by(func(Session) any { panic("no session") }))
		},
		"address": func(t *testing.T) string { return callError(t, Session{}, by(func(s Session) any { return &s })) },
		"address-by-type": func(*testing.T) string {
			return CheckHashResult(reflect.TypeFor[*Session](), Options{Function: "multiplyScore", Package: here}).Error()
		},
		"result-by-type": func(*testing.T) string {
			return CheckHashResult(reflect.TypeFor[Input](), Options{Function: "multiplyScore", Package: here}).Error()
		},
	} {
		t.Run(name, func(t *testing.T) { golden(t, "message-"+name+".txt", text(t)+"\n") })
	}
	t.Run("no argument's value shows", func(t *testing.T) {
		if text := callError(t, map[string]any{"secret": func() {}}); strings.Contains(text, "secret") {
			t.Error(text)
		}
	})
	_ = Session{}.conn
}
