package api

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/signalcraft/signalcraft/api/store"
)

// What forecasts may include.
const (
	withComponents  = "components"
	withExplanation = "explanation"
	withAccuracy    = "accuracy"
)

// recentVintages is how far back the accuracy of past vintages reaches.
const recentVintages = 90 * oneDay

type forecastComponents struct {
	Trend        float64 `json:"trend" doc:"Where the KPI is heading, without any season" example:"1180"`
	Seasonal     float64 `json:"seasonal" doc:"What the weekday adds" example:"95"`
	LongSeasonal float64 `json:"long_seasonal" doc:"What the longer season, mostly the time of the year, adds" example:"-20"`
	Calendar     float64 `json:"calendar" doc:"What holidays, events and closed days add" example:"0"`
	Measured     float64 `json:"measured" doc:"What the weather adds, as far as its own forecast reaches" example:"-5"`
}

type forecastExplanation struct {
	HistoryFrom  string           `json:"history_from" doc:"First day of the history that was read" format:"date" example:"2023-04-01"`
	HistoryTo    string           `json:"history_to" doc:"Last day of it" format:"date" example:"2026-03-30"`
	Days         int32            `json:"days" doc:"Days from the one to the other" example:"1095"`
	Missing      int32            `json:"missing" doc:"Of these, days without a value; days marked as incidents are among them" example:"3"`
	Outliers     int32            `json:"outliers" doc:"Days whose value was so wild that it was set aside" example:"1"`
	LevelShift   *string          `json:"level_shift" doc:"Day of the last level shift that was found and followed; null when there was none" format:"date" example:"2025-11-03"`
	Season       *int32           `json:"season" doc:"Length of the season in days; null when there is none" example:"7"`
	LongSeason   *int32           `json:"long_season" doc:"Length of the longer season in days; null when there is none" example:"365"`
	MASE         *float64         `json:"mase" doc:"Error when the method was chosen, rolled through the last stretch of history, as a multiple of the seasonal naive error in history; null when the past is too short" example:"0.82"`
	BaselineMASE *float64         `json:"baseline_mase" doc:"The same of the seasonal naive forecast in the same stretch" example:"1.04"`
	Coverage80   *float64         `json:"coverage_80" doc:"Share of that stretch's values that lay inside the 80 % interval" example:"0.81"`
	Coverage95   *float64         `json:"coverage_95" doc:"The same of the 95 % interval" example:"0.95"`
	Members      []forecastMember `json:"members" nullable:"false" doc:"Methods that the forecast is combined from" maxItems:"100"`
	Effects      []forecastEffect `json:"effects" nullable:"false" doc:"What is known of days and was kept because it lowers the error" maxItems:"10000"`
}

type forecastMember struct {
	Method string   `json:"method" doc:"Name of the method" example:"theta"`
	Weight *float64 `json:"weight" doc:"Its share; null in a trimmed mean, which leaves the lowest and the highest out day by day" minimum:"0" maximum:"1" example:"0.6"`
}

type forecastEffect struct {
	Name        string  `json:"name" doc:"What is known: a holiday, an event, a closed day or a measure of the weather" example:"holiday: Neujahr"`
	Coefficient float64 `json:"coefficient" doc:"What one unit of it adds, in the KPI's unit: a day that is one, or a degree, millimetre, centimetre or km/h" example:"-240"`
}

type forecastAccuracy struct {
	HorizonFrom int32    `json:"horizon_from" doc:"First day of the band, counted from the last observed day" example:"1"`
	HorizonTo   int32    `json:"horizon_to" doc:"Last day of the band" example:"7"`
	Vintages    int64    `json:"vintages" doc:"Forecasts of which at least one day of the band came" example:"83"`
	Days        int64    `json:"days" doc:"Days of these that came" example:"560"`
	MAE         *float64 `json:"mae" doc:"Mean absolute error in the KPI's unit" example:"84"`
	MASE        *float64 `json:"mase" doc:"The same as a multiple of the seasonal naive error in the history before; null when that is unknown" example:"0.79"`
	SMAPE       *float64 `json:"smape" doc:"Symmetric mean absolute percentage error in percent, 0 to 200" example:"7.2"`
	Bias        *float64 `json:"bias" doc:"Mean of forecast less value: above zero where forecasts were too high" example:"-12"`
	Coverage80  *float64 `json:"coverage_80" doc:"Share of the values inside the 80 % interval" example:"0.81"`
	Coverage95  *float64 `json:"coverage_95" doc:"Share of the values inside the 95 % interval" example:"0.95"`
	Relative    *float64 `json:"relative_to_naive" doc:"Error as a multiple of that of the seasonal naive forecast of the same days: below 1 is better; null when there is none" example:"0.76"`
}

// includeInForecasts adds what was asked for to the series of a page, of the vintages made by until.
func includeInForecasts(ctx context.Context, t *store.MemberTx, include []string, until, published time.Time, series []forecastSeries) error {
	kpis := make([]uuid.UUID, len(series))
	of := make(map[uuid.UUID]*forecastSeries, len(series))
	for i := range series {
		kpis[i] = uuid.MustParse(series[i].KPI.ID)
		of[kpis[i]] = &series[i]
	}
	if len(series) == 0 {
		return nil
	}
	if slices.Contains(include, withExplanation) {
		texts, err := t.ForecastExplanations(ctx, until, kpis)
		if err != nil {
			return err
		}
		for kpi, text := range texts {
			var e forecastExplanation
			if err := json.Unmarshal([]byte(text), &e); err != nil {
				return fmt.Errorf("read explanation of forecast of %s: %w", kpi, err)
			}
			of[kpi].Explanation = &e
		}
	}
	if slices.Contains(include, withAccuracy) {
		if published.Before(until) {
			until = published
		}
		figures, err := t.ForecastAccuracy(ctx, until.Add(-recentVintages), until, kpis)
		if err != nil {
			return err
		}
		for i := range series {
			series[i].Accuracy = &[]forecastAccuracy{}
		}
		for _, f := range figures {
			bands := of[f.KPIID].Accuracy
			*bands = append(*bands, forecastAccuracy{f.From, f.To, f.Vintages, f.Days, number(f.MAE), number(f.MASE), number(f.SMAPE), number(f.Bias),
				number(f.Coverage80), number(f.Coverage95), number(f.Relative)})
		}
	}
	return nil
}
