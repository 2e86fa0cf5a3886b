package anomaly

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"
	"sync/atomic"

	"github.com/signalcraft/signalcraft/models/series"
)

// SeriesError says why one series was not judged: bad data, not a fault of the run.
type SeriesError struct {
	// BusinessID and KPIID name the series.
	BusinessID, KPIID string
	// Day is the offending day, in days since 1970-01-01.
	Day int32
	// Reason is what is wrong with that day's value.
	Reason string
}

// Error returns the series, the day and the reason.
func (e *SeriesError) Error() string {
	return fmt.Sprintf("judge series %s/%s: day %d: %s", e.BusinessID, e.KPIID, e.Day, e.Reason)
}

// Judge goes through every series of the batch day by day and says of each day how far out of the ordinary it is, from the days before it
// alone: the rows of a series that ends earlier are the first rows of the longer one. The batch is only read.
//
// When series were refused (a value is infinite), the error joins one SeriesError for each, in batch order, and the verdicts hold
// all the other series. On any other error (options out of range, a batch whose columns do not fit, ctx done) the verdicts are nil. Results depend on
// the series and the options alone: not on the number of workers, nor on the order or company of series in the batch.
func Judge(ctx context.Context, batch *series.Batch, opt Options) (*Verdicts, error) {
	if err := batch.Validate(); err != nil {
		return nil, fmt.Errorf("judge: %w", err)
	}
	opt, err := opt.withDefaults(batch)
	if err != nil {
		return nil, err
	}
	parts := make([]Verdicts, batch.Len())
	refused := make([]error, batch.Len())
	var next atomic.Int64
	var workers sync.WaitGroup
	for range min(opt.Workers, batch.Len()) {
		workers.Go(func() {
			j := &judge{batch: batch, opt: opt, detector: &Detector{}}
			for i := int(next.Add(1)) - 1; i < batch.Len() && ctx.Err() == nil; i = int(next.Add(1)) - 1 {
				refused[i] = j.series(i, &parts[i])
			}
		})
	}
	workers.Wait()
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("judge: %w", err)
	}
	out := &Verdicts{}
	rows := 0
	for i := range parts {
		rows += parts[i].Len()
	}
	out.grow(len(parts), rows)
	for i := range parts {
		out.join(&parts[i])
		parts[i] = Verdicts{}
	}
	out.first = append(out.first, out.Len())
	return out, errors.Join(refused...)
}

// judge judges one series after another.
type judge struct {
	batch    *series.Batch
	opt      Options
	detector *Detector
}

// series appends the rows of series i to out.
func (j *judge) series(i int, out *Verdicts) error {
	out.Threshold = append(out.Threshold, 1)
	values, first := j.batch.Series(i), j.batch.FirstDay[i]
	for k, v := range values {
		if math.IsInf(v, 0) {
			return &SeriesError{j.batch.BusinessID[i], j.batch.KPIID[i], first + int32(k), "the value is infinite"}
		}
	}
	season := int64(j.opt.Season)
	c := Config{Step: daySeconds, Warmup: max(14, 3*j.opt.Season), Seasons: []int64{}}
	if season > 1 {
		c.Seasons = append(c.Seasons, season*daySeconds)
	}
	j.detector.Reset(c)
	enough := -math.Log(j.opt.ExpectedAlarms / daysPerMonth)
	for k, v := range values {
		day := first + int32(k)
		if math.IsNaN(v) || j.known(i, day) {
			continue
		}
		p := j.detector.Step(int64(day)*daySeconds, v)
		if j.detector.seen <= c.Warmup || day < j.opt.From {
			continue
		}
		s := p.surprise
		out.row(int32(i), day, p, s >= enough && math.Abs(v-p.Expected) >= j.least(i, p.Expected), s-enough)
	}
	if out.Len() > 0 {
		out.Threshold[0] = 1 - math.Exp(-enough/10)
	}
	return nil
}

// known reports whether a day of series i belongs to a known incident or the days after one.
func (j *judge) known(i int, day int32) bool {
	if j.opt.Incidents == nil {
		return false
	}
	for _, r := range j.opt.Incidents[i] {
		if r.First <= day && day <= r.Last+int32(max(0, j.opt.AfterIncident)) {
			return true
		}
	}
	return false
}

// least returns the distance from expected below which nothing is an alarm.
func (j *judge) least(i int, expected float64) float64 {
	least := j.opt.MinRelative * math.Abs(expected)
	if j.opt.MinAbsolute != nil {
		least = max(least, j.opt.MinAbsolute[i])
	}
	return least
}

// row appends a row.
func (v *Verdicts) row(series, day int32, p Point, alarm bool, beyond float64) {
	severity := Harmless
	if alarm {
		severity = Minor + Severity(min(2, max(0, math.Floor(beyond/math.Ln10))))
	}
	v.Series, v.Day = append(v.Series, series), append(v.Day, day)
	v.Score, v.Kind, v.Severity = append(v.Score, p.Strange), append(v.Kind, p.Kind), append(v.Severity, severity)
	v.Expected = append(v.Expected, p.Expected)
	v.Lower, v.Upper = append(v.Lower, p.Expected-4*p.Scale), append(v.Upper, p.Expected+4*p.Scale)
	v.Alarm, v.Ongoing = append(v.Alarm, alarm), append(v.Ongoing, false)
	v.Method = append(v.Method, "weekday level")
}
