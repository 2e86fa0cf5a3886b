package forecast

import (
	"math"

	"github.com/signalcraft/signalcraft/models/series"
)

// Vintage is the forecast of a batch, in columns. The first group has one entry for each
// series of the batch, the second one for each row, a series and a day ahead; rows stand
// in the order of series and day. No row holds a NaN or an infinity, and always
// Lower95 <= Lower80 <= Mean <= Upper80 <= Upper95.
type Vintage struct {
	// Method is the method that forecast each series; "" for a series without rows.
	Method []string
	// MASE is each method's mean absolute error in the window when it was chosen, divided
	// by the seasonal naive error inside history; NaN when there was nothing to measure.
	MASE []float64
	// SelectedOn is the vintage in which each method was chosen, in days since 1970-01-01.
	SelectedOn []int32
	// BaselineMASE is the error of the seasonal naive forecast in the same window on the same scale as MASE; NaN when there
	// was nothing to measure. MASE below it means that the method beats repeating the last season.
	BaselineMASE []float64
	// Coverage80 and Coverage95 are the shares of the window's observed values that lay inside bounds as they are published;
	// NaN when there was nothing to measure.
	Coverage80, Coverage95 []float64
	// Season and LongSeason are the lengths, in values, of the seasons that have a part in the forecast; 0 when there is none.
	Season, LongSeason []int32
	// Missing counts the days of the history that was read on which no value was observed; Outliers those whose value
	// was so wild that fitting put another one in its place.
	Missing, Outliers []int32
	// Shift is the day of the last level shift that was found and followed, in days since 1970-01-01; NoShift when none was.
	Shift []int32
	// Effects holds what is known of days and was kept because it lowers the error in the window; see series.Known.
	Effects [][]Effect

	// Series is the number in the batch of each row's series.
	Series []int32
	// Day is the day forecast, in days since 1970-01-01.
	Day []int32
	// Horizon is how many days Day lies after the series' last day, from 1.
	Horizon []int32
	// Mean is the point forecast.
	Mean []float64
	// Lower80 and Upper80 bound the value with a chance of 80 %.
	Lower80, Upper80 []float64
	// Lower95 and Upper95 bound the value with a chance of 95 %.
	Lower95, Upper95 []float64
	// Trend, Seasonal, LongSeasonal, Calendar and Measured are what Mean is made of, before it was brought into the
	// KPI's range: they sum to that.
	Trend, Seasonal, LongSeasonal, Calendar, Measured []float64

	horizon int
	errors  []windowErrors // of each series, where they are kept; nil when they are not
	first   []int          // first row of each series, and the end
}

// NoShift is the Vintage.Shift of a series without a level shift.
const NoShift = math.MinInt32

// Effect is a known column that the forecast of a series takes into account.
type Effect struct {
	// Name is that of the column.
	Name string
	// Coefficient is what one unit of the column adds to the value, in the KPI's own unit; for an effect that multiplies,
	// at the series' present level.
	Coefficient float64
}

func newVintage(count, horizon int) *Vintage {
	rows := count * horizon
	v := &Vintage{
		Method: make([]string, count), MASE: make([]float64, count), SelectedOn: make([]int32, count),
		Series: make([]int32, rows), Day: make([]int32, rows), Horizon: make([]int32, rows), Mean: make([]float64, rows),
		Lower80: make([]float64, rows), Upper80: make([]float64, rows), Lower95: make([]float64, rows), Upper95: make([]float64, rows),
		Trend: make([]float64, rows), Seasonal: make([]float64, rows), LongSeasonal: make([]float64, rows),
		Calendar: make([]float64, rows), Measured: make([]float64, rows),
		BaselineMASE: make([]float64, count), Coverage80: make([]float64, count), Coverage95: make([]float64, count),
		Season: make([]int32, count), LongSeason: make([]int32, count), Missing: make([]int32, count),
		Outliers: make([]int32, count), Shift: make([]int32, count), Effects: make([][]Effect, count),
		horizon: horizon, first: make([]int, count+1),
	}
	for i := range count {
		v.MASE[i], v.BaselineMASE[i] = math.NaN(), math.NaN()
		v.Coverage80[i], v.Coverage95[i] = math.NaN(), math.NaN()
		v.Shift[i] = NoShift
	}
	return v
}

// Len returns the number of rows.
func (v *Vintage) Len() int { return len(v.Series) }

// Rows returns the rows of series i of the batch as a half-open range; it is empty for
// a series without an observed value and for a refused one.
func (v *Vintage) Rows(i int) (lo, hi int) { return v.first[i], v.first[i+1] }

// compact closes the gaps that series without a forecast left.
func (v *Vintage) compact() {
	kept := 0
	for i, method := range v.Method {
		v.first[i] = kept * v.horizon
		if method == "" {
			continue
		}
		if from, to := i*v.horizon, kept*v.horizon; from != to {
			for _, column := range [...][]int32{v.Series, v.Day, v.Horizon} {
				copy(column[to:to+v.horizon], column[from:from+v.horizon])
			}
			for _, column := range v.measures() {
				copy((*column)[to:to+v.horizon], (*column)[from:from+v.horizon])
			}
		}
		kept++
	}
	rows := kept * v.horizon
	v.first[len(v.Method)] = rows
	v.Series, v.Day, v.Horizon = v.Series[:rows], v.Day[:rows], v.Horizon[:rows]
	for _, column := range v.measures() {
		*column = (*column)[:rows]
	}
}

// measures are the columns of numbers of each row.
func (v *Vintage) measures() [10]*[]float64 {
	return [...]*[]float64{&v.Mean, &v.Lower80, &v.Upper80, &v.Lower95, &v.Upper95,
		&v.Trend, &v.Seasonal, &v.LongSeasonal, &v.Calendar, &v.Measured}
}

// Prior holds, for the series of one batch, the method chosen in a former vintage, so
// that Forecast need not compare methods every day. Make it with NewPrior.
type Prior struct {
	index      map[[2]string]int
	method     []string
	mase       []float64
	selectedOn []int32
	published  [][]published // of each series; nil when nothing was published
}

// NewPrior returns a Prior for the series of a batch, without any method yet.
func NewPrior(batch *series.Batch) *Prior {
	n := batch.Len()
	p := &Prior{index: make(map[[2]string]int, n), method: make([]string, n), mase: make([]float64, n), selectedOn: make([]int32, n)}
	for i := range n {
		p.index[[2]string{batch.BusinessID[i], batch.KPIID[i]}] = i
	}
	return p
}

// Set records the method, its error and the vintage of its choice for one series, as
// Vintage gave them; the latest choice wins, in whatever order they come. It reports
// whether the batch has that series; if not, it does nothing. A method that this version
// does not know, or that the series does not allow any more, is chosen anew.
func (p *Prior) Set(businessID, kpiID, method string, mase float64, selectedOn int32) bool {
	i, ok := p.index[[2]string{businessID, kpiID}]
	if !ok {
		return false
	}
	if p.method[i] == "" || selectedOn >= p.selectedOn[i] {
		p.method[i], p.mase[i], p.selectedOn[i] = method, mase, selectedOn
	}
	return true
}
