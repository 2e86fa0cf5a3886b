package store

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/signalcraft/signalcraft/api/store/internal/query"
)

// Business is a tenant.
type Business struct {
	ID       uuid.UUID
	Name     string
	Industry string
	// TimeZone is an IANA name, Currency ISO 4217, Country ISO 3166-1 alpha-2.
	TimeZone string
	Currency string
	Country  string
	// Place is the name of its place as its people wrote it; it may be empty. PlaceID (GeoNames), Latitude and
	// Longitude (degrees) are nil until the place was found.
	Place               string
	PlaceID             *int64
	Latitude, Longitude *float64
	// NewsQuery is what its news are searched by; empty means no news.
	NewsQuery string
	// ExpectedAlarms is how many anomalies of each KPI it wants to be told of in a month, LeastShare the share of the expected value below which a
	// deviation is none; nil for the defaults. They are only read.
	ExpectedAlarms, LeastShare *float64
}

// Source is where KPI values come from.
type Source struct {
	BusinessID, ID uuid.UUID
	Name           string
	// Kind is upload, file, http, database or push; Config is a JSON object whose content depends on it.
	Kind   string
	Config json.RawMessage
	// LastContent is the digest of what landed whole last; empty when nothing has. It is only read.
	LastContent string
}

// KPI is one named series of a business.
type KPI struct {
	BusinessID, ID, SourceID uuid.UUID
	Name, Description        string
	// Unit is what one unit of value is; Currency is ISO 4217 when the value is money, else nil.
	Unit     string
	Currency *string
	// Aggregation is sum, mean, last, min or max; Grain is day or hour.
	Aggregation, Grain string
	NonNegative        bool
	// Lowest and Highest bound its values, both ends included; nil where there is no end.
	Lowest, Highest *float64
	// Integer says that its values are whole numbers.
	Integer bool
	// PartOf is the KPI that is the total of this one and its siblings; nil when there is none.
	PartOf *uuid.UUID
	// LeastDeviation is the distance from what is expected, in its unit, below which nothing is an anomaly; nil means none.
	LeastDeviation *float64
}

// Status is how a run, or the reading of a source, ended.
type Status string

// The ways in which something ends. Partial means that some units failed and the others are done.
const (
	Running   Status = "running"
	Succeeded Status = "succeeded"
	Partial   Status = "partial"
	Failed    Status = "failed"
	Cancelled Status = "cancelled"
)

// Businesses returns every business, by id. For RoleBatch; RoleAPI sees none outside a transaction.
func (s *Store) Businesses(ctx context.Context) ([]Business, error) {
	rows, err := query.New(s.pool).Businesses(ctx)
	if err != nil {
		return nil, fmt.Errorf("list businesses: %w", Classify(err))
	}
	businesses := make([]Business, len(rows))
	for i, r := range rows {
		businesses[i] = Business{ID: r.ID, Name: r.Name, Industry: r.Industry, TimeZone: r.TimeZone, Currency: r.Currency, Country: r.Country, Place: r.Place,
			PlaceID: r.PlaceID, Latitude: r.Latitude, Longitude: r.Longitude, NewsQuery: r.NewsQuery, ExpectedAlarms: known(r.ExpectedAlarms), LeastShare: known(r.LeastShare)}
	}
	return businesses, nil
}

// known turns NaN into nil.
func known(v float64) *float64 {
	if math.IsNaN(v) {
		return nil
	}
	return &v
}

// KPIs returns the active KPIs of every business, by business and id. For RoleBatch.
func (s *Store) KPIs(ctx context.Context) ([]KPI, error) {
	rows, err := query.New(s.pool).KPIs(ctx)
	if err != nil {
		return nil, fmt.Errorf("list KPIs: %w", Classify(err))
	}
	kpis := make([]KPI, len(rows))
	for i, r := range rows {
		kpis[i] = KPI{BusinessID: r.BusinessID, ID: r.ID, SourceID: r.SourceID, Name: r.Name, Description: r.Description, Unit: r.Unit, Currency: r.Currency,
			Aggregation: r.Aggregation, Grain: r.Grain, NonNegative: r.NonNegative, Lowest: r.Lowest, Highest: r.Highest, Integer: r.IsInteger, PartOf: r.PartOf,
			LeastDeviation: r.LeastDeviation}
	}
	return kpis, nil
}

// Sources returns the active sources of every business, by business and id. For RoleBatch.
func (s *Store) Sources(ctx context.Context) ([]Source, error) {
	rows, err := query.New(s.pool).Sources(ctx)
	if err != nil {
		return nil, fmt.Errorf("list sources: %w", Classify(err))
	}
	sources := make([]Source, len(rows))
	for i, r := range rows {
		sources[i] = Source{BusinessID: r.BusinessID, ID: r.ID, Name: r.Name, Kind: r.Kind, Config: r.Config, LastContent: r.LastContent}
	}
	return sources, nil
}

// SetPlace notes the place, with its GeoNames id and degrees, that a business's place name stands
// for, and reports whether that changed anything: not so when it was known already, or when the
// business's place name is no longer name. For RoleBatch.
func (s *Store) SetPlace(ctx context.Context, business uuid.UUID, name string, placeID int64, latitude, longitude float64) (bool, error) {
	changed, err := query.New(s.pool).SetPlace(ctx, query.SetPlaceParams{
		ID: business, Place: name, PlaceID: &placeID, Latitude: &latitude, Longitude: &longitude})
	if err != nil {
		return false, fmt.Errorf("set place of business %s: %w", business, Classify(err))
	}
	return changed > 0, nil
}

// SourceRun is how one reading of a source ended.
type SourceRun struct {
	BusinessID, SourceID uuid.UUID
	At                   time.Time
	Status               Status
	// Problem is what went wrong; empty for nothing.
	Problem string
	// Content is the digest of what was read, when all of it landed and none was refused; else empty.
	Content string
}

// RecordSourceRun notes how the last reading of a source ended. For RoleBatch.
func (s *Store) RecordSourceRun(ctx context.Context, r SourceRun) error {
	changed, err := query.New(s.pool).RecordSourceRun(ctx, query.RecordSourceRunParams{
		BusinessID: r.BusinessID, ID: r.SourceID, At: r.At, Status: string(r.Status), Error: optional(r.Problem), Content: optional(r.Content)})
	if err == nil && changed == 0 {
		err = ErrNotFound
	}
	if err != nil {
		return fmt.Errorf("record run of source %s: %w", r.SourceID, Classify(err))
	}
	return nil
}

// Setup is a user with the businesses that they own, to be made at once.
type Setup struct {
	User         User
	PasswordHash string
	Businesses   []Business
	Sources      []Source
	KPIs         []KPI
}

// AddSetup adds what is missing of a setup and returns how many rows that were. What
// exists under the same id, e-mail address or name stays as it is. Places that were found are not
// part of it. For RoleBatch.
func (s *Store) AddSetup(ctx context.Context, setup Setup) (added int64, err error) {
	err = s.within(ctx, pgx.TxOptions{}, func(q *query.Queries, _ pgx.Tx) error {
		count := func(n int64, err error) error {
			added += n
			return err
		}
		if err := count(q.AddUser(ctx, query.AddUserParams{ID: setup.User.ID, Email: setup.User.Email, FullName: setup.User.Name, PasswordHash: setup.PasswordHash})); err != nil {
			return err
		}
		for _, b := range setup.Businesses {
			if err := count(q.AddBusiness(ctx, query.AddBusinessParams{ID: b.ID, Name: b.Name, Industry: b.Industry, TimeZone: b.TimeZone,
				Currency: b.Currency, Country: b.Country, Place: b.Place, NewsQuery: b.NewsQuery})); err != nil {
				return fmt.Errorf("business %s: %w", b.ID, err)
			}
			if err := count(q.AddMember(ctx, query.AddMemberParams{BusinessID: b.ID, UserID: setup.User.ID, Role: "owner"})); err != nil {
				return fmt.Errorf("member of business %s: %w", b.ID, err)
			}
		}
		for _, c := range setup.Sources {
			if err := count(q.AddSource(ctx, query.AddSourceParams{BusinessID: c.BusinessID, ID: c.ID, Name: c.Name, Kind: c.Kind, Config: object(c.Config)})); err != nil {
				return fmt.Errorf("source %s: %w", c.ID, err)
			}
		}
		for _, k := range setup.KPIs {
			if err := count(q.AddKPI(ctx, addKPI(k))); err != nil {
				return fmt.Errorf("KPI %s: %w", k.ID, err)
			}
		}
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("add setup: %w", err)
	}
	return added, nil
}

// optional turns the empty text into null.
func optional(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

// object turns no JSON into the empty object.
func object(text json.RawMessage) json.RawMessage {
	if len(text) == 0 {
		return json.RawMessage("{}")
	}
	return withoutNUL(text)
}

// withoutNUL writes U+2400, the sign for it, where an encoded text holds U+0000, which Postgres keeps in no form. Texts of other
// people's files may hold it.
func withoutNUL(text json.RawMessage) json.RawMessage {
	const escaped, sign = `\u0000`, `\u2400`
	if !bytes.Contains(text, []byte(escaped)) {
		return text
	}
	clean := bytes.Clone(text)
	for i := 0; i < len(clean); i++ {
		if clean[i] != '\\' {
			continue
		}
		if bytes.HasPrefix(clean[i:], []byte(escaped)) {
			copy(clean[i:], sign)
		}
		i++ // what is escaped begins no escape
	}
	return clean
}

func addKPI(k KPI) query.AddKPIParams {
	return query.AddKPIParams{BusinessID: k.BusinessID, ID: k.ID, SourceID: k.SourceID, Name: k.Name, Description: k.Description, Unit: k.Unit, Currency: k.Currency,
		Aggregation: k.Aggregation, Grain: k.Grain, NonNegative: k.NonNegative, Lowest: k.Lowest, Highest: k.Highest, IsInteger: k.Integer, PartOf: k.PartOf,
		LeastDeviation: k.LeastDeviation}
}
