package main

import (
	"encoding/json"
	"fmt"
	"math"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// climate is a location's usual weather. Locations stand in the order of their ids,
// which is the order that they are asked for in.
type climate struct {
	latitude, longitude         string // as asked for
	cellLatitude, cellLongitude json.Number
	elevation                   json.Number
	zone                        string
	mean, swing                 float64 // °C: yearly mean, half the difference of seasons
	warmest                     int     // day of the year
	span                        float64 // °C between night and afternoon
	wet, wetSwing               float64 // chance of rain, and how much it changes with the season
	amount                      float64 // mm on a wet day
	wind                        float64 // km/h
}

func climates() []climate {
	return []climate{
		{"-34.9287", "138.5986", "-34.9", "138.60655", "48.0", "Australia/Adelaide", 17.2, 6.4, 20, 11, 0.28, -0.2, 4.5, 21},
		{"43.7001", "-79.4163", "43.690563", "-79.42856", "142.0", "America/Toronto", 9.1, 13.2, 203, 9, 0.38, 0, 6, 19},
		{"45.7485", "4.8467", "45.755713", "4.833763", "173.0", "Europe/Paris", 13.3, 9.4, 202, 10, 0.32, 0.05, 6.5, 15},
	}
}

// condition is the weather of one day.
type condition struct {
	high, low, mean, rain, snow, wind float64
	code                              int
}

// history makes the weather of days from first on.
func (c climate) history(first time.Time, days int) []condition {
	random := seeded(c.zone)
	all := make([]condition, days)
	anomaly, wasWet := 0.0, false
	for i := range all {
		season := math.Cos(2 * math.Pi * float64(first.AddDate(0, 0, i).YearDay()-c.warmest) / 365.25)
		anomaly = 0.72*anomaly + 2.1*random.NormFloat64()
		chance := c.wet + c.wetSwing*season
		if wasWet {
			chance += 0.2
		}
		d := condition{mean: c.mean + c.swing*season + anomaly, wind: c.wind * math.Exp(0.35*random.NormFloat64())}
		span := c.span * (0.7 + 0.5*random.Float64())
		water := 0.0
		if wasWet = random.Float64() < chance; wasWet {
			water = c.amount * random.ExpFloat64()
			span *= 0.6
			d.wind *= 1.15
		}
		d.high, d.low, d.rain = d.mean+span/2, d.mean-span/2, water
		if d.mean < 0.5 {
			d.snow = 0.7 * water // a centimetre of snow holds about 1.4 mm of water
		}
		d.code = d.weatherCode(random.Float64())
		all[i] = d
	}
	return all
}

func (d condition) weatherCode(luck float64) int {
	switch {
	case d.snow > 7:
		return 75
	case d.snow > 2:
		return 73
	case d.snow > 0.1:
		return 71
	case d.rain > 15 && d.high > 24:
		return 95
	case d.rain > 10:
		return 65
	case d.rain > 3:
		return 63
	case d.rain > 0.8:
		return 61
	case d.rain > 0.1:
		return 51
	case luck < 0.3:
		return 0
	case luck < 0.6:
		return 1
	}
	return 3
}

// firstDay is where the invented weather begins, lastArchived where the archive ends.
func firstDay() time.Time     { return time.Date(2023, 10, 1, 0, 0, 0, 0, time.UTC) }
func lastArchived() time.Time { return time.Date(2026, 10, 26, 0, 0, 0, 0, time.UTC) }

const (
	pastDays, forecastDays = 7, 14
	historyDays            = 1150 // reaches past the last forecast day
)

// weather makes the archive's answers, whole years and the months of the last one, and the forecast.
func weather() ([]answer, error) {
	var answers []answer
	for first := firstDay(); !first.After(lastArchived()); {
		next := time.Date(first.Year()+1, 1, 1, 0, 0, 0, 0, time.UTC)
		name := first.Format("2006")
		if first.Year() == lastArchived().Year() {
			next, name = first.AddDate(0, 1, 0), first.Format("2006-01")
		}
		body, err := archive(first, next)
		if err != nil {
			return nil, err
		}
		asked := located()
		asked.Set("start_date", first.Format(time.DateOnly))
		answers = append(answers, answer{"open-meteo/archive-" + name + ".json", "https://archive-api.open-meteo.com/v1/archive?" + asked.Encode(), body})
		first = next
	}
	body, err := forecast()
	asked := located()
	asked.Set("timeformat", "unixtime")
	return append(answers, answer{"open-meteo/forecast.json", "https://api.open-meteo.com/v1/forecast?" + asked.Encode(), body}), err
}

func located() url.Values {
	var latitudes, longitudes []string
	for _, c := range climates() {
		latitudes, longitudes = append(latitudes, c.latitude), append(longitudes, c.longitude)
	}
	return url.Values{"latitude": {strings.Join(latitudes, ",")}, "longitude": {strings.Join(longitudes, ",")}}
}

// part is one location's element of an answer, in the service's order of keys.
type part struct {
	Latitude     json.Number       `json:"latitude"`
	Longitude    json.Number       `json:"longitude"`
	Generation   json.Number       `json:"generationtime_ms"`
	Offset       int               `json:"utc_offset_seconds"`
	Zone         string            `json:"timezone"`
	Abbreviation string            `json:"timezone_abbreviation"`
	Elevation    json.Number       `json:"elevation"`
	LocationID   int               `json:"location_id,omitempty"` // the first element has none
	HourlyUnits  map[string]string `json:"hourly_units,omitempty"`
	Hourly       map[string]any    `json:"hourly,omitempty"`
	DailyUnits   map[string]string `json:"daily_units"`
	Daily        map[string]any    `json:"daily"`
}

func (c climate) part(position int, at time.Time, timeUnit string) (part, error) {
	zone, err := time.LoadLocation(c.zone)
	if err != nil {
		return part{}, fmt.Errorf("load zone of a climate: %w", err)
	}
	_, offset := at.In(zone).Zone()
	hours := "GMT" + strconv.FormatFloat(float64(offset)/3600, 'f', -1, 64)
	if offset > 0 {
		hours = "GMT+" + fmt.Sprintf("%d", offset/3600)
	}
	if offset%3600 != 0 {
		hours += fmt.Sprintf(":%02d", offset%3600/60)
	}
	return part{
		Latitude: c.cellLatitude, Longitude: c.cellLongitude, Generation: "0.21", Offset: offset, Zone: c.zone, Abbreviation: hours, Elevation: c.elevation, LocationID: position,
		DailyUnits: map[string]string{"time": timeUnit, "temperature_2m_max": "°C", "temperature_2m_min": "°C", "temperature_2m_mean": "°C", "precipitation_sum": "mm",
			"snowfall_sum": "cm", "wind_speed_10m_max": "km/h", "weather_code": "wmo code"},
	}, nil
}

// archive makes the days from first to before next, as far as they are archived. The very
// last day is still missing in Toronto.
func archive(first, next time.Time) ([]byte, error) {
	var parts []part
	for i, c := range climates() {
		p, err := c.part(i, asOf(), "iso8601")
		if err != nil {
			return nil, err
		}
		all := c.history(firstDay(), historyDays)
		var times []string
		var days []*condition
		for day := first; day.Before(next) && !day.After(lastArchived()); day = day.AddDate(0, 0, 1) {
			d := &all[int(day.Sub(firstDay())/(24*time.Hour))]
			if day.Equal(lastArchived()) && c.zone == "America/Toronto" {
				d = nil
			}
			times, days = append(times, day.Format(time.DateOnly)), append(days, d)
		}
		p.Daily = daily(times, days)
		parts = append(parts, p)
	}
	return encode(parts, "")
}

// daily returns a daily section; a nil day has only nulls.
func daily(times any, days []*condition) map[string]any {
	column := func(value func(d *condition) float64, decimals int) []any {
		values := make([]any, len(days))
		for i, d := range days {
			if d != nil {
				values[i] = number(value(d), decimals)
			}
		}
		return values
	}
	return map[string]any{
		"time":                times,
		"temperature_2m_max":  column(func(d *condition) float64 { return d.high }, 1),
		"temperature_2m_min":  column(func(d *condition) float64 { return d.low }, 1),
		"temperature_2m_mean": column(func(d *condition) float64 { return d.mean }, 1),
		"precipitation_sum":   column(func(d *condition) float64 { return d.rain }, 1),
		"snowfall_sum":        column(func(d *condition) float64 { return d.snow }, 1),
		"wind_speed_10m_max":  column(func(d *condition) float64 { return d.wind }, 1),
		"weather_code":        column(func(d *condition) float64 { return float64(d.code) }, 0),
	}
}

func number(v float64, decimals int) json.Number {
	scale := math.Pow10(decimals)
	return json.Number(strconv.FormatFloat(math.Round(v*scale)/scale+0, 'f', decimals, 64))
}

// forecast makes a week of past and two weeks of coming days and hours, in Unix times
// that are all in the offset of the as-of instant. The further ahead, the further off.
func forecast() ([]byte, error) {
	var parts []part
	for i, c := range climates() {
		p, err := c.part(i, asOf(), "unixtime")
		if err != nil {
			return nil, err
		}
		random := seeded("forecast " + c.zone)
		offset := time.Duration(p.Offset) * time.Second
		today := asOf().Add(offset).Truncate(24 * time.Hour)
		all := c.history(firstDay(), historyDays)
		var times []int64
		var days []*condition
		for n := -pastDays; n < forecastDays; n++ {
			local := today.AddDate(0, 0, n)
			d := all[int(local.Sub(firstDay())/(24*time.Hour))]
			off := 0.25 * float64(max(n, 0)) * random.NormFloat64()
			d.high, d.low, d.mean = d.high+off, d.low+off, d.mean+off
			times, days = append(times, local.Add(-offset).Unix()), append(days, &d)
		}
		p.Daily = daily(times, days)
		p.HourlyUnits = map[string]string{"time": "unixtime", "temperature_2m": "°C", "precipitation": "mm", "wind_speed_10m": "km/h", "relative_humidity_2m": "%", "weather_code": "wmo code"}
		p.Hourly = hourly(times, days)
		parts = append(parts, p)
	}
	return encode(parts, "")
}

// hourly spreads days over their hours: coldest at 5, warmest at 15, rain in four hours of the afternoon.
func hourly(midnights []int64, days []*condition) map[string]any {
	var times []int64
	var heat, rain, wind, humidity, codes []json.Number
	for i, d := range days {
		for h := range 24 {
			day := math.Cos(2 * math.Pi * float64(h-15) / 24)
			wet := h >= 13 && h < 17 && d.rain > 0.1
			water, code := 0.0, min(d.code, 3)
			if wet {
				water, code = d.rain/4, d.code
			}
			times = append(times, midnights[i]+int64(h)*3600)
			heat = append(heat, number(d.mean+(d.high-d.low)/2*day, 1))
			rain = append(rain, number(water, 1))
			wind = append(wind, number(d.wind*(0.65+0.35*day), 1))
			humidity = append(humidity, number(min(98, 62-18*day+2*d.rain), 0))
			codes = append(codes, number(float64(code), 0))
		}
	}
	return map[string]any{"time": times, "temperature_2m": heat, "precipitation": rain, "wind_speed_10m": wind, "relative_humidity_2m": humidity, "weather_code": codes}
}
