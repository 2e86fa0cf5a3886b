package api

import (
	"context"
	"math"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/signalcraft/signalcraft/api/store"
)

type metricsAnswer struct {
	PublishedAnswer
	Grain      string         `json:"grain" doc:"What one point stands for" enum:"day,week,month" example:"day"`
	Series     []metricSeries `json:"series" nullable:"false" doc:"One for each KPI that has points on this page, by id of the KPI"`
	Holidays   []holiday      `json:"holidays,omitempty" nullable:"false" doc:"With include=holidays: public holidays of the business's country on the days of the chart, with include=forecast those ahead too, by day" maxItems:"3800"`
	NextCursor *string        `json:"next_cursor" doc:"Cursor of the next page; null on the last" example:"eyJrIjoi"`
}

type metricSeries struct {
	KPI               kpiAnswer       `json:"kpi" doc:"What is measured"`
	Currency          *string         `json:"currency" doc:"ISO 4217 currency of the values; null when the KPI is no money" example:"GBP"`
	ConvertedCurrency *string         `json:"converted_currency" doc:"ISO 4217 currency of the converted values, which is the business's; null when the KPI is no money" example:"EUR"`
	Points            []metricPoint   `json:"points" nullable:"false" doc:"Points by day, without holes"`
	Forecast          *metricForecast `json:"forecast,omitempty" doc:"With include=forecast: the KPI's newest forecast; absent when there is none"`
	Anomalies         []metricAnomaly `json:"anomalies,omitempty" nullable:"false" doc:"With include=anomalies: days of the window whose value is far from what was to be expected, by day" maxItems:"3660"`
}

type metricPoint struct {
	Day       string   `json:"day" doc:"Local day of the business; of a week or month its first" format:"date" example:"2026-03-30"`
	Value     *float64 `json:"value" doc:"Value in the KPI's unit; null where there is none" example:"1234.5"`
	Converted *float64 `json:"converted" doc:"Value in the converted currency at each day's rate; null when the KPI is no money or the rate is unknown" example:"1420.2"`
	Points    int64    `json:"points" doc:"Raw points that the value was made of" minimum:"0" example:"24"`
	Days      int64    `json:"days" doc:"Days that have a value among those of the point" minimum:"0" maximum:"31" example:"1"`
	Complete  bool     `json:"complete" doc:"Whether they cover the whole day, week or month" example:"true"`
}

type metricForecast struct {
	Vintage string          `json:"vintage" doc:"Day as of which the forecast was made; the KPI's newest" format:"date" example:"2026-03-30"`
	Method  string          `json:"method" doc:"Model that won on this KPI's past" example:"ets"`
	MASE    *float64        `json:"mase" doc:"Its error on the past, as a multiple of the seasonal naive forecast's; null when the past is too short" example:"0.82"`
	Points  []forecastPoint `json:"points" nullable:"false" doc:"Forecast by day"`
}

type metricAnomaly struct {
	Day       string   `json:"day" doc:"Local day of the business" format:"date" example:"2026-03-28"`
	Value     *float64 `json:"value" doc:"Value of the day" example:"412"`
	Expected  *float64 `json:"expected" doc:"What was to be expected" example:"1180"`
	Lower     *float64 `json:"lower" doc:"Lower end of what is ordinary" example:"900"`
	Upper     *float64 `json:"upper" doc:"Upper end of what is ordinary" example:"1460"`
	Direction string   `json:"direction" doc:"Where the value lies" enum:"above,below" example:"below"`
	Severity  string   `json:"severity" doc:"How far" enum:"minor,major,critical" example:"major"`
	Kind      string   `json:"kind" doc:"In which way" enum:"spike,dip,level_shift,flat_line,missing,volatility" example:"dip"`
}

type holiday struct {
	Day  string `json:"day" doc:"Local day of the business" format:"date" example:"2026-01-01"`
	Name string `json:"name" doc:"Name of the holiday" example:"Neujahr"`
}

// seriesPage is one page of points without holes.
type seriesPage struct {
	series []metricSeries
	next   *string

	grain store.Grain
	room  int
	last  kpiKey               // the last point of the page so far
	names map[time.Time]string // of days, which KPIs mostly share
}

// filled turns runs of points into series that have every day, week or month between their first point and their last, and
// cuts them after limit points. On a page that continues a series, it goes on where the page before ended.
func filled(read []store.KPISeries, grain store.Grain, asked store.PointQuery, limit int) (seriesPage, error) {
	page := seriesPage{series: []metricSeries{}, grain: grain, room: limit, names: map[time.Time]string{}}
	for i := range read {
		run := &read[i]
		first := dayOf(run.Days[0])
		if run.KPIID == asked.AfterKPI && !asked.AfterDay.Before(asked.From) {
			first = grainStep(grain, asked.AfterDay)
		}
		if page.room > 0 && page.add(run, first) {
			continue
		}
		cursor, err := encodeCursor(page.last)
		page.next = &cursor
		return page, err
	}
	return page, nil
}

// add adds a series that begins with the day expected. It returns false when the page is full before the series ends.
func (p *seriesPage) add(run *store.KPISeries, expected time.Time) bool {
	p.series = append(p.series, metricSeries{KPI: kpiAnswer{run.KPIID.String(), run.Name, run.Unit}, Points: make([]metricPoint, 0, min(len(run.Days), p.room)),
		Currency: optional(run.Currency), ConvertedCurrency: optional(run.ConvertedCurrency)})
	points := &p.series[len(p.series)-1].Points
	for i := range run.Days {
		at := dayOf(run.Days[i])
		for ; !expected.After(at); expected = grainStep(p.grain, expected) {
			if p.room == 0 {
				return false
			}
			point := metricPoint{Day: p.name(expected)}
			if expected.Equal(at) {
				point = metricPoint{point.Day, finite(&run.Values[i]), finite(&run.Converted[i]), run.Raw[i], run.WithValue[i], run.Complete[i]}
				if p.grain == store.Day && point.Value == nil {
					point.Days = 0
				}
			}
			*points = append(*points, point)
			p.last = kpiKey{run.KPIID, day{expected}}
			p.room--
		}
	}
	return true
}

func (p *seriesPage) name(day time.Time) string {
	name, ok := p.names[day]
	if !ok {
		name = day.Format(time.DateOnly)
		p.names[day] = name
	}
	return name
}

// grainStep returns the first day after the point that begins with day.
func grainStep(grain store.Grain, day time.Time) time.Time {
	switch grain {
	case store.Week:
		return day.AddDate(0, 0, 7)
	case store.Month:
		return day.AddDate(0, 1, 0)
	}
	return day.AddDate(0, 0, 1)
}

// include adds to the series that begin on this page what was asked for.
func (s *service) include(ctx context.Context, t *store.MemberTx, ask metricsAsk, w window, continued uuid.UUID, answer *metricsAnswer) error {
	begun := map[uuid.UUID]*metricSeries{}
	var kpis []uuid.UUID
	for i := range answer.Series {
		id, err := uuid.Parse(answer.Series[i].KPI.ID)
		if err != nil {
			return err
		}
		if id != continued {
			begun[id], kpis = &answer.Series[i], append(kpis, id)
		}
	}
	asked := func(what string) bool { return slices.Contains(ask.Include, what) }
	if len(kpis) > 0 && asked(withForecast) {
		if err := includeForecasts(ctx, t, ask, w, kpis, begun); err != nil {
			return err
		}
	}
	if len(kpis) > 0 && asked(withAnomalies) {
		if err := includeAnomalies(ctx, t, w, kpis, begun); err != nil {
			return err
		}
	}
	if !asked(withHolidays) {
		return nil
	}
	until := w.to
	if asked(withForecast) {
		until = ask.ahead(w)
	}
	days, err := t.Holidays(ctx, w.from, until)
	for _, d := range days {
		answer.Holidays = append(answer.Holidays, holiday{d.Day.Format(time.DateOnly), d.Name})
	}
	return err
}

// ahead is the day before which the forecast of a chart ends.
func (ask metricsAsk) ahead(w window) time.Time {
	if ask.To == "" {
		return w.to.Add(forecastWindow)
	}
	return w.to
}

func includeForecasts(ctx context.Context, t *store.MemberTx, ask metricsAsk, w window, kpis []uuid.UUID, begun map[uuid.UUID]*metricSeries) error {
	// Each KPI has one vintage of some weeks: there is no more to bound.
	points, err := t.ForecastPoints(ctx, endOfDays(), store.PointQuery{From: w.from, To: ask.ahead(w), KPIs: kpis, Most: math.MaxInt32})
	if err != nil {
		return err
	}
	for _, f := range forecastsSeries(points) {
		id, err := uuid.Parse(f.KPI.ID)
		if err != nil {
			return err
		}
		begun[id].Forecast = &metricForecast{f.Vintage, f.Method, f.MASE, f.Points}
	}
	return nil
}

func includeAnomalies(ctx context.Context, t *store.MemberTx, w window, kpis []uuid.UUID, begun map[uuid.UUID]*metricSeries) error {
	anomalies, err := t.Anomalies(ctx, store.AnomalyQuery{From: w.from, To: w.to, KPIs: kpis, Grain: "day", Most: math.MaxInt32})
	for _, a := range slices.Backward(anomalies) { // they come newest first
		series := begun[a.KPIID]
		series.Anomalies = append(series.Anomalies, metricAnomaly{a.Day.Format(time.DateOnly), finite(a.Value), finite(a.Expected),
			finite(a.Lower), finite(a.Upper), a.Direction, a.Severity, a.Kind})
	}
	return err
}

// endOfDays is after every day that Postgres, the lake or a caller names.
func endOfDays() time.Time { return time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC) }

// optional is text, or null for none.
func optional(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}
