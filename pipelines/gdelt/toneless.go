package gdelt

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/signalcraft/signalcraft/lakehouse"
	"github.com/signalcraft/signalcraft/lakehouse/dataset"
	"github.com/signalcraft/signalcraft/models/sentiment"
)

// MissingIn returns a TonesConfig.Missing that asks the lake: the articles that are not in
// English and that have no row in raw.gdelt_tones, by when they were first seen.
func MissingIn(lake *lakehouse.Lake) func(context.Context, []dataset.BusinessRow, dataset.Window) ([]Toneless, error) {
	languages := sentiment.NewDetector()
	return func(ctx context.Context, businesses []dataset.BusinessRow, window dataset.Window) ([]Toneless, error) {
		ours := map[string]bool{}
		for _, b := range businesses {
			ours[b.BusinessID] = true
		}
		type name struct{ businessID, url string }
		seen := map[name]time.Time{}
		err := scanSeen(ctx, lake, dataset.Articles(), window, []string{"business_id", "url", "title", "language"}, func(row []string, at time.Time) {
			before, known := seen[name{row[0], row[1]}]
			if ours[row[0]] && (!known || at.Before(before)) && languages.Language(row[2], row[3]) != "en" {
				// What the map holds outlives the batch.
				seen[name{strings.Clone(row[0]), strings.Clone(row[1])}] = at
			}
		})
		if err != nil {
			return nil, err
		}
		err = scanSeen(ctx, lake, dataset.Tones(), window, []string{"business_id", "url"}, func(row []string, _ time.Time) {
			delete(seen, name{row[0], row[1]})
		})
		missing := make([]Toneless, 0, len(seen))
		for n, at := range seen {
			missing = append(missing, Toneless{n.businessID, n.url, at})
		}
		return missing, err
	}
}

// scanSeen visits the rows of a table in a window: text columns, null as "", and when each was
// seen. The texts live as long as the visit. A table that is not there yet has no rows.
func scanSeen(ctx context.Context, lake *lakehouse.Lake, d dataset.Dataset, window dataset.Window, columns []string, visit func(row []string, at time.Time)) error {
	if err := lake.Ensure(ctx, d); err != nil {
		return fmt.Errorf("make table %s: %w", d.Name, err)
	}
	batches, err := lake.Scan(ctx, d.Name, append(columns[:len(columns):len(columns)], "seen_at"), lakehouse.ReadOptions{Window: window})
	if err != nil {
		return err
	}
	row := make([]string, len(columns))
	for batch, err := range batches {
		if err != nil {
			return err
		}
		err := eachSeen(batch, row, visit)
		batch.Release()
		if err != nil {
			return fmt.Errorf("read %s: %w", d.Name, err)
		}
	}
	return nil
}

// eachSeen visits the rows of a batch of text columns and an instant.
func eachSeen(batch arrow.RecordBatch, row []string, visit func(row []string, at time.Time)) error {
	texts := make([]*array.String, len(row))
	for i := range row {
		text, ok := batch.Column(i).(*array.String)
		if !ok {
			return fmt.Errorf("column %s is %s, want text", batch.ColumnName(i), batch.Column(i).DataType())
		}
		texts[i] = text
	}
	at, ok := batch.Column(len(row)).(*array.Timestamp)
	if !ok {
		return fmt.Errorf("column %s is %s, want an instant", batch.ColumnName(len(row)), batch.Column(len(row)).DataType())
	}
	for n := range int(batch.NumRows()) {
		for i, text := range texts {
			row[i] = text.Value(n)
		}
		visit(row, at.Value(n).ToTime(arrow.Microsecond))
	}
	return nil
}
