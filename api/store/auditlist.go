package store

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"net/netip"
	"time"

	"github.com/google/uuid"

	"github.com/signalcraft/signalcraft/api/store/internal/query"
)

// AuditRecord is one entry of the audit log as it is read.
type AuditRecord struct {
	ID int64
	AuditEntry
	// Details is a JSON object.
	Details json.RawMessage
}

// AuditQuery selects entries of the audit log.
type AuditQuery struct {
	// Before is the last entry of the page before; zero means from the newest on.
	Before int64
	// BusinessID and UserID restrict to one; nil means all that the transaction may see.
	BusinessID, UserID *uuid.UUID
	// Action and Outcome restrict to one; empty means all.
	Action, Outcome string
	// From and To bound the instants, half-open; nil means no bound.
	From, To *time.Time
	Most     int
}

// AuditEntries returns the entries of the audit log that the transaction may see, newest first: the user's own, those of the
// business for its admins, all for operators.
func (tx *UserTx) AuditEntries(ctx context.Context, q AuditQuery) ([]AuditRecord, error) {
	if q.Before == 0 {
		q.Before = math.MaxInt64
	}
	rows, err := tx.q.AuditEntries(ctx, query.AuditEntriesParams{BeforeID: q.Before, BusinessID: q.BusinessID, UserID: q.UserID,
		Action: q.Action, Outcome: q.Outcome, FromAt: q.From, ToAt: q.To, Most: int32(q.Most)})
	if err != nil {
		return nil, fmt.Errorf("list audit entries: %w", Classify(err))
	}
	entries := make([]AuditRecord, len(rows))
	for i, r := range rows {
		entries[i] = AuditRecord{ID: r.ID, Details: r.Details, AuditEntry: AuditEntry{At: r.At, BusinessID: r.BusinessID, UserID: r.UserID, SessionID: r.SessionID,
			Action: r.Action, Subject: r.Subject, SubjectName: r.SubjectName, Outcome: r.Outcome, Address: addressOf(r.IP), UserAgent: r.UserAgent, RequestID: r.RequestID}}
	}
	return entries, nil
}

func addressOf(ip *netip.Addr) netip.Addr {
	if ip == nil {
		return netip.Addr{}
	}
	return *ip
}
