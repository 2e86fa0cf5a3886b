package jobs

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
)

// How a lock's connection is watched. Postgres drops a connection whose other end has
// been silent for 25 seconds (see holdLock); this side must have noticed by then.
const (
	probeEvery  = 5 * time.Second
	probeWithin = 10 * time.Second
)

// errLockLost is why an execution's context ends when its lock is gone.
var errLockLost = errors.New("the lock is lost: its connection to postgres has ended")

// Exclusive runs work while this process alone holds the named lock, and reports
// whether it did: false means that somebody else holds the lock and work was not
// called. The lock ends with its connection, so a dead process holds none; when the
// connection ends under a living one, work's context ends.
func Exclusive(ctx context.Context, pool *pgxpool.Pool, name string, work func(ctx context.Context) error) (bool, error) {
	held, err := hold(ctx, pool, name)
	if err != nil || held == nil {
		return false, err
	}
	defer held.release(ctx)
	return true, held.guard(ctx, work)
}

// lock is a set of advisory locks, held by a connection that does nothing else.
type lock struct{ conn *pgxpool.Conn }

// hold takes all named locks, or returns nil when somebody else has one of them. It waits for none.
func hold(ctx context.Context, pool *pgxpool.Pool, names ...string) (_ *lock, err error) {
	conn, err := pool.Acquire(ctx)
	if err != nil {
		return nil, fmt.Errorf("lock %s: %w", names[0], err)
	}
	held := &lock{conn}
	for _, name := range names {
		got, err := holdLock(ctx, conn, name)
		if err != nil {
			held.release(ctx)
			return nil, fmt.Errorf("lock %s: %w", name, err)
		}
		if !got {
			held.release(ctx)
			return nil, nil
		}
	}
	return held, nil
}

// guard calls work with a context that ends, with errLockLost as its cause, when the
// locks are lost. The connection must not be used meanwhile.
func (l *lock) guard(ctx context.Context, work func(ctx context.Context) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		if !l.watch(ctx) {
			cancel(errLockLost)
		}
	}()
	defer func() { // work may panic
		cancel(nil)
		<-watched
	}()
	err := work(ctx)
	if err != nil && errors.Is(context.Cause(ctx), errLockLost) {
		return errors.Join(err, errLockLost)
	}
	return err
}

// watch waits for the end of ctx and returns true, or of the connection and returns false.
func (l *lock) watch(ctx context.Context) bool {
	for ctx.Err() == nil {
		wait, cancel := context.WithTimeout(ctx, probeEvery)
		_, err := l.conn.Conn().WaitForNotification(wait) // of which there is none: it ends with the connection
		ended := wait.Err() != nil
		cancel()
		if err != nil && !ended || ctx.Err() == nil && !l.alive(ctx) {
			return false
		}
	}
	return true
}

// alive asks the server whether it still has the connection, and so the locks. The end
// of ctx does not cut the question short, because that would end the connection.
func (l *lock) alive(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), probeWithin)
	defer cancel()
	return l.conn.Ping(ctx) == nil
}

// release gives the locks and the connection free, also when ctx has ended.
func (l *lock) release(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), probeWithin)
	defer cancel()
	if err := releaseLocks(ctx, l.conn); err != nil {
		l.conn.Conn().Close(ctx) // by which the server releases them
	}
	l.conn.Release()
}
