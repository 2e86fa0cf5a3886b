package store

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/signalcraft/signalcraft/api/store/internal/query"
)

// KPIDetail is a KPI as its business's members see it.
type KPIDetail struct {
	KPI
	// SourceName and SourceKind tell where its values come from.
	SourceName, SourceKind string
	Active                 bool
	// Version grows with every change.
	Version              int64
	CreatedAt, UpdatedAt time.Time
	// LastDay is the last local day with a published value, as YYYY-MM-DD; empty when there is none.
	LastDay string
}

// ListKPIs returns up to most KPIs of the business by name and id, after the one of afterName and afterID.
func (tx *MemberTx) ListKPIs(ctx context.Context, afterName string, afterID uuid.UUID, most int) ([]KPIDetail, error) {
	return tx.kpis(ctx, query.KPIDetailsParams{AfterName: afterName, AfterID: afterID, Most: int32(most)})
}

// KPIDetail returns one KPI of the business, or ErrNotFound.
func (tx *MemberTx) KPIDetail(ctx context.Context, id uuid.UUID) (KPIDetail, error) {
	found, err := tx.kpis(ctx, query.KPIDetailsParams{OnlyID: &id, Most: 1})
	if err == nil && len(found) == 0 {
		err = fmt.Errorf("read KPI %s: %w", id, ErrNotFound)
	}
	if err != nil {
		return KPIDetail{}, err
	}
	return found[0], nil
}

func (tx *MemberTx) kpis(ctx context.Context, p query.KPIDetailsParams) ([]KPIDetail, error) {
	rows, err := tx.q.KPIDetails(ctx, p)
	if err != nil {
		return nil, fmt.Errorf("list KPIs: %w", Classify(err))
	}
	kpis := make([]KPIDetail, len(rows))
	for i, r := range rows {
		kpis[i] = KPIDetail{SourceName: r.SourceName, SourceKind: r.SourceKind, Active: r.IsActive, Version: r.Version,
			CreatedAt: r.CreatedAt, UpdatedAt: r.UpdatedAt, LastDay: r.LastDay,
			KPI: KPI{BusinessID: tx.BusinessID, ID: r.ID, SourceID: r.SourceID, Name: r.Name, Description: r.Description, Unit: r.Unit,
				Currency: r.Currency, Aggregation: r.Aggregation, Grain: r.Grain, NonNegative: r.NonNegative,
				Lowest: r.Lowest, Highest: r.Highest, Integer: r.IsInteger, PartOf: r.PartOf, LeastDeviation: r.LeastDeviation}}
	}
	return kpis, nil
}

// ChangeKPI changes a KPI to what k says; its source and grain stay. It returns ErrChanged unless the KPI has the version, and
// ErrConflict when another of the business has the name, and ErrInvalid when k.PartOf is no KPI of the business, is k, or is a
// part of k.
func (tx *MemberTx) ChangeKPI(ctx context.Context, k KPI, active bool, version int64, at time.Time) error {
	if k.PartOf != nil {
		totals, err := tx.q.KPITotals(ctx, *k.PartOf)
		if err == nil && (len(totals) == 0 || slices.Contains(totals, k.ID)) {
			err = ErrInvalid
		}
		if err != nil {
			return fmt.Errorf("make KPI %s a part of %s: %w", k.ID, *k.PartOf, Classify(err))
		}
	}
	changed, err := tx.q.ChangeKPI(ctx, query.ChangeKPIParams{Name: k.Name, Description: k.Description, Unit: k.Unit, Currency: k.Currency,
		Aggregation: k.Aggregation, NonNegative: k.NonNegative, Lowest: k.Lowest, Highest: k.Highest, IsInteger: k.Integer, PartOf: k.PartOf, LeastDeviation: k.LeastDeviation, IsActive: active, At: at, ID: k.ID, Version: version})
	if err == nil && changed == 0 {
		err = ErrChanged
	}
	if err != nil {
		return fmt.Errorf("change KPI %s: %w", k.ID, Classify(err))
	}
	return nil
}
