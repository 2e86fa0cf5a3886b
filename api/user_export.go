package api

import (
	"context"
	"encoding/json"
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
	ExportedAt    time.Time            `json:"exported_at" doc:"When it was made" example:"2026-03-31T06:00:00Z"`
	Account       exportAccount        `json:"account" doc:"The account"`
	Memberships   []exportMembership   `json:"memberships" nullable:"false" doc:"Businesses that you belong to"`
	Sessions      []exportSession      `json:"sessions" nullable:"false" doc:"Sign-ins, oldest first"`
	Notifications []exportNotification `json:"notifications" nullable:"false" doc:"Notifications for you alone"`
	AuditEntries  []auditAnswer        `json:"audit_entries" nullable:"false" doc:"What you did, newest first"`
}

type exportAccount struct {
	ID         string     `json:"id" doc:"Id of the user" format:"uuid" example:"0192f0c1-2a6b-7c3d-9e8f-5a4b3c2d1e0f"`
	Email      string     `json:"email" doc:"Address of the account" format:"email" example:"ada@example.com"`
	Name       string     `json:"name" doc:"Full name; may be empty" example:"Ada Lovelace"`
	Phone      *string    `json:"phone" doc:"Phone number; null when none is known" example:"+49 40 1234"`
	Operator   bool       `json:"operator" doc:"Whether you administer the installation" example:"false"`
	VerifiedAt *time.Time `json:"verified_at" doc:"When the address was verified; null when it was not" example:"2026-03-31T06:00:00Z"`
	LastLogin  *time.Time `json:"last_login_at" doc:"When you signed in last" example:"2026-03-31T06:00:00Z"`
	CreatedAt  time.Time  `json:"created_at" doc:"When the account was made" example:"2026-03-31T06:00:00Z"`
	UpdatedAt  time.Time  `json:"updated_at" doc:"When it was changed last" example:"2026-03-31T06:00:00Z"`
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
		Description: "One JSON document: the account, memberships, sessions, notifications, API keys without their secrets, and what the audit log holds of you. " +
			"An answer that breaks off was not complete.",
		Responses: map[string]*huma.Response{"200": {Description: "OK", Content: map[string]*huma.MediaType{"application/json": {Schema: schema}}}},
	}, s.exportUser)
}

func (s *service) exportUser(ctx context.Context, _ *struct{}) (*huma.StreamResponse, error) {
	var account store.OwnAccount
	var memberships []store.OwnMembership
	err := s.asUser(ctx, func(t *store.UserTx) (err error) {
		note(ctx, t.UserID.String(), nil)
		if account, err = t.OwnAccount(ctx); err == nil {
			memberships, err = t.OwnMemberships(ctx)
		}
		return err
	})
	if err != nil {
		return nil, s.fail(ctx, err)
	}
	return &huma.StreamResponse{Body: func(c huma.Context) {
		c.SetHeader("Content-Type", "application/json")
		c.SetHeader("Content-Disposition", `attachment; filename="signalcraft-account.json"`)
		if err := s.writeExport(ctx, c.BodyWriter(), account, memberships); err != nil {
			exchangeFrom(ctx).cause = err
			panic(http.ErrAbortHandler) // half a document must not look complete
		}
	}}, nil
}

// writeExport writes the document, pages of lists that have no bound one after another.
func (s *service) writeExport(ctx context.Context, w io.Writer, account store.OwnAccount, memberships []store.OwnMembership) error {
	joined := make([]exportMembership, len(memberships))
	for i, m := range memberships {
		joined[i] = exportMembership{BusinessID: m.BusinessID.String(), Name: m.Name, Role: m.Role, JoinedAt: m.JoinedAt.UTC()}
	}
	head, err := json.Marshal(struct {
		ExportedAt  time.Time          `json:"exported_at"`
		Account     exportAccount      `json:"account"`
		Memberships []exportMembership `json:"memberships"`
	}{s.clock().UTC(), aboutAccount(account), joined})
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
			rows, err := t.OwnNotifications(ctx, notification, exportPage)
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

func aboutAccount(a store.OwnAccount) exportAccount {
	return exportAccount{ID: a.ID.String(), Email: a.Email, Name: a.Name, Phone: a.Phone, Operator: a.Operator,
		VerifiedAt: a.VerifiedAt, LastLogin: a.LastLogin, CreatedAt: a.CreatedAt.UTC(), UpdatedAt: a.UpdatedAt.UTC()}
}

func addressText(a *netip.Addr) *string {
	if a == nil || !a.IsValid() {
		return nil
	}
	text := a.String()
	return &text
}
