// Package report shows what simulations counted, as tables and as charts.
package report

import (
	"bytes"
	"image/color"
	"os"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgsvg"
)

// Series is one line, or the parts of one kind in all bars.
type Series struct {
	Name   string
	Color  color.RGBA
	Dashed bool
	Y      []float64
}

// Chart is a figure with a line, a bar part or dots for each series.
type Chart struct {
	Title, Subtitle string
	X, Y            string // what the axes show, with units
	At              []float64
	Labels          []string // one for each place on the x axis; "": no mark there
	Series          []Series
	LogX, LogY      bool
	Stacked         bool                 // bars instead of lines
	Dots            bool                 // dots instead of lines, one place for each label; NaN: none there
	Value           func(float64) string // what is written beside a dot; nil: nothing
	YTicks          []plot.Tick          // where the axis is labelled; nil: wherever it suits
	YMin, YMax      float64
}

// The colours tell series apart for colour-blind readers too, and mean the same in every chart.
var (
	gray   = color.RGBA{R: 0x76, G: 0x76, B: 0x76, A: 0xff}
	orange = color.RGBA{R: 0xd5, G: 0x5e, B: 0x00, A: 0xff}
	blue   = color.RGBA{R: 0x00, G: 0x72, B: 0xb2, A: 0xff}
	sky    = color.RGBA{R: 0x56, G: 0xb4, B: 0xe9, A: 0xff}
	green  = color.RGBA{R: 0x00, G: 0x9e, B: 0x73, A: 0xff}
	violet = color.RGBA{R: 0xaa, G: 0x4a, B: 0x9a, A: 0xff}
	ink    = color.RGBA{R: 0x22, G: 0x22, B: 0x22, A: 0xff}
	paper  = color.RGBA{R: 0xff, G: 0xff, B: 0xff, A: 0xff}
	faint  = color.RGBA{R: 0xd8, G: 0xd8, B: 0xd8, A: 0xff}
)

const (
	chartWidth  = 19 * vg.Centimeter
	chartHeight = 11 * vg.Centimeter
	margin      = 0.4 * vg.Centimeter
)

// Save writes the chart as SVG. Its background is opaque, so that it reads the same on light and dark pages.
func (c Chart) Save(path string) error {
	canvas := vgsvg.New(chartWidth, chartHeight)
	all := draw.New(canvas)
	all.SetColor(paper)
	all.Fill(all.Rectangle.Path())
	p, err := c.plot()
	if err != nil {
		return err
	}
	top := c.heading(all)
	p.Draw(draw.Crop(all, margin, -margin, margin, -top))
	var b bytes.Buffer
	if _, err := canvas.WriteTo(&b); err != nil {
		return err
	}
	return os.WriteFile(path, []byte(portable(b.String())), 0o644) //nolint:gosec // a page for everybody
}

// portable names fonts that every browser has.
func portable(svg string) string {
	const family = "font-family:Liberation Sans"
	return strings.ReplaceAll(svg, family, "font-family:Liberation Sans,Helvetica,Arial,sans-serif")
}

func sans(size vg.Length) text.Style {
	f := font.Font{Typeface: "Liberation", Variant: "Sans", Size: size}
	return text.Style{Font: f, Color: ink, Handler: plot.DefaultTextHandler}
}

// heading draws title, subtitle and legend above the plot, where no line can cross them, and returns their height.
func (c Chart) heading(all draw.Canvas) vg.Length {
	left, y := all.Min.X+2*margin, all.Max.Y-2*margin
	title, sub, label := sans(14), sans(9.5), sans(9.5)
	title.Font.Weight = 3 // bold
	sub.Color = gray
	all.FillText(title, vg.Point{X: left, Y: y - 9}, c.Title)
	y -= 25
	all.FillText(sub, vg.Point{X: left, Y: y - 5}, c.Subtitle)
	y -= 22
	x := left
	for _, s := range c.Series {
		width := label.Width(s.Name)
		if x+width+26 > all.Max.X-margin {
			x, y = left, y-16
		}
		c.swatch(all, s, vg.Point{X: x, Y: y})
		all.FillText(label, vg.Point{X: x + 20, Y: y - 3.5}, s.Name)
		x += width + 36
	}
	y -= 24
	sub.Color = ink
	all.FillText(sub, vg.Point{X: left, Y: y}, c.Y)
	return all.Max.Y - y + 8
}

func (c Chart) swatch(all draw.Canvas, s Series, at vg.Point) {
	if c.Stacked {
		all.SetColor(s.Color)
		box := vg.Rectangle{Min: vg.Point{X: at.X + 3, Y: at.Y - 5}, Max: vg.Point{X: at.X + 14, Y: at.Y + 6}}
		all.Fill(box.Path())
		return
	}
	if c.Dots {
		all.DrawGlyph(s.glyph(), vg.Point{X: at.X + 8, Y: at.Y})
		return
	}
	all.StrokeLine2(s.style(), at.X, at.Y, at.X+16, at.Y)
}

func (s Series) glyph() draw.GlyphStyle {
	return draw.GlyphStyle{Color: s.Color, Radius: 4, Shape: draw.CircleGlyph{}}
}

func (s Series) style() draw.LineStyle {
	style := draw.LineStyle{Color: s.Color, Width: 2}
	if s.Dashed {
		style.Dashes = []vg.Length{5, 3}
	}
	return style
}

func (c Chart) plot() (*plot.Plot, error) {
	p := plot.New()
	p.BackgroundColor = paper
	p.X.Label.Text = c.X // the other axis is labelled above, where it can be read without turning the head
	p.X.Label.TextStyle.Font, p.X.Label.Padding = sans(9.5).Font, 4
	p.X.Tick.Label.Font, p.Y.Tick.Label.Font = sans(9.5).Font, sans(9.5).Font
	p.X.LineStyle.Color, p.Y.LineStyle.Color = gray, gray
	if c.LogX {
		p.X.Scale = plot.LogScale{}
	}
	if c.LogY {
		p.Y.Scale = plot.LogScale{}
	}
	if c.YTicks != nil {
		p.Y.Tick.Marker = plot.ConstantTicks(c.YTicks)
	}
	grid := plotter.NewGrid()
	grid.Vertical.Color = nil
	grid.Horizontal.Color = faint
	p.Add(grid)
	add := c.lines
	switch {
	case c.Stacked:
		add = c.bars
	case c.Dots:
		add = c.dots
	}
	if err := add(p); err != nil {
		return nil, err
	}
	if c.YMax > 0 {
		p.Y.Min, p.Y.Max = c.YMin, c.YMax
	}
	return p, nil
}

func (c Chart) lines(p *plot.Plot) error {
	var ticks []plot.Tick
	for i, at := range c.At {
		if c.Labels[i] != "" {
			ticks = append(ticks, plot.Tick{Value: at, Label: c.Labels[i]})
		}
	}
	p.X.Tick.Marker = plot.ConstantTicks(ticks)
	for _, s := range c.Series {
		var xys plotter.XYs
		for i, y := range s.Y {
			xys = append(xys, plotter.XY{X: c.At[i], Y: y})
		}
		line, dots, err := plotter.NewLinePoints(xys)
		if err != nil {
			return err
		}
		line.LineStyle = s.style()
		dots.GlyphStyle = draw.GlyphStyle{Color: s.Color, Radius: 2.6, Shape: draw.CircleGlyph{}}
		p.Add(line)
		if len(xys) <= 12 && !s.Dashed {
			p.Add(dots)
		}
	}
	return nil
}

func (c Chart) bars(p *plot.Plot) error {
	p.NominalX(c.Labels...)
	var below *plotter.BarChart
	for _, s := range c.Series {
		b, err := plotter.NewBarChart(plotter.Values(s.Y), 46)
		if err != nil {
			return err
		}
		b.Color, b.LineStyle.Width = s.Color, 0
		if below != nil {
			b.StackOn(below)
		}
		below = b
		p.Add(b)
	}
	p.X.Min, p.X.Max = -0.6, float64(len(c.Labels))-0.4 // room beside the first and the last
	return nil
}
