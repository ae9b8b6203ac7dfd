package page

import (
	"time"

	"github.com/stillwarm/stillwarm/devchannel"
)

// function is a cached function and what it did in this session.
type function struct {
	devchannel.Function
	MemoryHits  int     `json:"memoryHits"`
	BackendHits int     `json:"backendHits"`
	Stale       int     `json:"stale"`
	Misses      int     `json:"misses"`
	Waits       int     `json:"waits"`
	Runs        int     `json:"runs"`
	Errors      int     `json:"errors"`
	RunMS       float64 `json:"runMs"`   // of all runs
	HitMS       float64 `json:"hitMs"`   // of all hits
	SavedMS     float64 `json:"savedMs"` // what hits would have taken as runs, less what they took
	Largest     int64   `json:"largest"` // bytes of an entry
	Stored      int     `json:"stored"`
	StoreErr    string  `json:"storeErr"`
	LastReason  string  `json:"lastReason"`

	keys   map[string]bool // digests of misses, bounded
	fields map[string]*fieldCount
	calls  int
}

func (f *function) hits() int { return f.MemoryHits + f.BackendHits + f.Stale }

// Known takes what a process says of its functions.
func (p *Page) Known(functions []devchannel.Function) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, known := range functions {
		p.function(known.Name).Function = known
	}
	p.revs.functions = p.touch()
}

// function returns the function of that name. The lock is held.
func (p *Page) function(name string) *function {
	f := p.functions[name]
	if f == nil {
		f = &function{Function: devchannel.Function{Name: name}, keys: map[string]bool{}, fields: map[string]*fieldCount{}}
		p.functions[name] = f
	}
	return f
}

// note counts an event. The lock is held.
func (p *Page) note(_ int, e devchannel.Event) {
	if e.Function == "" {
		return
	}
	f := p.function(e.Function)
	p.remember(e)
	f.Largest = max(f.Largest, e.Size)
	switch e.Kind {
	case "hit", "stale":
		f.hit(e)
		f.seen(e)
	case "miss":
		f.Misses++
		f.LastReason = e.Reason
		f.seen(e)
	case "wait":
		f.Waits++
	case "run", "refresh":
		f.Runs++
		f.RunMS += ms(e.Duration)
		if e.Err != "" {
			f.Errors++
		}
	case "store":
		f.Stored++
		f.StoreErr = e.Err
	}
}

func (f *function) hit(e devchannel.Event) {
	switch {
	case e.Kind == "stale":
		f.Stale++
	case e.Tier == "backend":
		f.BackendHits++
	default:
		f.MemoryHits++
	}
	f.HitMS += ms(e.Duration)
	f.SavedMS += max(0, ms(e.Saved-e.Duration))
}

// remember keeps a rendered argument for the list of entries. The lock is held.
func (p *Page) remember(e devchannel.Event) {
	if e.Arg == "" || e.Key == "" {
		return
	}
	id := e.Function + "\x00" + e.Key
	if _, ok := p.args[id]; ok {
		return
	}
	p.args[id] = e.Arg
	p.argOrder = append(p.argOrder, id)
	if len(p.argOrder) > keptArgs {
		delete(p.args, p.argOrder[0])
		p.argOrder = p.argOrder[1:]
	}
}

// shownFunction is a function for the list.
type shownFunction struct {
	*function
	Hits    int     `json:"hits"`
	Calls   int     `json:"calls"`
	Rate    float64 `json:"rate"` // 0 to 1
	MeanRun float64 `json:"meanRun"`
}

func (f *function) shown() shownFunction {
	s := shownFunction{function: f, Hits: f.hits(), Calls: f.hits() + f.Misses}
	if s.Calls > 0 {
		s.Rate = float64(s.Hits) / float64(s.Calls)
	}
	if f.Runs > 0 {
		s.MeanRun = f.RunMS / float64(f.Runs)
	}
	return s
}

// shownEntry is an entry for the list.
type shownEntry struct {
	devchannel.Entry
	Arg   string `json:"arg"`
	Slots []int  `json:"slots"` // containers that hold it
	NowMS int64  `json:"now"`   // by the clock that it ages by
}

// merge puts one container's entries into the list of all.
func (p *Page) merge(list map[devchannel.Ref]*shownEntry, slot int, entries []devchannel.Entry, offset time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, e := range entries {
		if known := list[e.Ref]; known != nil {
			known.Slots = append(known.Slots, slot)
			if e.Created > known.Created {
				slots := known.Slots
				*known = shownEntry{Entry: e, Arg: known.Arg, Slots: slots, NowMS: known.NowMS}
			}
			continue
		}
		list[e.Ref] = &shownEntry{
			Entry: e, Arg: p.args[e.Function+"\x00"+e.Key], Slots: []int{slot}, NowMS: time.Now().Add(offset).UnixMilli(),
		}
	}
}
