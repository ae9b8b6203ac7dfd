package runner

import (
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/stillwarm/stillwarm/devchannel"
	"github.com/stillwarm/stillwarm/localdev/internal/channel"
	"github.com/stillwarm/stillwarm/localdev/internal/container"
	"github.com/stillwarm/stillwarm/localdev/internal/front"
	"github.com/stillwarm/stillwarm/localdev/internal/guard"
	"github.com/stillwarm/stillwarm/localdev/internal/handler"
	"github.com/stillwarm/stillwarm/localdev/internal/httpevent"
	"github.com/stillwarm/stillwarm/localdev/internal/journal"
	"github.com/stillwarm/stillwarm/localdev/internal/page"
	"github.com/stillwarm/stillwarm/localdev/internal/pool"
	"github.com/stillwarm/stillwarm/localdev/internal/process"
	"github.com/stillwarm/stillwarm/localdev/internal/services"
	"github.com/stillwarm/stillwarm/localdev/internal/termlog"
	"github.com/stillwarm/stillwarm/localdev/internal/watch"
)

// Runner runs one function. It is safe for concurrent use. Close must be called, or processes and a folder stay until
// the program ends.
type Runner struct {
	raw      Options // as they were given
	opts     Options // with defaults, and what template and env file said at the start
	current  atomic.Pointer[version]
	temp     string
	backend  services.Backend
	unlinked atomic.Bool // the function cannot use the backend, for which nobody has asked
	keeper   *process.Keeper
	log      logger
	journal  *journal.Journal
	page     *page.Page
	pool     *pool.Pool
	front    *front.Server
	http     *http.Server
	address  string

	ctx    context.Context // ends with Close
	cancel context.CancelFunc
	async  sync.WaitGroup
	closed sync.Once

	buildMu    sync.Mutex // held while a version is made
	buildErr   error
	buildTried time.Time
	retired    string // the executable of the version before

	stateMu sync.Mutex
	build   BuildState
	took    []string

	channel *channel.Server
	clock   atomic.Int64 // the offset of cached functions' clock
	self    *http.Client // for requests that the page sends

	mu         sync.Mutex
	debts      map[int][]devchannel.Ask // what frozen containers could not be told
	inputKnown handler.Input
	inputOf    int // the version that it was read of, and one

	sources watch.Build // of the goroutine that follows the files
	missing []string    // variables that were named
}

// Start builds the function and opens the address. It returns when clients can be answered; processes start with the
// first invocations. ctx bounds the start, not the runner's life. A failed build is an error that holds the compiler's
// output, unless Options.ServeBuildErrors is set.
func Start(ctx context.Context, o Options) (_ *Runner, err error) {
	raw := o.absolute()
	if o, _, err = raw.surroundings(); err != nil {
		return nil, err
	}
	if o, err = o.withDefaults(); err != nil {
		return nil, err
	}
	r := &Runner{raw: raw, opts: o, log: newLogger(o)}
	r.ctx, r.cancel = context.WithCancel(context.WithoutCancel(ctx))
	defer func() {
		if err != nil {
			r.Close()
		}
	}()
	if r.temp, err = os.MkdirTemp("", "stillwarm-"); err != nil {
		return nil, fmt.Errorf("temporary folder: %w", err)
	}
	r.keeper = process.NewKeeper(r.temp)
	// The address first: that it is taken should not be found out after a minute of building.
	listener, err := net.Listen("tcp", o.Addr)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w; choose another address with --addr", o.Addr, err)
	}
	defer func() {
		if err != nil {
			_ = listener.Close()
		}
	}()
	r.address = listener.Addr().String()
	r.backend, err = services.Open(ctx, services.Options{
		Value: o.Backend, Temp: r.temp, Data: o.Data, Keeper: r.keeper, Progress: r.log,
		Install: o.Install, AskAWS: o.AskAWS,
	})
	if err != nil {
		return nil, err
	}
	if err := r.openChannel(); err != nil {
		return nil, err
	}
	began := time.Now()
	if o.Binary == "" {
		_, _ = fmt.Fprintf(r.log, "building %s\n", o.Name)
	}
	if err := r.renew(ctx, nil, true); err != nil && (!o.ServeBuildErrors || ctx.Err() != nil || !failedBuild(err)) {
		return nil, err
	}
	r.assemble()
	if o.Watch {
		r.async.Go(func() { r.follow(began) })
	}
	r.async.Go(r.probe)
	go func() { _ = r.http.Serve(listener) }()
	return r, nil
}

// assemble connects the parts. Nothing in it can fail.
func (r *Runner) assemble() {
	o := r.opts
	r.page = page.New(controls{r})
	r.self = &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	sinks := []journal.Sink{r.log, r.page}
	if o.OnInvocation != nil {
		sinks = append(sinks, observer{o.OnInvocation})
	}
	r.journal = journal.New(sinks...)
	r.pool = pool.New(pool.Config{
		Size: o.Containers, Queue: o.Queue, QueueTimeout: o.QueueTimeout, IdleTimeout: o.Idle, Start: r.startContainer,
	})
	host, _, _ := net.SplitHostPort(r.address)
	form, _ := httpevent.ByName(o.Event) // checked
	r.front = &front.Server{
		Do: r.do, Journal: r.journal, Page: r.page, Async: r.runAsync,
		Form:     form,
		Loopback: guard.LoopbackIP(host), BodyTimeout: o.BodyTimeout,
	}
	r.http = &http.Server{
		Handler: r.front, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10,
		ErrorLog: log.New(io.Discard, "", 0), // what a client does wrong is answered, not logged
	}
	if !r.front.Loopback {
		r.journal.Warn(0, "listening on "+r.address+": everyone who reaches this machine can call the function with your "+
			"credentials; the page still answers only to this machine")
	}
	if r.backend.Warning != "" {
		r.journal.Warn(0, r.backend.Warning)
	}
}

func (r *Runner) startContainer(
	slot int, first *container.Call, idle, dead func(*container.Container),
) (*container.Container, error) {
	place := container.Place{Slot: slot, Temp: r.temp, Keeper: r.keeper, Env: r.channel.Env(slot)}
	hooks := container.Hooks{
		Idle:   idle,
		Dead:   func(c *container.Container) { dead(c); r.page.Changed() },
		State:  func(*container.Container) { r.page.Changed() },
		Done:   r.worked,
		Output: r.output,
		Settle: r.settle,
		Warn:   func(c *container.Container, text string) { r.journal.Warn(c.Slot, text) },
	}
	return container.Start(place, r.current.Load().fn, hooks, first)
}

func (r *Runner) worked(call *container.Call) {
	t := call.Times()
	r.journal.Worked(call.RequestID, journal.Work{
		Slot: t.Slot, Cold: t.Cold, Init: t.Init, Assigned: t.Assigned, Delivered: t.Delivered, Answered: t.Answered,
		Done: t.Done, PeakBytes: t.PeakBytes, Fault: t.Fault,
	})
}

func (r *Runner) output(c *container.Container, requestID string, line []byte) {
	if r.opts.OnOutput != nil {
		r.opts.OnOutput(c.Slot, line)
	}
	r.journal.Output(c.Slot, requestID, line)
}

// do is how the front reaches the function.
func (r *Runner) do(ctx context.Context, call *container.Call, slot int) (container.Answer, bool, error) {
	if err := r.built(); err != nil {
		return container.Answer{}, false, err
	}
	if err := r.pool.Submit(ctx, call, slot); err != nil {
		return container.Answer{}, false, err
	}
	select {
	case a := <-call.Answer():
		return a, true, nil
	case <-ctx.Done():
		// The function works on, as in the service. Its answer always comes, at the latest with its timeout.
		go func() {
			a := <-call.Answer()
			a.Close()
		}()
		return container.Answer{}, true, ctx.Err()
	}
}

func (r *Runner) runAsync(f func(context.Context)) {
	r.async.Go(func() { f(r.ctx) })
}

// Close ends everything that the runner started and returns when it is gone: clients are cut off, containers end as in
// Lambda (SIGTERM first where an extension is registered), temporary folders are removed. It may be called again.
func (r *Runner) Close() {
	r.closed.Do(func() {
		if r.pool != nil {
			ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
			r.pool.Close(ctx)
			r.page.Close()
			_ = r.http.Shutdown(ctx) // clients get the answers that the end gave them
			cancel()
			_ = r.http.Close()
		}
		r.cancel()
		if r.channel != nil {
			r.channel.Close()
		}
		r.async.Wait()
		if r.self != nil {
			r.self.CloseIdleConnections()
		}
		if r.backend.Stop != nil {
			r.backend.Stop()
		}
		r.keeper.Close()
		if r.temp != "" {
			_ = os.RemoveAll(r.temp)
		}
	})
}

// WithoutPasswords returns a backend's URLs, separated by spaces, as they may be shown: passwords are hidden.
func WithoutPasswords(backend string) string {
	parts := strings.Fields(backend)
	for i, part := range parts {
		u, err := url.Parse(part)
		switch {
		case err != nil:
			parts[i] = "(a URL that cannot be read)"
		case u.User != nil:
			parts[i] = u.Redacted()
		}
	}
	return strings.Join(parts, " ")
}

// logger is where the runner tells what happens.
type logger interface {
	io.Writer
	journal.Sink
}

func newLogger(o Options) logger {
	if o.JSON {
		return termlog.NewJSON(o.Log)
	}
	return termlog.New(o.Log, o.Colour)
}
