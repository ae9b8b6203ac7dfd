package cli

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/alecthomas/kong"

	"github.com/stillwarm/stillwarm/localdev/internal/handler"
	"github.com/stillwarm/stillwarm/localdev/internal/termlog"
	"github.com/stillwarm/stillwarm/localdev/runner"
)

// Dev is the subcommand that runs a function on this machine. Its fields are its flags; the zero value is not usable,
// since defaults are filled in by kong.
type Dev struct {
	Folder string `arg:"" optional:"" placeholder:"FOLDER" help:"Folder of the function's package main. Default: this folder if it calls lambda.Start, or lambda/demo of Stillwarm's own repository."`

	Function string `placeholder:"FOLDER" group:"The function" help:"The same as FOLDER."`
	Binary   string `placeholder:"FILE" group:"The function" help:"Run this executable instead of building a folder."`
	Tags     string `placeholder:"TAGS" group:"The function" help:"Build tags, for example lambda.norpc."`
	Race     bool   `group:"The function" help:"Build with the race detector."`
	Fast     bool   `name:"fast-build" default:"true" negatable:"" group:"The function" help:"Compile the AWS and Redis clients without optimisation, for a shorter first build. Switch it off to measure."`
	Name     string `placeholder:"NAME" group:"The function" help:"The function's name. Default: the folder's."`
	Region   string `placeholder:"REGION" group:"The function" help:"The function's region. Default: AWS_REGION, or us-east-1."`

	Watch bool `default:"true" negatable:"" group:"The function" help:"Build again when a file of the function changes; the last good version serves until the new one is built."`

	Env              []string `sep:"none" placeholder:"NAME[=VALUE]" group:"Its surroundings" help:"A variable for the function; NAME alone passes yours through. May be repeated."`
	EnvFile          string   `placeholder:"FILE" group:"Its surroundings" help:"A file of NAME=VALUE lines for the function's environment; --env beats it."`
	Template         string   `placeholder:"FILE" group:"Its surroundings" help:"Take environment, timeout, memory and handler from this SAM template; flags beat it."`
	TemplateFunction string   `placeholder:"NAME" group:"Its surroundings" help:"The function's resource in --template. Default: the one whose code is in FOLDER, or the only one."`

	Timeout       *Seconds `group:"Its limits" help:"The function's timeout: 5, 5s or 1m30s. Default: the template's, or 30s."`
	InitTimeout   Seconds  `default:"10s" group:"Its limits" help:"Limit of a cold start."`
	Memory        *int     `placeholder:"MB" group:"Its limits" help:"The function's memory. Default: the template's, or 128."`
	MemoryEnforce bool     `group:"Its limits" help:"End a container that has more memory, as Lambda does."`
	Freeze        bool     `group:"Its limits" help:"Stop containers between invocations, as Lambda does: goroutines that are left behind stand still."`

	Backend string `placeholder:"WHERE" group:"Where results persist" help:"redis or s3 (a server is started and ended), a URL (redis://, s3://, disk://), several separated by spaces, or none. Default: files in a temporary folder."`
	Data    string `placeholder:"FOLDER" group:"Where results persist" help:"Where what is started for --backend keeps its data. Default: a temporary folder."`

	Event        string  `placeholder:"FORM" group:"Clients and containers" help:"What requests are sent to the function as: http (function URLs and HTTP APIs), rest, alb or alb-multi. Default: what the handler takes."`
	Addr         string  `default:"127.0.0.1:8787" placeholder:"ADDRESS" group:"Clients and containers" help:"Where clients are answered: 8787, or host:port. Port 0 takes a free one."`
	Containers   int     `default:"10" placeholder:"N" group:"Clients and containers" help:"Processes at most; each handles one invocation at a time."`
	Queue        int     `default:"1000" placeholder:"N" group:"Clients and containers" help:"Callers that may wait for a container; 0 answers 429 at once, as the service does."`
	QueueTimeout Seconds `default:"30s" group:"Clients and containers" help:"How long each may wait before it is answered 429."`
	Idle         Seconds `default:"0s" group:"Clients and containers" help:"End a container that is idle for so long; 0 for never."`

	JSON    bool             `name:"json" help:"Write one JSON object a line instead of the readable log."`
	Version kong.VersionFlag `help:"Print the version and exit."`
}

// Seconds is a duration on the command line: a number of seconds, or Go's form with a unit.
type Seconds time.Duration

// UnmarshalText reads 5, 5s or 1m30s.
func (s *Seconds) UnmarshalText(text []byte) error {
	d, err := time.ParseDuration(string(text))
	if n, plain := strconv.ParseFloat(string(text), 64); plain == nil {
		d, err = time.Duration(n*float64(time.Second)), nil
	}
	if err != nil || d < 0 {
		return fmt.Errorf("%q is not a duration; write 5, 5s or 1m30s", text)
	}
	*s = Seconds(d)
	return nil
}

// Help returns what --help says beneath the usage line.
func (Dev) Help() string {
	return `It builds the function, runs it in processes as Lambda runs it in execution environments, answers HTTP requests and
raw events with it, and shows what happens here and on a page. The function is an ordinary program that calls
lambda.Start; it needs no account and no container engine.

  ` + Program + ` ./my-function                     run a function; http://127.0.0.1:8787/ reaches it
  ` + Program + ` ./my-function --backend redis     keep results in a Redis that is started and ended
  ` + Program + ` ./my-function --addr 9000 --timeout 5 --env STAGE=dev
  ` + Program + ` --template template.yaml          take the function's settings from SAM

Edit and save: the new version takes over as soon as it is built, and a build that fails shows the compiler's errors here
and on the page while the last good version goes on.

The page is at http://127.0.0.1:8787/_stillwarm/. Ctrl-C ends everything that was started.`
}

// Run runs the function until ctx ends, which is a success.
func (d *Dev) Run(ctx context.Context, k *kong.Context) error {
	o, err := d.options()
	if err != nil {
		return err
	}
	o.Log, o.Install = k.Stdout, installCommand("")
	if file, ok := k.Stdout.(*os.File); ok {
		o.Colour = termlog.Colours(file)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer takeTerminal()()
	followGoRun(ctx, cancel)
	return serve(ctx, o, k.Stdout)
}

// options returns what the flags say, or a [UsageError] for what cannot be.
func (d *Dev) options() (runner.Options, error) {
	o := runner.Options{
		Function: d.Folder, Binary: d.Binary, Tags: d.Tags, Race: d.Race, FastBuild: d.Fast, ServeBuildErrors: true,
		Name: d.Name, Region: d.Region, InitTimeout: time.Duration(d.InitTimeout),
		EnvFile: d.EnvFile, Template: d.Template, TemplateFunction: d.TemplateFunction, Watch: d.Watch, CompareKeys: CompareKeys,
		BuildCommand: BuildCommand, AskAWS: AskAWS,
		Event: d.Event, JSON: d.JSON,
		EnforceMemory: d.MemoryEnforce, Freeze: d.Freeze,
		Backend: d.Backend, Data: d.Data, Containers: d.Containers, Queue: d.Queue,
		QueueTimeout: time.Duration(d.QueueTimeout), Idle: time.Duration(d.Idle),
	}
	if d.Timeout != nil {
		o.Timeout = time.Duration(*d.Timeout)
	}
	if d.Memory != nil {
		o.MemoryMB = *d.Memory
	}
	if o.Queue == 0 {
		o.Queue = -1 // the option's zero is its default
	}
	var errs []error
	note := func(err error) {
		if err != nil {
			errs = append(errs, err)
		}
	}
	note(d.folder(&o))
	note(d.combinations())
	var err error
	o.Addr, err = address(d.Addr)
	note(err)
	o.Env, err = variables(d.Env)
	note(err)
	if len(errs) == 0 { // what it would say of a wrong folder has been said
		note(o.Check())
	}
	if len(errs) > 0 {
		return o, &UsageError{errors.Join(errs...)}
	}
	return o, nil
}

// folder chooses the function's folder.
func (d *Dev) folder(o *runner.Options) error {
	if d.Folder != "" && d.Function != "" && d.Folder != d.Function {
		return fmt.Errorf("the function's folder is named twice: %s and --function %s", d.Folder, d.Function)
	}
	if o.Function == "" {
		o.Function = d.Function
	}
	if o.Function == "" && o.Binary == "" && o.Template == "" {
		if here, _ := filepath.Glob("*.go"); len(here) > 0 && handler.Starts(".") {
			o.Function = "."
		}
	}
	return nil
}

// combinations refuses flags that contradict each other.
func (d *Dev) combinations() error {
	var errs []error
	refuse := func(bad bool, text string) {
		if bad {
			errs = append(errs, errors.New(text))
		}
	}
	refuse(d.Binary != "" && d.Tags != "", "--tags is for a build, and --binary is built already")
	refuse(d.Binary != "" && d.Race, "--race is for a build, and --binary is built already")
	refuse(d.Data != "" && d.Backend == "none", "--data keeps a backend's data, and --backend none has none")
	refuse(d.Containers < 1, "--containers must be at least 1")
	refuse(d.Queue < 0, "--queue must be 0 or more")
	refuse(d.TemplateFunction != "" && d.Template == "", "--template-function names a resource of --template, which is missing")
	refuse(d.Memory != nil && *d.Memory == 0, "--memory must be more than 0")
	refuse(d.Timeout != nil && *d.Timeout == 0, "--timeout must be more than 0")
	refuse(d.InitTimeout == 0, "--init-timeout must be more than 0")
	return errors.Join(errs...)
}

// address completes a port to an address of this machine.
func address(s string) (string, error) {
	if port, err := strconv.Atoi(s); err == nil {
		s = net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
	}
	_, port, err := net.SplitHostPort(s)
	if err != nil {
		return "", fmt.Errorf("--addr %q is neither a port nor host:port; write 8787 or 127.0.0.1:8787", s)
	}
	if n, err := strconv.Atoi(port); err != nil || n < 0 || n > 65535 {
		return "", fmt.Errorf("--addr %q: the port must be 0 to 65535", s)
	}
	return s, nil
}

// variables completes NAME to NAME=VALUE from this process's environment.
func variables(list []string) ([]string, error) {
	var env []string
	for _, kv := range list {
		if !strings.Contains(kv, "=") {
			value, ok := os.LookupEnv(kv)
			if !ok {
				return nil, fmt.Errorf("--env %s passes your variable through, and you have none of that name; write %s=VALUE", kv, kv)
			}
			kv += "=" + value
		}
		env = append(env, kv)
	}
	return env, nil
}
