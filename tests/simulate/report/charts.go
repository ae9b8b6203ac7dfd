package report

import (
	"errors"
	"fmt"
	"path/filepath"

	"gonum.org/v1/plot"

	"github.com/stillwarm/stillwarm/tests/simulate/fleet"
	"github.com/stillwarm/stillwarm/tests/simulate/price"
)

// Charts writes the charts of the report into a folder.
func (s *Study) Charts(dir string, p price.Prices) error {
	var errs []error
	for name, chart := range map[string]Chart{
		"scale-runs.svg":     s.runsChart(),
		"scale-tiers.svg":    s.tiersChart(),
		"scale-cost.svg":     s.costChart(p),
		"scale-ttl.svg":      s.ttlChart(),
		"scale-zipf.svg":     s.zipfChart(),
		"scale-stale.svg":    s.staleChart(),
		"scale-runprice.svg": s.runPriceChart(p),
	} {
		errs = append(errs, chart.Save(filepath.Join(dir, name)))
	}
	return errors.Join(errs...)
}

// overFleets takes a number from each fleet size.
func (s *Study) overFleets(value func(n int) float64) []float64 {
	var ys []float64
	for _, n := range s.Fleets {
		ys = append(ys, value(n))
	}
	return ys
}

func (s *Study) fleetAxis() (at []float64, labels []string) {
	for _, n := range s.Fleets {
		at, labels = append(at, float64(n)), append(labels, thousands(int64(n)))
	}
	return at, labels
}

func runShare(r *fleet.Result) float64 { return 100 * r.Share(r.Runs) }

func (s *Study) optimumShare(r *fleet.Result) float64 {
	return 100 * float64(s.optimum(r.Scenario)) / float64(max(1, r.Calls))
}

func percentTicks(from float64) []plot.Tick {
	var ticks []plot.Tick
	for v := from; v <= 100; v *= 10 {
		for _, m := range []float64{1, 2, 5} {
			if v*m <= 100 {
				ticks = append(ticks, plot.Tick{Value: v * m, Label: fmt.Sprintf("%g %%", v*m)})
			}
		}
	}
	return ticks
}

func linear(step, to float64, format string) []plot.Tick {
	var ticks []plot.Tick
	for v := 0.0; v <= to; v += step {
		ticks = append(ticks, plot.Tick{Value: v, Label: fmt.Sprintf(format, v)})
	}
	return ticks
}

func (s *Study) runsChart() Chart {
	at, labels := s.fleetAxis()
	return Chart{
		Title:    "How often does the function run?",
		Subtitle: "Share of the calls that run it. ttl 2 min, 10,000 keys, Zipf 1",
		X:        "containers busy at the peak", Y: "calls that run the function",
		At: at, Labels: labels, LogX: true, LogY: true, YTicks: percentTicks(1), YMin: 1, YMax: 105,
		Series: []Series{
			{Name: "no cache", Color: gray, Y: s.overFleets(func(int) float64 { return 100 })},
			{Name: "one cache per container", Color: orange, Y: s.overFleets(func(n int) float64 {
				return runShare(s.get(size(n), tiers(fleet.MemoryOnly)))
			})},
			{Name: "Stillwarm, Redis", Color: blue, Y: s.overFleets(func(n int) float64 { return runShare(s.get(size(n))) })},
			{Name: "optimum: one run per key and ttl", Color: ink, Dashed: true, Y: s.overFleets(func(n int) float64 {
				return s.optimumShare(s.get(size(n)))
			})},
		},
	}
}

func (s *Study) tiersChart() Chart {
	_, labels := s.fleetAxis()
	part := func(name string, count func(*fleet.Result) int64) Series {
		return Series{Name: name, Y: s.overFleets(func(n int) float64 {
			r := s.get(size(n))
			return 100 * r.Share(count(r))
		})}
	}
	c := Chart{
		Title:    "Where does the answer come from?",
		Subtitle: "Stillwarm with Redis. ttl 2 min, 10,000 keys, Zipf 1",
		X:        "containers busy at the peak", Y: "share of the calls", Labels: labels, Stacked: true,
		YTicks: linear(20, 100, "%.0f %%"), YMin: 0, YMax: 100,
		Series: []Series{
			part("memory of the container", func(r *fleet.Result) int64 { return r.MemoryHits }),
			part("backend", func(r *fleet.Result) int64 { return r.RemoteHits }),
			part("backend, after waiting for another container", func(r *fleet.Result) int64 { return r.Waited }),
			part("a run", func(r *fleet.Result) int64 { return r.Misses }),
		},
	}
	for i, color := range []int{0, 1, 2, 3} {
		c.Series[i].Color = tierColors[color]
	}
	return c
}

func (s *Study) costChart(p price.Prices) Chart {
	at, labels := s.fleetAxis()
	bound := func(pick func(none, alone, best float64) float64) []float64 {
		return s.overFleets(func(n int) float64 { return pick(s.bounds(p, n)) })
	}
	c := Chart{
		Title:    "What do a million calls cost?",
		Subtitle: "US dollars beyond the handler's own work. A run takes 400 ms at 512 MB; list prices, see below",
		X:        "containers busy at the peak", Y: "US dollars per million calls",
		At: at, Labels: labels, LogX: true, LogY: true, YTicks: dollarTicks, YMin: 0.1, YMax: 700,
		Series: []Series{
			{Name: "no cache", Color: gray, Y: bound(func(none, _, _ float64) float64 { return none })},
			{Name: "one cache per container", Color: orange, Y: bound(func(_, alone, _ float64) float64 { return alone })},
		},
	}
	for i, o := range offers {
		c.Series = append(c.Series, Series{Name: string(o.service), Color: offerColors[i], Y: s.overFleets(func(n int) float64 {
			return p.Of(s.get(size(n), tiers(o.tiers)), o.service, price.Usual).Total()
		})})
	}
	c.Series = append(c.Series, Series{Name: "optimum", Color: ink, Dashed: true,
		Y: bound(func(_, _, best float64) float64 { return best })})
	return c
}

func (s *Study) ttlChart() Chart {
	c := Chart{
		Title:    "How does the ttl change it?",
		Subtitle: fmt.Sprintf("Share of the calls that run the function. %s containers, 10,000 keys, Zipf 1", thousands(int64(s.Base.Fleet))),
		X:        "ttl", Y: "calls that run the function", LogX: true, LogY: true,
		YTicks: percentTicks(1), YMin: 1, YMax: 105,
	}
	var alone, with, window, best []float64
	for _, d := range s.TTLs {
		c.At, c.Labels = append(c.At, d.Seconds()), append(c.Labels, short(d))
		r := s.get(ttl(d))
		alone = append(alone, runShare(s.get(ttl(d), tiers(fleet.MemoryOnly))))
		with = append(with, runShare(r))
		window = append(window, runShare(s.get(ttl(d), stale(d))))
		best = append(best, s.optimumShare(r))
	}
	c.Series = []Series{
		{Name: "one cache per container", Color: orange, Y: alone},
		{Name: "Stillwarm, Redis", Color: blue, Y: with},
		{Name: "with a stale window of one more ttl", Color: violet, Y: window},
		{Name: "optimum: one run per key and ttl", Color: ink, Dashed: true, Y: best},
	}
	return c
}

func (s *Study) zipfChart() Chart {
	c := Chart{
		Title:    "How does the popularity of keys change it?",
		Subtitle: fmt.Sprintf("Share of the calls that run the function. %s containers, ttl 2 min, 10,000 keys", thousands(int64(s.Base.Fleet))),
		X:        "Zipf exponent: from nearly even to a few favourites", Y: "calls that run the function", LogY: true,
		YTicks: percentTicks(1), YMin: 1, YMax: 105,
	}
	var alone, with, best []float64
	for _, z := range s.Zipfs {
		c.At, c.Labels = append(c.At, z), append(c.Labels, fmt.Sprint(z))
		r := s.get(exponent(z))
		alone = append(alone, runShare(s.get(exponent(z), tiers(fleet.MemoryOnly))))
		with, best = append(with, runShare(r)), append(best, s.optimumShare(r))
	}
	c.Series = []Series{
		{Name: "one cache per container", Color: orange, Y: alone},
		{Name: "Stillwarm, Redis", Color: blue, Y: with},
		{Name: "optimum: one run per key and ttl", Color: ink, Dashed: true, Y: best},
	}
	return c
}

func (s *Study) staleChart() Chart {
	c := Chart{
		Title:    "Who waits for a run?",
		Subtitle: fmt.Sprintf("Calls that ran the function or waited for another container's run. %s containers, Redis", thousands(int64(s.Base.Fleet))),
		X:        "ttl", Y: "calls that waited for a run", LogX: true, YMin: 0,
	}
	var without, with []float64
	highest := 0.0
	for _, d := range s.TTLs {
		c.At, c.Labels = append(c.At, d.Seconds()), append(c.Labels, short(d))
		r, st := s.get(ttl(d)), s.get(ttl(d), stale(d))
		without = append(without, 100*r.Share(r.Delayed()))
		with = append(with, 100*st.Share(st.Delayed()))
		highest = max(highest, without[len(without)-1])
	}
	c.YMax = highest * 1.1
	c.YTicks = linear(10, c.YMax, "%.0f %%")
	c.Series = []Series{
		{Name: "no stale window", Color: blue, Y: without}, {Name: "stale window of one more ttl", Color: violet, Y: with},
	}
	return c
}
