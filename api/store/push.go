package store

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/signalcraft/signalcraft/api/store/internal/query"
)

// PushTarget is what a push to a source is judged by.
type PushTarget struct {
	BusinessID uuid.UUID
	KPIs       []PushKPI
	Keys       []PushKey
}

// PushKPI is a KPI that a push may name, by its id or its name.
type PushKPI struct {
	ID          uuid.UUID `json:"id"`
	Name        string    `json:"name"`
	NonNegative bool      `json:"non_negative"`
}

// PushKey is a key of a source, sealed.
type PushKey struct {
	Name      string     `json:"name"`
	Sealed    string     `json:"sealed"`
	ExpiresAt *time.Time `json:"expires_at"`
}

// PushTarget returns what a push to a source is judged by, for whoever pushes: nobody is signed in. It returns ErrNotFound for a
// source that takes no pushes.
func (s *Store) PushTarget(ctx context.Context, source uuid.UUID) (t PushTarget, err error) {
	err = s.within(ctx, pgx.TxOptions{AccessMode: pgx.ReadOnly}, func(q *query.Queries, _ pgx.Tx) error {
		row, err := q.PushTarget(ctx, source)
		if err != nil {
			return err
		}
		t.BusinessID = row.BusinessID
		if err := json.Unmarshal(row.Kpis, &t.KPIs); err != nil {
			return fmt.Errorf("read KPIs: %w", err)
		}
		if err := json.Unmarshal(row.Keys, &t.Keys); err != nil {
			return fmt.Errorf("read keys: %w", err)
		}
		return nil
	})
	return t, about("source", source, err)
}

// PushedPoint is one point of a push, as it waits.
type PushedPoint struct {
	KPIID  uuid.UUID `json:"k"`
	Micros int64     `json:"t"` // since 1970
	Value  float64   `json:"v"`
}

// PushedReject is one refused item of a push; Line counts from 1 on.
type PushedReject struct {
	Line   int64  `json:"line"`
	Reason string `json:"reason"`
	Raw    string `json:"raw"`
}

// Push is a push whose signature was checked.
type Push struct {
	// ID is a version 7 UUID; Digest is the SHA-256 of what was signed.
	ID, BusinessID, SourceID uuid.UUID
	Digest                   []byte
	ReceivedAt               time.Time
	// ReadyAt is when it may land: not before its last point.
	ReadyAt time.Time
	Points  []PushedPoint
	Rejects []PushedReject
}

// PushOutcome is what became of a Push.
type PushOutcome string

// The outcomes. Repeated means that the same request came before; Waiting that too many wait to land already;
// Unknown that the source takes no pushes any more.
const (
	PushAccepted PushOutcome = "accepted"
	PushRepeated PushOutcome = "repeated"
	PushWaiting  PushOutcome = "waiting"
	PushUnknown  PushOutcome = "unknown"
)

// AcceptPush keeps a push until the batch lands it, with its audit entry, in one transaction. Only PushAccepted keeps and audits.
func (s *Store) AcceptPush(ctx context.Context, p Push, entry AuditEntry) (outcome PushOutcome, err error) {
	points, err := json.Marshal(append([]PushedPoint{}, p.Points...))
	if err != nil {
		return "", fmt.Errorf("accept push: %w", err)
	}
	rejects, err := json.Marshal(append([]PushedReject{}, p.Rejects...))
	if err != nil {
		return "", fmt.Errorf("accept push: %w", err)
	}
	err = s.within(ctx, pgx.TxOptions{}, func(q *query.Queries, _ pgx.Tx) error {
		text, err := q.AcceptPush(ctx, query.AcceptPushParams{SourceID: p.SourceID, ID: p.ID, Digest: p.Digest, ReceivedAt: p.ReceivedAt,
			ReadyAt: p.ReadyAt, Points: points, Rejects: rejects})
		if outcome = PushOutcome(text); err != nil || outcome != PushAccepted {
			return err
		}
		return addAudit(ctx, q, entry)
	})
	return outcome, about("source", p.SourceID, err)
}

// WaitingPushes returns pushes that may land as of an instant, in the order of their coming, with at most most points in all. For RoleBatch.
func (s *Store) WaitingPushes(ctx context.Context, asOf time.Time, most int) ([]Push, error) {
	rows, err := query.New(s.pool).WaitingPushes(ctx, query.WaitingPushesParams{At: asOf, Most: int64(most)})
	if err != nil {
		return nil, fmt.Errorf("list waiting pushes: %w", Classify(err))
	}
	pushes := make([]Push, len(rows))
	for i, r := range rows {
		p := Push{ID: r.ID, BusinessID: r.BusinessID, SourceID: r.SourceID, ReceivedAt: r.ReceivedAt}
		if err := json.Unmarshal(r.Points, &p.Points); err != nil {
			return nil, fmt.Errorf("read push %s: %w", r.ID, err)
		}
		if err := json.Unmarshal(r.Rejects, &p.Rejects); err != nil {
			return nil, fmt.Errorf("read push %s: %w", r.ID, err)
		}
		pushes[i] = p
	}
	return pushes, nil
}

// EndPushes notes that pushes have landed: it forgets their points, notes the time and what was refused on their sources, and
// forgets wholly those that landed more than a day before. For RoleBatch.
func (s *Store) EndPushes(ctx context.Context, pushes []Push, at time.Time) error {
	ids := make([]uuid.UUID, len(pushes))
	type home struct{ business, source uuid.UUID }
	refused, order := map[home]int{}, []home{}
	for i, p := range pushes {
		ids[i] = p.ID
		h := home{p.BusinessID, p.SourceID}
		if _, known := refused[h]; !known {
			order = append(order, h)
		}
		refused[h] += len(p.Rejects)
	}
	err := s.within(ctx, pgx.TxOptions{}, func(q *query.Queries, _ pgx.Tx) error {
		if _, err := q.EndPushes(ctx, query.EndPushesParams{Ids: ids, At: at}); err != nil {
			return err
		}
		for _, h := range order {
			note := query.NotePushParams{BusinessID: h.business, ID: h.source, At: at, Status: string(Succeeded)}
			if n := refused[h]; n > 0 {
				note.Status, note.Problem = string(Partial), optional(fmt.Sprintf("%d pushed points are in quarantine", n))
			}
			if _, err := q.NotePush(ctx, note); err != nil {
				return err
			}
		}
		_, err := q.ForgetPushes(ctx, at.Add(-24*time.Hour))
		return err
	})
	if err != nil {
		return fmt.Errorf("end pushes: %w", err)
	}
	return nil
}
