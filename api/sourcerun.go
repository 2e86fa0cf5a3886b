package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"github.com/signalcraft/signalcraft/api/store"
)

// maxTests is how many tests of sources run at once, testTime how long one may take: less than a request.
const (
	maxTests = 4
	testTime = 12 * time.Second
)

type testSourceOutput struct {
	Body testSourceAnswer
}

type testSourceAnswer struct {
	OK       bool              `json:"ok" doc:"Whether the source could be read and gave a point at least" example:"true"`
	Problem  string            `json:"problem" doc:"Why it could not be read; empty when it could" example:"the host name is not known"`
	Note     string            `json:"note" doc:"What else there is to know; may be empty" example:"read 20 pages; the source has more: raise max_pages or narrow it down"`
	Pages    int               `json:"pages" doc:"Pages that were read, two at most" example:"1"`
	Rows     int               `json:"rows" doc:"Rows that were read, a thousand at most" example:"30"`
	Columns  []string          `json:"columns" doc:"Names of the columns as they came" nullable:"false" example:"day"`
	First    [][]string        `json:"first_rows" doc:"The first rows, as texts, in the order of the columns" nullable:"false" example:"[[\"2026-03-30\",\"1200.50\"]]"`
	Accepted int               `json:"accepted" doc:"Points that were understood" example:"29"`
	Rejected int               `json:"rejected" doc:"Rows that would go to quarantine" example:"1"`
	Points   []testPointAnswer `json:"points" doc:"The first points, as they would land" nullable:"false"`
	Rejects  []rejectAnswer    `json:"rejects" doc:"The first refused rows" nullable:"false"`
}

type testPointAnswer struct {
	KPIID string    `json:"kpi_id" doc:"KPI of the point" format:"uuid" example:"0192f0c1-aaaa-7000-8000-000000000002"`
	At    time.Time `json:"at" doc:"Its instant" example:"2026-03-29T22:00:00Z"`
	Value float64   `json:"value" doc:"Its value" example:"1200.5"`
}

type rejectAnswer struct {
	Line   int64  `json:"line" doc:"Row or line, from 1 on; 0 when it has none" example:"7"`
	Reason string `json:"reason" doc:"Why it was refused" example:"value \"n/a\" is not a number"`
	Raw    string `json:"raw" doc:"Its text" example:"{\"amount\":\"n/a\",\"day\":\"2026-03-24\"}"`
}

type runSourceOutput struct {
	Body runSourceAnswer
}

type runSourceAnswer struct {
	SourceID    string    `json:"source_id" doc:"Source that is read soon" format:"uuid" example:"0192f0c1-5555-7000-8000-000000000005"`
	RequestedAt time.Time `json:"requested_at" doc:"When this was asked for; last_run of the source tells when it is done" example:"2026-03-30T12:00:00Z"`
}

func (s *service) registerSourceRuns() {
	register(s, huma.Operation{
		OperationID: "testSource", Method: http.MethodPost, Path: "/data/sources/{id}/test", Tags: []string{"data"}, Summary: "Try a source",
		Description: "Connects, reads the beginning, and tells what was understood of it: columns, first rows, the points they would become, and what would be refused and why. Nothing lands and nothing changes. " +
			"A source that is switched off can be tried as well.",
		Responses: failing(http.StatusConflict),
	}, s.testSource)
	register(s, huma.Operation{
		OperationID: "runSource", Method: http.MethodPost, Path: "/data/sources/{id}/run", Tags: []string{"data"}, Summary: "Read a source now", DefaultStatus: http.StatusAccepted,
		Description: "Queues a reading. The schedule goes on as before.",
		Responses:   failing(http.StatusConflict),
	}, s.runSource)
}

func (s *service) testSource(ctx context.Context, in *sourceInput) (*testSourceOutput, error) {
	business, id, err := s.readable(ctx, in.ID, func(*store.MemberTx, store.SourceRecord) error { return nil })
	if err != nil {
		return nil, s.fail(ctx, err)
	}
	select {
	case s.testing <- struct{}{}:
		defer func() { <-s.testing }()
	default:
		return nil, rateLimited(ctx, 5*time.Second)
	}
	testCtx, cancel := context.WithTimeout(ctx, testTime)
	defer cancel()
	found, err := s.sources.Test(testCtx, business, id)
	if err != nil {
		return nil, s.fail(ctx, err)
	}
	answer := testSourceAnswer{OK: found.Problem == "" && found.Accepted > 0, Problem: found.Problem, Note: found.Note, Pages: found.Pages, Rows: found.Rows,
		Columns: append([]string{}, found.Columns...), First: append([][]string{}, found.First...), Accepted: found.Accepted, Rejected: found.Rejected,
		Points: []testPointAnswer{}, Rejects: []rejectAnswer{}}
	for _, p := range found.Points {
		answer.Points = append(answer.Points, testPointAnswer(p))
	}
	for _, r := range found.Rejects {
		answer.Rejects = append(answer.Rejects, rejectAnswer(r))
	}
	return &testSourceOutput{Body: answer}, nil
}

func (s *service) runSource(ctx context.Context, in *sourceInput) (*runSourceOutput, error) {
	now := s.clock()
	business, id, err := s.readable(ctx, in.ID, func(t *store.MemberTx, source store.SourceRecord) error {
		if !source.Active {
			return problem(ctx, http.StatusConflict, codeNotReadable, "This source is switched off. Switch it on first.")
		}
		return t.RequestRun(ctx, source.ID, now)
	})
	if err != nil {
		return nil, s.fail(ctx, err)
	}
	if err := s.sources.Run(ctx, business, id); err != nil {
		return nil, s.fail(ctx, err)
	}
	return &runSourceOutput{Body: runSourceAnswer{SourceID: id.String(), RequestedAt: now}}, nil
}

// readable returns where a source that can be read is, after do in the transaction that audits the request.
func (s *service) readable(ctx context.Context, text string, do func(*store.MemberTx, store.SourceRecord) error) (business, id uuid.UUID, err error) {
	business, id, err = s.home(ctx, store.HomeSources, text)
	if err != nil {
		return business, id, err
	}
	err = s.inBusiness(ctx, business, func(t *store.MemberTx) error {
		source, err := t.Source(ctx, id)
		if err != nil {
			return err
		}
		if !remoteKind(source.Kind) || source.Kind == kindPush {
			return problem(ctx, http.StatusConflict, codeNotReadable, "Sources of kind "+source.Kind+" are not read over the network.")
		}
		if s.sources == nil {
			return withoutSources(ctx)
		}
		noteNamed(ctx, id.String(), source.Name, nil)
		return do(t, source)
	})
	return business, id, err
}

// codeNotReadable is for asking to read a source whose values come by themselves, or that is switched off.
const codeNotReadable = "SOURCE_NOT_READABLE"
