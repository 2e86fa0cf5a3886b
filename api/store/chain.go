package store

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/signalcraft/signalcraft/api/store/internal/query"
)

// The audit log is a chain of hashes for each business and one for the installation; migration 0015 says how. AuditState
// and AuditFault are what a verification tells.

// AuditState is what there is to verify.
type AuditState struct {
	// Entries and Chains count what the log holds. Erased counts entries whose address and user agent,
	// or name, were erased; that breaks no chain.
	Entries, Chains, Erased int64
	// Digest is over the last hash of every chain. Kept elsewhere, it shows later that no chain was forged as a whole.
	Digest string
}

// AuditFault is one thing that is wrong with the log.
type AuditFault struct {
	// Chain is the id of a business or "installation", Seq the number in it.
	Chain string
	Seq   int64
	// ID is the entry's id; 0 when it is gone.
	ID int64
	// Fault is "changed", "removed", "inserted", "origin changed" or "name changed". A moved entry is changed at both places.
	Fault string
}

// VerifyAudit checks the whole audit log as of one instant. It returns at most most faults, by chain and number; none
// when the log is whole. For RoleBatch.
func (s *Store) VerifyAudit(ctx context.Context, most int) (state AuditState, faults []AuditFault, err error) {
	options := pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}
	err = s.within(ctx, options, func(q *query.Queries, _ pgx.Tx) error {
		row, err := q.AuditState(ctx)
		if err != nil {
			return err
		}
		state = AuditState(row)
		rows, err := q.AuditFaults(ctx, int32(most))
		for _, r := range rows {
			faults = append(faults, AuditFault(r))
		}
		return err
	})
	if err != nil {
		return AuditState{}, nil, fmt.Errorf("verify audit log: %w", err)
	}
	return state, faults, nil
}

// VerifyAudit is that of the store, for an operator. It belongs into ReadAsOperator, where both of its questions see one state.
func (tx *OperatorTx) VerifyAudit(ctx context.Context, most int) (state AuditState, faults []AuditFault, err error) {
	row, err := tx.q.OperatorAuditState(ctx)
	if err != nil {
		return AuditState{}, nil, fmt.Errorf("verify audit log: %w", Classify(err))
	}
	rows, err := tx.q.OperatorAuditFaults(ctx, int32(most))
	if err != nil {
		return AuditState{}, nil, fmt.Errorf("verify audit log: %w", Classify(err))
	}
	for _, r := range rows {
		faults = append(faults, AuditFault(r))
	}
	return AuditState(row), faults, nil
}

// EraseAuditOrigins erases from the audit log from where the transaction's user acted: address and user agent of every
// entry, and the names of what it was done to. What was done stays. It returns the number of entries.
func (tx *UserTx) EraseAuditOrigins(ctx context.Context) (int64, error) {
	n, err := tx.q.EraseAuditOrigins(ctx)
	if err != nil {
		return 0, fmt.Errorf("erase audit origins: %w", Classify(err))
	}
	return n, nil
}
