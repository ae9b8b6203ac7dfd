package report

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stillwarm/stillwarm/tests/simulate/fleet"
)

// Study holds every scenario of the report with what came of it.
type Study struct {
	Base   fleet.Scenario
	Fleets []int
	TTLs   []time.Duration
	Zipfs  []float64

	mu      sync.Mutex
	results map[fleet.Scenario]*fleet.Result
	optima  map[fleet.Scenario]int64
}

// NewStudy returns the study of the report: fleets up to a size, and variations of one that is in the middle.
func NewStudy(seed uint64, largest int) *Study {
	s := &Study{
		Base:    fleet.Base(),
		TTLs:    []time.Duration{10 * time.Second, 30 * time.Second, 2 * time.Minute, 10 * time.Minute},
		Zipfs:   []float64{0.6, 0.8, 1, 1.2},
		results: map[fleet.Scenario]*fleet.Result{}, optima: map[fleet.Scenario]int64{},
	}
	s.Base.Seed = seed
	s.Base.Fleet = min(s.Base.Fleet, largest)
	for n := 1; n <= largest; n *= 10 {
		s.Fleets = append(s.Fleets, n)
	}
	return s
}

// Of returns a variation of the base scenario.
func (s *Study) Of(change ...func(*fleet.Scenario)) fleet.Scenario {
	sc := s.Base
	for _, f := range change {
		f(&sc)
	}
	sc.Name = fmt.Sprintf("%d containers, %s, ttl %v", sc.Fleet, sc.Tiers, sc.TTL)
	return sc
}

func tiers(t fleet.Tiers) func(*fleet.Scenario)   { return func(s *fleet.Scenario) { s.Tiers = t } }
func ttl(d time.Duration) func(*fleet.Scenario)   { return func(s *fleet.Scenario) { s.TTL = d } }
func stale(d time.Duration) func(*fleet.Scenario) { return func(s *fleet.Scenario) { s.StaleFor = d } }
func exponent(z float64) func(*fleet.Scenario)    { return func(s *fleet.Scenario) { s.Zipf = z } }
func ahead(s *fleet.Scenario)                     { s.Ahead = 0.8 }
func noLeases(s *fleet.Scenario)                  { s.NoLeases = true }

// size changes the fleet; a small one is watched for more days, so that it too makes enough calls.
func size(n int) func(*fleet.Scenario) {
	return func(s *fleet.Scenario) { s.Fleet, s.Days = n, min(50, max(1, 300/n)) }
}

// work places the handler's own work before or after the cached function.
func work(before, after time.Duration) func(*fleet.Scenario) {
	return func(s *fleet.Scenario) { s.Before, s.After = before, after }
}

// batch makes each call ask for some keys, and a smaller fleet, so that it makes as many lookups. Twenty slow runs one after
// the other take longer than the deadline of the other scenarios.
func batch(oneByOne bool) func(*fleet.Scenario) {
	return func(s *fleet.Scenario) {
		s.Fleet, s.Batch, s.OneByOne, s.Deadline = min(s.Fleet, 100), 20, oneByOne, 5*time.Minute
	}
}

// realDay is a small fleet over a day of real length.
func realDay(s *fleet.Scenario) {
	s.Fleet, s.Day, s.Days, s.Idle = 10, 24*time.Hour, 1, 5*time.Minute
}

// scenarios returns what the report needs.
func (s *Study) scenarios() []fleet.Scenario {
	var all []fleet.Scenario
	add := func(change ...func(*fleet.Scenario)) { all = append(all, s.Of(change...)) }
	for _, t := range []fleet.Tiers{fleet.MemoryOnly, fleet.Redis, fleet.S3, fleet.S3Express} {
		add(tiers(t))
		for _, n := range s.Fleets {
			add(size(n), tiers(t))
		}
	}
	for _, d := range s.TTLs {
		add(ttl(d), tiers(fleet.MemoryOnly))
		add(ttl(d))
		add(ttl(d), stale(d))
		add(ttl(d), ahead)
	}
	for _, z := range s.Zipfs {
		add(exponent(z), tiers(fleet.MemoryOnly))
		add(exponent(z))
	}
	for _, t := range []fleet.Tiers{fleet.Redis, fleet.S3, fleet.S3Express} {
		add(tiers(t), noLeases)
	}
	add(work(4*time.Second, 0))
	add(work(0, 4*time.Second))
	add(realDay)
	add(batch(true))
	add(batch(false))
	slices.SortStableFunc(all, func(a, b fleet.Scenario) int { return cmp.Compare(weight(b), weight(a)) })
	return slices.Compact(all)
}

// weight is about how many calls a scenario makes: the large ones begin first.
func weight(s fleet.Scenario) float64 {
	return s.Peak() * s.Length().Seconds() * float64(max(1, s.Batch))
}

// Run simulates everything, one simulation per processor at a time, and says on w what it does.
func (s *Study) Run(t *testing.T, w io.Writer) error {
	todo := make(chan fleet.Scenario)
	var workers sync.WaitGroup
	var errs []error
	for range runtime.GOMAXPROCS(0) {
		workers.Go(func() {
			for sc := range todo {
				if err := s.simulate(t, sc, w); err != nil {
					s.mu.Lock()
					errs = append(errs, err)
					s.mu.Unlock()
				}
			}
		})
	}
	for _, sc := range s.scenarios() {
		todo <- sc
	}
	close(todo)
	workers.Wait()
	return errors.Join(errs...)
}

func (s *Study) simulate(t *testing.T, sc fleet.Scenario, w io.Writer) error {
	s.mu.Lock()
	_, known := s.results[sc]
	if !known {
		s.results[sc] = nil
	}
	s.mu.Unlock()
	if known {
		return nil
	}
	began := time.Now()
	r, err := fleet.Simulate(t, sc)
	if err != nil {
		return err
	}
	floor, err := s.atLeast(sc, r)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.results[sc] = r
	_, _ = fmt.Fprintf(w, "%-48s %9d calls %8d runs (optimum %d) in %v\n", sc.Name, r.Calls, r.Runs, floor,
		time.Since(began).Round(100*time.Millisecond))
	return err
}

// atLeast returns the optimum of the scenario, and an error where the cache needed fewer runs than can be: then either
// it served what was too old, or the simulation counts wrongly.
func (s *Study) atLeast(sc fleet.Scenario, r *fleet.Result) (int64, error) {
	// A run may begin as late as the slowest answer after its call, so it serves that much longer than the optimum's.
	late := sc.Cold + r.Longest
	if bound := sc.Optimum(sc.TTL + sc.StaleFor + late); r.Runs < bound {
		return 0, fmt.Errorf("%s: %d runs, but at least %d are needed", sc.Name, r.Runs, bound)
	}
	return s.optimum(sc), nil
}

// plain is the scenario without what the optimum does not depend on.
func plain(sc fleet.Scenario) fleet.Scenario {
	sc.Name, sc.Tiers, sc.NoLeases, sc.StaleFor, sc.Ahead, sc.OneByOne = "", "", false, 0, 0, false
	return sc
}

func (s *Study) optimum(sc fleet.Scenario) int64 {
	key := plain(sc)
	s.mu.Lock()
	n, ok := s.optima[key]
	s.mu.Unlock()
	if !ok {
		n = sc.Optimum(sc.TTL)
		s.mu.Lock()
		s.optima[key] = n
		s.mu.Unlock()
	}
	return n
}

// get returns what came of a variation of the base scenario.
func (s *Study) get(change ...func(*fleet.Scenario)) *fleet.Result {
	r := s.results[s.Of(change...)]
	if r == nil {
		return &fleet.Result{Scenario: s.Of(change...)}
	}
	return r
}

// Save writes every result to a file, from which Load restores them.
func (s *Study) Save(path string) error {
	data, err := json.Marshal(slices.Collect(maps.Values(s.results)))
	if err != nil {
		return err
	}
	return os.WriteFile(path, data, 0o644) //nolint:gosec // counts
}

// Load takes results from a file instead of simulating: to draw the report anew.
func (s *Study) Load(path string) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	var all []*fleet.Result
	if err := json.Unmarshal(data, &all); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	for _, r := range all {
		s.results[r.Scenario] = r
	}
	for _, sc := range s.scenarios() {
		if s.results[sc] == nil {
			return fmt.Errorf("%s has no result of %q: simulate again", path, sc.Name)
		}
	}
	return nil
}
