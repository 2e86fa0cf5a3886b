package api

import (
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/signalcraft/signalcraft/api/store"
)

// How fresh numbers are.
const (
	fresh   = "fresh"
	stale   = "stale"
	unknown = "unknown"
)

// maxWindow bounds from and to: ten years and a little.
const maxWindow = 3660 * 24 * time.Hour

// oneDay is a calendar day as midnights UTC stand for it.
const oneDay = 24 * time.Hour

// WindowInput is what all lists of the dashboard ask in common. It is exported because huma
// reads exported embedded structs only.
type WindowInput struct {
	ID     string `path:"id" doc:"Id of the business" format:"uuid" example:"0192f0c1-9d10-7f00-8a11-0c0ffee0cafe"`
	From   string `query:"from" doc:"First local day of the window" format:"date" example:"2026-01-01"`
	To     string `query:"to" doc:"Local day before which the window ends" format:"date" example:"2026-04-01"`
	Cursor string `query:"cursor" doc:"next_cursor of the page before" maxLength:"4096" example:"eyJrIjoi"`
	Match  string `header:"If-None-Match" doc:"ETag of the answer that the caller has; while it is still right, the answer is 304 without a body" maxLength:"1000" example:"\"q3Jm0-8zO1Y\""`
}

// PublishedAnswer says where the numbers of an answer come from. It is exported because
// huma reads exported embedded structs only.
type PublishedAnswer struct {
	BusinessID  string        `json:"business_id" doc:"Whose numbers these are" format:"uuid" example:"0192f0c1-9d10-7f00-8a11-0c0ffee0cafe"`
	TimeZone    string        `json:"time_zone" doc:"IANA time zone whose days these are" example:"Europe/Berlin"`
	RunID       *string       `json:"run_id" doc:"Run that published these numbers; null when none has" format:"uuid" example:"0192f0c1-4b5a-7000-8000-000000000001"`
	AsOf        *time.Time    `json:"as_of" doc:"As-of instant of that run" example:"2026-03-31T02:00:00Z"`
	PublishedAt *time.Time    `json:"published_at" doc:"When the numbers reached this service" example:"2026-03-31T02:03:11Z"`
	CheckedAt   *time.Time    `json:"checked_at" doc:"As-of instant of the last run of everything that ended well: numbers of an older run were up to date then; null when there was none" example:"2026-03-31T02:00:00Z"`
	Freshness   string        `json:"freshness" doc:"fresh, or stale when both the as-of instant and checked_at are too long ago, or unknown when nothing was published" enum:"fresh,stale,unknown" example:"fresh"`
	Tables      []tableAnswer `json:"tables" nullable:"false" doc:"The same for each published table that the answer is made of; the fields above are those of the first" maxItems:"12"`
	From        string        `json:"from" doc:"First local day of the window" format:"date" example:"2026-01-01"`
	To          string        `json:"to" doc:"Local day before which the window ends" format:"date" example:"2026-04-01"`
}

type tableAnswer struct {
	Table       string     `json:"table" doc:"What was published" example:"kpi_data"`
	RunID       *string    `json:"run_id" doc:"Run that published it; null when none has" format:"uuid" example:"0192f0c1-4b5a-7000-8000-000000000001"`
	AsOf        *time.Time `json:"as_of" doc:"As-of instant of that run" example:"2026-03-31T02:00:00Z"`
	PublishedAt *time.Time `json:"published_at" doc:"When it reached this service" example:"2026-03-31T02:03:11Z"`
	Freshness   string     `json:"freshness" doc:"How fresh it is" enum:"fresh,stale,unknown" example:"fresh"`
}

type kpiAnswer struct {
	ID   string `json:"id" doc:"Id of the KPI" format:"uuid" example:"0192f0c1-aaaa-7000-8000-000000000002"`
	Name string `json:"name" doc:"Name of the KPI" example:"Revenue"`
	Unit string `json:"unit" doc:"Unit of its values; may be empty" example:"EUR"`
}

// kpiKey is the cursor of lists of points: the last KPI and day of a page.
type kpiKey struct {
	KPI uuid.UUID `json:"k"`
	Day day       `json:"d"`
}

// day is a calendar day in JSON, as midnight UTC in Go.
type day struct{ time.Time }

// MarshalText writes YYYY-MM-DD.
func (d day) MarshalText() ([]byte, error) { return []byte(d.Format(time.DateOnly)), nil }

// UnmarshalText reads YYYY-MM-DD.
func (d *day) UnmarshalText(text []byte) (err error) {
	d.Time, err = time.Parse(time.DateOnly, string(text))
	return err
}

// window is a half-open range of local days.
type window struct{ from, to time.Time }

// windowOf returns the days asked for. Where the input names none, the window ends with end, and begins length before
// its end. Problems are named as of in: query or body.
func windowOf(ctx context.Context, in, from, to string, end time.Time, length time.Duration) (window, error) {
	w := window{to: end}
	var err error
	if to != "" {
		if w.to, err = time.Parse(time.DateOnly, to); err != nil {
			return window{}, invalid(ctx, in, "to", "not a day as YYYY-MM-DD")
		}
	}
	w.from = w.to.Add(-length)
	if from != "" {
		if w.from, err = time.Parse(time.DateOnly, from); err != nil {
			return window{}, invalid(ctx, in, "from", "not a day as YYYY-MM-DD")
		}
	}
	switch {
	case w.from.Year() < 1 || w.to.Year() < 1:
		return window{}, invalid(ctx, in, "from", "before the year 1")
	case !w.from.Before(w.to):
		return window{}, invalid(ctx, in, "from", "the window is empty: from must be before to")
	case w.to.Sub(w.from) > maxWindow:
		return window{}, invalid(ctx, in, "from", fmt.Sprintf("the window is longer than %d days", int(maxWindow.Hours()/24)))
	}
	return w, nil
}

// window is windowOf for what the query names.
func (in *WindowInput) window(ctx context.Context, end time.Time, length time.Duration) (window, error) {
	return windowOf(ctx, "query", in.From, in.To, end, length)
}

// freshness tells how fresh a published table is: by when it was published, or by the last whole run, which found it as it is.
func (s *service) freshness(p store.Publication, state store.DashboardState) string {
	if p.AsOf == nil {
		return unknown
	}
	seen := *p.AsOf
	if state.CheckedAt != nil && state.CheckedAt.After(seen) {
		seen = *state.CheckedAt
	}
	if state.Now.Sub(seen) > s.freshFor {
		return stale
	}
	return fresh
}

// published tells where the numbers of an answer made of tables come from.
func (s *service) published(state store.DashboardState, w window, tables ...string) PublishedAnswer {
	a := PublishedAnswer{BusinessID: state.BusinessID.String(), TimeZone: state.TimeZone, From: w.from.Format(time.DateOnly), To: w.to.Format(time.DateOnly),
		CheckedAt: state.CheckedAt}
	for _, table := range tables {
		p := state.Publication(table)
		t := tableAnswer{Table: table, AsOf: p.AsOf, PublishedAt: p.PublishedAt, Freshness: s.freshness(p, state)}
		if p.RunID != nil {
			id := p.RunID.String()
			t.RunID = &id
		}
		a.Tables = append(a.Tables, t)
	}
	a.RunID, a.AsOf, a.PublishedAt, a.Freshness = a.Tables[0].RunID, a.Tables[0].AsOf, a.Tables[0].PublishedAt, a.Tables[0].Freshness
	return a
}

// pointQuery is the query for one page of points and one more, which tells whether there is
// another page. The window is set later.
func pointQuery(ctx context.Context, in, cursor string, kpis []string, limit int) (store.PointQuery, error) {
	q := store.PointQuery{Most: limit + 1}
	after, err := decodeCursorOf[kpiKey](ctx, in, cursor)
	if err != nil {
		return q, err
	}
	if after != nil {
		q.AfterKPI, q.After = after.KPI, after.Day.Time
	}
	q.KPIs, err = kpiIDs(ctx, in, kpis)
	return q, err
}

// kpiIDs reads ids of KPIs, in the order in which they mean the same question.
func kpiIDs(ctx context.Context, in string, texts []string) ([]uuid.UUID, error) {
	field := "kpi"
	if in == "body" {
		field = "kpis"
	}
	var ids []uuid.UUID
	for _, text := range texts {
		id, err := uuid.Parse(text)
		if err != nil {
			return nil, invalid(ctx, in, field, "not an id")
		}
		ids = append(ids, id)
	}
	slices.SortFunc(ids, func(a, b uuid.UUID) int { return slices.Compare(a[:], b[:]) })
	return slices.Compact(ids), nil
}

// finite returns v, or null for what JSON cannot say.
func finite(v *float64) *float64 {
	if v == nil || math.IsNaN(*v) || math.IsInf(*v, 0) {
		return nil
	}
	return v
}

// number is finite for values of columns, where NaN stands for none.
func number(v float64) *float64 { return finite(&v) }

// dayOf returns the day that a column counts from 1970-01-01, as midnight UTC.
func dayOf(n int32) time.Time { return time.Unix(int64(n)*86400, 0).UTC() }
