package dataset

import "time"

// BusinessRow is one business as the control plane describes it.
type BusinessRow struct {
	BusinessID string   `parquet:"business_id,id(1)"`
	Name       string   `parquet:"name,id(2)"`
	TimeZone   string   `parquet:"time_zone,id(3)"`    // IANA name
	Currency   string   `parquet:"currency,id(4)"`     // ISO 4217, what its marts are converted to
	Country    string   `parquet:"country,id(5)"`      // ISO 3166-1 alpha-2
	Place      string   `parquet:"place,id(6)"`        // place name as the owner wrote it
	PlaceID    *int64   `parquet:"place_id,id(7)"`     // GeoNames id once geocoded
	Latitude   *float64 `parquet:"latitude,id(8)"`     // degrees north
	Longitude  *float64 `parquet:"longitude,id(9)"`    // degrees east
	LocationID *string  `parquet:"location_id,id(10)"` // see LocationID
	NewsQuery  string   `parquet:"news_query,id(11)"`  // what its news are searched by; empty means none
	// The following were added later, so rows from before do not have them.
	ExpectedAlarms *float64 `parquet:"expected_alarms,id(12)"` // how many anomalies it wants to be told of for each KPI and month; null: the default
	LeastShare     *float64 `parquet:"least_share,id(13)"`     // share of the expected value below which nothing is one; null: the default
}

// KPIRow is one KPI as the control plane describes it.
type KPIRow struct {
	BusinessID  string  `parquet:"business_id,id(1)"`
	KPIID       string  `parquet:"kpi_id,id(2)"`
	SourceID    string  `parquet:"source_id,id(3)"`
	Name        string  `parquet:"name,id(4)"`
	Unit        string  `parquet:"unit,id(5)"`        // what one unit of value is: "orders", "EUR", "rooms"
	Currency    *string `parquet:"currency,id(6)"`    // ISO 4217 when the value is money
	Aggregation string  `parquet:"aggregation,id(7)"` // sum, mean, last, min or max
	Grain       string  `parquet:"grain,id(8)"`       // day or hour
	NonNegative bool    `parquet:"non_negative,id(9)"`
	// The following were added later, so rows from before do not have them.
	Lowest  *float64 `parquet:"lowest,id(10)"`     // null: no end
	Highest *float64 `parquet:"highest,id(11)"`    // null: no end
	Integer *bool    `parquet:"is_integer,id(12)"` // whole numbers only
	PartOf  *string  `parquet:"part_of,id(13)"`    // kpi_id of the total that it is a part of

	LeastDeviation *float64 `parquet:"least_deviation,id(14)"` // distance from expected, in the unit, below which nothing is an anomaly; null: none
}

// CalendarEntryRow is what a business says of some of its days.
type CalendarEntryRow struct {
	BusinessID string  `parquet:"business_id,id(1)"`
	EntryID    string  `parquet:"entry_id,id(2)"`
	KPIID      *string `parquet:"kpi_id,id(3)"` // null: every KPI of the business
	Kind       string  `parquet:"kind,id(4)"`   // event, closed or incident
	Name       string  `parquet:"name,id(5)"`
	FirstDay   Days    `parquet:"first_day,id(6),date"` // local days of the business, both included
	LastDay    Days    `parquet:"last_day,id(7),date"`
}

// KPIPointRow is one value of a KPI at an instant.
type KPIPointRow struct {
	BusinessID string    `parquet:"business_id,id(1)"`
	KPIID      string    `parquet:"kpi_id,id(2)"`
	At         time.Time `parquet:"at,id(3),timestamp(microsecond)"`
	Value      float64   `parquet:"value,id(4)"`
	SourceID   string    `parquet:"source_id,id(5)"`
	LandedAt   time.Time `parquet:"landed_at,id(6),timestamp(microsecond)"`
}

// ArticleRow is one news article that a business's query found.
type ArticleRow struct {
	BusinessID    string    `parquet:"business_id,id(1)"`
	URL           string    `parquet:"url,id(2)"`
	Title         string    `parquet:"title,id(3)"`
	Domain        string    `parquet:"domain,id(4)"`
	Language      *string   `parquet:"language,id(5)"`
	SourceCountry *string   `parquet:"source_country,id(6)"`
	SeenAt        time.Time `parquet:"seen_at,id(7),timestamp(microsecond)"`
	Query         string    `parquet:"query,id(8)"`
	LandedAt      time.Time `parquet:"landed_at,id(9),timestamp(microsecond)"`
}

// ToneRow is what GDELT's own file says of one article of a business. Tone is null when the
// file of the quarter of an hour in which it was seen does not hold the article.
type ToneRow struct {
	BusinessID string    `parquet:"business_id,id(1)"`
	URL        string    `parquet:"url,id(2)"`
	SeenAt     time.Time `parquet:"seen_at,id(3),timestamp(microsecond)"`
	Tone       *float64  `parquet:"tone,id(4)"`     // positive minus negative, -100 to 100
	Positive   *float64  `parquet:"positive,id(5)"` // share of words of positive tone, percent
	Negative   *float64  `parquet:"negative,id(6)"` // share of words of negative tone, percent
	Words      *int64    `parquet:"words,id(7)"`    // of the article
	Language   *string   `parquet:"language,id(8)"` // that it was translated from, ISO 639-2
	LandedAt   time.Time `parquet:"landed_at,id(9),timestamp(microsecond)"`
}

// WeatherDayRow is the weather of one local day at one location.
type WeatherDayRow struct {
	LocationID       string    `parquet:"location_id,id(1)"`
	Day              Days      `parquet:"day,id(2),date"`          // local day of the location
	Kind             string    `parquet:"kind,id(3)"`              // archive or forecast
	TimeZone         string    `parquet:"time_zone,id(4)"`         // zone whose days these are
	TemperatureMin   *float64  `parquet:"temperature_min,id(5)"`   // °C
	TemperatureMax   *float64  `parquet:"temperature_max,id(6)"`   // °C
	TemperatureMean  *float64  `parquet:"temperature_mean,id(7)"`  // °C
	PrecipitationSum *float64  `parquet:"precipitation_sum,id(8)"` // mm
	SnowfallSum      *float64  `parquet:"snowfall_sum,id(9)"`      // cm
	WindSpeedMax     *float64  `parquet:"wind_speed_max,id(10)"`   // km/h
	WeatherCode      *int32    `parquet:"weather_code,id(11)"`     // WMO 4677
	LandedAt         time.Time `parquet:"landed_at,id(12),timestamp(microsecond)"`
}

// WeatherHourRow is the weather of one hour at one location.
type WeatherHourRow struct {
	LocationID    string    `parquet:"location_id,id(1)"`
	At            time.Time `parquet:"at,id(2),timestamp(microsecond)"`
	Kind          string    `parquet:"kind,id(3)"`
	Temperature   *float64  `parquet:"temperature,id(4)"`   // °C
	Precipitation *float64  `parquet:"precipitation,id(5)"` // mm in the preceding hour
	WindSpeed     *float64  `parquet:"wind_speed,id(6)"`    // km/h
	Humidity      *float64  `parquet:"humidity,id(7)"`      // relative, percent
	WeatherCode   *int32    `parquet:"weather_code,id(8)"`  // WMO 4677
	LandedAt      time.Time `parquet:"landed_at,id(9),timestamp(microsecond)"`
}

// PlaceRow is one GeoNames place that a business's place name was resolved to.
type PlaceRow struct {
	Query       string    `parquet:"query,id(1)"`    // the name asked for
	PlaceID     int64     `parquet:"place_id,id(2)"` // GeoNames id
	Name        string    `parquet:"name,id(3)"`
	Country     string    `parquet:"country,id(4)"` // ISO 3166-1 alpha-2
	Admin1      *string   `parquet:"admin1,id(5)"`  // first-level division
	Latitude    float64   `parquet:"latitude,id(6)"`
	Longitude   float64   `parquet:"longitude,id(7)"`
	TimeZone    *string   `parquet:"time_zone,id(8)"`
	FeatureCode *string   `parquet:"feature_code,id(9)"`
	Population  *int64    `parquet:"population,id(10)"`
	LandedAt    time.Time `parquet:"landed_at,id(11),timestamp(microsecond)"`
}

// RateRow is the price of one unit of base in quote on a day.
type RateRow struct {
	Day      Days      `parquet:"day,id(1),date"` // the day the provider states, not the day asked for
	Base     string    `parquet:"base,id(2)"`     // ISO 4217
	Quote    string    `parquet:"quote,id(3)"`
	Rate     float64   `parquet:"rate,id(4)"`
	Provider string    `parquet:"provider,id(5)"`
	LandedAt time.Time `parquet:"landed_at,id(6),timestamp(microsecond)"`
}

// HolidayRow is one public holiday of a country.
type HolidayRow struct {
	Country string `parquet:"country,id(1)"` // ISO 3166-1 alpha-2
	Day     Days   `parquet:"day,id(2),date"`
	Name    string `parquet:"name,id(3)"`
}

// RejectRow is one row that was refused, with the reason and the raw text.
type RejectRow struct {
	Source     string    `parquet:"source,id(1)"`
	Dataset    string    `parquet:"dataset,id(2)"` // where it would have landed
	Unit       string    `parquet:"unit,id(3)"`    // file or request
	BusinessID *string   `parquet:"business_id,id(4)"`
	Line       *int64    `parquet:"line,id(5)"` // 1-based line or item
	Reason     string    `parquet:"reason,id(6)"`
	Raw        string    `parquet:"raw,id(7)"` // at most 4 KiB
	LandedAt   time.Time `parquet:"landed_at,id(8),timestamp(microsecond)"`
}

// SentimentRow is the tone of one article; Score and Method are null when it has none.
type SentimentRow struct {
	BusinessID string    `parquet:"business_id,id(1)"`
	URL        string    `parquet:"url,id(2)"`
	SeenAt     time.Time `parquet:"seen_at,id(3),timestamp(microsecond)"`
	Score      *float64  `parquet:"score,id(4)"`  // -1 (negative) to 1 (positive)
	Method     *string   `parquet:"method,id(5)"` // model, of the title; gdelt, of the whole article
}

// ForecastRow is one forecast day of one KPI in one vintage.
type ForecastRow struct {
	BusinessID string   `parquet:"business_id,id(1)"`
	KPIID      string   `parquet:"kpi_id,id(2)"`
	Vintage    Days     `parquet:"vintage,id(3),date"` // UTC day of the run's as-of instant
	Day        Days     `parquet:"day,id(4),date"`     // local day forecast
	Horizon    int32    `parquet:"horizon,id(5)"`      // days after the last observed day, from 1
	Mean       float64  `parquet:"mean,id(6)"`
	Lower80    float64  `parquet:"lower_80,id(7)"`
	Upper80    float64  `parquet:"upper_80,id(8)"`
	Lower95    float64  `parquet:"lower_95,id(9)"`
	Upper95    float64  `parquet:"upper_95,id(10)"`
	Method     string   `parquet:"method,id(11)"`
	SelectedOn Days     `parquet:"selected_on,id(12),date"` // vintage in which the method was chosen
	MASE       *float64 `parquet:"mase,id(13)"`             // rolling-origin error when it was chosen
	// The following were added later, so vintages from before do not have them. The first five sum to what Mean was
	// before it was brought into the KPI's range.
	Trend        *float64 `parquet:"trend,id(14)"`
	Seasonal     *float64 `parquet:"seasonal,id(15)"`
	LongSeasonal *float64 `parquet:"long_seasonal,id(16)"`
	Calendar     *float64 `parquet:"calendar,id(17)"`
	Measured     *float64 `parquet:"measured,id(18)"`
	// The following stand on the first day of each KPI's vintage only.
	Scale       *float64 `parquet:"scale,id(19)"`       // mean absolute error of the seasonal naive forecast in history
	Explanation *string  `parquet:"explanation,id(20)"` // JSON; see Explanation
}
