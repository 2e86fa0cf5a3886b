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

// ErrChanged is returned when the row was changed since the version that the caller knows.
var ErrChanged = errors.New("changed meanwhile")

// BusinessDetail is a business as its members see it.
type BusinessDetail struct {
	Business
	// Role is what the transaction's user is there.
	Role string
	// Tier is free, pro or enterprise. Version grows with every change.
	Tier                 string
	Version              int64
	CreatedAt, UpdatedAt time.Time
}

// ListBusinesses returns up to most of the user's businesses by name and id, after the one of afterName and afterID.
func (tx *UserTx) ListBusinesses(ctx context.Context, afterName string, afterID uuid.UUID, most int) ([]BusinessDetail, error) {
	rows, err := tx.q.BusinessDetails(ctx, query.BusinessDetailsParams{AfterName: afterName, AfterID: afterID, Most: int32(most)})
	if err != nil {
		return nil, fmt.Errorf("list businesses: %w", Classify(err))
	}
	businesses := make([]BusinessDetail, len(rows))
	for i, r := range rows {
		businesses[i] = businessDetail(query.BusinessDetailRow(r))
	}
	return businesses, nil
}

// CountOwned returns how many businesses the user owns.
func (tx *UserTx) CountOwned(ctx context.Context) (int, error) {
	if err := tx.q.LockUser(ctx); err != nil {
		return 0, fmt.Errorf("lock user: %w", Classify(err))
	}
	n, err := tx.q.CountOwned(ctx)
	if err != nil {
		return 0, fmt.Errorf("count businesses: %w", Classify(err))
	}
	return int(n), nil
}

// FoundBusiness adds a business and makes the user its owner. It returns ErrInvalid when the server does not
// know the time zone.
func (tx *UserTx) FoundBusiness(ctx context.Context, b Business, at time.Time) error {
	err := tx.q.FoundBusiness(ctx, query.FoundBusinessParams{ID: b.ID, Name: b.Name, Industry: b.Industry, TimeZone: b.TimeZone, Currency: b.Currency,
		Country: b.Country, Place: b.Place, Latitude: b.Latitude, Longitude: b.Longitude, NewsQuery: b.NewsQuery, At: at})
	if err == nil {
		err = tx.q.OwnFoundedBusiness(ctx, query.OwnFoundedBusinessParams{BusinessID: b.ID, At: at})
	}
	if err != nil {
		return fmt.Errorf("found business %s: %w", b.ID, Classify(err))
	}
	return nil
}

// Detail returns the business.
func (tx *MemberTx) Detail(ctx context.Context) (BusinessDetail, error) {
	row, err := tx.q.BusinessDetail(ctx)
	if err != nil {
		return BusinessDetail{}, fmt.Errorf("read business: %w", Classify(err))
	}
	return businessDetail(row), nil
}

// BusinessOfUser returns a business that the user belongs to, or ErrNotFound. The transaction acts in it from then on.
func (tx *UserTx) BusinessOfUser(ctx context.Context, id uuid.UUID) (BusinessDetail, error) {
	if err := tx.q.Enter(ctx, query.EnterParams{Setting: "app.business_id", Value: id.String()}); err != nil {
		return BusinessDetail{}, fmt.Errorf("enter business %s: %w", id, Classify(err))
	}
	row, err := tx.q.BusinessDetail(ctx)
	if err != nil {
		return BusinessDetail{}, fmt.Errorf("read business %s: %w", id, Classify(err))
	}
	return businessDetail(row), nil
}

func businessDetail(r query.BusinessDetailRow) BusinessDetail {
	return BusinessDetail{Role: r.Role, Tier: r.SubscriptionTier, Version: r.Version, CreatedAt: r.CreatedAt, UpdatedAt: r.UpdatedAt, Business: Business{
		ID: r.ID, Name: r.Name, Industry: r.Industry, TimeZone: r.TimeZone, Currency: r.Currency, Country: r.Country,
		Place: r.Place, PlaceID: r.PlaceID, Latitude: r.Latitude, Longitude: r.Longitude, NewsQuery: r.NewsQuery}}
}

// ChangeBusiness changes the business to what b says, its id and place id aside. It returns ErrChanged unless the business
// has the version, and ErrInvalid when the server does not know the time zone.
func (tx *MemberTx) ChangeBusiness(ctx context.Context, b Business, version int64, at time.Time) error {
	changed, err := tx.q.ChangeBusiness(ctx, query.ChangeBusinessParams{Name: b.Name, Industry: b.Industry, TimeZone: b.TimeZone, Currency: b.Currency,
		Country: b.Country, Place: b.Place, Latitude: b.Latitude, Longitude: b.Longitude, NewsQuery: b.NewsQuery, At: at, Version: version})
	if err == nil && changed == 0 {
		err = ErrChanged
	}
	if err != nil {
		return fmt.Errorf("change business: %w", Classify(err))
	}
	return nil
}

// DeleteBusiness deletes the business, all rows that belong to it and what is published of it, tells the members' listeners
// that their membership ended, and notes the erasure, by which the batch cleans the lake.
func (tx *MemberTx) DeleteBusiness(ctx context.Context, at time.Time) error {
	if err := deleteBusiness(ctx, tx.q, at); err != nil {
		return fmt.Errorf("delete business %s: %w", tx.BusinessID, Classify(err))
	}
	return nil
}

// deleteBusiness deletes the business of the transaction's settings.
func deleteBusiness(ctx context.Context, q *query.Queries, at time.Time) error {
	if err := q.LockBusiness(ctx); err != nil {
		return err
	}
	if err := q.EraseBusiness(ctx, at); err != nil {
		return err
	}
	deleted, err := q.DeleteBusiness(ctx)
	if err == nil && deleted == 0 {
		err = ErrNotFound
	}
	return err
}

// Settings returns the business's settings, a JSON object, and their version.
func (tx *MemberTx) Settings(ctx context.Context) (json.RawMessage, int64, error) {
	row, err := tx.q.Settings(ctx)
	if err != nil {
		return nil, 0, fmt.Errorf("read settings: %w", Classify(err))
	}
	return row.Settings, row.SettingsVersion, nil
}

// ChangeSettings replaces the business's settings by a JSON object. It returns ErrChanged unless they have the version; nil
// stands for any.
func (tx *MemberTx) ChangeSettings(ctx context.Context, settings json.RawMessage, version *int64, at time.Time) error {
	changed, err := tx.q.ChangeSettings(ctx, query.ChangeSettingsParams{Settings: settings, Version: version, At: at})
	if err == nil && changed == 0 {
		err = ErrChanged
	}
	if err != nil {
		return fmt.Errorf("change settings: %w", Classify(err))
	}
	return nil
}

// Usage is how much a business has of what its subscription limits.
type Usage struct {
	// Tier is its subscription, TimeZone where its days are.
	Tier, TimeZone                      string
	Sources, KPIs, Members, Invitations int
}

// Usage counts what the business has: sources but the operator's files, active KPIs, members, and open invitations but one to
// newAddress. It first makes others that call it wait for the end of this transaction, so that what they count includes what this one
// adds; only admins see invitations.
func (tx *MemberTx) Usage(ctx context.Context, newAddress string, at time.Time) (Usage, error) {
	if err := tx.Lock(ctx); err != nil {
		return Usage{}, err
	}
	return tx.CountUsage(ctx, newAddress, at)
}

// Lock makes others that count what the business has wait until this transaction ends. It comes before any lock on a row, and may
// be called again.
func (tx *MemberTx) Lock(ctx context.Context) error {
	if err := tx.q.LockBusiness(ctx); err != nil {
		return fmt.Errorf("lock business: %w", Classify(err))
	}
	return nil
}

// CountUsage is Usage without waiting, for showing it.
func (tx *MemberTx) CountUsage(ctx context.Context, newAddress string, at time.Time) (Usage, error) {
	r, err := tx.q.Usage(ctx, query.UsageParams{NewAddress: newAddress, At: at})
	if err != nil {
		return Usage{}, fmt.Errorf("count usage: %w", Classify(err))
	}
	return Usage{Tier: r.Tier, TimeZone: r.TimeZone, Sources: int(r.Sources), KPIs: int(r.Kpis), Members: int(r.Members), Invitations: int(r.Invitations)}, nil
}
