package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"

	"github.com/signalcraft/signalcraft/api/store"
	"github.com/signalcraft/signalcraft/warehouse/explain"
	"github.com/signalcraft/signalcraft/warehouse/run"
)

// anomalyCommand looks at anomalies.
type anomalyCommand struct {
	Simulate anomalySimulateCommand `cmd:"" help:"Show on history what would have been told of a KPI under another setting."`
}

// anomalySimulateCommand shows what a setting would have fired.
type anomalySimulateCommand struct {
	KPI            string `arg:"" name:"KPI" help:"Id or name of the KPI."`
	Business       string `placeholder:"BUSINESS" help:"Id or name of its business, where several have a KPI of that name."`
	ExpectedAlarms string `placeholder:"N/month" help:"Alarms that a month in which nothing happens may bring, such as 2/month or 1/week. Default: what the business has set."`
	From           string `placeholder:"DAY" help:"First day, YYYY-MM-DD. Default: the first of the KPI's history."`
	To             string `placeholder:"DAY" help:"Day before which it ends. Default: after the last of the KPI's history."`
	Hours          bool   `help:"Show anomalous hours, too."`
}

// Help is shown by signalcraft anomaly simulate --help.
func (anomalySimulateCommand) Help() string {
	return `Judges the KPI's whole history by the models of the last run, as they would have judged it day by
day, and writes nothing. A setting that suits is saved with POST /businesses/{id}/preferences,
as anomalies.expected_alarms.

Examples:

  signalcraft anomaly simulate revenue --business "Café Lumière" --expected-alarms 2/month
  signalcraft anomaly simulate orders --expected-alarms 1/week --from 2026-01-01 --to 2026-07-01`
}

// Run prints a table of what would have been told, and how much that is in a month.
func (c anomalySimulateCommand) Run(ctx context.Context, settings *Settings, std streams) (err error) {
	from, to, err := c.span()
	if err != nil {
		return err
	}
	expected := 0.0
	if c.ExpectedAlarms != "" {
		if expected, err = perMonth(c.ExpectedAlarms); err != nil {
			return err
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
	inForce, err := i.expectedAlarmsOf(ctx, kpi.BusinessID)
	if err != nil {
		return err
	}
	if expected == 0 {
		expected = inForce
	}
	b, err := i.newBatch(nil)
	if err != nil {
		return err
	}
	result, err := b.runner.Simulate(ctx, run.Simulation{BusinessID: kpi.BusinessID, KPIID: kpi.ID, ExpectedAlarms: expected, From: from, To: to})
	if errors.Is(err, run.ErrNothingComputed) {
		return fmt.Errorf("KPI %s of %s has no computed day between %s and %s: load its values and run the batch first (signalcraft run nightly), or choose other days",
			kpi.Name, kpi.Business, from.Format(time.DateOnly), to.Format(time.DateOnly))
	}
	if err != nil {
		return err
	}
	return c.print(std.out, simulationShown{kpi, expected, inForce, result})
}

// span returns the days asked for; without, all there can be.
func (c anomalySimulateCommand) span() (from, to time.Time, err error) {
	from, to = time.Date(1900, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC)
	if c.From != "" {
		if from, err = time.Parse(time.DateOnly, c.From); err != nil {
			return from, to, fmt.Errorf("--from %q: want a day as YYYY-MM-DD", c.From)
		}
	}
	if c.To != "" {
		if to, err = time.Parse(time.DateOnly, c.To); err != nil {
			return from, to, fmt.Errorf("--to %q: want a day as YYYY-MM-DD", c.To)
		}
	}
	if !from.Before(to) {
		return from, to, fmt.Errorf("--from %s is not before --to %s", from.Format(time.DateOnly), to.Format(time.DateOnly))
	}
	return from, to, nil
}

// daysPerMonth is the mean length of a month.
const daysPerMonth = 30.436875

// perMonth reads a number of alarms in a month, such as 2/month, 1/week or 0.5. The bounds are those of the preference.
func perMonth(rate string) (float64, error) {
	number, unit, found := strings.Cut(strings.TrimSpace(rate), "/")
	if !found {
		unit = "month"
	}
	value, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
	days := map[string]float64{"day": 1, "week": 7, "month": daysPerMonth, "year": 365.2425}[strings.TrimSpace(unit)]
	if err != nil || days == 0 {
		return 0, fmt.Errorf("--expected-alarms %q: want a number and day, week, month or year, such as 2/month", rate)
	}
	value *= daysPerMonth / days
	if !(value >= 0.01 && value <= 10) {
		return 0, fmt.Errorf("--expected-alarms %q is %.3g a month: want 0.01 to 10", rate, value)
	}
	return value, nil
}

// expectedAlarms is the setting of a business; without one the default of staging.business.
func expectedAlarms(b store.Business) float64 {
	if b.ExpectedAlarms != nil {
		return *b.ExpectedAlarms
	}
	return 0.5
}

// expectedAlarmsOf is the setting of the business with an id.
func (i *installation) expectedAlarmsOf(ctx context.Context, business string) (float64, error) {
	businesses, err := i.data.Businesses(ctx)
	if err != nil {
		return 0, err
	}
	for _, b := range businesses {
		if b.ID.String() == business {
			return expectedAlarms(b), nil
		}
	}
	return 0, fmt.Errorf("business %s is in the lake, but not in Postgres any more", business)
}

// simulationShown is what a simulation prints.
type simulationShown struct {
	explain.KPI
	expected, inForce float64 // alarms in a month: asked for, and what the business has set
	run.SimulationResult
}

func (c anomalySimulateCommand) print(out io.Writer, s simulationShown) error {
	writer := table.NewWriter()
	writer.SetStyle(table.StyleLight)
	writer.Style().Format.Header = text.FormatLower
	writer.AppendHeader(table.Row{"day", "kind", "value", "expected", "score", "severity", "", "coincided with"})
	writer.SetColumnConfigs([]table.ColumnConfig{{Number: 3, Align: text.AlignRight}, {Number: 4, Align: text.AlignRight}, {Number: 8, WidthMax: 60}})
	told, hours, shown := 0, 0, 0
	for _, a := range s.Anomalies {
		if a.Grain == "hour" {
			if hours++; !c.Hours {
				continue
			}
		} else if !a.Ongoing {
			told++
		}
		shown++
		writer.AppendRow(simulatedRow(a))
	}
	if shown > 0 {
		if _, err := fmt.Fprintln(out, writer.Render()); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintf(out, "%s of %s, %s to %s, with %.3g expected a month: %s on %s judged, %.2f a month.\n", s.Name, s.Business,
		s.First.Format(time.DateOnly), s.Last.Format(time.DateOnly), s.expected, counted(told, "alarm"), counted(s.Days, "day"), float64(told)*daysPerMonth/float64(s.Days))
	if err == nil && hours > 0 && !c.Hours {
		_, err = fmt.Fprintf(out, "Hours are judged apart: %s out of the ordinary; --hours shows them.\n", counted(hours, "was"))
	}
	if err == nil {
		_, err = fmt.Fprintf(out, "In force for %s: %.3g expected a month.\n", s.Business, s.inForce)
	}
	return err
}

func simulatedRow(a run.Simulated) table.Row {
	day, value, goes := a.Day.Format(time.DateOnly), "missing", ""
	if a.Hour >= 0 {
		day += fmt.Sprintf(" %02d:00", a.Hour)
	}
	if a.HasValue {
		value = shortNumber(a.Value)
	}
	if a.Ongoing {
		goes = "goes on"
	}
	return table.Row{day, strings.ReplaceAll(a.Kind, "_", " "), value, shortNumber(a.Expected), fmt.Sprintf("%.2f", a.Score), a.Severity, goes,
		strings.Join(a.Coincided[:min(3, len(a.Coincided))], "\n")}
}

// shortNumber writes a number with at most six digits that matter.
func shortNumber(v float64) string { return strconv.FormatFloat(v, 'g', 6, 64) }

// counted writes a number of things.
func counted(n int, thing string) string {
	switch {
	case thing == "was" && n == 1:
		return "1 hour was"
	case thing == "was":
		return thousands(int64(n)) + " hours were"
	case n == 1:
		return "1 " + thing
	}
	return thousands(int64(n)) + " " + thing + "s"
}
