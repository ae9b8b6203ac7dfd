package adapter_test

import (
	"context"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/lambdacontext"

	"github.com/stillwarm/stillwarm/adapter"
	_ "github.com/stillwarm/stillwarm/backends/disk"
	"github.com/stillwarm/stillwarm/internal/invocation"
)

// Section 2 of the semantics: what makes a key. The table of arguments is held against package internal/key; here is
// what the adapter adds to it.

type session struct {
	ID   string
	conn net.Conn
}

type order struct {
	Item    string
	Session session
}

func TestKeys(t *testing.T) {
	c := newWorld(t).container()
	name := 0
	wrapping := func(opts ...adapter.DataOption) []adapter.DataOption {
		name++
		return append(opts, adapter.WithRuntime(c.Runtime), adapter.Name(strings.Repeat("n", name)))
	}
	price := func(_ context.Context, o order) (int, error) { return len(o.Item), nil }

	t.Run("K15 unhashable is an error at wrap time with both ways out", func(t *testing.T) {
		_, err := adapter.NewData(price, wrapping()...)
		var ue *adapter.UnhashableParamError
		if !errors.As(err, &ue) {
			t.Fatal(err)
		}
		if ue.Path != "in.Session.conn" || ue.Argument != "Session" {
			t.Errorf("path %q, argument %q", ue.Path, ue.Argument)
		}
		for _, part := range []string{
			"Cannot hash argument 'Session' (of type `adapter_test.session`) in '", "in.Session.conn", "`cache:\"-\"`", "adapter.HashFunc(",
		} {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("%q is not in:\n%v", part, err)
			}
		}
	})
	t.Run("K13 a hash function by type makes it hashable", func(t *testing.T) {
		d, err := adapter.NewData(price, wrapping(adapter.HashFunc(func(s session) string { return s.ID }))...)
		if err != nil {
			t.Fatal(err)
		}
		get(t, t.Context(), d, order{"a", session{ID: "1"}})
		get(t, t.Context(), d, order{"a", session{ID: "1", conn: &net.TCPConn{}}})
		get(t, t.Context(), d, order{"a", session{ID: "2"}})
		if s := d.Stats(); s.Runs != 2 {
			t.Fatalf("%+v", s)
		}
	})
	t.Run("K13 a hash function by fully qualified name makes it hashable", func(t *testing.T) {
		d, err := adapter.NewData(price, wrapping(adapter.HashFuncNamed("github.com/stillwarm/stillwarm/adapter_test.session",
			func(v any) (any, error) { return v.(session).ID, nil }))...)
		if err != nil {
			t.Fatal(err)
		}
		get(t, t.Context(), d, order{"a", session{ID: "1"}})
	})
	t.Run("K15 unhashable dynamic values are an error at call time", func(t *testing.T) {
		d := adapter.CacheData(func(_ context.Context, v any) (int, error) { return 1, nil }, wrapping()...)
		get(t, t.Context(), d, any("text"))
		_, err := d.Get(t.Context(), func() {})
		var ue *adapter.UnhashableParamError
		if !errors.As(err, &ue) {
			t.Fatal(err)
		}
	})
	for name, hash := range map[string]func(any) (any, error){
		"fails":  func(any) (any, error) { return nil, errors.New("no id") },
		"panics": func(any) (any, error) { panic("no id") },
	} {
		t.Run("a hash function that "+name+" is a UserHashError", func(t *testing.T) {
			d := adapter.CacheData(price, wrapping(adapter.HashFuncNamed("github.com/stillwarm/stillwarm/adapter_test.session", hash))...)
			_, err := d.Get(t.Context(), order{})
			var he *adapter.UserHashError
			if !errors.As(err, &he) || he.Path != "in.Session" || !strings.Contains(err.Error(), "no id") {
				t.Fatal(err)
			}
		})
	}
	t.Run("K17 a hash function that returns an address is refused for data", func(t *testing.T) {
		_, err := adapter.NewData(price, wrapping(adapter.HashFunc(func(s session) *session { return &s }))...)
		var he *adapter.UserHashError
		if !errors.As(err, &he) || !strings.Contains(err.Error(), "address") {
			t.Fatal(err)
		}
	})
	t.Run("K17 and allowed for resources", func(t *testing.T) {
		r, err := adapter.NewResource(func(_ context.Context, o order) (int, error) { return 1, nil }, adapter.Name("r"),
			adapter.WithRuntime(c.Runtime), adapter.HashFunc(func(s session) net.Conn { return s.conn }),
			adapter.HashFunc(func(c *net.TCPConn) uintptr { return 7 }))
		if err != nil {
			t.Fatal(err)
		}
		get(t, t.Context(), r, order{})
	})
	t.Run("two hash functions for one type are an error", func(t *testing.T) {
		_, err := adapter.NewData(price, wrapping(adapter.HashFunc(func(s session) string { return s.ID }),
			adapter.HashFunc(func(s session) int { return 1 }))...)
		if err == nil {
			t.Fatal("no error")
		}
	})
	t.Run("K18 the key is taken once, before the run", func(t *testing.T) {
		d := adapter.CacheData(func(_ context.Context, in []int) (int, error) { in[0] = 99; return len(in), nil }, wrapping()...)
		get(t, t.Context(), d, []int{1, 2})
		get(t, t.Context(), d, []int{1, 2})
		if s := d.Stats(); s.Runs != 1 {
			t.Fatalf("%+v", s)
		}
	})
	t.Run("K20 a scope separates entries", func(t *testing.T) {
		type tenant struct{}
		d := adapter.CacheData(double, wrapping(adapter.Scope(func(ctx context.Context) string {
			s, _ := ctx.Value(tenant{}).(string)
			return s
		}))...)
		for _, s := range []string{"a", "b", "a", "", "b"} {
			get(t, context.WithValue(t.Context(), tenant{}, s), d, 1)
		}
		if s := d.Stats(); s.Runs != 3 {
			t.Fatalf("%+v", s)
		}
	})
	t.Run("K20 without a scope tenants are kept apart", func(t *testing.T) {
		d := adapter.CacheData(double, wrapping()...)
		for _, tenant := range []string{"a", "b", "a", "", "b"} {
			ctx, inv := invocation.Begin(t.Context(), invocation.Options{TenantID: tenant, AfterResponse: true})
			get(t, ctx, d, 1)
			inv.Finish(t.Context())
		}
		ctx := lambdacontext.NewContext(t.Context(), &lambdacontext.LambdaContext{TenantID: "c"})
		get(t, ctx, d, 1)
		if s := d.Stats(); s.Runs != 4 {
			t.Fatalf("%+v", s)
		}
	})
	t.Run("K20 scope and argument do not run into each other", func(t *testing.T) {
		type tenant struct{}
		d := adapter.CacheData(func(_ context.Context, s string) (string, error) { return s, nil },
			wrapping(adapter.Scope(func(ctx context.Context) string { s, _ := ctx.Value(tenant{}).(string); return s }))...)
		get(t, context.WithValue(t.Context(), tenant{}, "a"), d, "bc")
		if got := get(t, context.WithValue(t.Context(), tenant{}, "ab"), d, "c"); got != "c" {
			t.Fatal(got)
		}
	})
	t.Run("long arguments have keys of their own", func(t *testing.T) {
		d := adapter.CacheData(func(_ context.Context, s string) (int, error) { return len(s), nil }, wrapping()...)
		for n := 400; n < 600; n++ {
			for range 2 {
				if got := get(t, t.Context(), d, strings.Repeat("x", n)); got != n {
					t.Fatal(got)
				}
			}
		}
		if s := d.Stats(); s.Runs != 200 {
			t.Fatalf("%+v", s)
		}
	})
}

// secret is an argument that must show nowhere.
const secret = "hunter2-4711"

func TestKeysCarryNoArguments(t *testing.T) {
	folder := t.TempDir()
	w := newWorld(t)
	w.backend = "disk://" + folder
	c := w.container()
	d := adapter.CacheData(func(_ context.Context, in string) (int, error) { return len(in), nil },
		adapter.Name("f"), adapter.WithRuntime(c.Runtime), adapter.Scope(func(context.Context) string { return secret }))
	get(t, t.Context(), d, secret)
	c.settle()
	x, err := d.Explain(t.Context(), secret)
	if err != nil || x.Key == "" || strings.Contains(x.Key, secret) {
		t.Fatal(x, err)
	}
	files := 0
	err = filepath.WalkDir(folder, func(path string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		files++
		b, err := os.ReadFile(path)
		if strings.Contains(path, secret) || strings.Contains(string(b), secret) {
			t.Errorf("%s shows the argument", path)
		}
		return err
	})
	if err != nil || files == 0 {
		t.Fatal(files, err)
	}
	if strings.Contains(c.logs.text(), secret) {
		t.Error("the log shows the argument")
	}
}

// The identity of the build is tested with real builds: a program that prints whether its call was a hit.
const buildProgram = `package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/stillwarm/stillwarm/adapter"
	_ "github.com/stillwarm/stillwarm/backends/disk"
)

type Out struct { N int; /*FIELD*/ }

func compute(_ context.Context, n int) (Out, error) { return Out{N: n + 1 /*CHANGE*/}, nil }

func main() {
	rt, err := adapter.New(adapter.Config{Backend: "disk://" + os.Args[1]})
	if err != nil { panic(err) }
	d := adapter.CacheData(compute, adapter.WithRuntime(rt) /*OPTION*/)
	if _, err := d.Get(context.Background(), 1); err != nil { panic(err) }
	s := d.Stats()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := rt.Close(ctx); err != nil { panic(err) }
	fmt.Print(s.Hits)
}
`

func TestCodeIdentity(t *testing.T) {
	if testing.Short() {
		t.Skip("builds programs")
	}
	wd, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	build := func(t *testing.T, edits ...string) string {
		t.Helper()
		// Below the module, so that it builds with the module's requirements.
		dir, err := os.MkdirTemp(filepath.Join(wd, "testdata"), "build-") //nolint:usetesting // within the module
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { os.RemoveAll(dir) })
		src := strings.NewReplacer(edits...).Replace(buildProgram)
		if err := os.WriteFile(filepath.Join(dir, "main.go"), []byte(src), 0o600); err != nil {
			t.Fatal(err)
		}
		bin := filepath.Join(t.TempDir(), "program")
		if out, err := exec.Command("go", "build", "-trimpath", "-o", bin, dir+"/main.go").CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		return bin
	}
	hits := func(t *testing.T, bin, folder string) string {
		t.Helper()
		out, err := exec.Command(bin, folder).CombinedOutput()
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		return string(out)
	}
	t.Run("K2 a redeploy of the same build stays warm", func(t *testing.T) {
		folder := t.TempDir()
		if got := hits(t, build(t), folder) + hits(t, build(t), folder); got != "01" {
			t.Fatal(got)
		}
	})
	t.Run("K2 changed code starts cold", func(t *testing.T) {
		folder := t.TempDir()
		if got := hits(t, build(t), folder) + hits(t, build(t, "/*CHANGE*/", "+1"), folder); got != "00" {
			t.Fatal(got)
		}
	})
	t.Run("K2 a version survives changed code", func(t *testing.T) {
		folder := t.TempDir()
		version := []string{"/*OPTION*/", `, adapter.Version("3")`}
		if got := hits(t, build(t, version...), folder) + hits(t, build(t, append(version, "/*CHANGE*/", "+1")...), folder); got != "01" {
			t.Fatal(got)
		}
	})
	t.Run("K2 a version does not survive a changed struct", func(t *testing.T) {
		folder := t.TempDir()
		version := []string{"/*OPTION*/", `, adapter.Version("3")`}
		if got := hits(t, build(t, version...), folder) + hits(t, build(t, append(version, "/*FIELD*/", "M int")...), folder); got != "00" {
			t.Fatal(got)
		}
	})
	t.Run("K2 another version is another cache", func(t *testing.T) {
		folder := t.TempDir()
		if got := hits(t, build(t, "/*OPTION*/", `, adapter.Version("3")`), folder) +
			hits(t, build(t, "/*OPTION*/", `, adapter.Version("4")`), folder); got != "00" {
			t.Fatal(got)
		}
	})
}
