package adapter_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/stillwarm/stillwarm/adapter"
)

type exampleConn struct {
	n    int
	dead bool
}

// dialled returns an open function that numbers its connections.
func dialled() func(context.Context, string) (*exampleConn, error) {
	n := 0
	return func(context.Context, string) (*exampleConn, error) { n++; return &exampleConn{n: n}, nil }
}

// A connection that died is replaced before anybody gets it.
func ExampleValidate() {
	conns := adapter.CacheResource(dialled(), adapter.Name("validate"), adapter.WithRuntime(exampleRuntime()),
		adapter.Validate(func(_ context.Context, c *exampleConn) bool { return !c.dead }))
	ctx := context.Background()
	c, _ := conns.Get(ctx, "db")
	fmt.Println(c.n)
	c.dead = true
	c, _ = conns.Get(ctx, "db")
	fmt.Println(c.n)
	// Output:
	// 1
	// 2
}

// The error says why not even a new object is valid.
func ExampleValidateErr() {
	conns := adapter.CacheResource(dialled(), adapter.Name("validateerr"), adapter.WithRuntime(exampleRuntime()),
		adapter.ValidateErr(func(_ context.Context, c *exampleConn) error {
			if c.dead || c.n > 1 {
				return errors.New("access denied")
			}
			return nil
		}))
	ctx := context.Background()
	c, err := conns.Get(ctx, "db")
	fmt.Println(c.n, err)
	c.dead = true
	_, err = conns.Get(ctx, "db")
	fmt.Println(errors.Is(err, adapter.ErrInvalid), err)
	// Output:
	// 1 <nil>
	// true a newly opened resource is not valid: 'validateerr' was opened again after it had failed its validation: access denied
}

// The validation may depend on what was asked for.
func ExampleValidateWith() {
	conns := adapter.CacheResource(dialled(), adapter.Name("validatewith"), adapter.WithRuntime(exampleRuntime()),
		adapter.ValidateWith(func(_ context.Context, host string, c *exampleConn) bool { return host == "stable" || !c.dead }))
	ctx := context.Background()
	for _, host := range []string{"stable", "shaky"} {
		c, _ := conns.Get(ctx, host)
		c.dead = true
		again, _ := conns.Get(ctx, host)
		fmt.Println(host, c == again)
	}
	// Output:
	// stable true
	// shaky false
}

// A check that costs a round trip is made every ten seconds only, and after a thaw.
func ExampleValidateEvery() {
	rt, advance := exampleClock()
	checks := 0
	conns := adapter.CacheResource(dialled(), adapter.Name("validateevery"), adapter.WithRuntime(rt),
		adapter.Validate(func(context.Context, *exampleConn) bool { checks++; return true }),
		adapter.ValidateEvery(10*time.Second))
	ctx := context.Background()
	for range 5 {
		_, _ = conns.Get(ctx, "db")
	}
	advance(11 * time.Second)
	_, _ = conns.Get(ctx, "db")
	fmt.Println(checks < 5, conns.Stats().Opens)
	// Output: true 1
}

// Without OnRelease an object's Close method is called.
func ExampleOnRelease() {
	rt := exampleRuntime()
	conns := adapter.CacheResource(dialled(), adapter.Name("onrelease"), adapter.WithRuntime(rt),
		adapter.OnRelease(func(_ context.Context, c *exampleConn) error { fmt.Println("released", c.n); return nil }))
	ctx := context.Background()
	_, _ = conns.Get(ctx, "db")
	_ = rt.Close(ctx)
	// Output: released 1
}

// Use holds the object for as long as the function runs, whatever the context.
func ExampleResource_Use() {
	conns := adapter.CacheResource(dialled(), adapter.Name("use"), adapter.WithRuntime(exampleRuntime()))
	err := conns.Use(context.Background(), "db", func(c *exampleConn) error {
		fmt.Println("connection", c.n)
		return nil
	})
	fmt.Println(err)
	// Output:
	// connection 1
	// <nil>
}

// Each argument has an object of its own.
func ExampleResource_Stats() {
	conns := adapter.CacheResource(dialled(), adapter.Name("rstats"), adapter.WithRuntime(exampleRuntime()))
	ctx := context.Background()
	for _, host := range []string{"a", "b", "a"} {
		_, _ = conns.Get(ctx, host)
	}
	s := conns.Stats()
	fmt.Println(s.Opens, "opened,", s.Hits, "hit,", s.Open, "open")
	// Output: 2 opened, 1 hit, 2 open
}

// A configuration shows no secret, however it is printed.
func ExampleConfig() {
	c := adapter.Config{Backend: "redis://user:password@my-cache:6379", SealKeys: "k1:c2VjcmV0"}
	fmt.Println(c)
	// Output: adapter.Config{Backend: redis, SealKeys: set}
}

// A misspelt setting is an error that names what is accepted.
func ExampleNew() {
	_, err := adapter.New(adapter.Config{Backend: "floppy://a"})
	var o *adapter.OptionError
	fmt.Println(errors.As(err, &o), o.Option)
	// Output: true STILLWARM_BACKEND
}

// AfterInvocation needs an invocation that package lambda runs.
func ExampleAfterInvocation() {
	fmt.Println(adapter.AfterInvocation(context.Background(), "send", func(context.Context) {}))
	// Output: false
}
