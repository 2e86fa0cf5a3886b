package store

import (
	"context"
	"encoding/json"
	"fmt"
	"net/netip"
	"time"

	"github.com/google/uuid"

	"github.com/signalcraft/signalcraft/api/store/internal/query"
)

// The functions of this file return what is held on the transaction's user, for a copy that the user asks for.

// OwnSession is one sign-in of the user.
type OwnSession struct {
	ID                                       uuid.UUID
	CreatedAt, LastUsedAt, ExpiresAt, EndsAt time.Time
	// Address is nil when it is unknown.
	Address   *netip.Addr
	UserAgent string
	EndedAt   *time.Time
	Reason    string
}

// OwnMembership is a business that the user belongs to, by name.
type OwnMembership struct {
	BusinessID uuid.UUID
	Name, Role string
	JoinedAt   time.Time
}

// OwnNotification is a notification for the user alone.
type OwnNotification struct {
	BusinessID, ID              uuid.UUID
	Kind, Severity, Title, Body string
	Data                        json.RawMessage
	ReadAt                      *time.Time
	CreatedAt                   time.Time
}

// OwnSessions returns up to most sessions by id, after one.
func (tx *UserTx) OwnSessions(ctx context.Context, after uuid.UUID, most int) ([]OwnSession, error) {
	rows, err := tx.q.ExportSessions(ctx, query.ExportSessionsParams{AfterID: after, Most: int32(most)})
	if err != nil {
		return nil, fmt.Errorf("export sessions: %w", Classify(err))
	}
	sessions := make([]OwnSession, len(rows))
	for i, r := range rows {
		sessions[i] = OwnSession{ID: r.ID, CreatedAt: r.CreatedAt, LastUsedAt: r.LastUsedAt, ExpiresAt: r.ExpiresAt, EndsAt: r.EndsAt,
			Address: r.IP, UserAgent: r.UserAgent, EndedAt: r.RevokedAt, Reason: r.RevokedReason}
	}
	return sessions, nil
}

// OwnMemberships returns the user's memberships by when they began.
func (tx *UserTx) OwnMemberships(ctx context.Context) ([]OwnMembership, error) {
	rows, err := tx.q.ExportMemberships(ctx)
	if err != nil {
		return nil, fmt.Errorf("export memberships: %w", Classify(err))
	}
	memberships := make([]OwnMembership, len(rows))
	for i, r := range rows {
		memberships[i] = OwnMembership{BusinessID: r.BusinessID, Name: r.Name, Role: r.Role, JoinedAt: r.CreatedAt}
	}
	return memberships, nil
}

// OwnNotifications returns up to most notifications by id, after one, without those of hidden businesses.
func (tx *UserTx) OwnNotifications(ctx context.Context, hidden []uuid.UUID, after uuid.UUID, most int) ([]OwnNotification, error) {
	rows, err := tx.q.ExportNotifications(ctx, query.ExportNotificationsParams{Hidden: orNone(hidden), AfterID: after, Most: int32(most)})
	if err != nil {
		return nil, fmt.Errorf("export notifications: %w", Classify(err))
	}
	notifications := make([]OwnNotification, len(rows))
	for i, r := range rows {
		notifications[i] = OwnNotification{BusinessID: r.BusinessID, ID: r.ID, Kind: r.Kind, Severity: r.Severity, Title: r.Title, Body: r.Body,
			Data: r.Data, ReadAt: r.ReadAt, CreatedAt: r.CreatedAt}
	}
	return notifications, nil
}
