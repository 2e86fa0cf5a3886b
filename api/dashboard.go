package api

import (
	"context"
	"fmt"
	"math"
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

// WindowInput is what all lists of the dashboard ask in common. It is exported because huma
// reads exported embedded structs only.
type WindowInput struct {
	ID     string `path:"id" doc:"Id of the business" format:"uuid" example:"0192f0c1-9d10-7f00-8a11-0c0ffee0cafe"`
	From   string `query:"from" doc:"First local day of the window" format:"date" example:"2026-01-01"`
	To     string `query:"to" doc:"Local day before which the window ends" format:"date" example:"2026-04-01"`
	Cursor string `query:"cursor" doc:"next_cursor of the page before" maxLength:"4096" example:"eyJrIjoi"`
}

// PublishedAnswer says where the numbers of an answer come from. It is exported because
// huma reads exported embedded structs only.
type PublishedAnswer struct {
	BusinessID  string     `json:"business_id" doc:"Whose numbers these are" format:"uuid" example:"0192f0c1-9d10-7f00-8a11-0c0ffee0cafe"`
	TimeZone    string     `json:"time_zone" doc:"IANA time zone whose days these are" example:"Europe/Berlin"`
	RunID       *string    `json:"run_id" doc:"Run that published these numbers; null when none has" format:"uuid" example:"0192f0c1-4b5a-7000-8000-000000000001"`
	AsOf        *time.Time `json:"as_of" doc:"As-of instant of that run" example:"2026-03-31T02:00:00Z"`
	PublishedAt *time.Time `json:"published_at" doc:"When the numbers reached this service" example:"2026-03-31T02:03:11Z"`
	Freshness   string     `json:"freshness" doc:"fresh, or stale when the as-of instant is too long ago, or unknown when nothing was published" enum:"fresh,stale,unknown" example:"fresh"`
	From        string     `json:"from" doc:"First local day of the window" format:"date" example:"2026-01-01"`
	To          string     `json:"to" doc:"Local day before which the window ends" format:"date" example:"2026-04-01"`
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

// window returns the days asked for. Where the input names none, the window ends with
// end, and begins length before its end.
func (in *WindowInput) window(ctx context.Context, end time.Time, length time.Duration) (window, error) {
	w := window{to: end}
	var err error
	if in.To != "" {
		if w.to, err = time.Parse(time.DateOnly, in.To); err != nil {
			return window{}, invalid(ctx, "query", "to", "not a day as YYYY-MM-DD")
		}
	}
	w.from = w.to.Add(-length)
	if in.From != "" {
		if w.from, err = time.Parse(time.DateOnly, in.From); err != nil {
			return window{}, invalid(ctx, "query", "from", "not a day as YYYY-MM-DD")
		}
	}
	switch {
	case w.from.Year() < 1 || w.to.Year() < 1:
		return window{}, invalid(ctx, "query", "from", "before the year 1")
	case !w.from.Before(w.to):
		return window{}, invalid(ctx, "query", "from", "the window is empty: from must be before to")
	case w.to.Sub(w.from) > maxWindow:
		return window{}, invalid(ctx, "query", "from", fmt.Sprintf("the window is longer than %d days", int(maxWindow.Hours()/24)))
	}
	return w, nil
}

// published tells where numbers come from and how fresh they are.
func (s *service) published(p store.Publication, w window) PublishedAnswer {
	a := PublishedAnswer{BusinessID: p.BusinessID.String(), TimeZone: p.TimeZone, Freshness: unknown,
		From: w.from.Format(time.DateOnly), To: w.to.Format(time.DateOnly), AsOf: p.AsOf, PublishedAt: p.PublishedAt}
	if p.RunID != nil {
		id := p.RunID.String()
		a.RunID = &id
	}
	if p.AsOf != nil {
		a.Freshness = fresh
		if s.clock().Sub(*p.AsOf) > s.freshFor {
			a.Freshness = stale
		}
	}
	return a
}

// read runs fn with what the caller may see of the business in the path, and with the state
// of a published table, all from one moment. It returns store.ErrNotFound for a
// business that is absent or of which the caller is no member.
func (s *service) read(ctx context.Context, in *WindowInput, table string,
	fn func(context.Context, *store.MemberTx, store.Publication) error) error {
	business, err := pathID(ctx, in.ID)
	if err != nil {
		return err
	}
	return s.readBusiness(ctx, business, func(t *store.MemberTx) error {
		p, err := t.Publication(ctx, table, s.clock())
		if err != nil {
			return err
		}
		return fn(ctx, t, p)
	})
}

// pointQuery is the query for one page of points and one more, which tells whether there is
// another page.
func pointQuery(ctx context.Context, cursor, kpi string, limit int) (store.PointQuery, error) {
	q := store.PointQuery{Most: limit + 1}
	after, err := decodeCursor[kpiKey](ctx, cursor)
	if err != nil {
		return q, err
	}
	if after != nil {
		q.AfterKPI, q.AfterDay = after.KPI, after.Day.Time
	}
	if kpi != "" {
		only, err := uuid.Parse(kpi)
		if err != nil {
			return q, invalid(ctx, "query", "kpi", "not an id")
		}
		q.OnlyKPI = &only
	}
	return q, nil
}

// finite returns v, or null for what JSON cannot say.
func finite(v *float64) *float64 {
	if v == nil || math.IsNaN(*v) || math.IsInf(*v, 0) {
		return nil
	}
	return v
}
