package api

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"github.com/signalcraft/signalcraft/api/store"
)

const (
	// maxCalendar is how many entries the calendar of a business holds.
	maxCalendar = 2000
	// maxEntryDays is how many days one entry spans.
	maxEntryDays = 366
)

// CalendarFields are what people say of some days. It is exported because huma reads exported embedded structs only.
type CalendarFields struct {
	KPIID    *string `json:"kpi_id,omitempty" doc:"KPI that it is said of; null or left out: every KPI of the business" format:"uuid" example:"0192f0c1-aaaa-7000-8000-000000000002"`
	Kind     string  `json:"kind" doc:"event: something that moves values, such as a fair; events of one name are learned from together. closed: no business is done. incident: the values of these days mean nothing, such as a broken till" enum:"event,closed,incident" example:"event"`
	Name     string  `json:"name" doc:"What it is called" minLength:"1" maxLength:"200" example:"Harbour festival"`
	FirstDay string  `json:"first_day" doc:"First local day" format:"date" example:"2026-05-08"`
	LastDay  string  `json:"last_day" doc:"Last local day, itself included; at most 366 days after the first" format:"date" example:"2026-05-10"`
}

type calendarAnswer struct {
	ID string `json:"id" doc:"Id of the entry" format:"uuid" example:"0192f0c1-cccc-7000-8000-000000000004"`
	CalendarFields
	CreatedAt time.Time `json:"created_at" doc:"When it was made" example:"2026-03-31T06:00:00Z"`
	UpdatedAt time.Time `json:"updated_at" doc:"When it was changed last" example:"2026-03-31T06:00:00Z"`
}

type listCalendarInput struct {
	BusinessInput
	From   string `query:"from" doc:"Only entries that last to this local day or longer" format:"date" example:"2026-01-01"`
	To     string `query:"to" doc:"Only entries that begin before this local day" format:"date" example:"2027-01-01"`
	KPI    string `query:"kpi" doc:"Only what is said of this KPI, and of every KPI" format:"uuid" example:"0192f0c1-aaaa-7000-8000-000000000002"`
	Limit  int    `query:"limit" doc:"Entries on one page" minimum:"1" maximum:"500" default:"100" example:"100"`
	Cursor string `query:"cursor" doc:"next_cursor of the page before" maxLength:"4096" example:"eyJkIjoi"`
}

type listCalendarOutput struct {
	Body struct {
		Entries    []calendarAnswer `json:"entries" nullable:"false" doc:"Entries by first day"`
		NextCursor *string          `json:"next_cursor" doc:"Cursor of the next page; null on the last" example:"eyJkIjoi"`
	}
}

type addCalendarInput struct {
	BusinessInput
	Body CalendarFields
}

type changeCalendarInput struct {
	CalendarEntryInput
	Body CalendarFields
}

// CalendarEntryInput names one entry. It is exported because huma reads exported embedded structs only.
type CalendarEntryInput struct {
	BusinessInput
	EntryID string `path:"entry_id" doc:"Id of the entry" format:"uuid" example:"0192f0c1-cccc-7000-8000-000000000004"`
}

type calendarOutput struct {
	Body calendarAnswer
}

// calendarKey is the cursor of the calendar.
type calendarKey struct {
	Day time.Time `json:"d"`
	ID  uuid.UUID `json:"i"`
}

func (s *service) registerCalendar() {
	const path, tag = "/businesses/{id}/calendar", "businesses"
	register(s, huma.Operation{
		OperationID: "listCalendar", Method: http.MethodGet, Path: path, Tags: []string{tag},
		Summary:     "Calendar of a business",
		Description: "What the business says of its days: events, days on which it is closed, and incidents. Public holidays are known without being told.",
	}, s.listCalendar)
	register(s, huma.Operation{
		OperationID: "addCalendarEntry", Method: http.MethodPost, Path: path, Tags: []string{tag}, DefaultStatus: http.StatusCreated,
		Summary: "Say something of some days",
		Description: "Forecasts learn what events of one name do, expect of a day that is closed what closed days have shown, and are not trained on incidents; " +
			"anomalies are not looked for on days of an incident. Forecasts and anomalies follow with the next run.",
	}, s.addCalendarEntry)
	register(s, huma.Operation{
		OperationID: "changeCalendarEntry", Method: http.MethodPut, Path: path + "/{entry_id}", Tags: []string{tag},
		Summary: "Change a calendar entry", Description: "Replaces every field.",
	}, s.changeCalendarEntry)
	register(s, huma.Operation{
		OperationID: "deleteCalendarEntry", Method: http.MethodDelete, Path: path + "/{entry_id}", Tags: []string{tag}, DefaultStatus: http.StatusNoContent,
		Summary: "Delete a calendar entry", Description: "Forecasts and anomalies follow with the next run.",
	}, s.deleteCalendarEntry)
}

func (s *service) listCalendar(ctx context.Context, in *listCalendarInput) (*listCalendarOutput, error) {
	business, err := pathID(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	q, err := in.query(ctx)
	if err != nil {
		return nil, err
	}
	var found []store.CalendarEntry
	err = s.readBusiness(ctx, business, func(t *store.MemberTx) error {
		found, err = t.Calendar(ctx, q)
		return err
	})
	if err != nil {
		return nil, s.fail(ctx, err)
	}
	page, next, err := cut(found, in.Limit, func(e store.CalendarEntry) calendarKey { return calendarKey{e.FirstDay, e.ID} })
	if err != nil {
		return nil, s.fail(ctx, err)
	}
	out := &listCalendarOutput{}
	out.Body.NextCursor, out.Body.Entries = next, make([]calendarAnswer, len(page))
	for i, e := range page {
		out.Body.Entries[i] = calendarEntry(e)
	}
	return out, nil
}

func (in *listCalendarInput) query(ctx context.Context) (store.CalendarQuery, error) {
	q := store.CalendarQuery{Most: in.Limit + 1}
	after, err := decodeCursor[calendarKey](ctx, in.Cursor)
	if err != nil {
		return q, err
	}
	if after != nil {
		q.AfterDay, q.AfterID = &after.Day, after.ID
	}
	if in.KPI != "" {
		id, err := uuid.Parse(in.KPI)
		if err != nil {
			return q, invalid(ctx, "query", "kpi", "not an id")
		}
		q.OnlyKPI = &id
	}
	for _, bound := range []struct {
		name, text string
		day        **time.Time
	}{{"from", in.From, &q.From}, {"to", in.To, &q.To}} {
		if bound.text == "" {
			continue
		}
		day, err := time.Parse(time.DateOnly, bound.text)
		if err != nil {
			return q, invalid(ctx, "query", bound.name, "not a day like 2026-05-08")
		}
		*bound.day = &day
	}
	return q, nil
}

func (s *service) addCalendarEntry(ctx context.Context, in *addCalendarInput) (*calendarOutput, error) {
	business, err := pathID(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	e, err := in.Body.entry(ctx)
	if err != nil {
		return nil, err
	}
	if e.ID, err = uuid.NewV7(); err != nil {
		return nil, s.fail(ctx, err)
	}
	return s.saveEntry(ctx, business, e, func(t *store.MemberTx) error {
		count, err := t.CountCalendar(ctx)
		if err != nil {
			return err
		}
		if err := within(ctx, "calendar entries", count, maxCalendar); err != nil {
			return err
		}
		return t.AddCalendarEntry(ctx, e, s.clock().UTC())
	})
}

func (s *service) changeCalendarEntry(ctx context.Context, in *changeCalendarInput) (*calendarOutput, error) {
	business, id, err := in.ids(ctx)
	if err != nil {
		return nil, err
	}
	e, err := in.Body.entry(ctx)
	if err != nil {
		return nil, err
	}
	e.ID = id
	return s.saveEntry(ctx, business, e, func(t *store.MemberTx) error { return t.ChangeCalendarEntry(ctx, e, s.clock().UTC()) })
}

// saveEntry saves an entry in the business and returns what is kept of it.
func (s *service) saveEntry(ctx context.Context, business uuid.UUID, e store.CalendarEntry, save func(*store.MemberTx) error) (*calendarOutput, error) {
	out := &calendarOutput{}
	err := s.inBusiness(ctx, business, func(t *store.MemberTx) error {
		if err := save(t); err != nil {
			return err
		}
		noteNamed(ctx, e.ID.String(), e.Name, map[string]any{"kind": e.Kind})
		kept, err := t.CalendarEntry(ctx, e.ID)
		out.Body = calendarEntry(kept)
		return err
	})
	if errors.Is(err, store.ErrInvalid) {
		return nil, invalid(ctx, "body", "kpi_id", "the business has no such KPI")
	}
	if err != nil {
		return nil, s.fail(ctx, err)
	}
	return out, nil
}

func (s *service) deleteCalendarEntry(ctx context.Context, in *CalendarEntryInput) (*struct{}, error) {
	business, id, err := in.ids(ctx)
	if err != nil {
		return nil, err
	}
	err = s.inBusiness(ctx, business, func(t *store.MemberTx) error {
		if err := t.DeleteCalendarEntry(ctx, id); err != nil {
			return err
		}
		note(ctx, id.String(), nil)
		return nil
	})
	if err != nil {
		return nil, s.fail(ctx, err)
	}
	return nil, nil
}

func (in *CalendarEntryInput) ids(ctx context.Context) (business, entry uuid.UUID, err error) {
	if business, err = pathID(ctx, in.ID); err != nil {
		return business, entry, err
	}
	if entry, err = uuid.Parse(in.EntryID); err != nil {
		err = invalid(ctx, "path", "entry_id", "not an id")
	}
	return business, entry, err
}

// entry checks the fields and returns the entry that they tell of, without an id.
func (f CalendarFields) entry(ctx context.Context) (store.CalendarEntry, error) {
	e := store.CalendarEntry{Kind: f.Kind, Name: strings.TrimSpace(f.Name)}
	if e.Name == "" || !isOneLine(e.Name) {
		return e, invalid(ctx, "body", "name", "must not be blank, and without line breaks or control characters")
	}
	var err error
	if e.FirstDay, err = time.Parse(time.DateOnly, f.FirstDay); err != nil {
		return e, invalid(ctx, "body", "first_day", "not a day like 2026-05-08")
	}
	if e.LastDay, err = time.Parse(time.DateOnly, f.LastDay); err != nil {
		return e, invalid(ctx, "body", "last_day", "not a day like 2026-05-10")
	}
	switch {
	case e.FirstDay.Year() < 1900 || e.LastDay.Year() > 2200:
		return e, invalid(ctx, "body", "first_day", "days are of the years 1900 to 2200")
	case e.LastDay.Before(e.FirstDay):
		return e, invalid(ctx, "body", "last_day", "is before first_day")
	case e.LastDay.After(e.FirstDay.AddDate(0, 0, maxEntryDays)):
		return e, invalid(ctx, "body", "last_day", "is more than 366 days after first_day")
	}
	if f.KPIID != nil {
		id, err := uuid.Parse(*f.KPIID)
		if err != nil {
			return e, invalid(ctx, "body", "kpi_id", "not an id")
		}
		e.KPIID = &id
	}
	return e, nil
}

func calendarEntry(e store.CalendarEntry) calendarAnswer {
	a := calendarAnswer{ID: e.ID.String(), CreatedAt: e.CreatedAt.UTC(), UpdatedAt: e.UpdatedAt.UTC(), CalendarFields: CalendarFields{
		Kind: e.Kind, Name: e.Name, FirstDay: e.FirstDay.Format(time.DateOnly), LastDay: e.LastDay.Format(time.DateOnly)}}
	if e.KPIID != nil {
		id := e.KPIID.String()
		a.KPIID = &id
	}
	return a
}
