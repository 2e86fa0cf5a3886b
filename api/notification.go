package api

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"github.com/signalcraft/signalcraft/api/store"
)

type listNotificationsInput struct {
	Business string `query:"business_id" doc:"Only those of this business" format:"uuid" example:"0192f0c1-9d10-7f00-8a11-0c0ffee0cafe"`
	Unread   bool   `query:"unread" doc:"Only those that you have not read" example:"true"`
	Limit    int    `query:"limit" doc:"Notifications on one page" minimum:"1" maximum:"200" default:"50" example:"50"`
	Cursor   string `query:"cursor" doc:"next_cursor of the page before" maxLength:"4096" example:"eyJjIjoi"`
}

type readNotificationInput struct {
	ID string `path:"id" doc:"Id of the notification" format:"uuid" example:"0192f0c1-cccc-7000-8000-000000000011"`
}

type listNotificationsOutput struct {
	Body struct {
		Notifications []NotificationAnswer `json:"notifications" nullable:"false" doc:"Notifications, newest first"`
		Unread        int                  `json:"unread_count" doc:"How many you have not read, over all your businesses; 1000 stands for that many or more" minimum:"0" maximum:"1000" example:"3"`
		NextCursor    *string              `json:"next_cursor" doc:"Cursor of the next page; null on the last" example:"eyJjIjoi"`
	}
}

type readNotificationOutput struct {
	Body struct {
		NotificationAnswer
		Unread int `json:"unread_count" doc:"How many you have not read, over all your businesses; 1000 stands for that many or more" minimum:"0" maximum:"1000" example:"2"`
	}
}

// NotificationAnswer is one notification. It is exported because huma reads exported embedded structs only.
type NotificationAnswer struct {
	ID           string          `json:"id" doc:"Id of the notification" format:"uuid" example:"0192f0c1-cccc-7000-8000-000000000011"`
	BusinessID   string          `json:"business_id" doc:"Business that it is about" format:"uuid" example:"0192f0c1-9d10-7f00-8a11-0c0ffee0cafe"`
	BusinessName string          `json:"business_name" doc:"Name of that business" example:"Harbour Cafe"`
	AlertID      *string         `json:"alert_id" doc:"Alert that fired; null when it tells of something else or the alert was deleted" format:"uuid" example:"0192f0c1-bbbb-7000-8000-000000000009"`
	Kind         string          `json:"kind" doc:"What it tells of" example:"alert"`
	Severity     string          `json:"severity" doc:"How much it matters" enum:"info,warning,critical" example:"warning"`
	Title        string          `json:"title" doc:"One line" example:"Revenue is low: Revenue 812.5 EUR on 2026-03-30"`
	Body         string          `json:"body" doc:"More lines; may be empty" example:"Revenue: 812.5 EUR on 2026-03-30, below 1000."`
	Data         json.RawMessage `json:"data" doc:"The same for programs, by kind" example:"{\"count\":1}"`
	CreatedAt    time.Time       `json:"created_at" doc:"When it was told" example:"2026-03-31T02:03:11Z"`
	ReadAt       *time.Time      `json:"read_at" doc:"When you read it; null: not yet. Other members have their own" example:"2026-03-31T08:12:40Z"`
}

// notificationKey is the cursor of the list of notifications.
type notificationKey struct {
	CreatedAt time.Time `json:"c"`
	ID        uuid.UUID `json:"i"`
}

// maxUnread is where counting unread notifications stops.
const maxUnread = 1000

func (s *service) registerNotifications() {
	register(s, huma.Operation{
		OperationID: "listNotifications", Method: http.MethodGet, Path: "/notifications", Tags: []string{"alerts"},
		Summary: "What you are told",
		Description: "Over all businesses that you belong to, newest first, kept for half a year. What was told to a business before you belonged to it is not among them. " +
			"Those of a business that demands a second factor of you are, and count, only with an access token that tells of one; asked for alone, they are refused with MFA_REQUIRED.",
	}, s.notifications)
	register(s, huma.Operation{
		OperationID: "readNotification", Method: http.MethodPost, Path: "/notifications/{id}/read", Tags: []string{"alerts"},
		Summary:     "Mark a notification as read",
		Description: "For you alone; once read it stays so. Your other streams hear of it as notification.read.",
	}, s.readNotification)
}

func (s *service) notifications(ctx context.Context, in *listNotificationsInput) (*listNotificationsOutput, error) {
	q := store.NotificationQuery{Unread: in.Unread, Most: in.Limit + 1}
	after, err := decodeCursor[notificationKey](ctx, in.Cursor)
	if err != nil {
		return nil, err
	}
	if after != nil {
		if after.CreatedAt.Year() < 1 {
			return nil, invalid(ctx, "query", "cursor", "not a cursor of this list") // nothing that Postgres could hold
		}
		q.AfterAt, q.AfterID = &after.CreatedAt, &after.ID
	}
	if in.Business != "" {
		id, err := uuid.Parse(in.Business)
		if err != nil {
			return nil, invalid(ctx, "query", "business_id", "not an id")
		}
		q.BusinessID = &id
	}
	out := &listNotificationsOutput{}
	err = s.readUser(ctx, func(t *store.UserTx) error {
		if q.Hidden, err = guarded(ctx, t); err != nil {
			return err
		}
		if q.BusinessID != nil && slices.Contains(q.Hidden, *q.BusinessID) {
			return mfaRequired(ctx)
		}
		found, err := t.Notifications(ctx, q)
		if err != nil {
			return err
		}
		page, next, err := cut(found, in.Limit, func(n store.Notification) notificationKey { return notificationKey{n.CreatedAt, n.ID} })
		if err != nil {
			return err
		}
		out.Body.NextCursor, out.Body.Notifications = next, make([]NotificationAnswer, len(page))
		for i, n := range page {
			out.Body.Notifications[i] = answerNotification(n)
		}
		out.Body.Unread, err = t.CountUnread(ctx, q.Hidden, maxUnread)
		return err
	})
	if err != nil {
		return nil, s.fail(ctx, err)
	}
	return out, nil
}

func (s *service) readNotification(ctx context.Context, in *readNotificationInput) (*readNotificationOutput, error) {
	id, err := pathID(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	out := &readNotificationOutput{}
	err = s.asUser(ctx, func(t *store.UserTx) error {
		hidden, err := guarded(ctx, t)
		if err != nil {
			return err
		}
		n, changed, err := t.ReadNotification(ctx, id, s.clock())
		if err != nil {
			return err
		}
		if slices.Contains(hidden, n.BusinessID) {
			return mfaRequired(ctx) // and what was noted is undone
		}
		note(ctx, id.String(), nil)
		out.Body.NotificationAnswer = answerNotification(n)
		if out.Body.Unread, err = t.CountUnread(ctx, hidden, maxUnread); err != nil || !changed {
			return err
		}
		return t.Tell(ctx, store.Event{Kind: "notification.read", Payload: map[string]any{"id": id, "unread_count": out.Body.Unread}})
	})
	if err != nil {
		return nil, s.fail(ctx, err)
	}
	return out, nil
}

func answerNotification(n store.Notification) NotificationAnswer {
	a := NotificationAnswer{ID: n.ID.String(), BusinessID: n.BusinessID.String(), BusinessName: n.BusinessName, Kind: n.Kind, Severity: n.Severity,
		Title: n.Title, Body: n.Body, Data: n.Data, CreatedAt: n.CreatedAt, ReadAt: n.ReadAt}
	if n.AlertID != nil {
		id := n.AlertID.String()
		a.AlertID = &id
	}
	return a
}
