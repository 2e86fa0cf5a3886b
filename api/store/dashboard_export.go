package store

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5/pgtype"

	"github.com/signalcraft/signalcraft/api/store/internal/query"
)

// Export is what one table of an export is made of.
type Export struct {
	// Name is what callers call it, Table the published table behind it.
	Name, Table string
	text        string
}

// exports are the tables that can be exported.
func exports() map[string]Export {
	all := map[string]Export{}
	for _, e := range []Export{
		{"metrics", "kpi_data", query.ExportMetrics}, {"hours", "kpi_hourly", query.ExportHours}, {"forecasts", "forecasts", query.ExportForecasts},
		{"anomalies", "kpi_anomalies", query.ExportAnomalies}, {"trends", "kpi_trends", query.ExportTrends},
		{"news", "news_articles", query.ExportNews}, {"weather", "weather_data", query.ExportWeather},
	} {
		all[e.Name] = e
	}
	return all
}

// Exports returns what can be exported, by name.
func Exports() []Export {
	return slices.SortedFunc(maps.Values(exports()), func(a, b Export) int {
		if a.Name < b.Name {
			return -1
		}
		return 1
	})
}

// Export calls row for each published row of e with a local day in [from, to), in the order of its key; columns are the names of
// the values. One row is held at a time: values are only valid during the call, and may be uuid bytes, time.Time, string (also
// for days, as YYYY-MM-DD), bool, integers, float64 or nil. It stops at the first error of row, and returns it. Statements may take as long as patience.
func (tx *MemberTx) Export(ctx context.Context, e Export, from, to time.Time, patience time.Duration,
	begin func(columns []string) error, row func(values []any) error) error {
	if err := tx.q.PatientStatement(ctx, strconv.FormatInt(patience.Milliseconds(), 10)); err != nil {
		return fmt.Errorf("export %s: %w", e.Name, Classify(err))
	}
	rows, err := tx.tx.Query(ctx, e.text, from, to)
	if err != nil {
		return fmt.Errorf("export %s: %w", e.Name, Classify(err))
	}
	defer rows.Close()
	columns := make([]string, len(rows.FieldDescriptions()))
	for i, field := range rows.FieldDescriptions() {
		columns[i] = field.Name
	}
	if err := begin(columns); err != nil {
		return err
	}
	for rows.Next() {
		values, err := rows.Values()
		if err != nil {
			return fmt.Errorf("export %s: %w", e.Name, Classify(err))
		}
		for i, field := range rows.FieldDescriptions() {
			if day, ok := values[i].(time.Time); ok && field.DataTypeOID == pgtype.DateOID {
				values[i] = day.Format(time.DateOnly)
			}
		}
		if err := row(values); err != nil {
			return err
		}
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("export %s: %w", e.Name, Classify(err))
	}
	return nil
}
