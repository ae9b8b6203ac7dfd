package main

import (
	"fmt"
	"strings"
	"time"
)

// The chart's measures, in its own units.
const (
	chartWidth, chartHeight = 640, 240
	chartLeft, chartBottom  = 12, 34
	chartTop                = 16
)

// chartStyle follows the reader's choice of light or dark.
const chartStyle = `text{font:12px system-ui,sans-serif;fill:#5c6570}.b{fill:#c9cfd6}.h{fill:#b9480f}.a{stroke:#c9cfd6}` +
	`@media(prefers-color-scheme:dark){text{fill:#a0a8b0}.b{fill:#4a525a}.h{fill:#f2945c}.a{stroke:#4a525a}}`

// chart draws the distribution of rainy days, with those that count in another colour.
func chart(a rainAnswer) string {
	var b strings.Builder
	month := time.Month(a.Month).String()
	title := fmt.Sprintf("Rainy days in a made-up %s: at least %d in %.1f %% of them", month, a.AtLeastDays, 100*a.Probability)
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" role="img" aria-label=%q><title>%s</title><style>%s</style>`,
		chartWidth, chartHeight, title, title, chartStyle)
	highest := 0.0
	for _, share := range a.Distribution {
		highest = max(highest, share)
	}
	step := float64(chartWidth-2*chartLeft) / float64(len(a.Distribution))
	floor := float64(chartHeight - chartBottom)
	for n, share := range a.Distribution {
		height := (floor - chartTop) * share / highest
		class := "b"
		if n >= a.AtLeastDays {
			class = "h"
		}
		x := chartLeft + float64(n)*step
		fmt.Fprintf(&b, `<rect class=%q x="%.1f" y="%.1f" width="%.1f" height="%.1f"><title>%d days: %.2f %%</title></rect>`,
			class, x+1, floor-height, step-2, height, n, 100*share)
		if n%5 == 0 {
			fmt.Fprintf(&b, `<text x="%.1f" y="%.1f" text-anchor="middle">%d</text>`, x+step/2, floor+16, n)
		}
	}
	fmt.Fprintf(&b, `<line class="a" x1="%d" y1="%.1f" x2="%d" y2="%.1f"/>`, chartLeft, floor+0.5, chartWidth-chartLeft, floor+0.5)
	fmt.Fprintf(&b, `<text x="%d" y="%d" text-anchor="end">rainy days</text></svg>`, chartWidth-chartLeft, chartHeight-4)
	return b.String()
}
