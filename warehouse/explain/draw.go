package explain

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"slices"
	"time"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
	"gonum.org/v1/plot/vg/vgsvg"

	"github.com/signalcraft/signalcraft/lakehouse/dataset"
)

// Sizes of a drawing.
const (
	width         = 11 * vg.Inch
	headHeight    = 0.85 * vg.Inch
	mainHeight    = 3.9 * vg.Inch
	partHeight    = 1.6 * vg.Inch // of the component that varies most
	leastHeight   = 0.5 * vg.Inch
	datesHeight   = 0.2 * vg.Inch
	captionHeight = 0.25 * vg.Inch
	axisHeight    = 0.2 * vg.Inch // below each plot
	margin        = 0.15 * vg.Inch
	dpi           = 110
)

// typeface is one that gonum's plot brings along.
const typeface = "Liberation"

// Formats lists what Draw writes.
func Formats() []string { return []string{"png", "svg"} }

// Draw writes the forecast as a drawing: above, the history and the forecast with its bands; below, what the forecast is made of, one
// panel for each component that has a part in it, all to one scale, so that what matters little looks little. Format is one of Formats.
func (f *Forecast) Draw(to io.Writer, format string) error {
	panels := append([]panel{{f.whole(), mainHeight, ""}}, f.parts()...)
	height := headHeight + margin
	for _, p := range panels {
		height += p.height
	}
	switch format {
	case "png":
		image := vgimg.NewWith(vgimg.UseWH(width, height), vgimg.UseDPI(dpi), vgimg.UseBackgroundColor(white))
		f.drawOn(draw.New(image), panels)
		if _, err := (vgimg.PngCanvas{Canvas: image}).WriteTo(to); err != nil {
			return fmt.Errorf("draw forecast: %w", err)
		}
	case "svg":
		svg := vgsvg.NewWith(vgsvg.UseWH(width, height))
		f.drawOn(draw.New(svg), panels)
		var text bytes.Buffer
		if _, err := svg.WriteTo(&text); err != nil {
			return fmt.Errorf("draw forecast: %w", err)
		}
		if _, err := to.Write(withFallback(text.Bytes())); err != nil {
			return fmt.Errorf("draw forecast: %w", err)
		}
	default:
		return fmt.Errorf("draw forecast: no format %q; there are %v", format, Formats())
	}
	return nil
}

// withFallback names fonts of the same widths after that of the drawing, which not every machine has. Embedding it would
// make a megabyte of fifty kilobytes.
func withFallback(svg []byte) []byte {
	return bytes.ReplaceAll(svg, []byte("font-family:"+typeface+" Sans;"), []byte("font-family:"+typeface+" Sans,Arial,Helvetica,sans-serif;"))
}

// drawOn draws the head and the panels.
func (f *Forecast) drawOn(c draw.Canvas, panels []panel) {
	f.drawHead(draw.Crop(c, margin, -margin, c.Max.Y-c.Min.Y-headHeight, 0))
	drawPanels(draw.Crop(c, margin, -margin, margin, -headHeight), panels)
}

// panel is one plot with its height and a caption above it.
type panel struct {
	*plot.Plot
	height  vg.Length
	caption string
}

// drawPanels draws panels one below the other, so that their data begin at the same distance from the left.
func drawPanels(c draw.Canvas, panels []panel) {
	canvases, left := make([]draw.Canvas, len(panels)), vg.Length(0)
	top := c.Max.Y
	for i, p := range panels {
		canvases[i] = c
		canvases[i].Max.Y, canvases[i].Min.Y = top, top-p.height
		if top -= p.height; p.caption != "" {
			canvases[i].Max.Y -= captionHeight
		}
		left = max(left, p.DataCanvas(canvases[i]).Min.X-c.Min.X)
	}
	for i, p := range panels {
		p.Draw(draw.Crop(canvases[i], left-(p.DataCanvas(canvases[i]).Min.X-c.Min.X), 0, 0, 0))
		c.FillText(style(10, true), vg.Point{X: c.Min.X + left, Y: canvases[i].Max.Y + captionHeight - 7}, p.caption)
	}
}

// style returns a style of text.
func style(size vg.Length, bold bool) text.Style {
	face := font.Font{Typeface: typeface, Variant: "Sans"}
	if bold {
		face.Weight = 3 // golang.org/x/image/font.WeightBold
	}
	return text.Style{Color: ink, Font: font.From(face, size), XAlign: text.XLeft, YAlign: text.YTop, Handler: plot.DefaultTextHandler}
}

// drawHead writes the title and the key of the upper panel.
func (f *Forecast) drawHead(c draw.Canvas) {
	c.FillText(style(15, true), vg.Point{X: c.Min.X, Y: c.Max.Y - 8}, f.title())
	c.FillText(style(10, false), vg.Point{X: c.Min.X, Y: c.Max.Y - 27}, f.subtitle())
	at := c.Min.X
	entry := func(name string, sample func(x, y vg.Length)) {
		y := c.Max.Y - 50
		sample(at, y-4)
		label := style(10, false)
		c.FillText(label, vg.Point{X: at + 26, Y: y + 1}, name)
		at += 26 + label.Width(name) + 18
	}
	line := func(of shade, wide vg.Length) func(x, y vg.Length) {
		return func(x, y vg.Length) { c.StrokeLine2(draw.LineStyle{Color: of, Width: wide}, x, y, x+20, y) }
	}
	area := func(of ...shade) func(x, y vg.Length) {
		return func(x, y vg.Length) {
			for _, fill := range of {
				c.FillPolygon(fill, []vg.Point{{X: x, Y: y - 5}, {X: x + 20, Y: y - 5}, {X: x + 20, Y: y + 5}, {X: x, Y: y + 5}})
			}
		}
	}
	entry("observed", line(ink, 1))
	entry("forecast", line(blue, 2))
	entry("80 % interval", area(wideBand, narrow))
	entry("95 % interval", area(wideBand))
	if len(f.Incidents) > 0 {
		entry("incident, left out", area(leftOut))
	}
}

func (f *Forecast) title() string {
	if f.Unit == "" {
		return fmt.Sprintf("%s, %s", f.Name, f.Business)
	}
	return fmt.Sprintf("%s (%s), %s", f.Name, f.Unit, f.Business)
}

func (f *Forecast) subtitle() string {
	made := "Forecast of " + longDate(f.Vintage) + " for " + longDate(f.Days[0]) + " to " + longDate(f.Days[len(f.Days)-1])
	if e := f.Explanation; e != nil && e.MASE != nil && e.BaselineMASE != nil && *e.BaselineMASE > 0 {
		made += fmt.Sprintf(". Error in the history's last stretch: %.0f %% of that of repeating the last week", 100**e.MASE / *e.BaselineMASE)
	}
	return made
}

func longDate(day dataset.Days) string { return dataset.FromDays(day).Format("2 January 2006") }

// whole is the upper panel.
func (f *Forecast) whole() *plot.Plot {
	p := newPlot(8)
	first, last := f.Days[0], f.Days[len(f.Days)-1]
	if len(f.HistoryDays) > 0 {
		first = f.HistoryDays[0]
	}
	p.X.Min, p.X.Max = float64(first)-0.5, float64(last)+0.5
	lowest, highest := extent(f.History, f.Lower95, f.Upper95)
	p.Y.Min, p.Y.Max = padded(lowest, highest)
	p.X.Tick.Marker = dates{}
	p.Add(grid())
	for _, span := range f.Incidents {
		p.Add(polygon(leftOut, box(span, p.Y.Min, p.Y.Max)))
	}
	p.Add(polygon(wideBand, f.band(f.Lower95, f.Upper95)), polygon(narrow, f.band(f.Lower80, f.Upper80)))
	for _, run := range runs(f.HistoryDays, f.History) {
		p.Add(stroke(run, ink, 0.8))
	}
	p.Add(stroke(f.joined(), blue, 2))
	return p
}

// joined is the forecast's line from the last observed value on, so that the eye finds the way.
func (f *Forecast) joined() plotter.XYs {
	line := points(f.Days, f.Mean)
	if n := len(f.HistoryDays); n > 0 && f.HistoryDays[n-1] == f.Days[0]-1 {
		line = slices.Insert(line, 0, plotter.XY{X: float64(f.HistoryDays[n-1]), Y: f.History[n-1]})
	}
	return line
}

// band is the outline of an interval.
func (f *Forecast) band(lower, upper []float64) plotter.XYs {
	outline := points(f.Days, upper)
	back := points(f.Days, lower)
	slices.Reverse(back)
	return append(outline, back...)
}

// parts are the lower panels. A component without a part in the forecast has none, but for the trend.
func (f *Forecast) parts() []panel {
	if f.Components == nil {
		return nil
	}
	captions := []string{"Trend: where the KPI is heading; this and all below are to one scale", "Week: what the weekday adds", "Year: what the time of the year adds",
		"Calendar: what holidays, events and closed days add", "Weather: what it adds, as far as it is forecast itself"}
	if e := f.Explanation; e != nil && e.LongSeason != nil && *e.LongSeason < 360 {
		captions[2] = fmt.Sprintf("Longer season: what %d days add", *e.LongSeason)
	}
	colours := []shade{blue, green, purple, vermilion, orange}
	span := f.partSpan()
	var panels []panel
	for k, values := range f.Components {
		if !f.hasPart(k) {
			continue
		}
		p := newPlot(4)
		p.X.Min, p.X.Max = float64(f.Days[0])-0.5, float64(f.Days[len(f.Days)-1])+0.5
		lowest, highest := partExtent(k, values)
		height := max(leastHeight, partHeight*vg.Length(1.1*(highest-lowest)/span))
		own := span * float64(height/partHeight)
		p.Y.Min, p.Y.Max = (lowest+highest-own)/2, (lowest+highest+own)/2
		p.X.Tick.Marker = dates{silent: true}
		p.Add(grid())
		if k == 0 {
			p.Add(stroke(points(f.Days, values), colours[k], 2))
		} else {
			p.Add(bars(f.Days, values, colours[k])...)
			p.Add(stroke(plotter.XYs{{X: p.X.Min, Y: 0}, {X: p.X.Max, Y: 0}}, ink, 0.6))
		}
		panels = append(panels, panel{p, captionHeight + height + axisHeight, captions[k]})
	}
	last := &panels[len(panels)-1]
	last.X.Tick.Marker, last.height = dates{}, last.height+datesHeight
	return panels
}

// hasPart reports whether a component is drawn: the trend, and what is not zero throughout.
func (f *Forecast) hasPart(k int) bool {
	return k == 0 || slices.ContainsFunc(f.Components[k], func(v float64) bool { return v != 0 })
}

// partExtent is the extent of a component, down or up to zero for those that add to the trend: what counts is their distance from it.
func partExtent(k int, values []float64) (lowest, highest float64) {
	lowest, highest = extent(values)
	if k > 0 {
		lowest, highest = min(lowest, 0), max(highest, 0)
	}
	return lowest, highest
}

// partSpan is what partHeight stands for in the KPI's unit.
func (f *Forecast) partSpan() float64 {
	span := 0.0
	for k, values := range f.Components {
		lowest, highest := partExtent(k, values)
		span = max(span, highest-lowest)
	}
	if span == 0 {
		lowest, highest := padded(extent(f.Lower95, f.Upper95))
		span = highest - lowest
	}
	return 1.1 * span
}

// newPlot returns an empty plot in the drawing's style, with so many marks at most on its vertical axis.
func newPlot(most int) *plot.Plot {
	p := plot.New()
	for _, axis := range []*plot.Axis{&p.X, &p.Y} {
		axis.Tick.Label = tickStyle(axis.Tick.Label)
		axis.LineStyle.Color, axis.Tick.LineStyle.Color = ink, ink
		axis.Padding = 2
	}
	p.Y.Tick.Marker = amounts{most}
	return p
}

// tickStyle is style with the alignment of the axis.
func tickStyle(of text.Style) text.Style {
	s := style(9, false)
	s.XAlign, s.YAlign = of.XAlign, of.YAlign
	return s
}

// dateOf returns the day of a place on the horizontal axis.
func dateOf(x float64) time.Time { return dataset.FromDays(dataset.Days(math.Round(x))) }
