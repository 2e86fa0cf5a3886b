package api

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"time"

	"github.com/signalcraft/signalcraft/api/store"
)

// The audit log tells of every change that was made, and of every one that was refused or failed. The entry of a change
// is part of its transaction (asUser, inBusiness). What no transaction tells of, the router adds before the answer has
// left: sign-ins, which package auth does in transactions of its own, and attempts that came to nothing.

// auditTime bounds the writing of an entry that no transaction carries.
const auditTime = 3 * time.Second

// deniedLimit bounds the refused attempts that one address can put into the audit log; what is beyond is in the access log.
func deniedLimit() Limit { return Limit{Requests: 300, Window: time.Minute} }

// auditRest adds the request's entry if it deserves one that its transaction has not written.
func (s *service) auditRest(ctx context.Context, method string, status int) {
	e := exchangeFrom(ctx)
	outcome := e.outcome(method, status)
	if outcome == "" || e.audited {
		return
	}
	if outcome != store.AuditDone && s.takeMemory("audit", network(e.address), deniedLimit()).wait > 0 {
		return
	}
	entry := e.entry(ctx, s.clock(), nil, outcome)
	if outcome != store.AuditDone {
		entry.SubjectName = "" // nothing came of it, so nothing bears that name
		entry.Details = maps.Clone(e.details)
		if entry.Details == nil {
			entry.Details = map[string]any{}
		}
		entry.Details["status"] = status
		if e.code != "" {
			entry.Details["code"] = e.code
		}
	}
	// The caller may have left; the log wants the entry all the same.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), auditTime)
	defer cancel()
	if err := s.store.Audit(ctx, entry); err != nil {
		s.logger.ErrorContext(ctx, "audit entry lost", "request", e.id, "action", entry.Action, "outcome", outcome, "error", err)
		return
	}
	e.audited = true
}

// outcome is how the audit log tells of the request, or empty when it does not.
func (e *exchange) outcome(method string, status int) string {
	reads := method == http.MethodGet || method == http.MethodHead || method == http.MethodOptions || e.operation == "queryDashboardMetrics"
	switch {
	case e.operation == "" || e.replayed:
		return ""
	case reads:
		if status == http.StatusForbidden {
			return store.AuditDenied
		}
		return ""
	case status >= 200 && status < 400:
		return store.AuditDone
	}
	switch status {
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound:
		return store.AuditDenied
	case http.StatusTooManyRequests:
		// One who asks too often is nothing to audit; one who guesses is.
		if n := len(e.verdicts); n > 0 && strict(e.verdicts[n-1].name) {
			return store.AuditDenied
		}
		return ""
	case http.StatusRequestTimeout, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType:
		return "" // never understood, so nothing was attempted
	case http.StatusServiceUnavailable:
		if errors.Is(e.cause, store.ErrUnavailable) || errors.Is(e.cause, errFull) {
			return "" // there is nowhere to write it, or no room
		}
	}
	if e.code == codeValidation {
		return ""
	}
	return store.AuditFailed
}
