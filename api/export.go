package api

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
	"github.com/google/uuid"

	"github.com/signalcraft/signalcraft/api/store"
)

// Bounds of exports. Each holds a connection to Postgres while it lasts.
const (
	exportsAtOnce     = 4
	defaultExportTime = 10 * time.Minute
	// exportStall is how long a reader may take nothing before the connection is cut.
	exportStall = 30 * time.Second
)

// exportLimits bounds how many exports run at once, and for how long each.
type exportLimits struct {
	places chan struct{}
	time   time.Duration
}

func newExportLimits(limit time.Duration) exportLimits {
	if limit == 0 {
		limit = defaultExportTime
	}
	return exportLimits{make(chan struct{}, exportsAtOnce), limit}
}

type exportInput struct {
	ID     string `path:"id" doc:"Id of the business" format:"uuid" example:"0192f0c1-9d10-7f00-8a11-0c0ffee0cafe"`
	Table  string `query:"table" required:"true" doc:"What to export; metrics are days, hours those of KPIs that have them" enum:"metrics,hours,forecasts,anomalies,trends,news,weather" example:"metrics"`
	Format string `query:"format" doc:"csv (RFC 4180, UTF-8), json (one document) or jsonl (one object on each line)" enum:"csv,json,jsonl" default:"csv" example:"csv"`
	From   string `query:"from" doc:"First local day; as far back as the subscription keeps when absent" format:"date" example:"2026-01-01"`
	To     string `query:"to" doc:"Local day before which it ends; everything published when absent" format:"date" example:"2026-04-01"`
}

func (s *service) registerExport() {
	text := func(doc, example string) *huma.Param {
		return &huma.Param{Description: doc, Schema: &huma.Schema{Type: huma.TypeString}, Example: example}
	}
	file := &huma.MediaType{Schema: &huma.Schema{Type: huma.TypeString}}
	register(s, huma.Operation{
		OperationID: "exportData", Method: http.MethodGet, Path: "/data/export/{id}", Tags: []string{"data"},
		Summary: "Export what is published of a business",
		Description: "Everything that is published in a window of local days, in a stable order, as one file; there are no pages. Rows older than the " +
			"subscription keeps (730 days on free, 1,830 on pro, without limit on enterprise) are left out, and so are " +
			fmt.Sprintf("hours older than %d days: the header X-Export-From names the first day.\n\n", hoursKept) +
			"In CSV, text that a spreadsheet would run as a formula (it begins with = + - @, a tab or a line break) has an apostrophe before it; numbers are written as they are. " +
			"An export that fails half way cuts the connection: a file that arrived whole is whole. At most 4 run at once.",
		Responses: map[string]*huma.Response{"200": {Description: "The file.",
			Content: map[string]*huma.MediaType{"text/csv": file, "application/x-ndjson": file,
				"application/json": {Schema: &huma.Schema{Type: huma.TypeObject, AdditionalProperties: true}}},
			Headers: map[string]*huma.Param{
				"Content-Disposition": text("A name for the file", `attachment; filename="metrics-2026-01-01-2026-04-01.csv"`),
				"X-Run-Id":            text("Run that published the rows", "0192f0c1-4b5a-7000-8000-000000000001"),
				"X-As-Of":             text("As-of instant of that run", "2026-03-31T02:00:00Z"),
				"X-Freshness":         text("fresh, stale or unknown", "fresh"),
				"X-Export-From":       text("First local day that may be in the file", "2026-01-01"),
			}}},
	}, s.export)
}

func (s *service) export(ctx context.Context, in *exportInput) (*storedOutput, error) {
	business, err := pathID(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	tables := store.Exports()
	table := tables[slices.IndexFunc(tables, func(e store.Export) bool { return e.Name == in.Table })] // the enum holds only these
	return &storedOutput{func(c huma.Context) {
		r, w := humago.Unwrap(c)
		ctx, end := exchangeFrom(ctx).patient(ctx, s.exports.time)
		defer end()
		s.stream(ctx, w, r.Method == http.MethodHead, in, table, business)
	}}, nil
}

// stream writes the file. What goes wrong before its first byte is an error answer; after that the connection is cut.
func (s *service) stream(ctx context.Context, w http.ResponseWriter, headOnly bool, in *exportInput, table store.Export, business uuid.UUID) {
	select {
	case s.exports.places <- struct{}{}:
		defer func() { <-s.exports.places }()
	default:
		unavailable(ctx, errors.New("as many exports run as may")).write(w)
		return
	}
	bare := w.Header().Clone() // what every answer carries
	out, end, err := newExportWriter(ctx, w)
	if err != nil {
		internal(ctx, err).write(w)
		return
	}
	defer end()
	err = s.readBusiness(ctx, business, func(t *store.MemberTx) error {
		state, err := t.DashboardState(ctx, []string{table.Table}, s.clock())
		if err != nil {
			return err
		}
		span, err := exportWindow(ctx, in, state, table.Table)
		if err != nil {
			return err
		}
		file := out.as(in.Format, s.published(state, span, table.Table), table.Name)
		err = t.Export(ctx, table, span.from, span.to, s.exports.time, func(columns []string) error {
			s.exportHeaders(w.Header(), in, table, state, span)
			if headOnly {
				return errHeadOnly
			}
			return file.begin(columns)
		}, file.row)
		if err != nil {
			return err
		}
		return file.end()
	})
	switch {
	case err == nil, errors.Is(err, errHeadOnly):
		return
	case !out.started:
		end()
		clear(w.Header())
		maps.Copy(w.Header(), bare)
		s.fail(ctx, err).write(w)
	default:
		exchangeFrom(ctx).cause = fmt.Errorf("export broke off: %w", err)
		panic(http.ErrAbortHandler)
	}
}

// errHeadOnly ends an export of which only the headers were asked for.
var errHeadOnly = errors.New("only the headers were asked for")

// exportWindow is what was asked for, within what the subscription keeps.
func exportWindow(ctx context.Context, in *exportInput, state store.DashboardState, table string) (window, error) {
	last := state.Publication(table).LocalDay
	earliest := time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC)
	if days := limitsOf(state.Tier).RetentionDays; days > 0 {
		earliest = last.AddDate(0, 0, -days)
	}
	if first := last.AddDate(0, 0, 1-hoursKept); table == metricTables()["hour"] && earliest.Before(first) {
		earliest = first
	}
	w := window{earliest, last.Add(forecastWindow)} // nothing is published of later days
	for _, bound := range []struct {
		text, field string
		day         *time.Time
	}{{in.From, "from", &w.from}, {in.To, "to", &w.to}} {
		if bound.text == "" {
			continue
		}
		day, err := time.Parse(time.DateOnly, bound.text)
		if err != nil || day.Year() < 1 {
			return w, invalid(ctx, "query", bound.field, "not a day as YYYY-MM-DD")
		}
		*bound.day = day
	}
	if !w.from.Before(w.to) {
		return w, invalid(ctx, "query", "from", "the window is empty: from must be before to, and within what the subscription keeps")
	}
	if w.from.Before(earliest) {
		w.from = earliest
	}
	if !w.from.Before(w.to) { // all of it is older than what is kept
		w.to = w.from
	}
	return w, nil
}

func (s *service) exportHeaders(h http.Header, in *exportInput, table store.Export, state store.DashboardState, span window) {
	types := map[string]string{"csv": "text/csv; charset=utf-8; header=present", "json": "application/json", "jsonl": "application/x-ndjson"}
	h.Set("Content-Type", types[in.Format])
	// The name is made of our own words and days: nothing that a person wrote gets into it.
	name := []string{table.Name, span.from.Format(time.DateOnly)}
	if in.To != "" {
		name = append(name, span.to.Format(time.DateOnly))
	}
	h.Set("Content-Disposition", `attachment; filename="`+strings.Join(name, "-")+"."+in.Format+`"`)
	h.Set("X-Export-From", span.from.Format(time.DateOnly))
	p := state.Publication(table.Table)
	h.Set("X-Freshness", s.freshness(p, state))
	if p.RunID != nil {
		h.Set("X-Run-Id", p.RunID.String())
	}
	if p.AsOf != nil {
		h.Set("X-As-Of", p.AsOf.UTC().Format(time.RFC3339))
	}
}
