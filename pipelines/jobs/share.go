package jobs

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5/pgxpool"
)

// ExclusiveSharing is Exclusive that also shares the lock named shared: any number may share it at once, but nobody while
// somebody holds it by Exclusive, and nobody holds it by Exclusive while it is shared. Both locks have one connection. False means
// that one of them was not to be had and work was not called.
func ExclusiveSharing(ctx context.Context, pool *pgxpool.Pool, name, shared string, work func(ctx context.Context) error) (bool, error) {
	held, err := hold(ctx, pool, name)
	if err != nil || held == nil {
		return false, err
	}
	defer held.release(ctx)
	got, err := shareLock(ctx, held.conn, shared)
	if err != nil {
		return false, fmt.Errorf("share lock %s: %w", shared, err)
	}
	if !got {
		return false, nil
	}
	return true, held.guard(ctx, work)
}

// shareLock takes the named lock for the connection's session, beside others that share it, and reports whether it could.
func shareLock(ctx context.Context, conn querier, name string) (held bool, err error) {
	err = conn.QueryRow(ctx, `select pg_try_advisory_lock_shared(hashtextextended('signalcraft.job.' || $1, 0))`, name).Scan(&held)
	return held, err
}
