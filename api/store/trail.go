package store

import (
	"context"
	"encoding/json"
	"fmt"
	"net/netip"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/signalcraft/signalcraft/api/store/internal/query"
)

// The ways in which an audited attempt ends.
const (
	AuditDone   = "done"
	AuditDenied = "denied"
	AuditFailed = "failed"
)

// AuditEntry is one line of the audit log.
type AuditEntry struct {
	At time.Time
	// BusinessID, UserID and SessionID are nil when unknown.
	BusinessID, UserID, SessionID *uuid.UUID
	// Action is the id of the operation, Subject the id of what it changed; Subject may be empty.
	Action, Subject string
	// SubjectName is what people call the subject, or empty. It is erased with what bears it, and with who named it.
	SubjectName string
	// Outcome is AuditDone, AuditDenied or AuditFailed.
	Outcome string
	// Address and UserAgent describe the caller; the zero address means unknown.
	Address   netip.Addr
	UserAgent string
	RequestID string
	// Details hold what else an auditor asks for, no secret, and nothing that a person wrote: they stay for ever. Nil means none.
	Details map[string]any
}

// Audit adds an entry to the audit log in this transaction: it stands if the change it tells of does.
func (tx *UserTx) Audit(ctx context.Context, e AuditEntry) error { return addAudit(ctx, tx.q, e) }

// Audit adds an entry that no transaction of a change carries, such as a denied attempt.
func (s *Store) Audit(ctx context.Context, e AuditEntry) error {
	return s.within(ctx, pgx.TxOptions{}, func(q *query.Queries, _ pgx.Tx) error { return addAudit(ctx, q, e) })
}

func addAudit(ctx context.Context, q *query.Queries, e AuditEntry) error {
	details, err := jsonObject(e.Details)
	if err != nil {
		return fmt.Errorf("audit %s: %w", e.Action, err)
	}
	p := query.AddAuditEntryParams{At: e.At, BusinessID: e.BusinessID, UserID: e.UserID, SessionID: e.SessionID, Action: e.Action,
		Subject: e.Subject, SubjectName: e.SubjectName, Outcome: e.Outcome, UserAgent: e.UserAgent, RequestID: e.RequestID, Details: details}
	if e.Address.IsValid() {
		address := e.Address.Unmap().WithZone("") // inet has no zones
		p.IP = &address
	}
	if err := q.AddAuditEntry(ctx, p); err != nil {
		return fmt.Errorf("audit %s: %w", e.Action, Classify(err))
	}
	return nil
}

// Event is what listeners are told.
type Event struct {
	// UserID is whom it is for; nil means every member of the transaction's business.
	UserID *uuid.UUID
	// Kind is a name such as "upload.progress"; Payload becomes a JSON object without secrets. Nil means an empty one.
	Kind    string
	Payload map[string]any
}

// Tell adds an event of the transaction's business. Listeners hear of it when the transaction commits.
func (tx *MemberTx) Tell(ctx context.Context, e Event) error {
	return addEvent(ctx, tx.q, &tx.BusinessID, e)
}

// Tell adds an event of the transaction's user, for that user alone.
func (tx *UserTx) Tell(ctx context.Context, e Event) error {
	e.UserID = &tx.UserID
	return addEvent(ctx, tx.q, nil, e)
}

func addEvent(ctx context.Context, q *query.Queries, business *uuid.UUID, e Event) error {
	payload, err := jsonObject(e.Payload)
	if err != nil {
		return fmt.Errorf("tell of %s: %w", e.Kind, err)
	}
	if err := q.AddEvent(ctx, query.AddEventParams{BusinessID: business, UserID: e.UserID, Kind: e.Kind, Payload: payload}); err != nil {
		return fmt.Errorf("tell of %s: %w", e.Kind, Classify(err))
	}
	return nil
}

// Mail is one mail to send.
type Mail struct {
	// UserID is the account that it is for; nil when the recipient has none.
	UserID *uuid.UUID
	// Recipient is one address. Kind names the occasion. Body is plain text.
	Recipient, Kind, Subject, Body string
}

// QueueMail queues a mail in this transaction; it is sent after the commit.
func (tx *UserTx) QueueMail(ctx context.Context, m Mail) error { return addMail(ctx, tx.q, m) }

func addMail(ctx context.Context, q *query.Queries, m Mail) error {
	id, err := uuid.NewV7()
	if err != nil {
		return fmt.Errorf("make mail id: %w", err)
	}
	p := query.AddMailParams{ID: id, UserID: m.UserID, Recipient: m.Recipient, Kind: m.Kind, Subject: m.Subject, Body: m.Body}
	if err := q.AddMail(ctx, p); err != nil {
		return fmt.Errorf("queue mail %s: %w", m.Kind, Classify(err))
	}
	return nil
}

func jsonObject(fields map[string]any) (json.RawMessage, error) {
	if fields == nil {
		return json.RawMessage("{}"), nil
	}
	return json.Marshal(fields)
}
