package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/signalcraft/signalcraft/warehouse/explain"
)

// forecastCommand looks into forecasts.
type forecastCommand struct {
	Explain forecastExplainCommand `cmd:"" help:"Tell why a KPI's forecast is as it is, and draw it."`
}

// forecastExplainCommand prints and draws one vintage.
type forecastExplainCommand struct {
	KPI      string    `arg:"" name:"kpi" help:"Id or name of the KPI."`
	Business string    `help:"Id or name of its business; needed when several have a KPI of that name."`
	Vintage  time.Time `format:"2006-01-02" placeholder:"DAY" help:"The newest forecast made on this day or before. Default: the newest."`
	Days     int       `default:"120" help:"Days of history to draw, 1 to 3660."`
	Plot     []string  `type:"path" sep:"none" placeholder:"FILE" help:"Draw to this file; its name ends in .png or .svg. May be repeated."`
	PlotDir  string    `type:"path" placeholder:"DIR" help:"Draw to a .png and a .svg of the KPI's name in this folder, which is made."`
}

// Help is shown by signalcraft forecast explain --help.
func (forecastExplainCommand) Help() string {
	return `Prints the newest forecast: the methods and their weights, its error against repeating the
last week, how many values its intervals held, what each day is made of, the effects of holidays,
events and weather, what the history held, and how the forecasts of the last 90 days did.

MASE is an error divided by that of repeating the last season inside the history: below 1 is better.

` + methodNames + `

Examples:

  signalcraft forecast explain covers
  signalcraft forecast explain revenue --business "Bouchon Lyonnais" --plot revenue.png
  signalcraft forecast explain revenue --business "Bouchon Lyonnais" --vintage 2026-09-30
  signalcraft forecast explain 0192f0c1-aaaa-7000-8000-000000000002 --plot-dir plots --days 400`
}

// Run reads the lake and prints and draws what it finds.
func (c forecastExplainCommand) Run(ctx context.Context, settings *Settings, std streams) (err error) {
	if c.Days < 1 || c.Days > 3660 {
		return fmt.Errorf("--days %d: want 1 to 3660", c.Days)
	}
	for _, file := range c.Plot {
		if !slices.Contains(explain.Formats(), formatOf(file)) {
			return fmt.Errorf("--plot %s: the name ends in none of .%s", file, strings.Join(explain.Formats(), ", ."))
		}
	}
	i, err := settings.openBeside(ctx, settings.quietLogger(std))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, i.Close()) }()
	kpi, err := explain.Find(ctx, i.lake, c.Business, c.KPI)
	if err != nil {
		return err
	}
	f, err := explain.Read(ctx, i.lake, kpi, explain.Request{Now: i.now(), Until: c.Vintage, HistoryDays: c.Days})
	if err != nil {
		return err
	}
	if err := printForecast(std.out, f); err != nil {
		return err
	}
	for _, file := range c.files(kpi) {
		if err := draw(f, file); err != nil {
			return err
		}
		fmt.Fprintln(std.out, "drawn to", file)
	}
	return nil
}

// formatOf returns what a file name ends in, without the dot.
func formatOf(file string) string {
	return strings.ToLower(strings.TrimPrefix(filepath.Ext(file), "."))
}

// files are those to draw to.
func (c forecastExplainCommand) files(kpi explain.KPI) []string {
	files := slices.Clone(c.Plot)
	if c.PlotDir == "" {
		return files
	}
	for _, format := range explain.Formats() {
		files = append(files, filepath.Join(c.PlotDir, fileName(kpi.Business+" "+kpi.Name)+"."+format))
	}
	return files
}

// fileName is a name as a file can have it on every system: letters, digits and hyphens.
func fileName(name string) string {
	words := strings.FieldsFunc(strings.ToLower(name), func(r rune) bool {
		return strings.ContainsRune(`<>:"/\|?*.,;'()[]{}&%$#@!+=~^`+"`", r) || r <= ' ' || r == 0x7f
	})
	if len(words) == 0 {
		return "forecast"
	}
	return strings.Join(words, "-")
}

// draw writes a drawing to a file, whose folder is made.
func draw(f *explain.Forecast, file string) (err error) {
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return fmt.Errorf("draw forecast: %w", err)
	}
	out, err := os.Create(file)
	if err != nil {
		return fmt.Errorf("draw forecast: %w", err)
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	return f.Draw(out, formatOf(file))
}
