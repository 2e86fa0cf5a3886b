package run

import (
	"context"
	"fmt"
	"iter"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/signalcraft/signalcraft/lakehouse/dataset"
	"github.com/signalcraft/signalcraft/models/sentiment"
)

// newsSentiment scores the title of every article of a month.
func newsSentiment() Node {
	return Node{
		Output:  dataset.NewsSentiment(),
		Version: "news_sentiment/1",
		Span:    Windows,
		// An article belongs to the month it was first seen in, and may be landed again for a year.
		LookbackDays: 3660,
		Inputs: []Input{{
			Relation: "staging.gdelt_article",
			Columns:  []string{"business_id", "url", "seen_at", "title", "language"},
			Order:    []string{"business_id", "seen_at", "url"},
			Time:     "seen_at",
		}},
		Build: scoreArticles,
	}
}

func scoreArticles(ctx context.Context, in Tables, _ Params) (iter.Seq2[arrow.RecordBatch, error], error) {
	articles, err := in.Scan(ctx, 0)
	if err != nil {
		return nil, err
	}
	scorer := sentiment.New()
	return func(yield func(arrow.RecordBatch, error) bool) {
		for batch, err := range articles {
			var scored arrow.RecordBatch
			if err == nil {
				scored, err = score(scorer, batch)
			}
			if !yield(scored, err) || err != nil {
				return
			}
		}
	}, nil
}

// score returns a batch of SentimentRow columns. An article without a title has no score.
func score(scorer *sentiment.Scorer, batch arrow.RecordBatch) (arrow.RecordBatch, error) {
	titles, err := texts(batch, 3)
	if err != nil {
		return nil, fmt.Errorf("score articles: %w", err)
	}
	languages, err := texts(batch, 4)
	if err != nil {
		return nil, fmt.Errorf("score articles: %w", err)
	}
	scores, valid := scorer.Score(titles, languages)
	for i, title := range titles {
		valid[i] = valid[i] && title != ""
	}
	builder := array.NewFloat64Builder(memory.DefaultAllocator)
	defer builder.Release()
	builder.AppendValues(scores, valid)
	fields := batch.Schema().Fields()[:3:3]
	fields = append(fields, arrow.Field{Name: "score", Type: arrow.PrimitiveTypes.Float64, Nullable: true})
	columns := append(batch.Columns()[:3:3], builder.NewArray())
	return array.NewRecordBatch(arrow.NewSchema(fields, nil), columns, batch.NumRows()), nil
}
