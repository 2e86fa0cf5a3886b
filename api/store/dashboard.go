package store

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/signalcraft/signalcraft/api/store/internal/query"
)

// DashboardState is what an answer made of published numbers depends on beside the question.
type DashboardState struct {
	BusinessID uuid.UUID
	// Role is what the asking user is in the business.
	Role string
	// Name, TimeZone (IANA), Currency (ISO 4217) and Tier are the business's.
	Name, TimeZone, Currency, Tier string
	// Revision grows with each change of the business or of its KPIs.
	Revision int64
	// CheckedAt is the as-of instant of the last run that did everything without fault: what is published was asked for, computed and
	// published as of it, although what did not change names an older run. Nil when there was none.
	CheckedAt *time.Time
	// Now is the instant for which it was asked, Today the business's local day then, as midnight UTC.
	Now, Today time.Time

	published []Publication
}

// Publication says which state of a published table is seen.
type Publication struct {
	// Table is its name without the schema.
	Table string
	// RunID and AsOf are those of the run that published it; nil when none has.
	RunID       *uuid.UUID
	AsOf        *time.Time
	PublishedAt *time.Time
	// Snapshot is the lake's snapshot that it shows.
	Snapshot int64
	// LocalDay is the business's local day of AsOf, or today when nothing was published, as midnight UTC.
	LocalDay time.Time
}

// Publication returns the state of one of the tables that were asked for.
func (s *DashboardState) Publication(table string) Publication {
	for _, p := range s.published {
		if p.Table == table {
			return p
		}
	}
	return Publication{Table: table, LocalDay: s.Today}
}

// DashboardState returns the state of the named tables, which have no schema in their names, as userID may see it in a
// business. It is one round trip, and one moment. It returns ErrNotFound when the user does not belong
// to the business, whether or not that exists.
func (s *Store) DashboardState(ctx context.Context, userID, businessID uuid.UUID, tables []string, now time.Time) (DashboardState, error) {
	// Without begin, a batch is one transaction of the server's own, in which the settings hold.
	var batch pgx.Batch
	batch.Queue(query.EnterBusiness, userID.String(), businessID.String())
	batch.Queue(query.DashboardState, tables, now)
	results := s.pool.SendBatch(ctx, &batch)
	defer results.Close()
	if _, err := results.Exec(); err != nil {
		return DashboardState{}, about("business", businessID, Classify(err))
	}
	var row query.DashboardStateRow
	err := results.QueryRow().Scan(&row.Role, &row.Name, &row.TimeZone, &row.Currency, &row.SubscriptionTier, &row.Revision, &row.Today,
		&row.TableNames, &row.RunIds, &row.AsOfs, &row.PublishedAts, &row.Snapshots, &row.LocalDays, &row.CheckedAt)
	if err != nil {
		return DashboardState{}, about("business", businessID, Classify(err))
	}
	if err := results.Close(); err != nil {
		return DashboardState{}, about("business", businessID, Classify(err))
	}
	return dashboardState(businessID, now, row), nil
}

// DashboardState returns the state of the named tables in this transaction.
func (tx *MemberTx) DashboardState(ctx context.Context, tables []string, now time.Time) (DashboardState, error) {
	row, err := tx.q.DashboardState(ctx, query.DashboardStateParams{Now: now, Tables: tables})
	if err != nil {
		return DashboardState{}, fmt.Errorf("read state of dashboard: %w", Classify(err))
	}
	return dashboardState(tx.BusinessID, now, row), nil
}

func dashboardState(business uuid.UUID, now time.Time, row query.DashboardStateRow) DashboardState {
	s := DashboardState{BusinessID: business, Role: row.Role, Name: row.Name, TimeZone: row.TimeZone, Currency: row.Currency,
		Tier: row.SubscriptionTier, Revision: row.Revision, Now: now, Today: row.Today, published: make([]Publication, len(row.TableNames))}
	if row.CheckedAt.Unix() > 0 {
		s.CheckedAt = &row.CheckedAt
	}
	for i, name := range row.TableNames {
		p := Publication{Table: name, AsOf: &row.AsOfs[i], PublishedAt: &row.PublishedAts[i], Snapshot: row.Snapshots[i], LocalDay: row.LocalDays[i]}
		if id := row.RunIds[i]; id != uuid.Nil {
			p.RunID = &id
		}
		s.published[i] = p
	}
	slices.SortFunc(s.published, func(a, b Publication) int {
		if a.Table < b.Table {
			return -1
		}
		return 1
	})
	return s
}
