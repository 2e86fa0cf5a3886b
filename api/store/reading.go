package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/signalcraft/signalcraft/api/store/internal/query"
)

// SourceToRead is a source as whoever reads it needs it.
type SourceToRead struct {
	BusinessID, ID uuid.UUID
	Name, Kind     string
	Config         json.RawMessage
	// Schedule is a cron expression in TimeZone, that of the business; empty means by hand.
	Schedule, TimeZone string
	// Validator is what knows the content that landed whole last; it may be empty.
	Validator string
}

// DueSources returns at most most active sources of kinds that are to be read at an instant, because of their schedule or because
// somebody asked for it, those that wait longest first. For RoleBatch.
func (s *Store) DueSources(ctx context.Context, at time.Time, most int, kinds ...string) ([]SourceToRead, error) {
	rows, err := query.New(s.pool).DueSources(ctx, query.DueSourcesParams{At: at, Most: int32(most), Kinds: kinds})
	if err != nil {
		return nil, fmt.Errorf("list due sources: %w", Classify(err))
	}
	sources := make([]SourceToRead, len(rows))
	for i, r := range rows {
		sources[i] = sourceToRead(query.SourceToReadRow(r))
	}
	return sources, nil
}

// SourceToRead returns one source, active or not. It returns ErrNotFound. For RoleBatch.
func (s *Store) SourceToRead(ctx context.Context, business, id uuid.UUID) (SourceToRead, error) {
	row, err := query.New(s.pool).SourceToRead(ctx, query.SourceToReadParams{BusinessID: business, ID: id})
	if err != nil {
		return SourceToRead{}, about("source", id, Classify(err))
	}
	return sourceToRead(row), nil
}

func sourceToRead(r query.SourceToReadRow) SourceToRead {
	source := SourceToRead{BusinessID: r.BusinessID, ID: r.ID, Name: r.Name, Kind: r.Kind, Config: r.Config, TimeZone: r.TimeZone}
	if r.Schedule != nil {
		source.Schedule = *r.Schedule
	}
	if r.Validator != nil {
		source.Validator = *r.Validator
	}
	return source
}

// SealedSecrets returns the sealed secrets of a source, by name. For RoleBatch.
func (s *Store) SealedSecrets(ctx context.Context, business, source uuid.UUID) (map[string]string, error) {
	rows, err := query.New(s.pool).SourceSecrets(ctx, query.SourceSecretsParams{BusinessID: business, SourceID: source})
	if err != nil {
		return nil, fmt.Errorf("read secrets of source %s: %w", source, Classify(err))
	}
	sealed := make(map[string]string, len(rows))
	for _, r := range rows {
		sealed[r.Name] = r.Sealed
	}
	return sealed, nil
}

// Reading is how one reading of a source ended.
type Reading struct {
	BusinessID, SourceID uuid.UUID
	BeganAt, At          time.Time
	Status               Status
	// Problem is for the source's owner; empty for nothing.
	Problem string
	// Validator knows the content again when all of it landed; else empty.
	Validator string
	// NextDueAt is nil for sources without a schedule.
	NextDueAt *time.Time
}

// EndReading notes how a reading ended. That the source is gone by then is no error. For RoleBatch.
func (s *Store) EndReading(ctx context.Context, r Reading) error {
	_, err := query.New(s.pool).EndSourceReading(ctx, query.EndSourceReadingParams{BusinessID: r.BusinessID, ID: r.SourceID, At: r.At, BeganAt: r.BeganAt,
		Status: string(r.Status), Problem: optional(r.Problem), Validator: optional(r.Validator), NextDueAt: r.NextDueAt})
	if err != nil {
		return fmt.Errorf("end reading of source %s: %w", r.SourceID, Classify(err))
	}
	return nil
}

// Reseal hands every sealed secret of a source, with its source and name, to reseal, and stores what that returns unless it is the same.
// It goes on after errors of reseal and returns them joined, with the number of secrets that were sealed anew. For RoleBatch.
func (s *Store) Reseal(ctx context.Context, reseal func(source uuid.UUID, name, sealed string) (string, error)) (changed int, err error) {
	q := query.New(s.pool)
	const page = 500
	var failed []error
	after := query.SealedSecretsParams{Most: page}
	for {
		rows, err := q.SealedSecrets(ctx, after)
		if err != nil {
			return changed, fmt.Errorf("list secrets: %w", Classify(err))
		}
		for _, r := range rows {
			after.AfterBusiness, after.AfterSource, after.AfterName = r.BusinessID, r.SourceID, r.Name
			sealed, err := reseal(r.SourceID, r.Name, r.Sealed)
			if err != nil || sealed == r.Sealed {
				if err != nil {
					failed = append(failed, fmt.Errorf("seal secret %s of source %s again: %w", r.Name, r.SourceID, err))
				}
				continue
			}
			n, err := q.ResealSecret(ctx, query.ResealSecretParams{BusinessID: r.BusinessID, SourceID: r.SourceID, Name: r.Name, Sealed: sealed, Before: r.Sealed})
			if err != nil {
				return changed, fmt.Errorf("seal secret %s of source %s again: %w", r.Name, r.SourceID, Classify(err))
			}
			changed += int(n)
		}
		if len(rows) < page {
			return changed, errors.Join(failed...)
		}
	}
}
