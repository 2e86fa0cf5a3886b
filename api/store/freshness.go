package store

import (
	"context"
	"fmt"
	"time"

	"github.com/signalcraft/signalcraft/api/store/internal/query"
)

// The parts of what is published that are computed apart.
const (
	FreshMetrics   = "metrics"
	FreshForecasts = "forecasts"
)

// NoteComputed notes that the marts of a part were computed from all that had landed at an instant. For RoleBatch.
func (s *Store) NoteComputed(ctx context.Context, part string, from time.Time) error {
	if err := query.New(s.pool).NoteComputed(ctx, query.NoteComputedParams{Part: part, At: from}); err != nil {
		return fmt.Errorf("note computation of %s: %w", part, Classify(err))
	}
	return nil
}

// ComputedFrom returns for each part that was computed up to which instant its marts hold what has landed. For RoleBatch.
func (s *Store) ComputedFrom(ctx context.Context) (map[string]time.Time, error) {
	rows, err := query.New(s.pool).ComputedFrom(ctx)
	if err != nil {
		return nil, fmt.Errorf("read freshness: %w", Classify(err))
	}
	from := make(map[string]time.Time, len(rows))
	for _, r := range rows {
		from[r.Part] = *r.ComputedFrom
	}
	return from, nil
}

// NotePublished notes that the marts of a part are published that hold what had landed at an instant. For RoleBatch.
func (s *Store) NotePublished(ctx context.Context, part string, from time.Time) error {
	if err := query.New(s.pool).NotePublished(ctx, query.NotePublishedParams{Part: part, At: from}); err != nil {
		return fmt.Errorf("note publication of %s: %w", part, Classify(err))
	}
	return nil
}
