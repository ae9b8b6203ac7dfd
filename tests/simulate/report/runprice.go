package report

import (
	"fmt"
	"image/color"
	"math"
	"time"

	"gonum.org/v1/plot"

	"github.com/stillwarm/stillwarm/tests/simulate/fleet"
	"github.com/stillwarm/stillwarm/tests/simulate/price"
)

var (
	tierColors  = []color.RGBA{blue, sky, violet, orange}
	offerColors = []color.RGBA{blue, sky, green, violet}
	dollarTicks = []plot.Tick{
		{Value: 0.1, Label: "$0.10"}, {Value: 1, Label: "$1"}, {Value: 10, Label: "$10"}, {Value: 100, Label: "$100"},
		{Value: 1000, Label: "$1,000"}, {Value: 10000, Label: "$10,000"},
	}
)

// runPriceChart shows from which price of a run on a backend pays.
func (s *Study) runPriceChart(p price.Prices) Chart {
	c := Chart{
		Title:    "How expensive must a run be for the backend to pay?",
		Subtitle: fmt.Sprintf("US dollars per million calls. %s containers, ttl 2 min, 10,000 keys, Zipf 1", thousands(int64(s.Base.Fleet))),
		X:        "GB-seconds of a run (0.2: 400 ms at 512 MB)", Y: "US dollars per million calls",
		LogX: true, LogY: true, YTicks: dollarTicks, YMin: 0.08, YMax: 2000,
	}
	var x []float64
	for e := -2.0; e <= 2.001; e += 0.1 {
		x = append(x, math.Pow(10, e))
	}
	for i, v := range x {
		label := ""
		if i%10 == 0 {
			label = fmt.Sprintf("%g", math.Round(v*100)/100)
		}
		c.At, c.Labels = append(c.At, v), append(c.Labels, label)
	}
	line := func(name string, color color.RGBA, dashed bool, cost func(gbs float64) float64) {
		series := Series{Name: name, Color: color, Dashed: dashed}
		for _, v := range x {
			series.Y = append(series.Y, cost(v))
		}
		c.Series = append(c.Series, series)
	}
	alone := s.get(tiers(fleet.MemoryOnly))
	best := float64(s.optimum(alone.Scenario)) / float64(max(1, alone.Calls))
	line("no cache", gray, false, func(gbs float64) float64 { return gbs * p.LambdaGBSecond * 1e6 })
	line("one cache per container", orange, false, func(gbs float64) float64 {
		return p.AtRunPrice(alone, price.Nothing, price.Usual, gbs).Total()
	})
	for i, o := range offers {
		r := s.get(tiers(o.tiers))
		line(string(o.service), offerColors[i], false, func(gbs float64) float64 {
			return p.AtRunPrice(r, o.service, price.Usual, gbs).Total()
		})
	}
	line("optimum", ink, true, func(gbs float64) float64 { return best * gbs * p.LambdaGBSecond * 1e6 })
	return c
}

// BreakEven returns the price of a run, in GB-seconds, from which on the service costs less than one cache per
// container; and less than none.
func (s *Study) BreakEven(p price.Prices, t fleet.Tiers, service price.Service) (alone, none float64) {
	r, memory := s.get(tiers(t)), s.get(tiers(fleet.MemoryOnly))
	fixed := p.AtRunPrice(r, service, price.Usual, 0).Total() - p.AtRunPrice(memory, price.Nothing, price.Usual, 0).Total()
	saved := (memory.Share(memory.Runs) - r.Share(r.Runs)) * 1e6 * p.LambdaGBSecond
	all := (1 - r.Share(r.Runs)) * 1e6 * p.LambdaGBSecond
	return fixed / saved, p.AtRunPrice(r, service, price.Usual, 0).Total() / all
}

// BreakEvens is the table of where each service begins to pay.
func (s *Study) BreakEvens(p price.Prices) string {
	t := newTable("service", "cheaper than no cache from", "cheaper than one cache per container from")
	at := func(gbs float64) string {
		ms := time.Duration(gbs / price.Usual.MemoryGB * float64(time.Second))
		return fmt.Sprintf("%.3f GB-s (%s at 512 MB)", gbs, millis(ms))
	}
	for _, o := range offers {
		alone, none := s.BreakEven(p, o.tiers, o.service)
		t.row(string(o.service), at(none), at(alone))
	}
	return t.String()
}
