// Package emf writes metrics of cached functions to the function's log in CloudWatch's embedded metric format. CloudWatch
// makes metrics of these lines: no agent, no call, no permission.
//
//	metrics, err := emf.New(emf.Options{Functions: []string{"example.com/shop.prices"}})
//	if err != nil { ... }
//	err = adapter.Configure(adapter.Config{Observer: metrics.Observe})
//
// After each response that a cached function had a part in, one line has the sums of all functions, one line each those
// of the functions that Options.Functions names, and one line those of the rest. The metrics are Hits, Misses, Stale,
// Errors and SavedMs; the dimensions are the Lambda function and the cached function. Neither keys nor request ids are
// dimensions. docs/telemetry.md says what each metric counts and what it costs.
package emf

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/stillwarm/stillwarm/adapter"
)

// MaxFunctions is how many functions can have metrics of their own: each costs as much as all of them together.
const MaxFunctions = 20

// Other is the name under which functions share metrics that Options.Functions does not name.
const Other = "other"

// Options configure Metrics. The zero value of each field is its default.
type Options struct {
	// Namespace is the metrics' namespace. Default: Stillwarm.
	Namespace string
	// Service is the value of the dimension FunctionName. Default: the Lambda function's name, elsewhere the program's.
	Service string
	// Functions are the names of cached functions with metrics of their own, at most MaxFunctions. The others share one set,
	// under the name "other". Without any there is only the set of all functions.
	Functions []string
	// Writer receives each line in one Write. Default: standard output, which Lambda sends to CloudWatch Logs.
	Writer io.Writer
	// Level is written as the line's level. Lambda drops lines below the function's log level where that is set, and takes
	// lines without a level for INFO. Default: no level.
	Level string
	// Interval is after how long the metrics of calls outside of an invocation are written. Default: 10 s.
	Interval time.Duration
	// Clock tells the wall-clock time; for tests. Default: time.Now.
	Clock func() time.Time
}

// Metrics counts the events of a Runtime and writes what it has counted. It is safe for concurrent use.
type Metrics struct {
	clock    func() time.Time
	interval time.Duration
	atEnd    func(context.Context)

	named map[string]*counters // fixed
	other counters
	order []line // fixed

	waiting atomic.Bool // a timer will write
	warned  atomic.Bool

	mu     sync.Mutex
	writer io.Writer
	buffer []byte
}

// New returns new Metrics. An error names the option, its value and what is accepted.
func New(o Options) (*Metrics, error) {
	if err := o.fill(); err != nil {
		return nil, err
	}
	m := &Metrics{clock: o.Clock, interval: o.Interval, writer: o.Writer, named: map[string]*counters{}}
	m.atEnd = func(context.Context) { m.flush() }
	if len(o.Functions) > 0 {
		for _, name := range o.Functions {
			c := &counters{}
			m.named[name] = c
			m.order = append(m.order, newLine(&o, name, c))
		}
		m.order = append(m.order, newLine(&o, Other, &m.other))
	}
	m.order = append(m.order, newLine(&o, "", nil))
	warnOfLevel(o.Level)
	return m, nil
}

func (o *Options) fill() error {
	if o.Namespace == "" {
		o.Namespace = "Stillwarm"
	}
	if o.Service == "" {
		o.Service = os.Getenv("AWS_LAMBDA_FUNCTION_NAME")
	}
	if o.Service == "" {
		o.Service = filepath.Base(os.Args[0])
	}
	if o.Writer == nil {
		o.Writer = os.Stdout
	}
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.Interval == 0 {
		o.Interval = 10 * time.Second
	}
	return errors.Join(o.check()...)
}

func (o *Options) check() (errs []error) {
	refuse := func(option, value, reason string) {
		errs = append(errs, fmt.Errorf("emf: %s %q: %s", option, value, reason))
	}
	if !validNamespace(o.Namespace) {
		refuse("Namespace", o.Namespace, "must have 1 to 255 letters, digits and .-_/#: and not begin with AWS/")
	}
	if o.Interval < 0 {
		refuse("Interval", o.Interval.String(), "must be positive")
	}
	if n := len(o.Functions); n > MaxFunctions {
		refuse("Functions", fmt.Sprint(n, " names"), fmt.Sprintf("must be at most %d; the others are counted as %q", MaxFunctions, Other))
	}
	seen := map[string]string{}
	for _, name := range o.Functions {
		shown := dimension(name)
		switch before, twice := seen[shown]; {
		case strings.TrimSpace(name) == "":
			refuse("Functions", name, "an empty name")
		case shown == Other:
			refuse("Functions", name, "is the name of all functions that are not named")
		case twice:
			refuse("Functions", name, fmt.Sprintf("is written as %q, like %q", shown, before))
		}
		seen[shown] = name
	}
	if !slices.Contains([]string{"", "TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"}, o.Level) {
		refuse("Level", o.Level, "must be TRACE, DEBUG, INFO, WARN, ERROR or FATAL")
	}
	return errs
}

// warnOfLevel says where no line would ever arrive. It is no error: a log level that an operator changes must not keep a
// function from starting.
func warnOfLevel(level string) {
	if level != "" || os.Getenv("AWS_LAMBDA_LOG_FORMAT") != "JSON" {
		return
	}
	if limit := os.Getenv("AWS_LAMBDA_LOG_LEVEL"); limit == "WARN" || limit == "ERROR" || limit == "FATAL" {
		slog.Warn("stillwarm: Lambda drops metrics in the log: they count as INFO; set emf.Options.Level to the function's log level",
			"logLevel", limit)
	}
}

// Observe counts an event. It is a Config.Observer.
func (m *Metrics) Observe(ctx context.Context, e adapter.Event) {
	c := m.named[e.Function]
	if c == nil {
		c = &m.other
	}
	if !c.count(e) || adapter.AfterInvocation(ctx, m, m.atEnd) {
		return
	}
	if !m.waiting.Swap(true) {
		time.AfterFunc(m.interval, func() {
			m.waiting.Store(false)
			m.flush()
		})
	}
}

// Flush writes what has been counted since the last time. In an invocation of package lambda it is called after the
// response; a program that ends calls it last.
func (m *Metrics) Flush() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	var sum sums
	now := m.clock().UnixMilli()
	var errs []error
	for i := range m.order {
		l := &m.order[i]
		s := sum
		if l.counters != nil {
			s = l.counters.take()
		} else if len(m.named) == 0 {
			s = m.other.take()
		}
		if s == (sums{}) {
			continue
		}
		if l.counters != nil {
			sum.add(s)
		}
		m.buffer = l.append(m.buffer[:0], now, s)
		if _, err := m.writer.Write(m.buffer); err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

func (m *Metrics) flush() {
	if err := m.Flush(); err != nil && !m.warned.Swap(true) {
		slog.Warn("stillwarm: cannot write metrics", "error", err.Error())
	}
}
