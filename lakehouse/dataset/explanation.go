package dataset

import (
	"encoding/json"
	"fmt"
)

// Explanation says why a KPI's vintage is as it is: ForecastRow.Explanation as JSON. What could not be measured is null.
// Fields are only ever added.
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
