package run

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/signalcraft/signalcraft/lakehouse"
	"github.com/signalcraft/signalcraft/lakehouse/dataset"
	"github.com/signalcraft/signalcraft/warehouse"
)

// Simulation asks which anomalies of one KPI would have been listed with another setting.
type Simulation struct {
	// BusinessID and KPIID name the KPI. Required.
	BusinessID, KPIID string
	// ExpectedAlarms is how many alarms a month in which nothing happens may bring; see anomaly.Options. Required.
	ExpectedAlarms float64
	// AsOf is the instant up to which days count. Zero means that of the run which computed the days.
	AsOf time.Time
	// From and To bound the local days, half-open. Required.
	From, To time.Time
}

// SimulationResult is what a simulation found.
type SimulationResult struct {
	// First and Last bound the days that were judged, and Days counts them.
	First, Last time.Time
	Days        int
	// Anomalies would be listed, by start.
	Anomalies []Simulated
}

// Simulated is an anomaly that a simulation lists.
type Simulated struct {
	// Grain is day or hour; Hour is -1 for days.
	Grain    string
	Day      time.Time
	Hour     int
	StartsAt time.Time
	// Kind, Direction, Severity and Ongoing are those of the relation anomalies.kpi_anomalies, and so are the numbers; HasValue is false for a
	// missing value.
	Kind, Direction, Severity string
	Ongoing, HasValue         bool
	Value, Expected, Score    float64
	// Coincided are the lines of anomalies.kpi_anomaly_context, the strongest first.
	Coincided []string
}

// The relations that a simulation computes, and those it puts its own rows in the place of.
const (
	anomalyRelation = "anomalies.kpi_anomalies"
	contextRelation = "anomalies.kpi_anomaly_context"
	profileRelation = "marts.kpi"
)

// ErrNothingComputed is returned by Simulate when the lake does not hold the KPI: no run has computed it yet.
var ErrNothingComputed = errors.New("the lake holds no computed day of the KPI")

// Simulate judges one KPI as a run would if its business had the asked setting, by the same models on the same rows, and returns what would be
// listed. It writes nothing.
func (r *Runner) Simulate(ctx context.Context, ask Simulation) (result SimulationResult, err error) {
	b := &batch{Runner: r, asOf: ask.AsOf.UTC(), report: &Report{}, memo: map[memoKey]lakehouse.Change{}, views: map[string]bool{}}
	if b.heads, err = r.cfg.Lake.Heads(ctx); err != nil {
		return result, fmt.Errorf("simulate: %w", err)
	}
	if b.asOf.IsZero() {
		if b.asOf, err = r.computedAt(ctx); err != nil {
			return result, fmt.Errorf("simulate: %w", err)
		}
	}
	s := &simulation{batch: b, ask: ask, window: dataset.Window{Start: ask.From, End: ask.To}}
	result, err = s.run(ctx)
	if b.session != nil {
		err = errors.Join(err, b.session.Close())
	}
	if err != nil {
		return SimulationResult{}, fmt.Errorf("simulate anomalies of KPI %s: %w", ask.KPIID, err)
	}
	return result, nil
}

// computedAt returns the as-of instant of the newest days.
func (r *Runner) computedAt(ctx context.Context) (time.Time, error) {
	snapshots, err := r.cfg.Lake.Snapshots(ctx, "marts.kpi_daily")
	if err != nil || len(snapshots) == 0 {
		return time.Time{}, errors.Join(ErrNothingComputed, err)
	}
	return snapshots[len(snapshots)-1].AsOf, nil
}

// simulation is one under way.
type simulation struct {
	*batch
	ask    Simulation
	window dataset.Window
}

func (s *simulation) run(ctx context.Context) (result SimulationResult, err error) {
	if err := s.open(ctx); err != nil {
		return result, err
	}
	scores, err := s.scores(ctx)
	if err != nil {
		return result, err
	}
	profiles, err := s.profiles(ctx)
	if err != nil {
		return result, err
	}
	for _, row := range scores {
		if s.column(dataset.AnomalyScores().Name, row, "kpi_id") == s.ask.KPIID {
			day := s.column(dataset.AnomalyScores().Name, row, "day").(time.Time)
			if result.Days++; result.Days == 1 {
				result.First = day
			}
			result.Last = day
		}
	}
	if result.Days == 0 || len(profiles) == 0 {
		return result, ErrNothingComputed
	}
	own := map[string][][]any{dataset.AnomalyScores().Name: scores, profileRelation: profiles}
	for relation, rows := range own {
		if err := s.session.MountRows(ctx, s.datasetOf(relation), rows); err != nil {
			return result, err
		}
	}
	listed, err := s.compute(ctx, anomalyRelation, own)
	if err != nil {
		return result, err
	}
	listed = slices.DeleteFunc(listed, func(row []any) bool { return s.column(anomalyRelation, row, "kpi_id") != s.ask.KPIID })
	own[anomalyRelation] = listed
	if err := s.session.MountRows(ctx, s.datasetOf(anomalyRelation), listed); err != nil {
		return result, err
	}
	context, err := s.compute(ctx, contextRelation, own)
	if err != nil {
		return result, err
	}
	result.Anomalies = s.simulated(listed, context)
	return result, nil
}

// scores judges the KPI, and the KPIs that are parts of it, and returns the rows.
func (s *simulation) scores(ctx context.Context) ([][]any, error) {
	node := kpiAnomalyScores()
	n, ok := s.graph.Node(node.Output.Name)
	if !ok {
		return nil, fmt.Errorf("the runner has no go model %s", node.Output.Name)
	}
	sh := shapeOfNode(node)
	if err := s.mountInputs(ctx, n, sh, s.window, &Step{}); err != nil {
		return nil, err
	}
	p := Params{AsOf: s.asOf, Window: s.window, Threads: max(1, s.cfg.Session.Threads), Warn: func(error) {}}
	judged, err := readJudged(ctx, Tables{session: s.session, lake: s.cfg.Lake, heads: s.heads, inputs: node.Inputs, window: s.window}, p,
		&onlyKPI{said{s.ask.BusinessID, s.ask.KPIID}, s.ask.ExpectedAlarms})
	if err != nil {
		return nil, err
	}
	var rows [][]any
	for from := 0; from < judged.history.Len(); {
		to := judged.alike(from)
		batch, err := judged.judge(ctx, from, to)
		if err != nil {
			return nil, err
		}
		rows = append(rows, rowsOf(batch)...)
		batch.Release()
		from = to
	}
	return rows, nil
}

// profiles returns the business's rows of marts.kpi with the asked setting.
func (s *simulation) profiles(ctx context.Context) ([][]any, error) {
	d := s.datasetOf(profileRelation)
	if s.heads[profileRelation] == 0 {
		return nil, nil
	}
	names := make([]string, len(d.Columns))
	for i, c := range d.Columns {
		names[i] = c.Name
	}
	batches, err := s.cfg.Lake.Scan(ctx, profileRelation, names, lakehouse.ReadOptions{Snapshot: s.heads[profileRelation]})
	if err != nil {
		return nil, err
	}
	var rows [][]any
	for batch, err := range batches {
		if err != nil {
			return nil, err
		}
		for _, row := range rowsOf(batch) {
			if s.column(profileRelation, row, "business_id") == s.ask.BusinessID {
				row[s.place(profileRelation, "expected_alarms")] = s.ask.ExpectedAlarms
				rows = append(rows, row)
			}
		}
		batch.Release()
	}
	return rows, nil
}

// compute runs a SQL model on the lake's tables and, in the place of those, the simulation's own.
func (s *simulation) compute(ctx context.Context, relation string, own map[string][][]any) ([][]any, error) {
	n, _ := s.graph.Node(relation)
	sh := shapeOf(n.Model)
	if err := s.session.SetParameters(ctx, warehouse.Parameters{AsOf: s.asOf, Window: s.window}); err != nil {
		return nil, err
	}
	for _, table := range n.Tables {
		if _, mounted := own[table]; mounted {
			continue
		}
		d := s.datasetOf(table)
		if _, err := s.mount(ctx, d, sh.reads(d, s.window)); err != nil {
			return nil, err
		}
	}
	result, err := s.session.Compute(ctx, n.Dataset, n.Model.SQL, s.window)
	if err != nil {
		return nil, err
	}
	names := make([]string, len(n.Dataset.Columns))
	for i, c := range n.Dataset.Columns {
		names[i] = c.Name
	}
	rows, err := result.Read(ctx, names)
	return rows.Rows, errors.Join(err, result.Drop(ctx))
}

// place is where a column stands in the rows of a relation.
func (s *simulation) place(relation, name string) int {
	return slices.IndexFunc(s.datasetOf(relation).Columns, func(c dataset.Column) bool { return c.Name == name })
}

func (s *simulation) column(relation string, row []any, name string) any {
	return row[s.place(relation, name)]
}

// simulated puts anomalies and what they coincided with together.
func (s *simulation) simulated(listed, found [][]any) []Simulated {
	slices.SortFunc(found, func(a, b []any) int {
		strength := func(row []any) float64 { return s.column(contextRelation, row, "strength").(float64) }
		switch {
		case strength(a) > strength(b):
			return -1
		case strength(a) < strength(b):
			return 1
		}
		return 0
	})
	texts := map[time.Time][]string{}
	for _, row := range found {
		at := s.column(contextRelation, row, "starts_at").(time.Time).UTC()
		texts[at] = append(texts[at], s.column(contextRelation, row, "text").(string))
	}
	all := make([]Simulated, 0, len(listed))
	for _, row := range listed {
		get := func(name string) any { return s.column(anomalyRelation, row, name) }
		a := Simulated{Grain: get("grain").(string), Day: get("day").(time.Time).UTC(), Hour: -1, StartsAt: get("starts_at").(time.Time).UTC(), Kind: get("kind").(string),
			Direction: get("direction").(string), Severity: get("severity").(string), Ongoing: get("is_ongoing").(bool),
			Expected: get("expected").(float64), Score: get("score").(float64)}
		a.Value, a.HasValue = get("value").(float64)
		if hour, ok := get("hour").(int32); ok {
			a.Hour = int(hour)
		}
		if a.Grain == "day" {
			a.Coincided = texts[a.StartsAt]
		}
		all = append(all, a)
	}
	slices.SortFunc(all, func(a, b Simulated) int { return a.StartsAt.Compare(b.StartsAt) })
	return all
}

// rowsOf returns a batch's rows as Go values; null is nil, days and instants are times in UTC.
func rowsOf(batch arrow.RecordBatch) [][]any {
	rows := make([][]any, batch.NumRows())
	for i := range rows {
		rows[i] = make([]any, batch.NumCols())
		for c, column := range batch.Columns() {
			rows[i][c] = valueAt(column, i)
		}
	}
	return rows
}

func valueAt(column arrow.Array, i int) any {
	if column.IsNull(i) {
		return nil
	}
	switch values := column.(type) {
	case *array.Date32:
		return dataset.FromDays(dataset.Days(values.Value(i)))
	case *array.Timestamp:
		return time.UnixMicro(int64(values.Value(i))).UTC()
	case *array.Float64:
		return values.Value(i)
	case *array.Int64:
		return values.Value(i)
	case *array.Int32:
		return values.Value(i)
	case *array.Boolean:
		return values.Value(i)
	}
	return column.ValueStr(i)
}
