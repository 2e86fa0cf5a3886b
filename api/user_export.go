package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"reflect"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"github.com/signalcraft/signalcraft/api/store"
)

// exportPage is how many rows of an export are in memory at once.
const exportPage = 1000

// exportAnswer is the document of an export. It is written row by row; this type is its schema.
type exportAnswer struct {
	ExportHead
	Sessions      []exportSession      `json:"sessions" nullable:"false" doc:"Sign-ins, oldest first"`
	Notifications []exportNotification `json:"notifications" nullable:"false" doc:"Notifications for you alone"`
	AuditEntries  []auditAnswer        `json:"audit_entries" nullable:"false" doc:"What you did, newest first"`
}

// ExportHead is what the document begins with: whatever is bounded. It is exported because huma reads exported embedded structs only.
type ExportHead struct {
	ExportedAt   time.Time          `json:"exported_at" doc:"When it was made" example:"2026-03-31T06:00:00Z"`
	Account      profile            `json:"account" doc:"The account"`
	SecondFactor exportFactor       `json:"second_factor" doc:"The second factor, without its secrets"`
	APIKeys      []keyItem          `json:"api_keys" nullable:"false" doc:"API keys, newest first, without their secrets"`
	Memberships  []exportMembership `json:"memberships" nullable:"false" doc:"Businesses that you belong to"`
}

type exportFactor struct {
	EnrolledAt    *time.Time `json:"enrolled_at" doc:"When it was set up; null when there is none" example:"2026-03-31T06:00:00Z"`
	ConfirmedAt   *time.Time `json:"confirmed_at" doc:"From when on it counted; null when it does not" example:"2026-03-31T06:01:00Z"`
	RecoveryCodes int        `json:"recovery_codes" doc:"Recovery codes that are left" minimum:"0" example:"10"`
}

type exportMembership struct {
	BusinessID string    `json:"business_id" doc:"Id of the business" format:"uuid" example:"0192f0c1-9d10-7f00-8a11-0c0ffee0cafe"`
	Name       string    `json:"name" doc:"Name of the business" example:"Harbour Cafe"`
	Role       string    `json:"role" doc:"What you may do there" enum:"owner,admin,analyst,viewer" example:"owner"`
	JoinedAt   time.Time `json:"joined_at" doc:"When you joined" example:"2026-03-31T06:00:00Z"`
}

type exportSession struct {
	ID         string     `json:"id" doc:"Id of the session" format:"uuid" example:"0192f0c1-9d10-7f00-8a11-0c0ffee0cafe"`
	CreatedAt  time.Time  `json:"created_at" doc:"When you signed in" example:"2026-03-31T06:00:00Z"`
	LastUsedAt time.Time  `json:"last_used_at" doc:"When the session was used last" example:"2026-03-31T06:00:00Z"`
	ExpiresAt  time.Time  `json:"expires_at" doc:"When it ends" example:"2026-03-31T06:15:00Z"`
	Address    *string    `json:"address" doc:"Network address; null when it is unknown" example:"192.0.2.7"`
	UserAgent  string     `json:"user_agent" doc:"What the caller's program said it is" example:"Mozilla/5.0"`
	EndedAt    *time.Time `json:"ended_at" doc:"When it was ended before that; null when it was not" example:"2026-03-31T06:10:00Z"`
	Reason     string     `json:"reason" doc:"Why; may be empty" example:"signed out"`
}

type exportNotification struct {
	ID         string          `json:"id" doc:"Id of the notification" format:"uuid" example:"0192f0c1-9d10-7f00-8a11-0c0ffee0cafe"`
	BusinessID string          `json:"business_id" doc:"Business that it is about" format:"uuid" example:"0192f0c1-9d10-7f00-8a11-0c0ffee0cafe"`
	Kind       string          `json:"kind" doc:"Occasion" example:"alert"`
	Severity   string          `json:"severity" doc:"How serious it is" enum:"info,warning,critical" example:"warning"`
	Title      string          `json:"title" doc:"One line" example:"Revenue is below 1,000"`
	Body       string          `json:"body" doc:"Text" example:"Revenue was 800 EUR on 30 March."`
	Data       json.RawMessage `json:"data" doc:"Facts for programs; an object" example:"{}"`
	ReadAt     *time.Time      `json:"read_at" doc:"When you read it; null when you did not" example:"2026-03-31T06:00:00Z"`
	CreatedAt  time.Time       `json:"created_at" doc:"When it was made" example:"2026-03-31T06:00:00Z"`
}

func (s *service) registerUserExport() {
	schema := s.huma.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[exportAnswer](), true, "")
	register(s, huma.Operation{
		OperationID: "exportUser", Method: http.MethodGet, Path: "/users/export", Tags: []string{"users"},
		Summary: "Everything that is held on you",
		Description: "One JSON document: the account, memberships, sessions, notifications, API keys without their secrets, and what the audit log holds of you. Notifications of a business that demands a second factor of you are in it only with an access token that tells of one. " +
			"An answer that breaks off was not complete.",
		Responses: map[string]*huma.Response{"200": {Description: "OK", Content: map[string]*huma.MediaType{"application/json": {Schema: schema}}}},
	}, s.exportUser)
}

func (s *service) exportUser(ctx context.Context, _ *struct{}) (*huma.StreamResponse, error) {
	var head ExportHead
	err := s.asUser(ctx, func(t *store.UserTx) (err error) {
		note(ctx, t.UserID.String(), nil)
		head, err = s.exportHead(ctx, t)
		return err
	})
	if err != nil {
		return nil, s.fail(ctx, err)
	}
	return &huma.StreamResponse{Body: func(c huma.Context) {
		c.SetHeader("Content-Type", "application/json")
		c.SetHeader("Content-Disposition", `attachment; filename="signalcraft-account.json"`)
		if err := s.writeExport(ctx, c.BodyWriter(), head); err != nil {
			exchangeFrom(ctx).cause = err
			panic(http.ErrAbortHandler) // half a document must not look complete
		}
	}}, nil
}

// exportHead reads what is bounded.
func (s *service) exportHead(ctx context.Context, t *store.UserTx) (ExportHead, error) {
	head := ExportHead{ExportedAt: s.clock().UTC(), APIKeys: []keyItem{}, Memberships: []exportMembership{}}
	var account profileOutput
	if err := s.showProfile(ctx, t, &account); err != nil {
		return head, err
	}
	head.Account = account.Body
	factor, err := t.SecondFactor(ctx)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return head, err
	}
	head.SecondFactor = exportFactor{EnrolledAt: known(factor.EnrolledAt), ConfirmedAt: known(factor.ConfirmedAt), RecoveryCodes: factor.RecoveryCodes}
	keys, err := t.Keys(ctx, maxKeys)
	if err != nil {
		return head, err
	}
	for _, k := range keys {
		head.APIKeys = append(head.APIKeys, keyItemOf(k))
	}
	memberships, err := t.OwnMemberships(ctx)
	for _, m := range memberships {
		head.Memberships = append(head.Memberships, exportMembership{BusinessID: m.BusinessID.String(), Name: m.Name, Role: m.Role, JoinedAt: m.JoinedAt.UTC()})
	}
	return head, err
}

// known turns the zero time into null.
func known(at time.Time) *time.Time {
	if at.IsZero() {
		return nil
	}
	at = at.UTC()
	return &at
}

// writeExport writes the document, pages of lists that have no bound one after another.
func (s *service) writeExport(ctx context.Context, w io.Writer, bounded ExportHead) error {
	head, err := json.Marshal(bounded)
	if err != nil {
		return fmt.Errorf("write export: %w", err)
	}
	if _, err := w.Write(head[:len(head)-1]); err != nil { // without the closing brace
		return fmt.Errorf("write export: %w", err)
	}
	for _, list := range exportLists() {
		if err := s.writeList(ctx, w, list); err != nil {
			return fmt.Errorf("export %s: %w", list.name, err)
		}
	}
	_, err = io.WriteString(w, "}\n")
	return err
}

// exportList is one list of the document.
type exportList struct {
	name string
	// page returns the next rows; none when all were returned.
	page func(context.Context, *store.UserTx) ([]any, error)
}

func exportLists() []exportList {
	var session, notification uuid.UUID
	var entry int64
	return []exportList{
		{"sessions", func(ctx context.Context, t *store.UserTx) ([]any, error) {
			rows, err := t.OwnSessions(ctx, session, exportPage)
			return each(rows, func(r store.OwnSession) any {
				session = r.ID
				return exportSession{ID: r.ID.String(), CreatedAt: r.CreatedAt.UTC(), LastUsedAt: r.LastUsedAt.UTC(), ExpiresAt: r.ExpiresAt.UTC(),
					Address: addressText(r.Address), UserAgent: r.UserAgent, EndedAt: r.EndedAt, Reason: r.Reason}
			}), err
		}},
		{"notifications", func(ctx context.Context, t *store.UserTx) ([]any, error) {
			hidden, err := guarded(ctx, t)
			if err != nil {
				return nil, err
			}
			rows, err := t.OwnNotifications(ctx, hidden, notification, exportPage)
			return each(rows, func(r store.OwnNotification) any {
				notification = r.ID
				return exportNotification{ID: r.ID.String(), BusinessID: r.BusinessID.String(), Kind: r.Kind, Severity: r.Severity, Title: r.Title,
					Body: r.Body, Data: r.Data, ReadAt: r.ReadAt, CreatedAt: r.CreatedAt.UTC()}
			}), err
		}},
		{"audit_entries", func(ctx context.Context, t *store.UserTx) ([]any, error) {
			rows, err := t.AuditEntries(ctx, store.AuditQuery{UserID: &t.UserID, Before: entry, Most: exportPage})
			return each(rows, func(r store.AuditRecord) any {
				entry = r.ID
				return aboutEntry(r)
			}), err
		}},
	}
}

func each[R any](rows []R, show func(R) any) []any {
	shown := make([]any, len(rows))
	for i, r := range rows {
		shown[i] = show(r)
	}
	return shown
}

func (s *service) writeList(ctx context.Context, w io.Writer, list exportList) error {
	separator := fmt.Sprintf(",%q:[", list.name)
	for {
		var rows []any
		err := s.readUser(ctx, func(t *store.UserTx) (err error) {
			rows, err = list.page(ctx, t)
			return err
		})
		if err != nil {
			return err
		}
		for _, row := range rows {
			text, err := json.Marshal(row)
			if err != nil {
				return err
			}
			if _, err := fmt.Fprintf(w, "%s\n%s", separator, text); err != nil {
				return err
			}
			separator = ","
		}
		if len(rows) < exportPage {
			if separator == "," {
				separator = ""
			}
			_, err := io.WriteString(w, separator+"]")
			return err
		}
	}
}

func addressText(a *netip.Addr) *string {
	if a == nil || !a.IsValid() {
		return nil
	}
	text := a.String()
	return &text
}
