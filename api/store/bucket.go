package store

import (
	"context"
	"fmt"
	"time"

	"github.com/signalcraft/signalcraft/api/store/internal/query"
)

// TakeToken takes a token from a bucket that all processes share. The bucket holds size tokens and refills in span. It
// returns when the bucket will be full again, and whether there was a token. The name of a bucket
// is kept as it is: hash what is personal.
func (s *Store) TakeToken(ctx context.Context, bucket string, now time.Time, size int, span time.Duration) (fullAt time.Time, taken bool, err error) {
	step := span / time.Duration(size)
	rows, err := query.New(s.pool).TakeToken(ctx, query.TakeTokenParams{Bucket: bucket, Now: now, Step: step, Span: span})
	if err != nil {
		return time.Time{}, false, fmt.Errorf("take token: %w", Classify(err))
	}
	if len(rows) == 0 {
		return now.Add(span), false, nil
	}
	return rows[0].FullAt, rows[0].Allowed, nil
}

// DropFullBuckets forgets buckets that hold nobody back, some at a time.
func (s *Store) DropFullBuckets(ctx context.Context, now time.Time) error {
	if err := query.New(s.pool).DropFullBuckets(ctx, now); err != nil {
		return fmt.Errorf("drop full buckets: %w", Classify(err))
	}
	return nil
}
