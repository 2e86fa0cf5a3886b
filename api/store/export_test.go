package store

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/signalcraft/signalcraft/api/store/internal/query"
)

// Forge runs fn in a transaction with the settings of a user in a business and a role that nobody checked: what happens when
// the code in front of the database is wrong.
func (s *Store) Forge(ctx context.Context, user, business uuid.UUID, role string, fn func(*MemberTx) error) error {
	return s.within(ctx, pgx.TxOptions{}, func(q *query.Queries, tx pgx.Tx) error {
		return fn(&MemberTx{UserTx: UserTx{UserID: user, q: q, tx: tx}, BusinessID: business, Role: role})
	}, actingUser(user), setting{"app.business_id", business.String()}, setting{"app.operator", "on"})
}
