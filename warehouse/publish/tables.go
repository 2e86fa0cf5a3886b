package publish

// Table pairs one serving table with the mart, or landed table, that it shows. The mart's columns must all
// exist in the serving table, under the same names; its key is the table's primary key.
type Table struct {
	// Name is the table's name in schema serving.
	Name string
	// Dataset is the mart's name in the lake.
	Dataset string
	// Key names the columns of the primary key.
	Key []string
	// KeepDays, when not 0, is how long rows stay: publication reads only rows whose time column lies at most so many days
	// before the run's as-of day, and takes older ones out. The lake keeps them all.
	KeepDays int
}

// How long what grows by a vintage each day, and hours, stay published. Readers of a dashboard draw the newest vintage, or hold it
// against that of a few weeks ago; how past ones did is told by the much smaller accuracy, of a year and a month. Hours are drawn by
// the week; days tell of what is longer ago. Everything else stays for as long as the lake has it.
const (
	keepHours     = 90
	keepForecasts = 92
	keepAccuracy  = 400
)

// Tables lists every published table, in the order of publication: the largest first.
func Tables() []Table {
	kpi := []string{"business_id", "kpi_id"}
	keyed := func(more ...string) []string { return append(kpi[:2:2], more...) }
	return []Table{
		{Name: "kpi_data", Dataset: "marts.kpi_daily", Key: keyed("day")},
		{Name: "kpi_trends", Dataset: "marts.kpi_trends", Key: keyed("day")},
		{Name: "business_days", Dataset: "marts.business_day", Key: keyed("day")},
		{Name: "kpi_hourly", Dataset: "marts.kpi_hourly", Key: keyed("starts_at"), KeepDays: keepHours},
		{Name: "kpi_weekly", Dataset: "marts.kpi_weekly", Key: keyed("week_start")},
		{Name: "kpi_monthly", Dataset: "marts.kpi_monthly", Key: keyed("month")},
		{Name: "kpi_anomalies", Dataset: "anomalies.kpi_anomalies", Key: keyed("grain", "starts_at")},
		{Name: "kpi_anomaly_context", Dataset: "anomalies.kpi_anomaly_context", Key: keyed("starts_at", "kind", "subject")},
		{Name: "kpi_trend_statements", Dataset: "marts.kpi_trend_statements", Key: kpi},
		{Name: "forecasts", Dataset: "marts.kpi_forecasts", Key: keyed("vintage", "day"), KeepDays: keepForecasts},
		{Name: "forecast_accuracy", Dataset: "marts.forecast_accuracy", Key: keyed("vintage", "horizon_from"), KeepDays: keepAccuracy},
		{Name: "news_articles", Dataset: "marts.news_articles", Key: []string{"business_id", "url"}},
		{Name: "news_daily", Dataset: "marts.news_daily", Key: []string{"business_id", "day"}},
		{Name: "weather_data", Dataset: "marts.weather_daily", Key: []string{"business_id", "day"}},
		{Name: "market_data", Dataset: "marts.fx_daily", Key: []string{"currency", "day"}},
		{Name: "calendar_holidays", Dataset: "raw.calendar_holidays", Key: []string{"country", "day", "name"}},
	}
}
