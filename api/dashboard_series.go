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
	Grain      string         `json:"grain" doc:"What one point stands for" enum:"hour,day,week,month" example:"day"`
	Series     []metricSeries `json:"series" nullable:"false" doc:"One for each KPI that has points on this page, by id of the KPI"`
	DailyKPIs  []kpiAnswer    `json:"daily_kpis,omitempty" nullable:"false" doc:"With grain=hour, on the first page: KPIs that were asked for, or all, whose raw values stand for days; they have no hours"`
	Holidays   []holiday      `json:"holidays,omitempty" nullable:"false" doc:"With include=holidays: public holidays of the business's country on the days of the chart, with include=forecast those ahead too, by day" maxItems:"3800"`
	NextCursor *string        `json:"next_cursor" doc:"Cursor of the next page; null on the last" example:"eyJrIjoi"`
}

type metricSeries struct {
	KPI               kpiAnswer       `json:"kpi" doc:"What is measured"`
	Currency          *string         `json:"currency" doc:"ISO 4217 currency of the values; null when the KPI is no money" example:"GBP"`
	ConvertedCurrency *string         `json:"converted_currency" doc:"ISO 4217 currency of the converted values, which is the business's; null when the KPI is no money" example:"EUR"`
	Points            []metricPoint   `json:"points" nullable:"false" doc:"Points by day or hour, without holes"`
	Forecast          *metricForecast `json:"forecast,omitempty" doc:"With include=forecast: the KPI's newest forecast; absent when there is none"`
	Anomalies         []metricAnomaly `json:"anomalies,omitempty" nullable:"false" doc:"With include=anomalies: days, or with grain=hour hours, of the window whose value is far from what was to be expected, in their order" maxItems:"3660"`
}

type metricPoint struct {
	Day       string   `json:"day" doc:"Local day of the business; of a week or month its first" format:"date" example:"2026-03-30"`
	StartsAt  string   `json:"starts_at,omitempty" doc:"With grain=hour: when the hour begins, on the local clock with its offset from UTC. The two hours that clocks going back repeat differ in the offset; the hour that is skipped does not occur" format:"date-time" example:"2026-03-30T14:00:00+02:00"`
	Value     *float64 `json:"value" doc:"Value in the KPI's unit; null where there is none" example:"1234.5"`
	Converted *float64 `json:"converted" doc:"Value in the converted currency at each day's rate; null when the KPI is no money or the rate is unknown" example:"1420.2"`
	Points    int64    `json:"points" doc:"Raw points that the value was made of" minimum:"0" example:"24"`
	Days      int64    `json:"days" doc:"Days that have a value among those of the point; 1 for an hour that has one" minimum:"0" maximum:"31" example:"1"`
	Complete  bool     `json:"complete" doc:"Whether they cover the whole day, week or month; an hour is covered by one of them" example:"true"`
}

type metricForecast struct {
	Vintage string          `json:"vintage" doc:"Day as of which the forecast was made; the KPI's newest" format:"date" example:"2026-03-30"`
	Method  string          `json:"method" doc:"Model that won on this KPI's past" example:"ets"`
	MASE    *float64        `json:"mase" doc:"Its error on the past, as a multiple of the seasonal naive forecast's; null when the past is too short" example:"0.82"`
	Points  []forecastPoint `json:"points" nullable:"false" doc:"Forecast by day"`
}

type metricAnomaly struct {
	Day       string   `json:"day" doc:"Local day of the business" format:"date" example:"2026-03-28"`
	StartsAt  string   `json:"starts_at,omitempty" doc:"With grain=hour: when the hour begins, as that of the point" format:"date-time" example:"2026-03-28T14:00:00+01:00"`
	Value     *float64 `json:"value" doc:"Value of the day or hour; null when it is missing" example:"412"`
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

// axis tells where the points of a grain lie in time. Days, weeks and months begin with midnight UTC of a local day, hours with an
// instant, which is shown in the zone.
type axis struct {
	grain store.Grain
	zone  *time.Location
}

// at returns when a point of a column begins.
func (a axis) at(start int32) time.Time {
	if a.grain == store.Hour {
		return time.Unix(60*int64(start), 0).In(a.zone)
	}
	return dayOf(start)
}

// next returns when the point after the one that begins at t does.
func (a axis) next(t time.Time) time.Time {
	switch a.grain {
	case store.Hour:
		return nextHour(t.In(a.zone))
	case store.Week:
		return t.AddDate(0, 0, 7)
	case store.Month:
		return t.AddDate(0, 1, 0)
	}
	return t.AddDate(0, 0, 1)
}

// first returns when a local day begins.
func (a axis) first(day time.Time) time.Time {
	if a.grain == store.Hour {
		return time.Date(day.Year(), day.Month(), day.Day(), 0, 0, 0, 0, a.zone)
	}
	return day
}

// name is how a point that begins at t is called: its first ten bytes are the local day.
func (a axis) name(t time.Time) string {
	if a.grain == store.Hour {
		return t.Format(time.RFC3339)
	}
	return t.Format(time.DateOnly)
}

// cursor names the point of a KPI that begins at t.
func (a axis) cursor(kpi uuid.UUID, t time.Time) (string, error) {
	if a.grain == store.Hour {
		return encodeCursor(hourKey{kpi, t.UTC()})
	}
	return encodeCursor(kpiKey{kpi, day{t}})
}

// seriesPage is one page of points without holes.
type seriesPage struct {
	series []metricSeries
	next   *string

	axis  axis
	room  int
	kpi   uuid.UUID // whose the last point of the page is so far, and when that begins
	last  time.Time
	names map[time.Time]string // of points, since KPIs mostly share their days
}

// filled turns runs of points into series that have every point of the axis between their first and their last, and
// cuts them after limit points. On a page that continues a series, it goes on where the page before ended.
func filled(read []store.KPISeries, a axis, asked store.PointQuery, limit int) (seriesPage, error) {
	page := seriesPage{series: []metricSeries{}, axis: a, room: limit, names: map[time.Time]string{}}
	for i := range read {
		run := &read[i]
		first := a.at(run.Starts[0])
		if run.KPIID == asked.AfterKPI && !asked.After.Before(a.first(asked.From)) {
			first = a.next(asked.After)
		}
		if page.room > 0 && page.add(run, first) {
			continue
		}
		cursor, err := a.cursor(page.kpi, page.last)
		page.next = &cursor
		return page, err
	}
	return page, nil
}

// add adds a series that begins with the point expected. It returns false when the page is full before the series ends.
func (p *seriesPage) add(run *store.KPISeries, expected time.Time) bool {
	p.series = append(p.series, metricSeries{KPI: kpiAnswer{run.KPIID.String(), run.Name, run.Unit}, Points: make([]metricPoint, 0, min(len(run.Starts), p.room)),
		Currency: optional(run.Currency), ConvertedCurrency: optional(run.ConvertedCurrency)})
	points := &p.series[len(p.series)-1].Points
	p.kpi = run.KPIID
	for i := range run.Starts {
		at := p.axis.at(run.Starts[i])
		for ; expected.Before(at); expected = p.axis.next(expected) {
			if p.room == 0 {
				return false
			}
			*points = append(*points, p.point(expected))
		}
		if p.room == 0 {
			return false
		}
		point := p.point(at)
		point.Value, point.Converted, point.Points, point.Days, point.Complete = finite(&run.Values[i]), finite(&run.Converted[i]), run.Raw[i], run.WithValue[i], run.Complete[i]
		if point.Value == nil && (p.axis.grain == store.Hour || p.axis.grain == store.Day) {
			point.Days = 0
		}
		*points = append(*points, point)
		expected = p.axis.next(at)
	}
	return true
}

// point is the page's next one, without a value yet.
func (p *seriesPage) point(at time.Time) metricPoint {
	p.last = at
	p.room--
	name, ok := p.names[at]
	if !ok {
		name = p.axis.name(at)
		p.names[at] = name
	}
	if p.axis.grain == store.Hour {
		return metricPoint{Day: name[:len(time.DateOnly)], StartsAt: name}
	}
	return metricPoint{Day: name}
}

// include adds to the series that begin on this page what was asked for.
func (s *service) include(ctx context.Context, t *store.MemberTx, ask metricsAsk, a axis, w window, continued uuid.UUID, answer *metricsAnswer) error {
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
		if err := includeAnomalies(ctx, t, a, w, kpis, begun); err != nil {
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
	for _, f := range forecastsSeries(points, false) {
		id, err := uuid.Parse(f.KPI.ID)
		if err != nil {
			return err
		}
		begun[id].Forecast = &metricForecast{f.Vintage, f.Method, f.MASE, f.Points}
	}
	return nil
}

func includeAnomalies(ctx context.Context, t *store.MemberTx, on axis, w window, kpis []uuid.UUID, begun map[uuid.UUID]*metricSeries) error {
	anomalies, err := t.Anomalies(ctx, store.AnomalyQuery{From: w.from, To: w.to, KPIs: kpis, Grain: string(on.grain), Most: math.MaxInt32})
	for _, a := range slices.Backward(anomalies) { // they come newest first
		shown := metricAnomaly{Day: a.Day.Format(time.DateOnly), Value: finite(a.Value), Expected: finite(a.Expected),
			Lower: finite(a.Lower), Upper: finite(a.Upper), Direction: a.Direction, Severity: a.Severity, Kind: a.Kind}
		if on.grain == store.Hour {
			shown.StartsAt = on.name(a.StartsAt.In(on.zone))
		}
		series := begun[a.KPIID]
		series.Anomalies = append(series.Anomalies, shown)
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
