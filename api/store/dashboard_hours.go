package store

import (
	"context"
	"fmt"

	"github.com/google/uuid"
)

// DailyKPIs returns id, name and unit of those of the KPIs whose points are days, by id: they have no hours. None asked for means all
// that are measured.
func (tx *MemberTx) DailyKPIs(ctx context.Context, kpis []uuid.UUID) ([]KPI, error) {
	rows, err := tx.q.DailyKPIs(ctx, append([]uuid.UUID{}, kpis...))
	if err != nil {
		return nil, fmt.Errorf("list daily KPIs: %w", Classify(err))
	}
	daily := make([]KPI, len(rows))
	for i, r := range rows {
		daily[i] = KPI{BusinessID: tx.BusinessID, ID: r.KPIID, Name: r.Name, Unit: r.Unit, Grain: string(Day)}
	}
	return daily, nil
}
