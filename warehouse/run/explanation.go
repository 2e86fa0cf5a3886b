package run

import (
	"encoding/json"
	"fmt"
	"math"
	"time"

	"github.com/signalcraft/signalcraft/lakehouse/dataset"
	"github.com/signalcraft/signalcraft/models/forecast"
	"github.com/signalcraft/signalcraft/models/series"
)

// explain returns the explanation of series i of a vintage, which has rows, and of the history it was made from.
func explain(history *series.Batch, v *forecast.Vintage, i int) (string, error) {
	from, to := read(history.Series(i))
	e := dataset.Explanation{
		HistoryFrom: dateOf(history.FirstDay[i] + int32(from)), HistoryTo: dateOf(history.FirstDay[i] + int32(to) - 1), Days: int32(to - from),
		Missing: v.Missing[i], Outliers: v.Outliers[i], Season: positive(v.Season[i]), LongSeason: positive(v.LongSeason[i]),
		MASE: known(v.MASE[i]), BaselineMASE: known(v.BaselineMASE[i]), Coverage80: known(v.Coverage80[i]), Coverage95: known(v.Coverage95[i]),
		Members: []dataset.ExplainedMember{}, Effects: []dataset.ExplainedEffect{},
	}
	if v.Shift[i] != forecast.NoShift {
		day := dateOf(v.Shift[i])
		e.LevelShift = &day
	}
	for _, m := range forecast.Members(v.Method[i]) {
		e.Members = append(e.Members, dataset.ExplainedMember{Method: m.Method, Weight: known(m.Weight)})
	}
	for _, effect := range v.Effects[i] {
		e.Effects = append(e.Effects, dataset.ExplainedEffect{Name: effect.Name, Coefficient: effect.Coefficient})
	}
	text, err := json.Marshal(e)
	if err != nil {
		return "", fmt.Errorf("explain %s/%s: %w", history.BusinessID[i], history.KPIID[i], err)
	}
	return string(text), nil
}

// read returns the bounds, the second exclusive, of the values that a forecast reads: the last historyDays up to the last
// observed one, from the first observed one on.
func read(values []float64) (from, to int) {
	to = len(values)
	for to > 0 && math.IsNaN(values[to-1]) {
		to--
	}
	from = max(0, to-historyDays)
	for from < to && math.IsNaN(values[from]) {
		from++
	}
	return from, to
}

func dateOf(day int32) string { return dataset.FromDays(day).Format(time.DateOnly) }

func positive(n int32) *int32 {
	if n <= 0 {
		return nil
	}
	return &n
}

// known returns v, or nil when it is no finite number.
func known(v float64) *float64 {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return nil
	}
	return &v
}
