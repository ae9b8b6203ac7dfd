package page

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/stillwarm/stillwarm/devchannel"
	"github.com/stillwarm/stillwarm/localdev/internal/container"
)

// Controls are what the page asks of the runner. The methods are called without a lock of the page's held.
type Controls interface {
	About() About
	Build() Build
	Containers() []Container
	// Send gives the function a raw event, or a request as a client would, and returns the invocation's request id when the
	// answer is there.
	Send(ctx context.Context, s Send) (requestID string, err error)
	// Control freezes, thaws, kills or recycles a container.
	Control(slot int, verb string) error
	// SetClock moves the clock of cached functions in all containers, of now and later.
	SetClock(ctx context.Context, offset time.Duration) error
	// Rebuild builds the function again.
	Rebuild()
	// Ask asks one container, or with slot 0 all that are connected: v is called with each answer.
	Ask(ctx context.Context, slot int, a devchannel.Ask, v func(slot int, value json.RawMessage, err error)) error
}

// About is what does not change, or seldom.
type About struct {
	Name       string        `json:"name"`
	Function   string        `json:"function"` // its folder or file
	Address    string        `json:"address"`
	Event      string        `json:"event"`      // the form of requests
	Input      string        `json:"input"`      // what the handler takes, "" where it cannot be seen
	Plain      bool          `json:"plain"`      // the handler takes a type that no request becomes
	Sample     string        `json:"sample"`     // of Input
	Backend    string        `json:"backend"`    // without passwords
	Services   []string      `json:"services"`   // what was started for it
	Settings   []string      `json:"settings"`   // what template and env file gave
	Containers int           `json:"containers"` // at most
	MemoryMB   int           `json:"memoryMB"`
	Timeout    string        `json:"timeout"`
	Region     string        `json:"region"`
	Freeze     bool          `json:"freeze"`    // between invocations
	CanFreeze  bool          `json:"canFreeze"` // processes can be stopped here
	Watch      bool          `json:"watch"`
	Clock      time.Duration `json:"-"`
	ClockMS    int64         `json:"clock"` // the offset of cached functions' clock
	Version    string        `json:"version"`
}

// Build is what is known of the newest build.
type Build struct {
	Status  string   `json:"status"` // building, ok or failed
	Serving int      `json:"serving"`
	Since   int64    `json:"since"`
	Took    float64  `json:"took"`
	Changed []string `json:"changed"`
	Problem string   `json:"problem"`
	Keys    []string `json:"keys"`
}

// Container is a container at one moment.
type Container struct {
	Slot      int     `json:"slot"`
	PID       int     `json:"pid"`
	State     string  `json:"state"`
	Started   int64   `json:"started"`
	Init      float64 `json:"init"`
	Served    int     `json:"served"`
	Path      string  `json:"path"`
	Memory    int64   `json:"memory"`
	Peak      int64   `json:"peak"`
	Outdated  bool    `json:"outdated"`  // leaves after its invocation
	Connected bool    `json:"connected"` // its function has a development channel
}

// Shown returns a container's status as the page shows it.
func Shown(s container.Status, outdated, connected bool) Container {
	return Container{
		Slot: s.Slot, PID: s.PID, State: string(s.State), Started: s.Started.UnixMilli(), Init: ms(s.Init), Served: s.Served,
		Path: s.Path, Memory: s.Memory, Peak: s.Peak, Outdated: outdated, Connected: connected,
	}
}

// Send is what a developer sends from the page: a raw event, or a request.
type Send struct {
	Event  string      `json:"event"` // JSON; "" for a request
	Method string      `json:"method"`
	Path   string      `json:"path"`
	Header http.Header `json:"header"`
	Body   string      `json:"body"`
	Slot   int         `json:"slot"` // of the container that shall take an event; 0 for any
}
