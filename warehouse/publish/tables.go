package publish

// Table pairs one serving table with the mart it shows. The mart's columns must all
// exist in the serving table, under the same names; its key is the table's primary key.
type Table struct {
	// Name is the table's name in schema serving.
	Name string
	// Dataset is the mart's name in the lake.
	Dataset string
	// Key names the columns of the primary key.
	Key []string
}

// Tables lists every published table, in the order of publication.
func Tables() []Table {
	kpi := []string{"business_id", "kpi_id"}
	keyed := func(more ...string) []string { return append(kpi[:2:2], more...) }
	return []Table{
		{"kpi_data", "marts.kpi_daily", keyed("day")},
		{"kpi_weekly", "marts.kpi_weekly", keyed("week_start")},
		{"kpi_monthly", "marts.kpi_monthly", keyed("month")},
		{"kpi_trends", "marts.kpi_trends", keyed("day")},
		{"kpi_anomalies", "anomalies.kpi_anomalies", keyed("grain", "starts_at")},
		{"kpi_anomaly_context", "anomalies.kpi_anomaly_context", keyed("starts_at", "kind", "subject")},
		{"kpi_trend_statements", "marts.kpi_trend_statements", kpi},
		{"forecasts", "marts.kpi_forecasts", keyed("vintage", "day")},
		{"news_articles", "marts.news_articles", []string{"business_id", "url"}},
		{"news_daily", "marts.news_daily", []string{"business_id", "day"}},
		{"weather_data", "marts.weather_daily", []string{"business_id", "day"}},
		{"market_data", "marts.fx_daily", []string{"currency", "day"}},
		{"business_days", "marts.business_day", keyed("day")},
	}
}
