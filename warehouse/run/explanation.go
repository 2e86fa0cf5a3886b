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

// Explanation says why a KPI's vintage is as it is. Column explanation of marts.kpi_forecasts holds it as JSON on the
// first day of each vintage. What could not be measured is null. Fields are only ever added.
type Explanation struct {
	// HistoryFrom and HistoryTo are the first and the last day of the history that the forecast read, as YYYY-MM-DD; Days
	// how many these are, Missing those without a value, incidents among them, Outliers those whose value was set aside.
	HistoryFrom string `json:"history_from"`
	HistoryTo   string `json:"history_to"`
	Days        int32  `json:"days"`
	Missing     int32  `json:"missing"`
	Outliers    int32  `json:"outliers"`
	// LevelShift is the day of the last level shift that was found and followed; null when there was none.
	LevelShift *string `json:"level_shift"`
	// Season and LongSeason are season lengths in days; null when there is none.
	Season     *int32 `json:"season"`
	LongSeason *int32 `json:"long_season"`
	// MASE is the error in the last stretch of history, rolled through it, as a multiple of the seasonal naive error
	// in history; BaselineMASE that of the seasonal naive forecast in the same stretch.
	MASE         *float64 `json:"mase"`
	BaselineMASE *float64 `json:"baseline_mase"`
	// Coverage80 and Coverage95 are the shares of that stretch's values that lay inside the bounds.
	Coverage80 *float64 `json:"coverage_80"`
	Coverage95 *float64 `json:"coverage_95"`
	// Members are the methods that the forecast is combined from, Effects what is known of days and was kept.
	Members []ExplainedMember `json:"members"`
	Effects []ExplainedEffect `json:"effects"`
}

// ExplainedMember is one method of a combination.
type ExplainedMember struct {
	Method string `json:"method"`
	// Weight is its share from 0 to 1; null in a trimmed mean.
	Weight *float64 `json:"weight"`
}

// ExplainedEffect is what one unit of something known of days adds to the KPI, in its unit.
type ExplainedEffect struct {
	Name        string  `json:"name"`
	Coefficient float64 `json:"coefficient"`
}

// ParseExplanation reads what column explanation holds.
func ParseExplanation(text string) (Explanation, error) {
	var e Explanation
	if err := json.Unmarshal([]byte(text), &e); err != nil {
		return e, fmt.Errorf("parse explanation: %w", err)
	}
	return e, nil
}

// explain returns the explanation of series i of a vintage, which has rows, and of the history it was made from.
func explain(history *series.Batch, v *forecast.Vintage, i int) (string, error) {
	from, to := read(history.Series(i))
	e := Explanation{
		HistoryFrom: dateOf(history.FirstDay[i] + int32(from)), HistoryTo: dateOf(history.FirstDay[i] + int32(to) - 1), Days: int32(to - from),
		Missing: v.Missing[i], Outliers: v.Outliers[i], Season: positive(v.Season[i]), LongSeason: positive(v.LongSeason[i]),
		MASE: known(v.MASE[i]), BaselineMASE: known(v.BaselineMASE[i]), Coverage80: known(v.Coverage80[i]), Coverage95: known(v.Coverage95[i]),
		Members: []ExplainedMember{}, Effects: []ExplainedEffect{},
	}
	if v.Shift[i] != forecast.NoShift {
		day := dateOf(v.Shift[i])
		e.LevelShift = &day
	}
	for _, m := range forecast.Members(v.Method[i]) {
		e.Members = append(e.Members, ExplainedMember{m.Method, known(m.Weight)})
	}
	for _, effect := range v.Effects[i] {
		e.Effects = append(e.Effects, ExplainedEffect{effect.Name, effect.Coefficient})
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
