// Package runner runs a Lambda function on this machine as the service would: in processes of its own that start cold,
// stay warm, work on after their response and are replaced when they fail. The function is an ordinary program that
// calls aws-lambda-go's or Stillwarm's lambda.Start; nothing in it knows the runner.
//
// The command in the folder above is one user of it, integration tests are another:
//
//	r, err := runner.Start(ctx, runner.Options{Function: "../lambda/demo", Containers: 4})
//	if err != nil { ... }
//	defer r.Close()
//	response, err := r.Invoke(ctx, []byte(`{"symbol":"A"}`))
package runner

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/stillwarm/stillwarm/localdev/internal/container"
	"github.com/stillwarm/stillwarm/localdev/internal/credentials"
	"github.com/stillwarm/stillwarm/localdev/internal/handler"
	"github.com/stillwarm/stillwarm/localdev/internal/httpevent"
	"github.com/stillwarm/stillwarm/localdev/internal/journal"
	"github.com/stillwarm/stillwarm/localdev/internal/pool"
	"github.com/stillwarm/stillwarm/localdev/internal/services"
)

// AWSCredentials are a developer's credentials.
type AWSCredentials = credentials.Credentials

// Options configure a Runner. The zero value runs the demo function.
type Options struct {
	// Function is the folder of the function's package main, built with go build under its own go.mod. Default: the demo
	// at lambda/demo of the repository.
	Function string
	// Binary is an executable that is built already; then nothing is built and Function only gives the working folder.
	Binary string
	// Tags are build tags, for example "lambda.norpc".
	Tags string
	// BuildCommand builds in place of go build: a command and arguments before its flags, which are the same. Default: go build.
	BuildCommand []string
	// Race builds with the race detector.
	Race bool
	// FastBuild compiles the AWS SDK, if the function uses it, without optimisation: a build on an empty cache is many
	// seconds shorter. Not for measuring.
	FastBuild bool
	// ServeBuildErrors makes Start succeed although the build failed: requests are answered with the compiler's output,
	// and each tries the build again.
	ServeBuildErrors bool

	// Name is the function's name. Default: the folder's.
	Name string
	// Region is what the function believes to be in. Default: AWS_REGION, AWS_DEFAULT_REGION, or us-east-1.
	Region string
	// Addr is where clients are answered. Default: a free port of 127.0.0.1.
	Addr string
	// Containers is how many processes may live at once. Default: 10.
	Containers int
	// Queue is how many callers may wait for a free container. Default: 1000. A negative value lets none wait: they are
	// answered 429 at once, as in the service.
	Queue int
	// QueueTimeout is how long each may wait before it is answered 429. Default: 30 s.
	QueueTimeout time.Duration
	// Event is what requests are sent to the function as: "http" (payload format 2.0 of function URLs and HTTP APIs),
	// "rest" (REST APIs), "alb" or "alb-multi" (load balancers, without and with multi-value headers). Default: what the
	// handler takes, where its source tells, else "http".
	Event string
	// BodyTimeout is how long a client may take to send a request's body. Default: 30 s.
	BodyTimeout time.Duration
	// Timeout is the function's timeout: from the event until the function asks for the next one. Default: 30 s.
	Timeout time.Duration
	// InitTimeout is the limit of a start. Default: 10 s, as in the service.
	InitTimeout time.Duration
	// Idle ends a container that was not needed for so long. Default: never.
	Idle time.Duration
	// MemoryMB is told to the function. Default: 128.
	MemoryMB int
	// EnforceMemory ends a container whose processes have more memory than MemoryMB, as the service does. Linux only.
	EnforceMemory bool
	// Freeze stops a container's processes between invocations, as the service does. Not on Windows.
	Freeze bool
	// Handler is told to the function as its handler's name. Default: the template's, or bootstrap.
	Handler string
	// Env is added to the function's environment, as K=V; it beats what the runner sets.
	Env []string
	// EnvFile is a file of NAME=VALUE lines for the function's environment; Env beats it.
	EnvFile string
	// Template is an AWS SAM or CloudFormation template that says what the function gets in the service: variables,
	// timeout, memory, handler. Env, EnvFile and the other options beat it.
	Template string
	// TemplateFunction is the function's resource in Template. Default: the one whose code is in Function, or the only one.
	TemplateFunction string
	// Watch follows the function's files and brings containers to what they say: Start returns a runner that builds again
	// after a change, lets the new version take over when it is built, and keeps the last good one where it does not build.
	Watch bool
	// CompareKeys, if set, is asked after each change of the code what it did to the keys of cached functions. It returns
	// lines for people. It runs beside the function; ctx ends with the runner.
	CompareKeys func(ctx context.Context, before, after Version) ([]string, error)
	// Backend is where results persist: a URL; "redis" or "s3" for a server that the runner starts and ends ("minio" or
	// "versitygw" for that one), or a stand-in where none is installed; several of these separated by spaces, fastest
	// first; "none"; or "" for files in a temporary folder that is removed by Close.
	Backend string
	// Data is a folder in which what the runner starts for Backend keeps its data, also the files of "". Default: a
	// temporary one that is removed by Close. Two runners at the same time need two.
	Data string

	// AskAWS finds the developer's AWS credentials for an s3:// backend where the environment holds none, for example
	// awschain.Ask. It is asked once, at the start. Default: a program that is built from this module's source.
	AskAWS func(context.Context) (AWSCredentials, error)

	// Install is the command line that installs a server whose name follows it, for advice. Default: stillwarm services
	// install.
	Install string

	// Log gets the readable log. Default: nowhere.
	Log io.Writer
	// Colour colours it.
	Colour bool
	// JSON makes it one JSON object a line.
	JSON bool
	// OnInvocation is called when an invocation is complete, its work after the response included. Calls come one at a
	// time and hold up the log; it must not call the runner.
	OnInvocation func(Invocation)
	// OnOutput is called with every line that a function writes to stdout or stderr, records of Stillwarm included.
	// Calls come concurrently from several containers; the slice must not be kept.
	OnOutput func(container int, line []byte)
}

// Invocation is what is known of a complete invocation: container, cold or warm, status, durations, and hits and
// misses where the function reported them.
type Invocation = journal.Invocation

// Status is a container at one moment: its number, process id, state and what it has served.
type Status = container.Status

// ThrottledError is the error of Invoke when no container was free in time.
type ThrottledError = pool.ThrottledError

// ErrClosed is the error of Invoke on a closed runner.
var ErrClosed = pool.ErrClosed

func (o Options) withDefaults() (Options, error) {
	if o.Function == "" && o.Binary == "" {
		demo, err := findDemo()
		if err != nil {
			return o, err
		}
		o.Function = demo
	}
	if o.Function == "" {
		o.Function = filepath.Dir(o.Binary)
	}
	var err error
	if o.Function, err = filepath.Abs(o.Function); err != nil {
		return o, err
	}
	if o.Binary != "" {
		if o.Binary, err = filepath.Abs(o.Binary); err != nil {
			return o, err
		}
	}
	orString(&o.Name, functionName(filepath.Base(o.Function)))
	o.Region = o.region()
	orString(&o.Handler, "bootstrap")
	if o.Event == "" && o.Binary == "" {
		o.Event = handler.Find(o.Function).Event
	}
	orString(&o.Event, httpevent.HTTP.Name)
	orString(&o.Addr, "127.0.0.1:0")
	or(&o.Containers, 10)
	or(&o.Queue, 1000)
	o.Queue = max(o.Queue, 0)
	or(&o.QueueTimeout, 30*time.Second)
	or(&o.BodyTimeout, 30*time.Second)
	or(&o.Timeout, 30*time.Second)
	or(&o.InitTimeout, 10*time.Second)
	or(&o.MemoryMB, 128)
	if o.Log == nil {
		o.Log = io.Discard
	}
	return o, o.check()
}

func or[T int | time.Duration](value *T, otherwise T) {
	if *value == 0 {
		*value = otherwise
	}
}

func orString(value *string, otherwise string) {
	if *value == "" {
		*value = otherwise
	}
}

func (o Options) region() string {
	for _, region := range []string{o.Region, os.Getenv("AWS_REGION"), os.Getenv("AWS_DEFAULT_REGION")} {
		if region != "" {
			return region
		}
	}
	return "us-east-1"
}

// absolute makes paths independent of the working folder.
func (o Options) absolute() Options {
	for _, path := range []*string{&o.Function, &o.Binary, &o.EnvFile, &o.Template} {
		if *path == "" {
			continue
		}
		if abs, err := filepath.Abs(*path); err == nil {
			*path = abs
		}
	}
	return o
}

// Check returns what is wrong with the options, or nil. It starts nothing and asks no server.
func (o Options) Check() error {
	o, _, err := o.absolute().surroundings()
	if err == nil {
		_, err = o.withDefaults()
	}
	return err
}

func (o Options) check() error {
	var errs []error
	refuse := func(bad bool, format string, args ...any) {
		if bad {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	refuse(o.Containers < 1 || o.Containers > 1000, "containers is %d; it must be 1 to 1000", o.Containers)
	refuse(o.Timeout < 0 || o.Timeout > 15*time.Minute, "timeout is %s; Lambda allows up to 15m", o.Timeout)
	refuse(o.InitTimeout < 0, "init timeout is %s; it must be positive", o.InitTimeout)
	refuse(o.QueueTimeout < 0, "queue timeout is %s; it must be positive", o.QueueTimeout)
	refuse(o.Idle < 0, "idle is %s; it must be positive, or 0 for never", o.Idle)
	refuse(o.MemoryMB < 128 || o.MemoryMB > 10240, "memory is %d MB; Lambda allows 128 to 10240", o.MemoryMB)
	if o.Binary != "" {
		errs = append(errs, checkBinary(o.Binary))
	} else {
		errs = append(errs, CheckFolder(o.Function))
	}
	_, form := httpevent.ByName(o.Event)
	errs = append(errs, form, services.Check(o.Backend))
	for _, kv := range o.Env {
		name, _, ok := strings.Cut(kv, "=")
		refuse(!ok || name == "", "env %q is not of the form NAME=VALUE", kv)
	}
	return errors.Join(errs...)
}

// functionName makes a name that Lambda would take of a folder's name.
func functionName(folder string) string {
	name := strings.Map(func(r rune) rune {
		if r == '-' || r == '_' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' {
			return r
		}
		return '-'
	}, folder)
	if name = strings.Trim(name, "-"); name == "" {
		return "function"
	}
	return name
}

// findDemo looks for the demo from the working folder upwards, and then beside this source file.
func findDemo() (string, error) {
	var from []string
	if wd, err := os.Getwd(); err == nil {
		for dir := wd; ; dir = filepath.Dir(dir) {
			from = append(from, dir)
			if dir == filepath.Dir(dir) {
				break
			}
		}
	}
	if _, file, _, ok := runtime.Caller(0); ok {
		from = append(from, filepath.Join(filepath.Dir(file), "..", ".."))
	}
	for _, dir := range from {
		demo := filepath.Join(dir, "lambda", "demo")
		if found, _ := filepath.Glob(filepath.Join(demo, "*.go")); len(found) > 0 {
			return demo, nil
		}
	}
	return "", errors.New("no lambda/demo in this folder or above it; name a function's folder with --function")
}
