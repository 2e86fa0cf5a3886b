package apitest

import "github.com/google/uuid"

// derived adds what the batch makes of a KPI's days: weeks, months, trends, anomalies and the days beside their weather.
func (s *seeder) derived(b Business, kpi uuid.UUID, zone string, number int) {
	s.t.Helper()
	s.exec(`insert into serving.kpi_weekly (business_id, kpi_id, week_start, week_end, iso_year, iso_week, value, value_converted, currency, converted_currency, days, points, complete)
		select business_id, kpi_id, date_trunc('week', day)::date, date_trunc('week', day)::date + 6, extract(isoyear from min(day)), extract(week from min(day)),
			sum(value), sum(value_converted), min(currency), min(converted_currency), count(value), sum(points), count(value) = 7
		from serving.kpi_data where business_id = $1 and kpi_id = $2 group by 1, 2, 3, 4`, b.ID, kpi)
	s.exec(`insert into serving.kpi_monthly (business_id, kpi_id, month, value, value_converted, currency, converted_currency, days, days_expected, points, complete)
		select business_id, kpi_id, date_trunc('month', day)::date, sum(value), sum(value_converted), min(currency), min(converted_currency), count(value), 30, sum(points), false
		from serving.kpi_data where business_id = $1 and kpi_id = $2 group by 1, 2, 3`, b.ID, kpi)
	s.exec(`insert into serving.kpi_trends (business_id, kpi_id, day, value, mean_7, mean_28, change_week, change_month, change_year, slope_28, volatility_28)
		select business_id, kpi_id, day, value, value + 3, value + 14, 0.25, -0.5, null, -1, 0.125
		from serving.kpi_data where business_id = $1 and kpi_id = $2 and value is not null`, b.ID, kpi)
	s.exec(`insert into serving.kpi_anomalies (business_id, kpi_id, grain, starts_at, day, hour, value, expected, lower, upper, deviation, score, robust_score, kind, direction, severity, is_ongoing, method, past_values)
		select $1, $2, grain, (day::timestamp + coalesce(hour, 0) * interval '1 hour') at time zone $4, day, hour, 10 + n, 20, 15, 25, n - 10, 0.4 + n / 40.0, (n - 10) / 2.0,
			case when n < 6 then 'dip' else 'spike' end, case when n < 6 then 'below' else 'above' end, (array['minor', 'major', 'critical'])[n % 3 + 1], false, 'seasonal', 13
		from generate_series(0, $5 - 1) as n, (values ('day', null), ('hour', 9)) as g (grain, hour), lateral (select $3::date - 1 - 7 * n as day) as d`,
		b.ID, kpi, LastDay, zone, Anomalies)
	s.exec(`insert into serving.kpi_anomaly_context (business_id, kpi_id, starts_at, day, kind, subject, on_day, strength, value, usual, text)
		select a.business_id, a.kpi_id, a.starts_at, a.day, c.kind, c.subject, a.day - c.days, c.strength, c.value, c.usual, c.text
		from serving.kpi_anomalies as a cross join (values ('holiday', 'Spring Day', 1, 0.5, null::float8, null::float8, 'The day before: Spring Day'),
			('weather', 'wind', 0, 0.9, 81.5, 22, 'wind, 81.5 km/h where 22.0 is usual at this time of the year')) as c (kind, subject, days, strength, value, usual, text)
		where a.business_id = $1 and a.kpi_id = $2 and a.grain = 'day'`, b.ID, kpi)
	s.exec(`insert into serving.kpi_trend_statements (business_id, kpi_id, direction, slope, slope_low, slope_high, p_value, tau, level, percent_per_month, first_day, last_day, observed, change_points)
		values ($1, $2, 'falling', -1, -1.5, -0.5, 0.001, -0.4, 100, -30, $3::date - 89, $3::date, 88,
			'[{"day":"2025-06-01","kind":"slope_change","size":0.5,"before":-1.5,"after":-1,"confidence":0.995},{"day":"2026-03-01","kind":"level_shift","size":-20,"before":120,"after":100,"confidence":0.999}]')`,
		b.ID, kpi, LastDay)
	s.exec(`insert into serving.business_days (business_id, kpi_id, day, weekday, value, complete, is_holiday, holiday)
		select business_id, kpi_id, day, extract(isodow from day), value, complete, day = $3::date, case when day = $3::date then 'Spring Day' end
		from serving.kpi_data where business_id = $1 and kpi_id = $2`, b.ID, kpi, Holiday)
	s.explained(b, kpi)
	if number > 0 {
		return
	}
	s.exec(`insert into serving.weather_data (business_id, day, location_id, kind, temperature_min, temperature_max, temperature_mean, precipitation_sum, snowfall_sum, wind_speed_max, weather_code)
		select $1, $2::date + n, '53.55,9.99', case when n > 0 then 'forecast' else 'archive' end, n, n + 10, n + 5, 0.5, 0, 20, 61
		from generate_series(1 - $3::integer, $4::integer) as n`, b.ID, LastDay, WeatherDays, WeatherAhead)
}

// hours adds the hours of a KPI's last days and says that it has them. The value of hour n is n; in USD, of which one makes two of the business's.
func (s *seeder) hours(b Business, kpi uuid.UUID, zone string) {
	s.t.Helper()
	s.exec(`update kpis set grain = 'hour' where business_id = $1 and id = $2`, b.ID, kpi)
	s.exec(`insert into serving.kpi_hourly (business_id, kpi_id, starts_at, day, hour, value, points, currency)
		select $1, $2, at, (at at time zone $4)::date, extract(hour from at at time zone $4), n - 1, 2, 'USD'
		from generate_series(($3::date - $5::integer + 1)::timestamp at time zone $4, ($3::date + 1)::timestamp at time zone $4 - interval '1 hour', interval '1 hour') with ordinality as h (at, n)`,
		b.ID, kpi, LastDay, zone, HourDays)
}

// explained says what the newest vintage of a KPI is made of and why, and how the vintages of three days, and one of long ago, did in
// the first band: in the n-th of them one day more came, off by n.
func (s *seeder) explained(b Business, kpi uuid.UUID) {
	s.t.Helper()
	s.exec(`update serving.forecasts set trend = mean - 5, seasonal = 4, long_seasonal = 0, calendar = 3, measured = -2
		where business_id = $1 and kpi_id = $2 and vintage = $3`, b.ID, kpi, NewestVintage)
	s.exec(`update serving.forecasts set scale = 10, explanation = $4 where business_id = $1 and kpi_id = $2 and vintage = $3 and horizon = 1`,
		b.ID, kpi, NewestVintage, Explanation)
	s.exec(`insert into serving.forecast_accuracy (business_id, kpi_id, vintage, horizon_from, horizon_to, method, days, mae, mase, smape, bias, coverage_80, coverage_95, naive_days, naive_mae, paired_mae)
		select $1, $2, $3::date - n, 1, 7, 'theta', n, n, n / 10.0, n, -n, 0, 1, case when n < 99 then n - 1 else 1 end, case when n > 1 then 2 * n end, case when n > 1 then n end
		from unnest('{1,2,3,99}'::integer[]) as n`, b.ID, kpi, NewestVintage)
}

// Explanation is why the newest vintage of every KPI is as it is.
const Explanation = `{"history_from":"2023-03-31","history_to":"2026-03-30","days":1096,"missing":2,"outliers":1,"level_shift":"2025-06-01","season":7,"long_season":null,` +
	`"mase":0.8,"baseline_mase":1.1,"coverage_80":0.79,"coverage_95":0.96,"members":[{"method":"theta","weight":1}],"effects":[{"name":"holiday: Karfreitag","coefficient":-120.5}]}`
