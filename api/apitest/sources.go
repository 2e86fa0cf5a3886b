package apitest

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/signalcraft/signalcraft/api"
	"github.com/signalcraft/signalcraft/api/secret"
	"github.com/signalcraft/signalcraft/api/store"
	"github.com/signalcraft/signalcraft/pipelines/kpi/remote"
)

// Sources checks and tests KPI sources as the installation does, by the real reader. Runs are noted and not executed:
// there is no lake here.
type Sources struct {
	Reader *remote.Reader
	box    *secret.Box
	data   *store.Store
	now    func() time.Time

	mu  sync.Mutex
	ran []uuid.UUID
}

var _ api.Sources = (*Sources)(nil)

// Check checks a definition and the form of its secrets.
func (s *Sources) Check(kind string, definition []byte, secrets map[string]string) error {
	d, err := remote.Parse(definition)
	if err == nil {
		err = s.Reader.Check(kind, d)
	}
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
func (s *Sources) Test(ctx context.Context, business, source uuid.UUID) (api.SourceTest, error) {
	stored, err := s.data.SourceToRead(ctx, business, source)
	if err != nil {
		return api.SourceTest{}, err
	}
	q := remote.Request{BusinessID: business.String(), SourceID: source.String(), Name: stored.Name, Kind: stored.Kind, Zone: stored.TimeZone, Secrets: remote.Secrets{}}
	if q.Definition, err = remote.Parse(stored.Config); err != nil {
		return api.SourceTest{}, err
	}
	sealed, err := s.data.SealedSecrets(ctx, business, source)
	if err != nil {
		return api.SourceTest{}, err
	}
	for name, text := range sealed {
		plain, err := s.box.Open("kpi_sources/"+source.String()+"/"+name, text)
		if err != nil {
			return api.SourceTest{}, err
		}
		q.Secrets[name] = string(plain)
	}
	p, err := s.Reader.Preview(ctx, q, s.now())
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
		found.Rejects = append(found.Rejects, api.SourceReject{Line: *reject.Line, Reason: reject.Reason, Raw: reject.Raw})
	}
	return found, nil
}

// Run notes that a source was to be read.
func (s *Sources) Run(_ context.Context, _, source uuid.UUID) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ran = append(s.ran, source)
	return nil
}

// Ran returns the sources that were to be read, in order.
func (s *Sources) Ran() []uuid.UUID {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]uuid.UUID(nil), s.ran...)
}
