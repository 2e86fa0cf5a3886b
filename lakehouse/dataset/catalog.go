package dataset

import (
	"fmt"
	"math"
)

// The raw datasets that pipelines land and the marts that Go models make. Each is a
// function, so that no caller can change what another sees.

// Businesses is the control plane's list of businesses, replaced whole.
func Businesses() Dataset {
	return Dataset{Name: "raw.businesses", Columns: mustColumns[BusinessRow](), Key: []string{"business_id"}, Sort: []string{"business_id"}}
}

// KPIs is the control plane's list of KPIs, replaced whole.
func KPIs() Dataset {
	key := []string{"business_id", "kpi_id"}
	return Dataset{Name: "raw.kpis", Columns: mustColumns[KPIRow](), Key: key, Sort: key}
}

// CalendarEntries is what businesses say of their days, replaced whole.
func CalendarEntries() Dataset {
	key := []string{"business_id", "entry_id"}
	return Dataset{Name: "raw.calendar_entries", Columns: mustColumns[CalendarEntryRow](), Key: key, Sort: key}
}

// KPIPoints is every landed value of every KPI.
func KPIPoints() Dataset {
	key := []string{"business_id", "kpi_id", "at"}
	return Dataset{Name: "raw.kpi_points", Columns: mustColumns[KPIPointRow](), Key: key, Sort: key, Time: "at", Partition: Partition{"at", Month}}
}

// Articles is every news article seen for a business.
func Articles() Dataset {
	key := []string{"business_id", "url"}
	return Dataset{Name: "raw.gdelt_articles", Columns: mustColumns[ArticleRow](), Key: key, Sort: []string{"business_id", "seen_at", "url"}, Time: "seen_at", Partition: Partition{"seen_at", Month}}
}

// Tones is the tone of articles as GDELT's own files give it.
func Tones() Dataset {
	key := []string{"business_id", "url"}
	return Dataset{Name: "raw.gdelt_tones", Columns: mustColumns[ToneRow](), Key: key, Sort: []string{"business_id", "seen_at", "url"}, Time: "seen_at", Partition: Partition{"seen_at", Month}}
}

// WeatherDays is daily weather, measured and forecast.
func WeatherDays() Dataset {
	key := []string{"location_id", "day", "kind"}
	return Dataset{Name: "raw.openmeteo_days", Columns: mustColumns[WeatherDayRow](), Key: key, Sort: key, Time: "day", Partition: Partition{"day", Year}}
}

// WeatherHours is hourly weather, measured and forecast.
func WeatherHours() Dataset {
	key := []string{"location_id", "at", "kind"}
	return Dataset{Name: "raw.openmeteo_hours", Columns: mustColumns[WeatherHourRow](), Key: key, Sort: key, Time: "at", Partition: Partition{"at", Month}}
}

// Places is every place that was looked up.
func Places() Dataset {
	key := []string{"query", "country"}
	return Dataset{Name: "raw.geonames_places", Columns: mustColumns[PlaceRow](), Key: key, Sort: key}
}

// Rates is every exchange rate as its provider states it.
func Rates() Dataset {
	key := []string{"day", "base", "quote", "provider"}
	return Dataset{Name: "raw.fx_rates", Columns: mustColumns[RateRow](), Key: key, Sort: key, Time: "day", Partition: Partition{"day", Year}}
}

// Holidays is the public holidays of the businesses' countries, replaced whole.
func Holidays() Dataset {
	key := []string{"country", "day", "name"}
	return Dataset{Name: "raw.calendar_holidays", Columns: mustColumns[HolidayRow](), Key: key, Sort: key}
}

// Rejects is the quarantine: every refused row with its reason.
func Rejects() Dataset {
	key := []string{"source", "unit", "line", "landed_at"}
	return Dataset{Name: "raw.quarantine", Columns: mustColumns[RejectRow](), Key: key, Sort: key, Time: "landed_at", Partition: Partition{"landed_at", Month}}
}

// NewsSentiment is the tone of every article, made by the sentiment model.
func NewsSentiment() Dataset {
	key := []string{"business_id", "url"}
	return Dataset{Name: "marts.news_sentiment", Columns: mustColumns[SentimentRow](), Key: key, Sort: []string{"business_id", "seen_at", "url"}, Time: "seen_at", Partition: Partition{"seen_at", Month}}
}

// Forecasts is every vintage of every KPI's forecast, made by the forecast model.
func Forecasts() Dataset {
	key := []string{"business_id", "kpi_id", "vintage", "day"}
	return Dataset{Name: "marts.kpi_forecasts", Columns: mustColumns[ForecastRow](), Key: key, Sort: key, Time: "vintage", Partition: Partition{"vintage", Day}}
}

// Raw lists the datasets that pipelines land.
func Raw() []Dataset {
	return []Dataset{Businesses(), KPIs(), CalendarEntries(), KPIPoints(), Articles(), Tones(), WeatherDays(), WeatherHours(), Places(), Rates(), Holidays(), Rejects()}
}

// Made lists the datasets that Go models make.
func Made() []Dataset {
	return []Dataset{NewsSentiment(), Forecasts(), AnomalyScores(), TrendStatements()}
}

// LocationID returns the id under which a location's weather is kept: latitude and
// longitude in degrees with four decimals, which is about eleven metres.
func LocationID(latitude, longitude float64) string {
	return fmt.Sprintf("%.4f,%.4f", round4(latitude), round4(longitude))
}

// round4 also turns -0 into 0, so that one place has one id.
func round4(v float64) float64 { return math.Round(v*1e4)/1e4 + 0 }
