package main

import (
	"flag"
	"fmt"
	"io"
	"time"

	"github.com/stillwarm/stillwarm/localdev/runner"
)

// parse reads the command line. Help and mistakes are written to w.
func parse(args []string, w io.Writer) (runner.Options, error) {
	o := runner.Options{ServeBuildErrors: true}
	f := flag.NewFlagSet("localdev", flag.ContinueOnError)
	f.SetOutput(w)
	f.Usage = func() { usage(w, f) }
	f.StringVar(&o.Function, "function", "", "`folder` of the function's package main (default lambda/demo of this repository)")
	f.StringVar(&o.Binary, "binary", "", "run this `file` instead of building a folder")
	f.StringVar(&o.Tags, "tags", "", "build `tags`, for example lambda.norpc")
	f.BoolVar(&o.Race, "race", false, "build with the race detector")
	f.BoolVar(&o.FastBuild, "fast-build", true, "compile the AWS and Redis clients without optimisation; --fast-build=false for measuring")
	f.StringVar(&o.Addr, "addr", "127.0.0.1:8787", "`address` for clients; port 0 takes a free one")
	f.IntVar(&o.Containers, "containers", 10, "processes at most; each handles one invocation at a time")
	f.StringVar(&o.Backend, "backend", "", "`WHERE` results persist: redis or s3 (a server is started and ended), a URL "+
		"(disk://, redis://, s3://), several separated by spaces, or none; default files in a temporary folder")
	f.StringVar(&o.Data, "data", "", "`folder` in which what is started for --backend keeps its data (default a temporary one)")
	f.Func("env", "`NAME=VALUE` for the function's environment; may be repeated", func(kv string) error {
		o.Env = append(o.Env, kv)
		return nil
	})
	f.DurationVar(&o.Timeout, "timeout", 30*time.Second, "the function's timeout")
	f.DurationVar(&o.InitTimeout, "init-timeout", 10*time.Second, "limit of a start")
	f.IntVar(&o.MemoryMB, "memory", 128, "the function's memory in `MB`; told to it, not enforced")
	f.DurationVar(&o.Idle, "idle", 0, "end a container that is idle for so long; 0 for never")
	queue := f.Int("queue", 1000, "callers that may wait for a container; 0 answers 429 at once, as the service does")
	f.DurationVar(&o.QueueTimeout, "queue-timeout", 30*time.Second, "how long each may wait before it is answered 429")
	f.StringVar(&o.Region, "region", "", "the function's `region` (default AWS_REGION, or us-east-1)")
	f.StringVar(&o.Name, "name", "", "the function's `name` (default the folder's)")
	if err := f.Parse(args); err != nil {
		return o, err
	}
	if f.NArg() > 0 {
		return o, fmt.Errorf("unexpected %q: a folder is named with --function", f.Arg(0))
	}
	o.Queue = *queue
	if o.Queue == 0 {
		o.Queue = -1 // the option's zero is its default
	}
	return o, nil
}

func usage(w io.Writer, f *flag.FlagSet) {
	_, _ = fmt.Fprintln(w, "A developer's Lambda on this machine.\n\nUsage: go run ./localdev [flags]\n"+
		"       go run ./localdev services list|install   the servers behind --backend redis and s3")
	f.VisitAll(func(x *flag.Flag) {
		name, text := flag.UnquoteUsage(x)
		head := "--" + x.Name
		if name != "" {
			head += " " + name
		}
		if x.DefValue != "" && x.DefValue != "0" && x.DefValue != "0s" && x.DefValue != "false" {
			text += " (default " + x.DefValue + ")"
		}
		_, _ = fmt.Fprintf(w, "  %-24s %s\n", head, text)
	})
}
