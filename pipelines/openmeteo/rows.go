package openmeteo

import (
	"fmt"
	"math"
	"time"

	"github.com/signalcraft/signalcraft/lakehouse/dataset"
)

// The names that are asked for, in the order of the request.
var (
	dailyNames  = []string{"temperature_2m_max", "temperature_2m_min", "temperature_2m_mean", "precipitation_sum", "snowfall_sum", "wind_speed_10m_max", "weather_code"}
	hourlyNames = []string{"temperature_2m", "precipitation", "wind_speed_10m", "relative_humidity_2m", "weather_code"}
)

// Days returns the location's daily section as rows of location id and kind, in the
// answer's order and the lake's units. A day on which every variable is null is left out:
// it is not known yet. It fails when a time does not read, days do not ascend or a unit is not known.
func (l Location) Days(id, kind string, landedAt time.Time, models ...string) ([]dataset.WeatherDayRow, error) {
	t := reader{table: l.Daily, models: models}
	high, low, mean := t.numbers("temperature_2m_max", temperature), t.numbers("temperature_2m_min", temperature), t.numbers("temperature_2m_mean", temperature)
	rain, snowfall, wind := t.numbers("precipitation_sum", depth), t.numbers("snowfall_sum", snow), t.numbers("wind_speed_10m_max", speed)
	code := t.numbers("weather_code", weatherCode)
	if t.err != nil {
		return nil, fmt.Errorf("read daily: %w", t.err)
	}
	var rows []dataset.WeatherDayRow
	last := dataset.Days(math.MinInt32)
	for i, stamp := range l.Daily.Times {
		day, err := l.day(stamp)
		if err != nil {
			return nil, fmt.Errorf("read daily time %d: %w", i+1, err)
		}
		if day <= last {
			return nil, fmt.Errorf("read daily time %d: %s does not follow the day before it", i+1, dataset.FromDays(day).Format(time.DateOnly))
		}
		last = day
		row := dataset.WeatherDayRow{
			LocationID: id, Day: day, Kind: kind, TimeZone: l.TimeZone, LandedAt: landedAt,
			TemperatureMax: high(i), TemperatureMin: low(i), TemperatureMean: mean(i), PrecipitationSum: rain(i),
			SnowfallSum: snowfall(i), WindSpeedMax: wind(i), WeatherCode: whole(code(i)),
		}
		if anyValue(row.TemperatureMax, row.TemperatureMin, row.TemperatureMean, row.PrecipitationSum, row.SnowfallSum, row.WindSpeedMax) || row.WeatherCode != nil {
			rows = append(rows, row)
		}
	}
	return rows, nil
}

// Hours returns the location's hourly section as rows, as Days does.
func (l Location) Hours(id, kind string, landedAt time.Time, models ...string) ([]dataset.WeatherHourRow, error) {
	t := reader{table: l.Hourly, models: models}
	heat, rain := t.numbers("temperature_2m", temperature), t.numbers("precipitation", depth)
	wind, humidity := t.numbers("wind_speed_10m", speed), t.numbers("relative_humidity_2m", share)
	code := t.numbers("weather_code", weatherCode)
	if t.err != nil {
		return nil, fmt.Errorf("read hourly: %w", t.err)
	}
	var rows []dataset.WeatherHourRow
	var last time.Time
	for i, stamp := range l.Hourly.Times {
		at, err := l.instant(stamp)
		if err != nil {
			return nil, fmt.Errorf("read hourly time %d: %w", i+1, err)
		}
		if i > 0 && !at.After(last) {
			return nil, fmt.Errorf("read hourly time %d: %s does not follow the hour before it", i+1, at.Format(time.RFC3339))
		}
		last = at
		row := dataset.WeatherHourRow{
			LocationID: id, At: at, Kind: kind, LandedAt: landedAt,
			Temperature: heat(i), Precipitation: rain(i), WindSpeed: wind(i), Humidity: humidity(i), WeatherCode: whole(code(i)),
		}
		if anyValue(row.Temperature, row.Precipitation, row.WindSpeed, row.Humidity) || row.WeatherCode != nil {
			rows = append(rows, row)
		}
	}
	return rows, nil
}

// day returns the local day of a daily stamp. A Unix stamp is the local midnight; where
// the answer spans a clock change it may be an hour off the one offset, so the nearest midnight counts.
func (l Location) day(s Stamp) (dataset.Days, error) {
	if s.Local == "" {
		return dataset.ToDays(time.Unix(s.Unix, 0).UTC().Add(l.UTCOffset + 12*time.Hour)), nil
	}
	day, err := time.Parse(time.DateOnly, s.Local)
	if err != nil {
		return 0, fmt.Errorf("day %q: want YYYY-MM-DD", s.Local)
	}
	return dataset.ToDays(day), nil
}

// instant returns the UTC instant of an hourly stamp. Local stamps run through clock
// changes without a gap or a repetition: all of an answer is in its one offset.
func (l Location) instant(s Stamp) (time.Time, error) {
	if s.Local == "" {
		return time.Unix(s.Unix, 0).UTC(), nil
	}
	at, err := time.Parse("2006-01-02T15:04", s.Local)
	if err != nil {
		return time.Time{}, fmt.Errorf("time %q: want YYYY-MM-DDTHH:MM", s.Local)
	}
	return at.Add(-l.UTCOffset), nil
}

// reader hands out columns and keeps the first error.
type reader struct {
	table  Table
	models []string
	err    error
}

// numbers returns the value of a variable at a row, in the lake's unit; null everywhere
// when the answer lacks the variable.
func (r *reader) numbers(name string, q quantity) func(i int) *float64 {
	none := func(int) *float64 { return nil }
	column, ok := r.table.Column(name, r.models...)
	if !ok {
		return none
	}
	if column.Numbers == nil && len(r.table.Times) > 0 {
		r.err = fmt.Errorf("column %s: want numbers", name)
		return none
	}
	c, err := conversionFor(q, column.Unit)
	if err != nil && r.err == nil {
		r.err = fmt.Errorf("column %s: %w", name, err)
	}
	return func(i int) *float64 {
		v := column.Numbers[i]
		if v == nil || c == (conversion{factor: 1}) {
			return v
		}
		// Six decimals: far below any instrument, and equal on every machine.
		converted := math.Round((*v*c.factor+c.shift)*1e6) / 1e6
		return &converted
	}
}

func anyValue(values ...*float64) bool {
	for _, v := range values {
		if v != nil {
			return true
		}
	}
	return false
}

// whole returns a code as an integer; a number that is none stays out.
func whole(v *float64) *int32 {
	if v == nil || *v != math.Trunc(*v) || math.Abs(*v) > math.MaxInt16 {
		return nil
	}
	code := int32(*v)
	return &code
}
