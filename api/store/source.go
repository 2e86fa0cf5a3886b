package store

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/signalcraft/signalcraft/api/store/internal/query"
)

// SourceRecord is a source as its business keeps it.
type SourceRecord struct {
	ID   uuid.UUID
	Name string
	// Kind is upload, file, http, sheet, database or push; Config is a JSON object whose content depends on it.
	Kind   string
	Config json.RawMessage
	// Schedule is a cron expression in the business's time zone; empty means by hand.
	Schedule string
	Active   bool
	// LastRunAt is when a reading ended last; nil when none has. LastStatus and Problem say how; both may be empty.
	LastRunAt           *time.Time
	LastStatus, Problem string
	// NextDueAt is when the schedule comes due; RequestedAt when somebody asked for a reading that has not ended.
	NextDueAt, RequestedAt *time.Time
	CreatedAt, UpdatedAt   time.Time
	// KPIs are those of the source, active or not, by name. Secrets are its secrets' names, for members who may see them.
	KPIs    []SourceKPI
	Secrets []SourceSecret
}

// SourceKPI is a KPI of a source.
type SourceKPI struct {
	KPI
	Active bool
}

// SourceSecret says that a secret is set.
type SourceSecret struct {
	Name      string
	CreatedAt time.Time
	// ExpiresAt is nil for secrets that stay.
	ExpiresAt *time.Time
}

// ListSources returns at most most sources by name, from after a name on.
func (tx *MemberTx) ListSources(ctx context.Context, after string, most int) ([]SourceRecord, error) {
	rows, err := tx.q.ListSources(ctx, query.ListSourcesParams{BusinessID: tx.BusinessID, AfterName: after, Most: int32(most)})
	if err != nil {
		return nil, fmt.Errorf("list sources: %w", Classify(err))
	}
	sources := make([]SourceRecord, len(rows))
	for i, r := range rows {
		sources[i] = sourceRecord(query.LockSourceRow(r))
	}
	return sources, tx.complete(ctx, sources)
}

// Source returns one source, which nobody else changes until the transaction ends. It returns ErrNotFound.
func (tx *MemberTx) Source(ctx context.Context, id uuid.UUID) (SourceRecord, error) {
	row, err := tx.q.LockSource(ctx, query.LockSourceParams{BusinessID: tx.BusinessID, ID: id})
	if err != nil {
		return SourceRecord{}, about("source", id, Classify(err))
	}
	sources := []SourceRecord{sourceRecord(row)}
	err = tx.complete(ctx, sources)
	return sources[0], err
}

func sourceRecord(r query.LockSourceRow) SourceRecord {
	s := SourceRecord{ID: r.ID, Name: r.Name, Kind: r.Kind, Config: r.Config, Active: r.IsActive, LastRunAt: r.LastRunAt,
		NextDueAt: r.NextDueAt, RequestedAt: r.RequestedAt, CreatedAt: r.CreatedAt, UpdatedAt: r.UpdatedAt}
	for text, from := range map[*string]*string{&s.Schedule: r.Schedule, &s.LastStatus: r.LastStatus, &s.Problem: r.LastError} {
		if from != nil {
			*text = *from
		}
	}
	return s
}

// complete adds KPIs and the names of secrets, with one query for each.
func (tx *MemberTx) complete(ctx context.Context, sources []SourceRecord) error {
	ids, at := make([]uuid.UUID, len(sources)), map[uuid.UUID]int{}
	for i, s := range sources {
		ids[i], at[s.ID] = s.ID, i
	}
	kpis, err := tx.q.SourceKPIs(ctx, query.SourceKPIsParams{BusinessID: tx.BusinessID, SourceIds: ids})
	if err != nil {
		return fmt.Errorf("list KPIs of sources: %w", Classify(err))
	}
	for _, k := range kpis {
		s := &sources[at[k.SourceID]]
		s.KPIs = append(s.KPIs, SourceKPI{Active: k.IsActive, KPI: KPI{BusinessID: tx.BusinessID, ID: k.ID, SourceID: k.SourceID, Name: k.Name,
			Description: k.Description, Unit: k.Unit, Currency: k.Currency, Aggregation: k.Aggregation, Grain: k.Grain, NonNegative: k.NonNegative}})
	}
	secrets, err := tx.q.SecretNames(ctx, query.SecretNamesParams{BusinessID: tx.BusinessID, SourceIds: ids})
	if err != nil {
		return fmt.Errorf("list secrets of sources: %w", Classify(err))
	}
	for _, secret := range secrets {
		s := &sources[at[secret.SourceID]]
		s.Secrets = append(s.Secrets, SourceSecret{Name: secret.Name, CreatedAt: secret.CreatedAt, ExpiresAt: secret.ExpiresAt})
	}
	return nil
}

// SourceChange is what a source's owner says of it.
type SourceChange struct {
	ID        uuid.UUID
	Name      string
	Kind      string // of a new source; it never changes
	Config    json.RawMessage
	Schedule  string // empty: by hand
	Active    bool
	NextDueAt *time.Time
	At        time.Time
	// KPIs replace those of the source; others of it are switched off.
	KPIs []KPI
	// Sealed are secrets to set, by name. Keep are the names of those to keep beside them; nil keeps all.
	Sealed map[string]string
	Keep   []string
}

// AddSource adds a source with its KPIs and secrets. It returns ErrConflict when the business has one of that name, or a
// KPI of one of those names.
func (tx *MemberTx) AddSource(ctx context.Context, c SourceChange) error {
	err := tx.q.InsertSource(ctx, query.InsertSourceParams{BusinessID: tx.BusinessID, ID: c.ID, Name: c.Name, Kind: c.Kind, Config: object(c.Config),
		Schedule: optional(c.Schedule), IsActive: c.Active, NextDueAt: c.NextDueAt, At: c.At})
	if err != nil {
		return about("source", c.ID, Classify(err))
	}
	return tx.saveParts(ctx, c)
}

// ChangeSource replaces a source. It returns ErrNotFound, or ErrConflict as AddSource does.
func (tx *MemberTx) ChangeSource(ctx context.Context, c SourceChange) error {
	changed, err := tx.q.ChangeSource(ctx, query.ChangeSourceParams{BusinessID: tx.BusinessID, ID: c.ID, Name: c.Name, Config: object(c.Config),
		Schedule: optional(c.Schedule), IsActive: c.Active, NextDueAt: c.NextDueAt, At: c.At})
	if err == nil && changed == 0 {
		err = ErrNotFound
	}
	if err != nil {
		return about("source", c.ID, Classify(err))
	}
	ids := make([]uuid.UUID, len(c.KPIs))
	for i, k := range c.KPIs {
		ids[i] = k.ID
	}
	if _, err := tx.q.RetireKPIs(ctx, query.RetireKPIsParams{BusinessID: tx.BusinessID, SourceID: c.ID, Ids: ids}); err != nil {
		return about("source", c.ID, Classify(err))
	}
	if c.Keep != nil {
		if _, err := tx.q.KeepSecrets(ctx, query.KeepSecretsParams{BusinessID: tx.BusinessID, SourceID: c.ID, Names: c.Keep}); err != nil {
			return about("source", c.ID, Classify(err))
		}
	}
	return tx.saveParts(ctx, c)
}

func (tx *MemberTx) saveParts(ctx context.Context, c SourceChange) error {
	for _, k := range c.KPIs {
		err := tx.q.SaveKPI(ctx, query.SaveKPIParams{BusinessID: tx.BusinessID, ID: k.ID, SourceID: c.ID, Name: k.Name, Description: k.Description,
			Unit: k.Unit, Currency: k.Currency, Aggregation: k.Aggregation, Grain: k.Grain, NonNegative: k.NonNegative})
		if err != nil {
			return about("KPI", k.ID, Classify(err))
		}
	}
	for name, sealed := range c.Sealed {
		err := tx.q.SaveSecret(ctx, query.SaveSecretParams{BusinessID: tx.BusinessID, SourceID: c.ID, Name: name, Sealed: sealed, At: c.At})
		if err != nil {
			return fmt.Errorf("save secret of source %s: %w", c.ID, Classify(err))
		}
	}
	return nil
}

// sourceGone is told of uploads that cannot land any more.
const sourceGone = "its source was deleted before it landed: commit it again to add a new one"

// RemoveSource removes a source with its KPIs, and ends its uploads that have not landed. It returns ErrNotFound.
func (tx *MemberTx) RemoveSource(ctx context.Context, id uuid.UUID, at time.Time) error {
	uploads, err := tx.q.FailSourceUploads(ctx, query.FailSourceUploadsParams{BusinessID: tx.BusinessID, SourceID: &id, Problem: sourceGone, At: at})
	if err != nil {
		return about("source", id, Classify(err))
	}
	for _, upload := range uploads {
		if err := tx.Tell(ctx, progress(upload, UploadFailed, nil)); err != nil {
			return err
		}
	}
	removed, err := tx.q.RemoveSource(ctx, query.RemoveSourceParams{BusinessID: tx.BusinessID, ID: id})
	if err == nil && removed == 0 {
		err = ErrNotFound
	}
	return about("source", id, Classify(err))
}

// RequestRun notes that a source is to be read now. It returns ErrNotFound for one that is absent or switched off.
func (tx *MemberTx) RequestRun(ctx context.Context, id uuid.UUID, at time.Time) error {
	changed, err := tx.q.RequestSourceRun(ctx, query.RequestSourceRunParams{BusinessID: tx.BusinessID, ID: id, At: at})
	if err == nil && changed == 0 {
		err = ErrNotFound
	}
	return about("source", id, Classify(err))
}

// RotateKey sets the push key that is valid from now on and lets the others end at an instant; those that have ended by at go.
func (tx *MemberTx) RotateKey(ctx context.Context, id uuid.UUID, name, sealed string, at, until time.Time) error {
	_, err := tx.q.RemoveExpiredSecrets(ctx, query.RemoveExpiredSecretsParams{BusinessID: tx.BusinessID, SourceID: id, At: at})
	if err == nil {
		_, err = tx.q.ExpireSecrets(ctx, query.ExpireSecretsParams{BusinessID: tx.BusinessID, SourceID: id, At: until})
	}
	if err == nil {
		err = tx.q.SaveSecret(ctx, query.SaveSecretParams{BusinessID: tx.BusinessID, SourceID: id, Name: name, Sealed: sealed, At: at})
	}
	if err != nil {
		return fmt.Errorf("rotate key of source %s: %w", id, Classify(err))
	}
	return nil
}
