package runner

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/stillwarm/stillwarm/devchannel"
	"github.com/stillwarm/stillwarm/localdev/internal/channel"
	"github.com/stillwarm/stillwarm/localdev/internal/container"
	"github.com/stillwarm/stillwarm/localdev/internal/page"
	"github.com/stillwarm/stillwarm/localdev/internal/process"
)

// controls are what the page may ask of a runner.
type controls struct{ r *Runner }

var _ page.Controls = controls{}

func (c controls) About() page.About {
	r, o := c.r, c.r.Options()
	in := r.input()
	offset := time.Duration(r.clock.Load())
	return page.About{
		Name: o.Name, Function: o.Function, Address: r.URL(), Event: o.Event, Input: in.Type, Plain: in.Plain(), Sample: in.Sample,
		Backend: WithoutPasswords(r.Backend()), Services: r.backend.Services, Settings: r.Surroundings(),
		Containers: o.Containers, MemoryMB: o.MemoryMB, Timeout: o.Timeout.String(), Region: o.Region,
		Freeze: o.Freeze, CanFreeze: process.CanFreeze, Watch: o.Watch, Clock: offset, ClockMS: offset.Milliseconds(),
	}
}

func (c controls) Build() page.Build {
	b := c.r.Build()
	return page.Build{
		Status: string(b.Status), Serving: b.Serving, Since: b.Since.UnixMilli(), Took: float64(b.Took.Microseconds()) / 1000,
		Changed: b.Changed, Problem: b.Problem, Keys: b.Keys,
	}
}

func (c controls) Containers() []page.Container {
	var list []page.Container
	connected := c.r.channel.Slots()
	for _, x := range c.r.pool.Containers() {
		s := x.Status()
		s.Memory, _ = process.Memory(s.PID)
		list = append(list, page.Shown(s, c.r.pool.Outdated(x), slices.Contains(connected, s.Slot)))
	}
	return list
}

// Send sends a raw event, or a request to the function's own address: so it is what a client's request would be.
func (c controls) Send(ctx context.Context, s page.Send) (string, error) {
	ctx = context.WithoutCancel(ctx) // a page that is closed does not take the invocation with it
	if s.Event != "" {
		if !json.Valid([]byte(s.Event)) {
			return "", errors.New("the event is not JSON")
		}
		response, err := c.r.InvokeWith(ctx, []byte(s.Event), InvokeOptions{Container: s.Slot})
		return response.RequestID, err
	}
	if !strings.HasPrefix(s.Path, "/") {
		return "", fmt.Errorf("the path %q does not begin with a slash", s.Path)
	}
	request, err := http.NewRequestWithContext(ctx, s.Method, c.r.URL()+s.Path, bytes.NewReader([]byte(s.Body)))
	if err != nil {
		return "", err
	}
	for name, values := range s.Header {
		request.Header[http.CanonicalHeaderKey(name)] = values
	}
	response, err := c.r.self.Do(request)
	if err != nil {
		return "", err
	}
	defer func() { _ = response.Body.Close() }()
	var drain bytes.Buffer
	_, _ = drain.ReadFrom(http.MaxBytesReader(nil, response.Body, 32<<20))
	return response.Header.Get("X-Amzn-Requestid"), nil
}

// Control acts on one container.
func (c controls) Control(slot int, verb string) error {
	var x *container.Container
	for _, candidate := range c.r.pool.Containers() {
		if candidate.Slot == slot {
			x = candidate
		}
	}
	if x == nil {
		return fmt.Errorf("container %d does not run", slot)
	}
	switch verb {
	case "freeze":
		if !x.Freeze() {
			return fmt.Errorf("container %d cannot be frozen while it is %s", slot, x.Status().State)
		}
	case "thaw":
		x.Thaw()
	case "kill":
		x.Kill()
	case "recycle":
		c.r.pool.Retire(x)
	default:
		return fmt.Errorf("unknown verb %q", verb)
	}
	return nil
}

// SetClock moves the clock of cached functions everywhere, and of containers that start later.
func (c controls) SetClock(ctx context.Context, offset time.Duration) error {
	c.r.clock.Store(int64(offset))
	return c.Ask(ctx, 0, devchannel.Ask{Verb: devchannel.VerbClock, Offset: offset}, func(int, json.RawMessage, error) {})
}

// Rebuild builds again beside what runs.
func (c controls) Rebuild() {
	c.r.async.Go(func() { _ = c.r.renew(c.r.ctx, nil, true) })
}

// askWithin bounds a question to a container.
const askWithin = 5 * time.Second

// Ask asks containers one after the other. One that is frozen is not asked: it would not answer.
func (c controls) Ask(ctx context.Context, slot int, a devchannel.Ask, v func(int, json.RawMessage, error)) error {
	ctx, cancel := context.WithTimeout(ctx, askWithin)
	defer cancel()
	frozen := map[int]bool{}
	for _, x := range c.r.pool.Containers() {
		frozen[x.Slot] = x.Status().Frozen
	}
	slots := c.r.channel.Slots()
	slices.Sort(slots)
	for _, s := range slots {
		if slot != 0 && s != slot {
			continue
		}
		if frozen[s] {
			if v(s, nil, errors.New("it is frozen; thaw it, or send a request")); a.Verb == devchannel.VerbClear || a.Verb == devchannel.VerbClock {
				c.r.owe(s, a)
			}
			continue
		}
		var value json.RawMessage
		err := c.r.channel.Ask(ctx, s, a, &value)
		v(s, value, err)
	}
	if slot != 0 && !slices.Contains(slots, slot) {
		return channel.ErrNotConnected
	}
	return nil
}
