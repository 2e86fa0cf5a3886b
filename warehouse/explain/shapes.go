package explain

import (
	"math"
	"strconv"
	"strings"
	"time"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"

	"github.com/signalcraft/signalcraft/lakehouse/dataset"
)

// The shapes that drawings consist of. Their values are finite, so that plotter's constructors, which refuse others, have no error.

func points(days []dataset.Days, values []float64) plotter.XYs {
	xys := make(plotter.XYs, len(days))
	for i := range days {
		xys[i] = plotter.XY{X: float64(days[i]), Y: values[i]}
	}
	return xys
}

func stroke(xys plotter.XYs, of shade, wide vg.Length) plot.Plotter {
	line := &plotter.Line{XYs: xys, LineStyle: plotter.DefaultLineStyle}
	line.Color, line.Width = of, wide
	return line
}

func polygon(of shade, outline plotter.XYs) plot.Plotter {
	shape := &plotter.Polygon{XYs: []plotter.XYs{outline}, Color: of}
	shape.Width = 0
	return shape
}

// bars are one bar a day from zero to the value.
func bars(days []dataset.Days, values []float64, of shade) []plot.Plotter {
	var all []plot.Plotter
	for i, v := range values {
		if v != 0 {
			x := float64(days[i])
			all = append(all, polygon(of, plotter.XYs{{X: x - 0.4, Y: 0}, {X: x + 0.4, Y: 0}, {X: x + 0.4, Y: v}, {X: x - 0.4, Y: v}}))
		}
	}
	return all
}

// box is the outline of some days from the least value to the greatest.
func box(of Span, lowest, highest float64) plotter.XYs {
	from, to := float64(of.First)-0.5, float64(of.Last)+0.5
	return plotter.XYs{{X: from, Y: lowest}, {X: to, Y: lowest}, {X: to, Y: highest}, {X: from, Y: highest}}
}

func grid() plot.Plotter {
	g := plotter.NewGrid()
	g.Vertical.Color, g.Horizontal.Color = faint, faint
	g.Vertical.Width, g.Horizontal.Width = 0.4, 0.4
	return g
}

// runs cuts a history into lines at days without a value. A value between two such days is a line to itself, which is drawn as a dash.
func runs(days []dataset.Days, values []float64) []plotter.XYs {
	var all []plotter.XYs
	for i, day := range days {
		at := plotter.XY{X: float64(day), Y: values[i]}
		if i == 0 || days[i-1] != day-1 {
			all = append(all, plotter.XYs{{X: at.X - 0.4, Y: at.Y}})
		}
		all[len(all)-1] = append(all[len(all)-1], at)
	}
	return all
}

// extent returns the least and the greatest value.
func extent(columns ...[]float64) (lowest, highest float64) {
	lowest, highest = math.Inf(1), math.Inf(-1)
	for _, values := range columns {
		for _, v := range values {
			lowest, highest = min(lowest, v), max(highest, v)
		}
	}
	return lowest, highest
}

// padded widens a range by a twentieth on both sides; one without width by its own size.
func padded(lowest, highest float64) (from, to float64) {
	pad := highest/20 - lowest/20
	if pad <= 0 {
		pad = max(math.Abs(highest)/2, 0.5)
	}
	return lowest - pad, highest + pad
}

// amounts marks round values, so many at most.
type amounts struct{ most int }

// Ticks returns marks at multiples of 1, 2 or 5 times a power of ten, with labels such as 1,250 or 0.05.
func (a amounts) Ticks(lowest, highest float64) []plot.Tick {
	power := math.Pow(10, math.Floor(math.Log10((highest-lowest)/float64(a.most))))
	step := 10 * power
	for _, times := range []float64{5, 2, 1} {
		if (highest-lowest)/(times*power) <= float64(a.most) {
			step = times * power
		}
	}
	var ticks []plot.Tick
	for k := math.Ceil(lowest / step); k*step <= highest && len(ticks) <= a.most; k++ {
		ticks = append(ticks, plot.Tick{Value: k * step, Label: Amount(k*step, step)})
	}
	return ticks
}

// Amount writes a value with as many decimals as differences of step need, and commas between thousands; very large and very
// small ones with an exponent.
func Amount(v, step float64) string {
	if size := math.Abs(v); size >= 1e9 || step < 1e-6 {
		return strconv.FormatFloat(v, 'g', 4, 64)
	}
	decimals := max(0, int(math.Ceil(-math.Log10(step)-1e-9)))
	digits := strconv.FormatFloat(v, 'f', decimals, 64)
	if strings.Trim(digits, "-0.") == "" {
		return "0"
	}
	sign := ""
	if digits[0] == '-' {
		sign, digits = "-", digits[1:]
	}
	whole, rest, _ := strings.Cut(digits, ".")
	for at := len(whole) - 3; at > 0; at -= 3 {
		whole = whole[:at] + "," + whole[at:]
	}
	if rest != "" {
		rest = "." + rest
	}
	return sign + whole + rest
}

// dates marks days, Mondays or firsts of months, about ten of them; a silent one without their dates.
type dates struct{ silent bool }

// Ticks returns marks with dates; the first of each year has it.
func (d dates) Ticks(lowest, highest float64) []plot.Tick {
	first, span := dateOf(math.Ceil(lowest)), highest-lowest
	var ticks []plot.Tick
	year := 0
	for day := first; float64(dataset.ToDays(day)) <= highest; day = day.AddDate(0, 0, 1) {
		if !marked(day, span) {
			continue
		}
		label := day.Format("2 Jan")
		if span > 300 {
			label = day.Format("Jan")
		}
		if day.Year() != year {
			year, label = day.Year(), label+day.Format(" 2006")
		}
		if d.silent {
			label = " " // a mark without any label is a minor one, which has no line in the grid
		}
		ticks = append(ticks, plot.Tick{Value: float64(dataset.ToDays(day)), Label: label})
	}
	return ticks
}

// marked reports whether a day has a mark in a drawing of so many days.
func marked(day time.Time, span float64) bool {
	monday, months := day.Weekday() == time.Monday, int(day.Month())-1
	switch {
	case span <= 12:
		return true
	case span <= 75:
		return monday
	case span <= 150:
		return monday && (day.YearDay()/7)%2 == 0
	case span <= 400:
		return day.Day() == 1
	case span <= 1200:
		return day.Day() == 1 && months%3 == 0
	}
	return day.Day() == 1 && months == 0
}
