package report

import (
	"math"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
)

// dots draws the series beside each other at each place, so that equal values do not hide one another.
func (c Chart) dots(p *plot.Plot) error {
	p.NominalX(c.Labels...)
	for i, s := range c.Series {
		beside := 0.28 * (float64(i) - float64(len(c.Series)-1)/2)
		var points plotter.XYLabels
		for at, y := range s.Y {
			if math.IsNaN(y) {
				continue
			}
			points.XYs = append(points.XYs, plotter.XY{X: float64(at) + beside, Y: y})
			points.Labels = append(points.Labels, c.valueText(y))
		}
		scatter, err := plotter.NewScatter(points)
		if err != nil {
			return err
		}
		scatter.GlyphStyle = s.glyph()
		p.Add(scatter)
		if err := addLabels(p, points, s, i%2 == 1); err != nil {
			return err
		}
	}
	p.X.Min, p.X.Max = -0.6, float64(len(c.Labels))-0.4
	return nil
}

func (c Chart) valueText(y float64) string {
	if c.Value == nil {
		return ""
	}
	return c.Value(y)
}

// addLabels writes the labels above or below the dots, in the colour of the series. Neighbours take turns, and have room.
func addLabels(p *plot.Plot, points plotter.XYLabels, s Series, above bool) error {
	labels, err := plotter.NewLabels(points)
	if err != nil {
		return err
	}
	for i := range labels.TextStyle {
		labels.TextStyle[i] = sans(8)
		labels.TextStyle[i].Color = s.Color
		labels.TextStyle[i].XAlign = -0.5
	}
	labels.Offset = vg.Point{Y: -15}
	if above {
		labels.Offset = vg.Point{Y: 7}
	}
	p.Add(labels)
	return nil
}
