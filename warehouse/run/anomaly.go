package run

import (
	"context"
	"iter"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/signalcraft/signalcraft/lakehouse/dataset"
	"github.com/signalcraft/signalcraft/models/anomaly"
	"github.com/signalcraft/signalcraft/models/series"
)

const (
	// settleHours is how long after its end a day's values may still come, before what lacks is missing.
	settleHours = 12
	// wholeShare is the share of the hours of a week before that a day needs to count before it has settled.
	wholeShare = 0.9
	// mostMissing is how many days in a row are told to be missing; after that a KPI has ended.
	mostMissing = 14
)

// The anomaly node's inputs.
const (
	judgedDaily = iota
	judgedKPI
	judgedEntry
	judgedBusiness
	judgedHoliday
)

// kpiAnomalyScores judges every day of every KPI.
func kpiAnomalyScores() Node {
	return Node{
		Output:  dataset.AnomalyScores(),
		Version: "kpi_anomaly_scores/2",
		Span:    Windows,
		// A day is judged by all days before it.
		LookbackDays: series.MaxSpan,
		// A day ends after it has begun, settles after that, and is missing after that.
		AsOfDays: 3,
		Inputs: []Input{
			judgedDaily: {
				Relation: "marts.kpi_daily",
				Columns:  []string{"business_id", "kpi_id", "day", "value", "starts_at", "hours_expected", "coverage"},
			},
			judgedKPI: {
				Relation: "staging.kpi",
				Columns:  []string{"business_id", "kpi_id", "lowest", "highest", "is_integer", "least_deviation", "part_of"},
				Order:    []string{"business_id", "kpi_id"},
			},
			judgedEntry: {
				Relation: "staging.calendar_entry",
				Columns:  []string{"business_id", "kpi_id", "kind", "name", "first_day", "last_day"},
			},
			judgedBusiness: {
				Relation: "staging.business",
				Columns:  []string{"business_id", "country", "time_zone", "expected_alarms", "least_share"},
			},
			judgedHoliday: {
				Relation: "staging.calendar_holiday",
				Columns:  []string{"country", "day", "name"},
			},
		},
		Build: judgeKPIs,
		Due:   dueToBeJudged,
	}
}

func judgeKPIs(ctx context.Context, in Tables, p Params) (iter.Seq2[arrow.RecordBatch, error], error) {
	s, err := readJudged(ctx, in, p, nil)
	if err != nil {
		return nil, err
	}
	return func(yield func(arrow.RecordBatch, error) bool) {
		for from := 0; from < s.history.Len(); {
			to := s.alike(from)
			rows, err := s.judge(ctx, from, to)
			if !yield(rows, err) || err != nil {
				return
			}
			from = to
		}
	}, nil
}

// onlyKPI restricts reading to one KPI and its parts, and judges these with another setting than their business's.
type onlyKPI struct {
	of       said
	expected float64
}

// judged is all that days are judged by.
type judged struct {
	p        Params
	only     *onlyKPI // nil for all
	history  *series.Batch
	settings map[string]loudness // by business
	least    []float64           // by series
	entries  map[said][]daysEntry
	zones    map[string]*time.Location
	starts   map[string]map[dataset.Days]time.Time // of days, by name of the zone
	last     int32                                 // last day that any business expects values of
}

// loudness is what a business says of how much it wants to be told.
type loudness struct {
	zone                 string
	expected, leastShare float64
	first, settled       int32 // the first day to judge, and the last one that should have values
}

// alike returns the end of the run of series from from on that are judged together: of businesses with one setting and day.
func (s *judged) alike(from int) int {
	to := from
	for to < s.history.Len() && to-from < emitSeries && s.settings[s.history.BusinessID[to]] == s.settings[s.history.BusinessID[from]] {
		to++
	}
	return to
}

// judge returns the rows of series from to to (exclusive), all of one setting.
func (s *judged) judge(ctx context.Context, from, to int) (arrow.RecordBatch, error) {
	part, setting := s.history.Slice(from, to), s.settings[s.history.BusinessID[from]]
	incidents := make([][]anomaly.DayRange, part.Len())
	for i := range incidents {
		incidents[i] = s.incidents(part.BusinessID[i], part.KPIID[i])
	}
	verdicts, err := anomaly.Judge(ctx, part, anomaly.Options{ExpectedAlarms: setting.expected, MinRelative: setting.leastShare, MinAbsolute: s.least[from:to],
		Workers: s.p.Threads, From: setting.first, Through: setting.settled, Incidents: incidents})
	if verdicts == nil {
		return nil, err
	}
	warnEach(s.p, err)
	return s.rows(part, s.least[from:to], setting, verdicts), nil
}

func (s *judged) incidents(business, kpi string) []anomaly.DayRange {
	var found []anomaly.DayRange
	for _, e := range slices.Concat(s.entries[said{business, ""}], s.entries[said{business, kpi}]) {
		if e.kind == incident {
			found = append(found, anomaly.DayRange{First: e.first, Last: e.last})
		}
	}
	return found
}

// threshold is the score of a day that comes as often as alarms are expected: 1 - p^(1/10) with p their number in a month by its days.
func (l loudness) threshold() float64 { return 1 - math.Pow(l.expected/30.436875, 0.1) }

// startOf returns when a day begins. Where clocks jump over midnight that is the first instant of the day.
func (s *judged) startOf(zone string, day dataset.Days) time.Time {
	starts := s.starts[zone]
	if starts == nil {
		starts = map[dataset.Days]time.Time{}
		s.starts[zone] = starts
	}
	at, ok := starts[day]
	if !ok {
		y, m, d := dataset.FromDays(day).Date()
		at = time.Date(y, m, d, 0, 0, 0, 0, s.zones[zone])
		if dataset.ToDays(at) < day {
			at = at.Add(time.Hour)
		}
		starts[day] = at.UTC()
	}
	return at
}

// kindName is a kind as columns hold it: in one word. A spike or dip that lies on the other side of what was expected of it is one of the values
// around it, such as the last of ever lower ones: together they have left their level.
func kindName(k anomaly.Kind, value, expected float64) string {
	if (k == anomaly.Spike && value <= expected) || (k == anomaly.Dip && value >= expected) {
		k = anomaly.LevelShift
	}
	return strings.ReplaceAll(k.String(), " ", "_")
}

// large reports whether a day is far enough from expected to be told of; days without a value and flat lines have no distance.
func large(value, expected, share, least float64, kind anomaly.Kind) bool {
	if kind == anomaly.Missing || kind == anomaly.FlatLine {
		return true
	}
	return math.Abs(value-expected) >= max(share*math.Abs(expected), least)
}

// settledOn returns the last day of a zone whose values should all have come by an instant.
func settledOn(asOf time.Time, zone *time.Location) dataset.Days {
	return dataset.ToDays(asOf.Add(-settleHours*time.Hour).In(zone)) - 1
}
