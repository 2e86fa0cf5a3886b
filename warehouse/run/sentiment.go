package run

import (
	"context"
	"fmt"
	"iter"
	"math"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/signalcraft/signalcraft/lakehouse/dataset"
	"github.com/signalcraft/signalcraft/models/sentiment"
)

// The methods by which an article is scored.
const (
	scoredByModel = "model"
	scoredByGDELT = "gdelt"
)

// newsSentiment scores every article of a month: the title of one in English by our own
// model, any other by GDELT's tone of the whole article where there is one.
func newsSentiment() Node {
	return Node{
		Output:  dataset.NewsSentiment(),
		Version: "news_sentiment/3",
		Span:    Windows,
		// An article belongs to the month it was first seen in, and may be landed again for a year.
		LookbackDays: 3660,
		Inputs: []Input{
			{
				Relation: "staging.gdelt_article",
				Columns:  []string{"business_id", "url", "seen_at", "title", "language"},
				Order:    []string{"business_id", "seen_at", "url"},
				Time:     "seen_at",
			},
			{
				Relation: "staging.gdelt_tone",
				Columns:  []string{"business_id", "url", "tone"},
				Order:    []string{"business_id", "url"},
				Time:     "seen_at",
			},
		},
		Build: scoreArticles,
	}
}

func scoreArticles(ctx context.Context, in Tables, _ Params) (iter.Seq2[arrow.RecordBatch, error], error) {
	tones, err := readTones(ctx, in)
	if err != nil {
		return nil, err
	}
	articles, err := in.Scan(ctx, 0)
	if err != nil {
		return nil, err
	}
	scorer := sentiment.New()
	return func(yield func(arrow.RecordBatch, error) bool) {
		for batch, err := range articles {
			var scored arrow.RecordBatch
			if err == nil {
				scored, err = score(scorer, tones, batch)
			}
			if !yield(scored, err) || err != nil {
				return
			}
		}
	}, nil
}

// articleKey names an article.
type articleKey struct{ businessID, url string }

// readTones returns GDELT's tones of the window's articles.
func readTones(ctx context.Context, in Tables) (map[articleKey]float64, error) {
	batches, err := in.Scan(ctx, 1)
	if err != nil {
		return nil, err
	}
	tones := map[articleKey]float64{}
	for batch, err := range batches {
		if err != nil {
			return nil, err
		}
		businesses, err := texts(batch, 0)
		if err != nil {
			return nil, fmt.Errorf("read tones: %w", err)
		}
		urls, err := texts(batch, 1)
		if err != nil {
			return nil, fmt.Errorf("read tones: %w", err)
		}
		values, err := floats(batch, 2)
		if err != nil {
			return nil, fmt.Errorf("read tones: %w", err)
		}
		for i, tone := range values {
			if !math.IsNaN(tone) {
				// The texts lie in the batch: what is kept is copied.
				tones[articleKey{string([]byte(businesses[i])), string([]byte(urls[i]))}] = tone
			}
		}
	}
	return tones, nil
}

// toneSpread is the tone, in percent of an article's words, that scores 0.71. Tones are
// commonly between -10 and 10.
const toneSpread = 5

// scoreOfTone brings a tone of -100 to 100 to the scale of scores, -1 to 1: t/sqrt(t^2+5^2). A
// tone of 0.25 scores 0.05, where the neutral ends.
func scoreOfTone(tone float64) float64 { return tone / math.Hypot(tone, toneSpread) }

// score returns a batch of SentimentRow columns. An article without a title is scored by
// GDELT's tone too: its language is not known.
func score(scorer *sentiment.Scorer, tones map[articleKey]float64, batch arrow.RecordBatch) (arrow.RecordBatch, error) {
	columns := map[int][]string{0: nil, 1: nil, 3: nil, 4: nil}
	for i := range columns {
		column, err := texts(batch, i)
		if err != nil {
			return nil, fmt.Errorf("score articles: %w", err)
		}
		columns[i] = column
	}
	titles := columns[3]
	values, valid := scorer.Score(titles, columns[4])
	scores, methods := array.NewFloat64Builder(memory.DefaultAllocator), array.NewStringBuilder(memory.DefaultAllocator)
	defer scores.Release()
	defer methods.Release()
	for i, title := range titles {
		tone, known := tones[articleKey{columns[0][i], columns[1][i]}]
		switch {
		case valid[i] && title != "":
			scores.Append(values[i])
			methods.Append(scoredByModel)
		case known:
			scores.Append(scoreOfTone(tone))
			methods.Append(scoredByGDELT)
		default:
			scores.AppendNull()
			methods.AppendNull()
		}
	}
	fields := append(batch.Schema().Fields()[:3:3], arrow.Field{Name: "score", Type: arrow.PrimitiveTypes.Float64, Nullable: true},
		arrow.Field{Name: "method", Type: arrow.BinaryTypes.String, Nullable: true})
	out := append(batch.Columns()[:3:3], scores.NewArray(), methods.NewArray())
	return array.NewRecordBatch(arrow.NewSchema(fields, nil), out, batch.NumRows()), nil
}
