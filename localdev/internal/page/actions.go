package page

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/stillwarm/stillwarm/devchannel"
	"github.com/stillwarm/stillwarm/localdev/internal/guard"
	"github.com/stillwarm/stillwarm/localdev/internal/samples"
)

// maxAction bounds the body of an action: an event of 6 MB as JSON text.
const maxAction = 16 << 20

// action is what the page asks for.
type action struct {
	Send
	Replay string            `json:"replay"` // the invocation whose event is sent again
	Slot   int               `json:"slot"`
	Verb   string            `json:"verb"`
	Target devchannel.Target `json:"target"`
	Clock  int64             `json:"clock"` // ms
}

// act carries out a change. Only the page that this process served can ask for one.
func (p *Page) act(w http.ResponseWriter, r *http.Request, name string) {
	if !p.token.Admits(r) {
		http.Error(w, "changes are accepted from this runner's own page only", http.StatusForbidden)
		return
	}
	body, err := guard.ReadBody(w, r, maxAction, 30*time.Second)
	var a action
	if err == nil {
		err = json.Unmarshal(body, &a)
	}
	if err != nil {
		writeJSON(w, http.StatusBadRequest, map[string]string{"error": err.Error()})
		return
	}
	result, err := p.do(r.Context(), name, a)
	if errors.Is(err, errUnknown) {
		http.NotFound(w, r)
		return
	}
	if err != nil {
		writeJSON(w, http.StatusConflict, map[string]string{"error": err.Error()})
		return
	}
	writeJSON(w, http.StatusOK, map[string]any{"result": result})
}

var errUnknown = errors.New("no such action")

func (p *Page) do(ctx context.Context, name string, a action) (any, error) {
	switch name {
	case "api/send":
		if a.Replay != "" {
			event := p.eventOf(a.Replay)
			if event == nil {
				return nil, errors.New("the event is no longer kept")
			}
			a.Event = string(event)
		}
		a.Send.Slot = a.Slot
		return p.controls.Send(ctx, a.Send)
	case "api/control":
		return nil, p.controls.Control(a.Slot, a.Verb)
	case "api/clock":
		err := p.controls.SetClock(ctx, time.Duration(a.Clock)*time.Millisecond)
		p.Changed()
		return nil, err
	case "api/build":
		p.controls.Rebuild()
		return nil, nil
	case "api/clear":
		return nil, p.clear(ctx, a.Target)
	}
	return nil, errUnknown
}

func (p *Page) eventOf(id string) []byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	if inv := p.byID[id]; inv != nil {
		return inv.event
	}
	return nil
}

// clear clears in every container: memory is each container's own, and each tells the backend.
func (p *Page) clear(ctx context.Context, t devchannel.Target) error {
	var errs []error
	err := p.controls.Ask(ctx, 0, devchannel.Ask{Verb: devchannel.VerbClear, Target: t}, func(_ int, _ json.RawMessage, err error) {
		if err != nil {
			errs = append(errs, err)
		}
	})
	return errors.Join(append(errs, err)...)
}

// query answers what the page asks for beside its state.
func (p *Page) query(w http.ResponseWriter, r *http.Request, name string) {
	q := r.URL.Query()
	kind, rest, _ := strings.Cut(name, "/")
	switch {
	case kind == "invocation":
		p.mu.Lock()
		inv := p.byID[rest]
		var b []byte
		if inv != nil {
			b, _ = json.Marshal(inv.detail())
		}
		p.mu.Unlock()
		if inv == nil {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(b)
	case name == "entries":
		slot, _ := strconv.Atoi(q.Get("slot"))
		p.entries(w, r, slot, q.Get("function"))
	case name == "value":
		p.ask(w, r, devchannel.Ask{Verb: devchannel.VerbValue, Ref: devchannel.Ref{Function: q.Get("function"), Key: q.Get("key")}})
	case name == "explain":
		p.ask(w, r, devchannel.Ask{Verb: devchannel.VerbExplain, Ref: devchannel.Ref{Function: q.Get("function"), Key: q.Get("key")}})
	case name == "samples":
		writeJSON(w, http.StatusOK, samples.All())
	default:
		http.NotFound(w, r)
	}
}

// mostEntries is how many entries of a container are listed.
const mostEntries = 500

func (p *Page) entries(w http.ResponseWriter, r *http.Request, slot int, function string) {
	merged := map[devchannel.Ref]*shownEntry{}
	problems := []string{}
	offset := p.controls.About().Clock
	err := p.controls.Ask(r.Context(), slot, devchannel.Ask{Verb: devchannel.VerbEntries, Limit: mostEntries, Ref: devchannel.Ref{Function: function}},
		func(slot int, value json.RawMessage, err error) {
			var entries []devchannel.Entry
			if err == nil {
				err = json.Unmarshal(value, &entries)
			}
			if err != nil {
				problems = append(problems, "container "+strconv.Itoa(slot)+": "+err.Error())
				return
			}
			p.merge(merged, slot, entries, offset)
		})
	if err != nil {
		problems = append(problems, err.Error())
	}
	list := []*shownEntry{}
	for _, e := range merged {
		if function == "" || e.Function == function {
			list = append(list, e)
		}
	}
	slices.SortFunc(list, func(a, b *shownEntry) int { return int(min(1, max(-1, b.Created-a.Created))) })
	writeJSON(w, http.StatusOK, map[string]any{"entries": list, "problems": problems})
}

// ask passes the first useful answer on.
func (p *Page) ask(w http.ResponseWriter, r *http.Request, a devchannel.Ask) {
	var answer json.RawMessage
	var problem error
	err := p.controls.Ask(r.Context(), 0, a, func(_ int, value json.RawMessage, err error) {
		if err == nil && answer == nil {
			answer = value
		} else if err != nil && problem == nil {
			problem = err
		}
	})
	if answer != nil {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(answer)
		return
	}
	if problem == nil {
		problem = err
	}
	if problem == nil {
		problem = errors.New("no container runs; send a request first")
	}
	writeJSON(w, http.StatusConflict, map[string]string{"error": problem.Error()})
}
