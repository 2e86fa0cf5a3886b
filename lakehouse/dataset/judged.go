package dataset

import "time"

// AnomalyScoreRow is one judged day of one KPI.
type AnomalyScoreRow struct {
	BusinessID string    `parquet:"business_id,id(1)"`
	KPIID      string    `parquet:"kpi_id,id(2)"`
	Day        Days      `parquet:"day,id(3),date"` // local day
	StartsAt   time.Time `parquet:"starts_at,id(4),timestamp(microsecond)"`
	Value      *float64  `parquet:"value,id(5)"` // null on a day without one
	Expected   float64   `parquet:"expected,id(6)"`
	Lower      float64   `parquet:"lower,id(7)"` // from Lower to Upper the value by itself is ordinary
	Upper      float64   `parquet:"upper,id(8)"`
	Score      float64   `parquet:"score,id(9)"`      // in [0,1]: 1 - p^(1/10) with p the chance of such a day
	Threshold  float64   `parquet:"threshold,id(10)"` // the score of a day that comes as often as alarms are expected
	Kind       string    `parquet:"kind,id(11)"`      // what the day is, or comes nearest to
	Severity   *string   `parquet:"severity,id(12)"`  // null unless Alarm or Ongoing
	Alarm      bool      `parquet:"alarm,id(13)"`     // an anomaly begins
	Ongoing    bool      `parquet:"ongoing,id(14)"`   // it goes on
	Large      bool      `parquet:"large,id(15)"`     // far enough from Expected to be told of at all
	Method     string    `parquet:"method,id(16)"`
	PastValues int64     `parquet:"past_values,id(17)"` // values before the day
}

// AnomalyScores is every judged day of every KPI, made by the anomaly model.
func AnomalyScores() Dataset {
	key := []string{"business_id", "kpi_id", "day"}
	return Dataset{Name: "marts.kpi_anomaly_scores", Columns: mustColumns[AnomalyScoreRow](), Key: key, Sort: key, Time: "day", Partition: Partition{"day", Month}}
}

// TrendStatementRow says where one KPI goes.
type TrendStatementRow struct {
	BusinessID string   `parquet:"business_id,id(1)"`
	KPIID      string   `parquet:"kpi_id,id(2)"`
	Direction  string   `parquet:"direction,id(3)"` // unknown, steady, rising or falling
	Slope      *float64 `parquet:"slope,id(4)"`     // in the KPI's unit a day; null when the direction is unknown, as are the next four
	SlopeLow   *float64 `parquet:"slope_low,id(5)"` // 95 % interval
	SlopeHigh  *float64 `parquet:"slope_high,id(6)"`
	PValue     *float64 `parquet:"p_value,id(7)"`            // chance of as strong a trend where there is none
	Tau        *float64 `parquet:"tau,id(8)"`                // Kendall's rank correlation with time
	Level      *float64 `parquet:"level,id(9)"`              // median without the season
	PerMonth   *float64 `parquet:"percent_per_month,id(10)"` // of the level; null when that is not positive
	FirstDay   Days     `parquet:"first_day,id(11),date"`    // of the stretch that is spoken of
	LastDay    Days     `parquet:"last_day,id(12),date"`
	Values     int32    `parquet:"observed,id(13)"` // values in it
	// ChangePoints are the days on which its course changed, oldest first, as a JSON array of objects with day (the first one of the new
	// course), kind (level_shift or slope_change), size, before, after (in the KPI's unit, of a slope change in that a day) and confidence.
	ChangePoints string `parquet:"change_points,id(14)"`
}

// TrendStatements is the trend of every KPI, made by the trend model.
func TrendStatements() Dataset {
	key := []string{"business_id", "kpi_id"}
	return Dataset{Name: "marts.kpi_trend_statements", Columns: mustColumns[TrendStatementRow](), Key: key, Sort: key}
}
