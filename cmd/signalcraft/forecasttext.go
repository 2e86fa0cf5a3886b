package main

import (
	"fmt"
	"io"
	"math"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"

	"github.com/signalcraft/signalcraft/lakehouse/dataset"
	"github.com/signalcraft/signalcraft/warehouse/explain"
)

// printForecast prints what is known of a vintage, from what was decided to what came.
func printForecast(out io.Writer, f *explain.Forecast) error {
	var b strings.Builder
	unit := ""
	if f.Unit != "" {
		unit = " (" + f.Unit + ")"
	}
	fmt.Fprintf(&b, "%s%s, %s\nForecast of %s for %s to %s\n\n", f.Name, unit, f.Business, isoDay(f.Vintage), isoDay(f.Days[0]), isoDay(f.Days[len(f.Days)-1]))
	if e := f.Explanation; e == nil {
		fmt.Fprintf(&b, "Method: %s, chosen on %s. This vintage is older than explanations; the next run's has one.\n\n", f.Method, isoDay(f.SelectedOn))
	} else {
		writeMethod(&b, f, e)
		writeHistory(&b, e)
		writeEffects(&b, f, e)
	}
	writeDays(&b, f)
	writeAccuracy(&b, f)
	_, err := io.WriteString(out, b.String())
	return err
}

func isoDay(day dataset.Days) string { return dataset.FromDays(day).Format("2006-01-02") }

// plainTable returns a table in the style of all commands, whose columns from the second on are aligned right.
func plainTable(header ...any) table.Writer {
	w := table.NewWriter()
	w.SetStyle(table.StyleLight)
	w.Style().Format.Header = text.FormatDefault
	w.AppendHeader(header)
	var columns []table.ColumnConfig
	for k := 2; k <= len(header); k++ {
		columns = append(columns, table.ColumnConfig{Number: k, Align: text.AlignRight, AlignHeader: text.AlignRight})
	}
	w.SetColumnConfigs(columns)
	return w
}

func writeMethod(b *strings.Builder, f *explain.Forecast, e *dataset.Explanation) {
	fmt.Fprintf(b, "Method, chosen on %s\n", isoDay(f.SelectedOn))
	w := plainTable("method", "weight")
	trimmed := false
	for _, m := range e.Members {
		weight := ""
		if trimmed = trimmed || m.Weight == nil; m.Weight != nil {
			weight = fmt.Sprintf("%.0f %%", 100**m.Weight)
		}
		w.AppendRow(table.Row{m.Method, weight})
	}
	fmt.Fprintln(b, w.Render())
	if trimmed && len(e.Members) > 1 {
		fmt.Fprintln(b, "A trimmed mean: each day without the lowest and the highest of five members or more.")
	}
	switch {
	case e.MASE == nil || e.BaselineMASE == nil:
		fmt.Fprintln(b, "Error: the history is too short, or too even, to measure one.")
	case *e.BaselineMASE > 0:
		fmt.Fprintf(b, "Error in the history's last stretch: MASE %.3f; repeating the last week: %.3f. %s\n", *e.MASE, *e.BaselineMASE, against(*e.MASE / *e.BaselineMASE))
	default:
		fmt.Fprintf(b, "Error in the history's last stretch: MASE %.3f; repeating the last week: %.3f\n", *e.MASE, *e.BaselineMASE)
	}
	if e.Coverage80 != nil && e.Coverage95 != nil {
		fmt.Fprintf(b, "Of that stretch's values %.0f %% lay inside the 80 %% interval, %.0f %% inside the 95 %% interval.\n", 100**e.Coverage80, 100**e.Coverage95)
	}
	b.WriteByte('\n')
}

// against puts a relative error in words.
func against(relative float64) string {
	switch percent := math.Round(100 * (1 - relative)); {
	case percent > 0:
		return fmt.Sprintf("That is %.0f %% less.", percent)
	case percent < 0:
		return fmt.Sprintf("That is %.0f %% more.", -percent)
	}
	return "That is as much."
}

func writeHistory(b *strings.Builder, e *dataset.Explanation) {
	fmt.Fprintf(b, "History: %s to %s, %d days; %d without a value (incidents are among them), %d wild ones set aside.\n",
		e.HistoryFrom, e.HistoryTo, e.Days, e.Missing, e.Outliers)
	switch {
	case e.Season != nil && e.LongSeason != nil:
		fmt.Fprintf(b, "Seasons: %d and %d days.", *e.Season, *e.LongSeason)
	case e.Season != nil:
		fmt.Fprintf(b, "Season: %d days.", *e.Season)
	case e.LongSeason != nil:
		fmt.Fprintf(b, "Season: %d days.", *e.LongSeason)
	default:
		b.WriteString("No season.")
	}
	if e.LevelShift != nil {
		fmt.Fprintf(b, " Last level shift: %s.", *e.LevelShift)
	}
	b.WriteString("\n\n")
}

func writeEffects(b *strings.Builder, f *explain.Forecast, e *dataset.Explanation) {
	if len(e.Effects) == 0 {
		b.WriteString("Effects: nothing known of the days lowers the error, so nothing is added for it.\n\n")
		return
	}
	b.WriteString("Effects: what one day, or one degree, millimetre, centimetre or km/h, adds\n")
	w := plainTable("effect", "adds"+ofUnit(f.Unit))
	for _, effect := range e.Effects {
		w.AppendRow(table.Row{effect.Name, signed(effect.Coefficient)})
	}
	fmt.Fprintf(b, "%s\n\n", w.Render())
}

func ofUnit(unit string) string {
	if unit == "" {
		return ""
	}
	return " " + unit
}

// signed writes what is added with four digits.
func signed(v float64) string {
	if v == 0 {
		return "0"
	}
	digits := explain.Amount(v, math.Pow(10, math.Floor(math.Log10(math.Abs(v)))-3))
	if v > 0 {
		return "+" + digits
	}
	return digits
}

// writeDays prints each day with what it is made of. Components without a part in any day are left out.
func writeDays(b *strings.Builder, f *explain.Forecast) {
	titles := []string{"trend", "week", "year", "calendar", "weather"}
	if e := f.Explanation; e != nil && e.LongSeason != nil {
		titles[2] = fmt.Sprintf("%d days", *e.LongSeason)
	}
	step := stepOf(f)
	header := []any{"day", "forecast", "80 % interval", "95 % interval"}
	var shown []int
	for k, values := range f.Components {
		if k == 0 || hasPart(values, step) {
			shown = append(shown, k)
			header = append(header, titles[k])
		}
	}
	w := plainTable(header...)
	for i, day := range f.Days {
		row := table.Row{dataset.FromDays(day).Format("Mon 2006-01-02"), explain.Amount(f.Mean[i], step),
			explain.Amount(f.Lower80[i], step) + " to " + explain.Amount(f.Upper80[i], step), explain.Amount(f.Lower95[i], step) + " to " + explain.Amount(f.Upper95[i], step)}
		for _, k := range shown {
			row = append(row, explain.Amount(f.Components[k][i], step))
		}
		w.AppendRow(row)
	}
	fmt.Fprintf(b, "%s\n\n", w.Render())
}

// stepOf is the difference that the table of days shows: the fourth digit of the largest forecast.
func stepOf(f *explain.Forecast) float64 {
	largest := 0.0
	for i := range f.Days {
		largest = max(largest, math.Abs(f.Lower95[i]), math.Abs(f.Upper95[i]))
	}
	if largest == 0 {
		return 1
	}
	return math.Pow(10, min(0, math.Floor(math.Log10(largest))-3))
}

func hasPart(values []float64, step float64) bool {
	for _, v := range values {
		if math.Abs(v) >= step/2 {
			return true
		}
	}
	return false
}

func writeAccuracy(b *strings.Builder, f *explain.Forecast) {
	if len(f.Accuracy) == 0 {
		b.WriteString("No day of a past forecast has come yet: nothing to hold them against.\n")
		return
	}
	b.WriteString("How the forecasts of the last 90 days did\n")
	w := plainTable("days ahead", "forecasts", "days", "MAE", "MASE", "against last week", "sMAPE", "bias", "in 80 %", "in 95 %")
	percent := func(share float64) string { return fmt.Sprintf("%.0f %%", 100*share) }
	known := func(v float64, format string) string {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return ""
		}
		return fmt.Sprintf(format, v)
	}
	for _, a := range f.Accuracy {
		step := math.Pow(10, math.Floor(math.Log10(max(a.MAE, 1e-300)))-2)
		w.AppendRow(table.Row{fmt.Sprintf("%d to %d", a.From, a.To), a.Vintages, a.Days, explain.Amount(a.MAE, step), known(a.MASE, "%.3f"), known(100*a.Relative, "%.0f %%"),
			fmt.Sprintf("%.1f %%", a.SMAPE), explain.Amount(a.Bias, step), percent(a.Coverage80), percent(a.Coverage95)})
	}
	fmt.Fprintln(b, w.Render())
}
