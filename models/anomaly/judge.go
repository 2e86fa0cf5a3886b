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

// Judge goes through every series of the batch day by day and says of each day how far out of the ordinary it is, from the days
// before it alone: the rows of a series that ends earlier are the first rows of the longer one. The batch is only read.
//
// When series were refused (a value is infinite), the error joins one SeriesError for each, in batch order, and the verdicts
// hold all the other series. On any other error (options out of range, a batch whose columns do not fit, ctx done) the
// verdicts are nil. Results depend on the series and the options alone: not on the number of workers, nor on the order or
// company of series in the batch. No goroutine is left when it returns.
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
			j := newJudge(batch, opt)
			for i := int(next.Add(1)) - 1; i < batch.Len() && ctx.Err() == nil; i = int(next.Add(1)) - 1 {
				refused[i] = j.series(i, &parts[i])
			}
		})
	}
	workers.Wait()
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("judge: %w", err)
	}
	return join(parts), errors.Join(refused...)
}

// judge judges one series after another. With e the evidence of a day (see evidence) and P its chance among the evidence of
// the days outside of anomalies, by a tail of their own,
//
//	s = -ln P(E >= e)                           of a missing day e itself
//	score = 1 - exp(-s/10)
//	alarm where s >= -ln(ExpectedAlarms/30.44)  and the distance from what was expected is large enough
//	severity: one more for each ln(10) beyond
//
// Days in an anomaly are not counted in P until it has lasted adopted days: what stays becomes ordinary.
type judge struct {
	batch    *series.Batch
	opt      Options
	enough   float64 // surprise from which on a day is an alarm
	detector Detector
	effects  effects
	calm     tail // of the evidence of days outside of anomalies

	// Of the present series:
	index   int
	limits  series.Range
	ongoing int  // ordinary days that the present anomaly survives
	lasted  int  // days of it so far
	below   bool // whether a value has been below zero
}

const (
	// survives is how many ordinary days lie in an anomaly before it is over.
	survives = 2
	// adopted is the number of days after which what an anomaly brings is learned as if it were ordinary.
	adopted = 14
	// stopped is the number of days after its last value for which a series is said to be missing: then it has stopped.
	stopped = 31
)

func newJudge(batch *series.Batch, opt Options) *judge {
	return &judge{batch: batch, opt: opt, enough: -math.Log(opt.ExpectedAlarms / daysPerMonth)}
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
	j.reset(i)
	began := false
	for at := range j.days(first, len(values)) {
		v := math.NaN()
		if at < len(values) {
			v = values[at]
		}
		if began = began || !math.IsNaN(v); began {
			j.day(first+int32(at), v, out)
		}
	}
	if out.Len() > 0 {
		out.Threshold[0] = scoreOf(j.enough)
	}
	return nil
}

// reset forgets the former series.
func (j *judge) reset(i int) {
	season := j.opt.Season
	c := Config{Step: daySeconds, Warmup: min(60, max(14, 3*season)), Seasons: []int64{}}
	if season > 1 {
		c.Seasons = append(c.Seasons, int64(season)*daySeconds)
	}
	j.detector.Reset(c)
	var known *series.Known
	if j.batch.Known != nil {
		known = j.batch.Known[i]
	}
	j.effects.reset(known)
	j.calm.resetExponential(tailMemory)
	j.index, j.limits, j.ongoing, j.lasted, j.below = i, j.batch.Range[i], 0, 0, false
}

// days returns the number of days that are judged of a series of n days.
func (j *judge) days(first int32, n int) int {
	return max(n, min(int(j.opt.Through)-int(first)+1, n+stopped))
}

// day judges one day and learns it.
func (j *judge) day(day int32, v float64, out *Verdicts) {
	known, after := j.incident(day)
	if known {
		j.ongoing = 0
		return
	}
	if closed := j.effects.turn(day); closed {
		return
	}
	judged := j.detector.seen >= j.detector.config.Warmup && !after
	s := j.detector.judgeDay(int64(day)*daySeconds, v, &j.effects)
	defer func() { j.below = j.below || v < 0 }()
	if !judged {
		return
	}
	surprise := s.surprise
	if s.kind != Missing {
		surprise = j.calm.surprise(math.Expm1(s.surprise))
	}
	hit := surprise >= j.enough && (s.kind == Missing || s.kind == FlatLine || s.distance(v) >= j.least(s.Expected))
	alarm, ongoing := hit && j.ongoing == 0, hit && j.ongoing > 0
	j.count(s, hit)
	if day >= j.opt.From {
		j.row(out, day, s, surprise, alarm, ongoing)
	}
}

// count keeps what the day says of the time outside of anomalies, and how long the present anomaly lasts.
func (j *judge) count(s sighting, hit bool) {
	// Missing values and flat lines are held against their own past.
	own := s.kind == Missing || s.kind == FlatLine && hit
	if !own && (j.ongoing == 0 || j.lasted >= adopted) {
		j.calm.add(math.Expm1(s.surprise))
	}
	switch {
	case hit:
		j.ongoing = survives
		j.lasted++
	case j.ongoing > 0:
		j.ongoing--
		j.lasted++
	default:
		j.lasted = 0
	}
}

// incident reports whether a day of the present series belongs to a known incident, or to the days after one.
func (j *judge) incident(day int32) (known, after bool) {
	if j.opt.Incidents == nil {
		return false, false
	}
	for _, r := range j.opt.Incidents[j.index] {
		known = known || r.First <= day && day <= r.Last
		after = after || r.Last < day && int(day)-int(r.Last) <= j.opt.AfterIncident
	}
	return known, after
}

// least returns the distance from expected below which nothing is an alarm.
func (j *judge) least(expected float64) float64 {
	least := j.opt.MinRelative * math.Abs(expected)
	if j.opt.MinAbsolute != nil {
		least = max(least, j.opt.MinAbsolute[j.index])
	}
	return least
}

// row appends the row of a day.
func (j *judge) row(out *Verdicts, day int32, s sighting, surprise float64, alarm, ongoing bool) {
	severity := Harmless
	if alarm || ongoing {
		severity = Minor + Severity(min(2, max(0, math.Floor((surprise-j.enough)/math.Ln10))))
	}
	// The band holds the values whose distance alone raises no alarm.
	enough := math.Log1p(j.calm.inverse(j.enough)) + j.detector.evidence.handicap
	half := max(j.least(s.Expected), min(j.detector.evidence.point.inverse(enough), hugeScore)*s.scale)
	lowest := j.limits.Lowest
	if !j.below {
		lowest = max(lowest, min(0, j.limits.Highest))
	}
	inside := func(v float64) float64 { return max(lowest, min(v, j.limits.Highest)) }
	out.Series, out.Day = append(out.Series, int32(j.index)), append(out.Day, day)
	out.Score, out.Kind, out.Severity = append(out.Score, scoreOf(surprise)), append(out.Kind, s.kind), append(out.Severity, severity)
	out.Expected = append(out.Expected, inside(s.Expected))
	out.Lower, out.Upper = append(out.Lower, inside(s.Expected-half)), append(out.Upper, inside(s.Expected+half))
	out.Alarm, out.Ongoing, out.Method = append(out.Alarm, alarm), append(out.Ongoing, ongoing), append(out.Method, s.method)
}
