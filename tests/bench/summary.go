package bench

import (
	"bytes"
	"fmt"
	"image/color"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"gonum.org/v1/plot"

	"github.com/stillwarm/stillwarm/tests/prose"
	"github.com/stillwarm/stillwarm/tests/simulate/report"
)

// WritePages writes the pages about performance and their chart into the folder of the documentation.
func (r *Report) WritePages(docs string) error {
	chart, ok := r.chart()
	for _, folder := range []string{"internals", "img"} {
		if err := os.MkdirAll(filepath.Join(docs, folder), 0o755); err != nil { //nolint:gosec // pages for everybody
			return err
		}
	}
	if ok {
		if err := chart.Save(filepath.Join(docs, "img", "performance.svg")); err != nil {
			return err
		}
	}
	if err := writeFile(filepath.Join(docs, "performance.md"), r.WriteSummary); err != nil {
		return err
	}
	return writeFile(filepath.Join(docs, "internals", "performance.md"), r.WriteTables)
}

func writeFile(path string, write func(io.Writer) error) error {
	var b bytes.Buffer
	if err := write(&b); err != nil {
		return err
	}
	page, err := prose.Wrap(b.Bytes(), prose.Width)
	if err != nil {
		return err
	}
	return os.WriteFile(path, page, 0o644) //nolint:gosec // a page for everybody
}

// WriteSummary writes docs/performance.md: a line for each thing that a user waits for, and a chart.
func (r *Report) WriteSummary(w io.Writer) error {
	var b strings.Builder
	b.WriteString("# Performance\n\nWhat a call costs, beside what else one could take:\n\n")
	for _, line := range r.summaryLines() {
		fmt.Fprintf(&b, "- %s\n", line)
	}
	if _, ok := r.chart(); ok {
		b.WriteString("\n![Times of hits, of Stillwarm, of its fastest peer and of a bare client, on a logarithmic scale](img/performance.svg)\n")
	}
	fmt.Fprintf(&b, `
`+"`make bench`"+` measured this on %s in one run: %s, %s, %d cores, servers on the same machine. On a network the
round trip dominates, so read the ratios rather than the times. A peer is comparable if it gives each caller a value of its own, as
Stillwarm does. See also [every figure, with the goals that are missed](internals/performance.md), and [what a fleet costs](internals/scale.md).
`, r.ended.UTC().Format("2006-01-02"), r.goVersion, r.osAndArch, r.cores)
	_, err := io.WriteString(w, b.String())
	return err
}

// summaryLines leaves out what the run did not measure.
func (r *Report) summaryLines() []string {
	var lines []string
	say := func(format string, parts ...string) {
		if !slices.Contains(parts, "") {
			args := make([]any, len(parts))
			for i, p := range parts {
				args[i] = p
			}
			lines = append(lines, fmt.Sprintf(format, args...))
		}
	}
	say("**A hit in memory** takes %s for a struct of 200 bytes, %s for 8 KB in 100 elements: %s and %s times the fastest peer's time.",
		r.time("hit-flat", ours), r.time("hit-100", ours), r.toPeer("hit-flat"), r.toPeer("hit-100"))
	say("**A hit in Redis** takes %s for 1 KB: %s times a bare `GET` by go-redis.",
		r.time("redis-1KB", ours), r.toNamed("redis-1KB", reference, "go-redis Get"))
	say("**A hit in S3** takes %s for 1 KB: %s times a bare `GetObject` by the AWS SDK.",
		r.time("s3-1KB", ours), r.toNamed("s3-1KB", reference, "AWS SDK, a buffer of ContentLength"))
	say("**An invocation** whose result is in memory takes %s: %s times one that does nothing at all.",
		r.time("handler-hit", ours), r.toNamed("handler-hit", reference, "bare handler"))
	say("**A cold start** of the process takes %s with the Redis backend and %s with S3, beside %s of a bare function.",
		r.time("cold-redis", ours), r.time("cold-s3", ours), r.time("cold-redis", floor))
	return lines
}

func (r *Report) find(id string) *result {
	for _, res := range r.results {
		if res.id == id {
			return res
		}
	}
	return nil
}

// time is the median time of the first contender with the role; "" where it was not measured.
func (r *Report) time(id string, who role) string {
	if ns := r.nanoseconds(id, who); !math.IsNaN(ns) {
		return duration(ns)
	}
	return ""
}

func (r *Report) nanoseconds(id string, who role) float64 {
	res := r.find(id)
	if res == nil {
		return math.NaN()
	}
	i := res.index(who, "")
	if who == peer {
		i = res.bestPeer()
	}
	if i < 0 {
		return math.NaN()
	}
	return median(res.of(i, byTime))
}

func (r *Report) toPeer(id string) string {
	if res := r.find(id); res != nil && res.bestPeer() >= 0 {
		return fmt.Sprintf("%.2f", res.ratio(res.bestPeer(), byTime))
	}
	return ""
}

func (r *Report) toNamed(id string, who role, name string) string {
	if res := r.find(id); res != nil && res.index(who, name) >= 0 {
		return fmt.Sprintf("%.2f", res.ratio(res.index(who, name), byTime))
	}
	return ""
}

// charted are the places of the chart, from the fastest to the slowest.
var charted = []struct{ id, label string }{
	{"hit-flat", "memory, 200 B"}, {"hit-100", "memory, 8 KB"}, {"http-1KB", "HTTP, 1 KB"}, {"redis-1KB", "Redis, 1 KB"},
	{"handler-hit", "an invocation"}, {"s3-1KB", "S3, 1 KB"},
}

// chart returns false where nothing of it was measured.
func (r *Report) chart() (report.Chart, bool) {
	c := report.Chart{
		Title:    "How long does a hit take?",
		Subtitle: "Median of one run, servers on the same machine; the scale is logarithmic",
		Y:        "time", Dots: true, LogY: true, Value: duration, YMin: 30, YMax: 3e6,
		Series: []report.Series{
			{Name: "Stillwarm", Color: color.RGBA{R: 0x00, G: 0x72, B: 0xb2, A: 0xff}},
			{Name: "fastest comparable peer", Color: color.RGBA{R: 0xd5, G: 0x5e, B: 0x00, A: 0xff}},
			{Name: "bare client or handler", Color: color.RGBA{R: 0x76, G: 0x76, B: 0x76, A: 0xff}},
		},
	}
	for ns := 100.0; ns <= 1e6; ns *= 10 {
		c.YTicks = append(c.YTicks, plot.Tick{Value: ns, Label: duration(ns)})
	}
	for _, place := range charted {
		mine := r.nanoseconds(place.id, ours)
		if math.IsNaN(mine) {
			continue
		}
		c.Labels = append(c.Labels, place.label)
		for i, who := range []role{ours, peer, reference} {
			c.Series[i].Y = append(c.Series[i].Y, r.nanoseconds(place.id, who))
		}
	}
	return c, len(c.Labels) > 0
}
