package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/signalcraft/signalcraft/api"
	"github.com/signalcraft/signalcraft/api/schedule"
	"github.com/signalcraft/signalcraft/api/secret"
	"github.com/signalcraft/signalcraft/api/store"
	"github.com/signalcraft/signalcraft/pipelines"
	"github.com/signalcraft/signalcraft/pipelines/jobs"
	"github.com/signalcraft/signalcraft/pipelines/kpi/remote"
)

// sourceDesk reads the KPI sources that people configure, for the batch and for the API.
type sourceDesk struct {
	data   *store.Store
	box    *secret.Box
	reader *remote.Reader
}

func (i *installation) newSourceDesk() (*sourceDesk, error) {
	box, err := i.settings.secretBox()
	if err != nil {
		return nil, err
	}
	reader := remote.New(remote.Config{Allow: i.settings.AllowNetworks, Ports: i.settings.AllowPorts, Resolver: i.resolver})
	return &sourceDesk{data: i.data, box: box, reader: reader}, nil
}

// request is how a stored source is to be read, with its secrets opened.
func (d *sourceDesk) request(ctx context.Context, s store.SourceToRead) (remote.Request, error) {
	q := remote.Request{BusinessID: s.BusinessID.String(), SourceID: s.ID.String(), Name: s.Name, Kind: s.Kind, Zone: s.TimeZone, Validator: s.Validator, Secrets: remote.Secrets{}}
	var err error
	if q.Definition, err = remote.Parse(s.Config); err != nil {
		return q, err
	}
	sealed, err := d.data.SealedSecrets(ctx, s.BusinessID, s.ID)
	if err != nil {
		return q, err
	}
	for name, text := range sealed {
		plain, err := d.box.Open("kpi_sources/"+s.ID.String()+"/"+name, text)
		if err != nil {
			return q, fmt.Errorf("open secret %s of source %s: %w", name, s.ID, err)
		}
		q.Secrets[name] = string(plain)
	}
	return q, nil
}

// reseal seals with the present key what was sealed with another, and returns how many secrets that were.
func (d *sourceDesk) reseal(ctx context.Context) (int, error) {
	return d.data.Reseal(ctx, func(source uuid.UUID, name, sealed string) (string, error) {
		if !d.box.Stale(sealed) {
			return sealed, nil
		}
		purpose := "kpi_sources/" + source.String() + "/" + name
		plain, err := d.box.Open(purpose, sealed)
		if err != nil {
			return sealed, err
		}
		return d.box.Seal(purpose, plain), nil
	})
}

// notStored is told to owners where a fault is not theirs.
const notStored = "the points could not be stored; a later run takes them"

// endReading notes how a reading ended and when the next is due.
func (b *batch) endReading(ctx context.Context, r *remoteReading, outdated int) error {
	s := r.source
	ended := store.Reading{BusinessID: s.BusinessID, SourceID: s.ID, BeganAt: r.began, At: b.now(), Status: store.Succeeded, Problem: r.result.Note}
	switch {
	case !r.ended:
		return nil
	case r.err != nil:
		b.logger.WarnContext(ctx, "KPI source not read", "source", s.ID.String(), "business", s.BusinessID.String(), "error", causes(r.err))
		ended.Status, ended.Problem = store.Failed, ownersProblem(r.err)
	case r.refused > 0:
		ended.Status = store.Partial
		ended.Problem = joinNotes(fmt.Sprintf("%d rows are in quarantine", r.refused), ended.Problem)
	case r.result.Note != "":
		ended.Status = store.Partial
	case outdated == 0:
		ended.Validator = r.result.Validator
	}
	if s.Schedule != "" {
		plan, err := schedule.Parse(s.Schedule, s.TimeZone)
		if err != nil {
			ended.Problem = joinNotes(ended.Problem, "the schedule does not fit the time zone: "+err.Error())
		} else if next := plan.Next(ended.At); !next.IsZero() {
			ended.NextDueAt = &next
		}
	}
	return b.data.EndReading(ctx, ended)
}

// ownersProblem is what the owner of a source may know of an error.
func ownersProblem(err error) string {
	if errors.Is(err, secret.ErrSealed) {
		return "its secrets cannot be opened any more: give them again"
	}
	return remote.ProblemOf(err).Error()
}

// causes is an error with what its public text leaves out.
func causes(err error) string {
	text := err.Error()
	for cause := errors.Unwrap(err); cause != nil; cause = errors.Unwrap(cause) {
		var known *remote.Error
		if errors.As(cause, &known) && known.Unwrap() != nil {
			return text + ": " + known.Unwrap().Error()
		}
	}
	return text
}

func joinNotes(a, b string) string {
	if a == "" || b == "" {
		return a + b
	}
	return a + "; " + b
}

// landedPoints is how many pushed points land together.
const landedPoints = 1_000_000

// landPushes lands the points that were pushed up to the as-of instant, all together: of two for one instant the later stands.
func (b *batch) landPushes(ctx context.Context, e *execution) (step, error) {
	waiting, err := b.data.WaitingPushes(ctx, e.asOf, landedPoints)
	if err != nil || len(waiting) == 0 {
		return step{}, err
	}
	batches := make([]remote.PushedBatch, len(waiting))
	for i, p := range waiting {
		pushed := remote.PushedBatch{ID: p.ID.String(), BusinessID: p.BusinessID.String(), SourceID: p.SourceID.String()}
		for _, point := range p.Points {
			pushed.Points = append(pushed.Points, remote.PushedPoint{KPIID: point.KPIID.String(), At: time.UnixMicro(point.Micros).UTC(), Value: point.Value})
		}
		for _, reject := range p.Rejects {
			pushed.Rejects = append(pushed.Rejects, remote.PushedReject(reject))
		}
		batches[i] = pushed
	}
	done, err := b.land(ctx, e, remote.NewPushed(batches), pipelines.Input{})
	if err != nil || done.outdated > 0 {
		return done, err // what a run as of this or a later instant landed first is corrected by the next
	}
	return done, b.data.EndPushes(ctx, waiting, b.now())
}

// sourceService is what the API needs of sources.
type sourceService struct {
	desk  *sourceDesk
	now   func() time.Time
	queue *jobs.Runner
}

var _ api.Sources = (*sourceService)(nil)

// sourceService makes it for an API that may run beside workers in other processes: it queues and runs nothing.
func (i *installation) sourceService() (*sourceService, error) {
	desk, err := i.newSourceDesk()
	if err != nil {
		return nil, err
	}
	names := (&batch{installation: i}).jobs()
	queue, err := jobs.New(jobs.Config{Pool: i.pool, Jobs: names, Workers: 1, Logger: i.logger, Now: i.now})
	if err != nil {
		return nil, err
	}
	return &sourceService{desk: desk, now: i.now, queue: queue}, nil
}

// Check asks package remote, which reads what is checked.
func (s *sourceService) Check(kind string, definition []byte, secrets map[string]string) error {
	d, err := remote.Parse(definition)
	if err != nil {
		return err
	}
	err = s.desk.reader.Check(kind, d)
	for name, value := range secrets {
		if err == nil {
			err = remote.CheckSecret(name, value)
		}
	}
	var fault *remote.FieldError
	if errors.As(err, &fault) {
		return &api.SourceFault{Field: fault.Field, Issue: fault.Issue}
	}
	return err
}

// Test reads the beginning of a source.
func (s *sourceService) Test(ctx context.Context, business, source uuid.UUID) (api.SourceTest, error) {
	stored, err := s.desk.data.SourceToRead(ctx, business, source)
	if err != nil {
		return api.SourceTest{}, err
	}
	q, err := s.desk.request(ctx, stored)
	if errors.Is(err, secret.ErrSealed) {
		return api.SourceTest{Problem: ownersProblem(err)}, nil
	}
	if err != nil {
		return api.SourceTest{}, err
	}
	p, err := s.desk.reader.Preview(ctx, q, s.now())
	if err != nil {
		return api.SourceTest{}, err
	}
	found := api.SourceTest{Note: p.Note, Pages: p.Pages, Rows: int(p.Rows), Columns: p.Columns, First: p.First, Accepted: p.Accepted, Rejected: p.Rejected}
	if p.Problem != nil {
		found.Problem = p.Problem.Error()
	}
	for _, point := range p.Points {
		found.Points = append(found.Points, api.SourcePoint{KPIID: point.KPIID, At: point.At, Value: point.Value})
	}
	for _, reject := range p.Rejects {
		line := int64(0)
		if reject.Line != nil {
			line = *reject.Line
		}
		found.Rejects = append(found.Rejects, api.SourceReject{Line: line, Reason: reject.Reason, Raw: reject.Raw})
	}
	return found, nil
}

// Run queues the job that reads what is due. Asked twice within a millisecond it is queued once.
func (s *sourceService) Run(ctx context.Context, _, _ uuid.UUID) error {
	return s.queue.Queue(ctx, "load_kpis", s.now().UTC().Truncate(time.Millisecond))
}
