// Command worker is one process of a fleet under test: it caches one function in the backend that its Setup names, and
// does what it is told on standard input. It ends when standard input does.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/stillwarm/stillwarm/adapter"
	"github.com/stillwarm/stillwarm/backends"
	_ "github.com/stillwarm/stillwarm/backends/all"
	"github.com/stillwarm/stillwarm/tests/fleet/internal/wire"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "worker:", err)
		os.Exit(1)
	}
}

func run() error {
	var s wire.Setup
	if err := json.Unmarshal([]byte(os.Getenv(wire.Env)), &s); err != nil {
		return fmt.Errorf("%s: %w", wire.Env, err)
	}
	manager, err := backends.Open(context.Background(), s.Backend)
	if err != nil {
		return err
	}
	rt, err := adapter.New(adapter.Config{
		Manager: watch(manager), Namespace: s.Namespace, BackendTimeout: s.BackendTimeout,
		LeaseTTL: s.LeaseTTL, MaxWait: s.MaxWait, Logger: slog.New(slog.NewJSONHandler(os.Stderr, nil)),
	})
	if err != nil {
		return err
	}
	f := &function{setup: s}
	w := &worker{rt: rt, data: adapter.CacheData(f.compute, f.options(rt)...)}
	if err := w.serve(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	return rt.Close(ctx)
}

// worker answers commands.
type worker struct {
	rt   *adapter.Runtime
	data *adapter.Data[string, wire.Answer]
	load *load
}

// serve answers one command after the other until there are no more.
func (w *worker) serve() error {
	in, out := bufio.NewScanner(os.Stdin), json.NewEncoder(os.Stdout)
	if err := out.Encode(wire.Reply{}); err != nil { // ready
		return err
	}
	for in.Scan() {
		var c wire.Command
		if err := json.Unmarshal(in.Bytes(), &c); err != nil {
			return fmt.Errorf("command %q: %w", in.Text(), err)
		}
		start := time.Now()
		reply, err := w.do(c)
		if err != nil {
			reply.Error = err.Error()
		}
		reply.Took = time.Since(start)
		if err := out.Encode(reply); err != nil {
			return err
		}
	}
	return in.Err()
}

func (w *worker) do(c wire.Command) (wire.Reply, error) {
	ctx := context.Background()
	switch c.Do {
	case wire.Get:
		return wire.Reply{Calls: w.get(ctx, c)}, nil
	case wire.Fill:
		return wire.Reply{}, w.fill(ctx, c)
	case wire.Clear:
		return wire.Reply{}, w.data.Clear(ctx)
	case wire.Load:
		w.load = startLoad(ctx, w.data, c)
		return wire.Reply{}, nil
	case wire.Phase, wire.Look:
		if w.load == nil {
			return wire.Reply{}, fmt.Errorf("%s without a load", c.Do)
		}
		return wire.Reply{Summary: w.load.summary(c.Do == wire.Phase)}, nil
	}
	return wire.Reply{}, fmt.Errorf("unknown command %q", c.Do)
}
