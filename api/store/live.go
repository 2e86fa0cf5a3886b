package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/signalcraft/signalcraft/api/store/internal/query"
)

// EventHead says whom an event is for, without what it tells.
type EventHead struct {
	ID int64
	// BusinessID is nil for events of a user alone, UserID for those of every member of the business.
	BusinessID, UserID *uuid.UUID
	Kind               string
}

// StoredEvent is an event with what it tells.
type StoredEvent struct {
	EventHead
	// Payload is a JSON object.
	Payload json.RawMessage
	At      time.Time
}

// TailQuery asks for the events that a user missed.
type TailQuery struct {
	// After is the id of the last event that was seen.
	After int64
	// Business leaves events of other businesses out; nil means all of the user's.
	Business *uuid.UUID
	// Most is the largest number of events to return, Reach how far back they may lie. Required.
	Most  int
	Reach time.Duration
}

// Standing says what a user may listen to now.
type Standing struct {
	// Sessions are those asked for that have not ended, and whether each has a second factor.
	Sessions map[uuid.UUID]bool
	// Belongings are the businesses that the user belongs to.
	Belongings []Belonging
}

// Belonging is a business that a user belongs to, with what its policies go by.
type Belonging struct {
	BusinessID uuid.UUID
	// Role is the user's there, Tier the business's subscription.
	Role, Tier string
}

// ErrTailGone is returned when a user may have missed more events than can be told again. Read everything anew.
var ErrTailGone = errors.New("the missed events are gone")

// listenName is the application name of the connections that listen.
const listenName = "signalcraft listener"

// Listen calls wake once it hears of events and then whenever there may be a new one. It takes a connection of its own,
// checks it every pause, and returns when ctx ends or the connection breaks.
func (s *Store) Listen(ctx context.Context, pause time.Duration, wake func()) error {
	config := s.pool.Config().ConnConfig.Copy()
	config.RuntimeParams["application_name"] = listenName
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return fmt.Errorf("connect listener: %w", Classify(err))
	}
	defer func() {
		closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		_ = conn.Close(closing) // nothing was written
	}()
	if err := query.New(conn).Listen(ctx); err != nil {
		return fmt.Errorf("listen for events: %w", Classify(err))
	}
	for {
		wake()
		if err := await(ctx, conn, pause); err != nil {
			return fmt.Errorf("wait for events: %w", Classify(err))
		}
	}
}

// await returns nil when there is a notification, or none for a while but the connection works.
func await(ctx context.Context, conn *pgx.Conn, pause time.Duration) error {
	limited, cancel := context.WithTimeout(ctx, pause)
	defer cancel()
	_, err := conn.WaitForNotification(limited)
	if err == nil || ctx.Err() != nil || limited.Err() == nil {
		return err
	}
	limited, cancel = context.WithTimeout(ctx, pause)
	defer cancel()
	return conn.Ping(limited)
}

// EventPosition returns the id of the newest event, 0 when there is none.
func (s *Store) EventPosition(ctx context.Context) (int64, error) {
	id, err := query.New(s.pool).EventPosition(ctx)
	if err != nil {
		return 0, fmt.Errorf("read position of events: %w", Classify(err))
	}
	return id, nil
}

// EventHeads returns at most most events after one, of all businesses, by id. An event is visible only when all with smaller ids are.
func (s *Store) EventHeads(ctx context.Context, after int64, most int) ([]EventHead, error) {
	rows, err := query.New(s.pool).EventHeads(ctx, query.EventHeadsParams{After: after, Most: int32(most)})
	if err != nil {
		return nil, fmt.Errorf("read events after %d: %w", after, Classify(err))
	}
	heads := make([]EventHead, len(rows))
	for i, r := range rows {
		heads[i] = EventHead(r)
	}
	return heads, nil
}

// Events returns those of some events that users may see: asked names for each user the events that are read under that
// user's rights. All are read in one round trip.
func (s *Store) Events(ctx context.Context, asked map[uuid.UUID][]int64) ([]StoredEvent, error) {
	var events []StoredEvent
	err := s.within(ctx, pgx.TxOptions{AccessMode: pgx.ReadOnly}, func(_ *query.Queries, tx pgx.Tx) error {
		var batch pgx.Batch
		for user, ids := range asked {
			as := actingUser(user)
			batch.Queue(query.Enter, as.name, as.value)
			batch.Queue(query.EventsByID, ids).Query(func(rows pgx.Rows) error {
				found, err := pgx.CollectRows(rows, pgx.RowToStructByPos[query.Event])
				for _, r := range found {
					events = append(events, StoredEvent{EventHead{r.ID, r.BusinessID, r.UserID, r.Kind}, r.Payload, r.At})
				}
				return err
			})
		}
		return tx.SendBatch(ctx, &batch).Close()
	})
	if err != nil {
		return nil, fmt.Errorf("read events of %d users: %w", len(asked), err)
	}
	return events, nil
}

// EventTail returns the events that a user may see and missed, by id. It returns ErrTailGone when there are too many, when
// the first lies too far back, and when the last one seen is none of this database, as after a restore.
func (s *Store) EventTail(ctx context.Context, userID uuid.UUID, q TailQuery) (events []StoredEvent, err error) {
	err = s.within(ctx, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}, func(tx *query.Queries, _ pgx.Tx) error {
		pruned, err := tx.PrunedTo(ctx)
		if err != nil {
			return fmt.Errorf("read end of the tail: %w", err)
		}
		newest, err := tx.EventPosition(ctx)
		if err != nil {
			return fmt.Errorf("read position of events: %w", err)
		}
		rows, err := tx.EventTail(ctx, query.EventTailParams{After: q.After, OnlyBusiness: q.Business, Most: int32(q.Most) + 1, Reach: q.Reach})
		if err != nil {
			return fmt.Errorf("read events after %d: %w", q.After, err)
		}
		if q.After < pruned || q.After > max(pruned, newest) || len(rows) > q.Most || len(rows) > 0 && rows[0].IsOld {
			return ErrTailGone
		}
		for _, r := range rows {
			events = append(events, StoredEvent{EventHead{r.ID, r.BusinessID, r.UserID, r.Kind}, r.Payload, r.At})
		}
		return nil
	}, actingUser(userID))
	return events, about("user", userID, err)
}

// Standing returns which of some sessions of a user have not ended, and which businesses the user belongs to.
func (s *Store) Standing(ctx context.Context, userID uuid.UUID, sessions []uuid.UUID, now time.Time) (standing Standing, err error) {
	err = s.within(ctx, pgx.TxOptions{AccessMode: pgx.ReadOnly}, func(q *query.Queries, _ pgx.Tx) error {
		rows, err := q.StandingSessions(ctx, query.StandingSessionsParams{Ids: sessions, Now: now})
		if err != nil {
			return fmt.Errorf("read sessions: %w", err)
		}
		standing.Sessions = make(map[uuid.UUID]bool, len(rows))
		for _, r := range rows {
			standing.Sessions[r.ID] = r.SecondFactor
		}
		standing.Belongings, err = belongings(ctx, q)
		return err
	}, actingUser(userID))
	return standing, about("user", userID, err)
}

// Belongings returns the businesses that the user belongs to.
func (tx *UserTx) Belongings(ctx context.Context) ([]Belonging, error) { return belongings(ctx, tx.q) }

func belongings(ctx context.Context, q *query.Queries) ([]Belonging, error) {
	rows, err := q.OwnMemberships(ctx)
	if err != nil {
		return nil, fmt.Errorf("read memberships: %w", Classify(err))
	}
	all := make([]Belonging, len(rows))
	for i, r := range rows {
		all[i] = Belonging{r.BusinessID, r.Role, r.SubscriptionTier}
	}
	return all, nil
}
