package store

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/signalcraft/signalcraft/api/store/internal/query"
)

// Notification is what a user is told of a business, as that user sees it.
type Notification struct {
	ID, BusinessID uuid.UUID
	BusinessName   string
	// AlertID is the alert that it tells of; nil when it tells of something else or the alert is gone.
	AlertID                     *uuid.UUID
	Kind, Severity, Title, Body string
	// Data is a JSON object.
	Data      json.RawMessage
	CreatedAt time.Time
	// ReadAt is when the user read it; nil until then.
	ReadAt *time.Time
}

// NotificationQuery asks for one page of notifications, newest first.
type NotificationQuery struct {
	// BusinessID is the one business asked for, OnlyID the one notification; nil means all.
	BusinessID, OnlyID *uuid.UUID
	// Hidden are businesses of which nothing is told.
	Hidden []uuid.UUID
	// Unread leaves out what the user has read.
	Unread bool
	// AfterAt and AfterID name the notification after which the page begins; nil means the first page.
	AfterAt *time.Time
	AfterID *uuid.UUID
	// Most is the largest number of notifications to return. Required.
	Most int
}

// Notifications returns what the user is told, over all businesses that the user belongs to.
func (tx *UserTx) Notifications(ctx context.Context, q NotificationQuery) ([]Notification, error) {
	rows, err := tx.q.Notifications(ctx, query.NotificationsParams{BusinessID: q.BusinessID, OnlyID: q.OnlyID, Hidden: orNone(q.Hidden), Unread: q.Unread,
		AfterAt: q.AfterAt, AfterID: q.AfterID, Most: int32(q.Most)})
	if err != nil {
		return nil, fmt.Errorf("read notifications: %w", Classify(err))
	}
	list := make([]Notification, len(rows))
	for i, r := range rows {
		list[i] = Notification{ID: r.ID, BusinessID: r.BusinessID, BusinessName: r.BusinessName, AlertID: r.AlertID, Kind: r.Kind,
			Severity: r.Severity, Title: r.Title, Body: r.Body, Data: r.Data, CreatedAt: r.CreatedAt, ReadAt: r.ReadAt}
	}
	return list, nil
}

// orNone returns ids as an array that is never null, which nothing would compare with.
func orNone(ids []uuid.UUID) []uuid.UUID { return append([]uuid.UUID{}, ids...) }

// CountUnread returns how many notifications the user has not read, and most when there are more; those of hidden businesses
// are not counted.
func (tx *UserTx) CountUnread(ctx context.Context, hidden []uuid.UUID, most int) (int, error) {
	count, err := tx.q.CountUnread(ctx, query.CountUnreadParams{Hidden: orNone(hidden), Most: int32(most)})
	if err != nil {
		return 0, fmt.Errorf("count unread notifications: %w", Classify(err))
	}
	return int(count), nil
}

// ReadNotification notes that the user read a notification, once, and returns it; changed is false when it was read
// before. It returns ErrNotFound for one that the user may not see.
func (tx *UserTx) ReadNotification(ctx context.Context, id uuid.UUID, at time.Time) (n Notification, changed bool, err error) {
	found, err := tx.Notifications(ctx, NotificationQuery{OnlyID: &id, Most: 1})
	if err != nil {
		return n, false, err
	}
	if len(found) == 0 {
		return n, false, fmt.Errorf("read notification %s: %w", id, ErrNotFound)
	}
	n = found[0]
	if n.ReadAt != nil {
		return n, false, nil
	}
	added, err := tx.q.ReadNotification(ctx, query.ReadNotificationParams{BusinessID: n.BusinessID, ID: id, At: at})
	if err != nil {
		return n, false, fmt.Errorf("read notification %s: %w", id, Classify(err))
	}
	n.ReadAt = &at
	return n, added > 0, nil
}
