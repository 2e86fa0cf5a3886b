package store

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/signalcraft/signalcraft/api/store/internal/query"
)

// CalendarEntry is what a business says of some of its days.
type CalendarEntry struct {
	ID uuid.UUID
	// KPIID is the KPI that it is said of; nil means every KPI of the business.
	KPIID *uuid.UUID
	// Kind is event, closed or incident.
	Kind, Name string
	// FirstDay and LastDay are local days of the business, both included.
	FirstDay, LastDay    time.Time
	CreatedAt, UpdatedAt time.Time
}

// TenantCalendarEntry is a CalendarEntry and the business that says it.
type TenantCalendarEntry struct {
	BusinessID uuid.UUID
	CalendarEntry
}

// CalendarQuery asks for one page of a business's calendar, by first day and id.
type CalendarQuery struct {
	// From and To bound the days, To excluded; nil means no bound.
	From, To *time.Time
	// OnlyKPI leaves out what is said of another KPI alone; nil means nothing is left out.
	OnlyKPI *uuid.UUID
	// AfterDay and AfterID are the entry after which the page begins; a nil AfterDay means the first page.
	AfterDay *time.Time
	AfterID  uuid.UUID
	// Most is the largest number of entries to return. Required.
	Most int
}

// CalendarEntries returns what every business says of its days, by business and id. For RoleBatch.
func (s *Store) CalendarEntries(ctx context.Context) ([]TenantCalendarEntry, error) {
	rows, err := query.New(s.pool).CalendarEntries(ctx)
	if err != nil {
		return nil, fmt.Errorf("list calendar entries: %w", Classify(err))
	}
	entries := make([]TenantCalendarEntry, len(rows))
	for i, r := range rows {
		entries[i] = TenantCalendarEntry{r.BusinessID, CalendarEntry{ID: r.ID, KPIID: r.KPIID, Kind: r.Kind, Name: r.Name, FirstDay: r.FirstDay, LastDay: r.LastDay}}
	}
	return entries, nil
}

// Calendar returns a page of the business's calendar.
func (tx *MemberTx) Calendar(ctx context.Context, q CalendarQuery) ([]CalendarEntry, error) {
	return tx.calendar(ctx, query.BusinessCalendarParams{FromDay: q.From, ToDay: q.To, OnlyKPI: q.OnlyKPI, AfterDay: q.AfterDay, AfterID: q.AfterID, Most: int32(q.Most)})
}

// CalendarEntry returns one entry of the business, or ErrNotFound.
func (tx *MemberTx) CalendarEntry(ctx context.Context, id uuid.UUID) (CalendarEntry, error) {
	found, err := tx.calendar(ctx, query.BusinessCalendarParams{OnlyID: &id, Most: 1})
	if err == nil && len(found) == 0 {
		err = fmt.Errorf("read calendar entry %s: %w", id, ErrNotFound)
	}
	if err != nil {
		return CalendarEntry{}, err
	}
	return found[0], nil
}

func (tx *MemberTx) calendar(ctx context.Context, p query.BusinessCalendarParams) ([]CalendarEntry, error) {
	rows, err := tx.q.BusinessCalendar(ctx, p)
	if err != nil {
		return nil, fmt.Errorf("read calendar: %w", Classify(err))
	}
	entries := make([]CalendarEntry, len(rows))
	for i, r := range rows {
		entries[i] = CalendarEntry(r)
	}
	return entries, nil
}

// CountCalendar returns how many entries the business's calendar has.
func (tx *MemberTx) CountCalendar(ctx context.Context) (int, error) {
	count, err := tx.q.CountCalendar(ctx)
	if err != nil {
		return 0, fmt.Errorf("count calendar entries: %w", Classify(err))
	}
	return int(count), nil
}

// AddCalendarEntry adds an entry at an instant. It returns ErrInvalid when its KPI is none of the business's.
func (tx *MemberTx) AddCalendarEntry(ctx context.Context, e CalendarEntry, at time.Time) error {
	err := tx.q.AddCalendarEntry(ctx, query.AddCalendarEntryParams{BusinessID: tx.BusinessID, ID: e.ID, KPIID: e.KPIID, Kind: e.Kind, Name: e.Name,
		FirstDay: e.FirstDay, LastDay: e.LastDay, At: at})
	if err != nil {
		return fmt.Errorf("add calendar entry: %w", Classify(err))
	}
	return nil
}

// ChangeCalendarEntry replaces the entry with e's id. It returns ErrNotFound when there is none, and ErrInvalid when its KPI is
// none of the business's.
func (tx *MemberTx) ChangeCalendarEntry(ctx context.Context, e CalendarEntry, at time.Time) error {
	changed, err := tx.q.ChangeCalendarEntry(ctx, query.ChangeCalendarEntryParams{ID: e.ID, KPIID: e.KPIID, Kind: e.Kind, Name: e.Name,
		FirstDay: e.FirstDay, LastDay: e.LastDay, At: at})
	return oneRow("change calendar entry", e.ID, changed, err)
}

// DeleteCalendarEntry deletes an entry. It returns ErrNotFound when there is none.
func (tx *MemberTx) DeleteCalendarEntry(ctx context.Context, id uuid.UUID) error {
	deleted, err := tx.q.DeleteCalendarEntry(ctx, id)
	return oneRow("delete calendar entry", id, deleted, err)
}

// oneRow is the error of a statement that must have met one row.
func oneRow(operation string, id uuid.UUID, rows int64, err error) error {
	if err == nil && rows == 0 {
		err = ErrNotFound
	}
	if err != nil {
		return fmt.Errorf("%s %s: %w", operation, id, Classify(err))
	}
	return nil
}
