package geonames

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/signalcraft/signalcraft/lakehouse/dataset"
	"github.com/signalcraft/signalcraft/pipelines"
	"github.com/signalcraft/signalcraft/pipelines/fetch"
)

const upstreamName = "geonames"

// Upstream returns how GeoNames may be asked by the account username: the free plan's
// credits, answers kept for ever, the name blanked in errors. Callers may change any
// field but the name.
func Upstream(username string) fetch.Upstream {
	return fetch.Upstream{
		Name: upstreamName, BaseURL: "https://secure.geonames.org", PerHour: 1000, PerDay: 10000, MinInterval: 100 * time.Millisecond, MaxConcurrent: 1,
		MaxBytes: 4 << 20, CacheFor: fetch.Forever, Backoff: 2 * time.Second, Secrets: []string{username},
	}
}

// Config is what New builds a Source from.
type Config struct {
	// Client asks the upstream "geonames". Required.
	Client *fetch.Client
	// Username is the account that credits are taken from. Required.
	Username string
}

// Source resolves the businesses' place names.
type Source struct{ config Config }

var _ pipelines.Source = (*Source)(nil)

// New returns a Source. It asks nothing yet.
func New(c Config) (*Source, error) {
	if c.Client == nil {
		return nil, errors.New("geonames: Client is required")
	}
	if c.Username == "" {
		return nil, errors.New("geonames: Username is required: accounts are free at https://www.geonames.org/login")
	}
	return &Source{c}, nil
}

// Name returns "geonames".
func (s *Source) Name() string { return upstreamName }

// lookup is one place name in one country, and a business that wrote it.
type lookup struct{ place, country, business string }

// Read gives one unit for every different place and country of the businesses
// ("search/FR/Lyon"): the best match, or a reject when nothing matches. The window does
// not matter. A refused account ends the reading.
func (s *Source) Read(ctx context.Context, in pipelines.Input, out func(pipelines.Batch) error) error {
	var errs []error
	for _, l := range lookups(in.Businesses) {
		unit := "search/" + l.country + "/" + l.place
		batch, err := s.resolve(ctx, l, in.AsOf)
		if err != nil {
			errs = append(errs, fmt.Errorf("read unit %s: %w", unit, err))
			var status *StatusError
			if ctx.Err() != nil || errors.As(err, &status) && status.Code == CodeAuthorisation {
				break
			}
			continue
		}
		batch.Unit = unit
		if err := out(batch); err != nil {
			return errors.Join(append(errs, err)...)
		}
	}
	return errors.Join(errs...)
}

// lookups returns what to ask for, each once, in order of country and place.
func lookups(businesses []dataset.BusinessRow) []lookup {
	var all []lookup
	for _, b := range businesses {
		if place := strings.TrimSpace(b.Place); place != "" {
			all = append(all, lookup{place, strings.ToUpper(strings.TrimSpace(b.Country)), b.BusinessID})
		}
	}
	slices.SortFunc(all, func(a, b lookup) int {
		return cmp.Or(strings.Compare(a.country, b.country), strings.Compare(a.place, b.place), strings.Compare(a.business, b.business))
	})
	return slices.CompactFunc(all, func(a, b lookup) bool { return a.country == b.country && a.place == b.place })
}

func (s *Source) resolve(ctx context.Context, l lookup, asOf time.Time) (pipelines.Batch, error) {
	query := url.Values{
		"q": {l.place}, "featureClass": {"P"}, "isNameRequired": {"true"}, "style": {"FULL"}, "maxRows": {"10"}, "username": {s.config.Username},
	}
	if l.country != "" {
		query.Set("country", l.country)
	}
	response, err := s.config.Client.Get(ctx, fetch.Request{Upstream: upstreamName, Path: "/searchJSON", Query: query, Classify: classify})
	if err != nil {
		return pipelines.Batch{}, err
	}
	found, err := DecodeToponyms(response.Body)
	var status *StatusError
	if errors.As(err, &status) && status.Empty() {
		err = nil
	}
	if err != nil {
		return pipelines.Batch{}, err
	}
	best, ok := l.best(found.Toponyms)
	if !ok {
		reason := fmt.Sprintf("no place called %q in country %q; correct the business's place or country", l.place, l.country)
		reject := pipelines.Reject(dataset.Places(), 0, reason, l.place+", "+l.country)
		reject.BusinessID = &l.business
		return pipelines.Batch{RowsIn: 1, Rejects: []dataset.RejectRow{reject}}, nil
	}
	return pipelines.Batch{RowsIn: 1, Places: []dataset.PlaceRow{{
		Query: l.place, PlaceID: best.ID, Name: best.Name, Country: best.CountryCode, Admin1: text(best.Admin1Name), Latitude: best.Latitude, Longitude: best.Longitude,
		TimeZone: text(best.TimeZone), FeatureCode: text(best.FeatureCode), Population: best.Population, LandedAt: asOf,
	}}}, nil
}

// best returns the toponym that is meant: one of the asked name before others, then the
// most populous, then the service's order. Entries of other countries do not count: the
// service widens the search when it ignores a parameter.
func (l lookup) best(found []Toponym) (Toponym, bool) {
	var best Toponym
	rank := [2]int64{-1, -1}
	for _, t := range found {
		if t.CountryCode == "" || t.Name == "" || l.country != "" && t.CountryCode != l.country {
			continue
		}
		r := [2]int64{0, 0}
		if strings.EqualFold(t.Name, l.place) || strings.EqualFold(t.ASCIIName, l.place) {
			r[0] = 1
		}
		if t.Population != nil {
			r[1] = *t.Population
		}
		if r[0] > rank[0] || r[0] == rank[0] && r[1] > rank[1] {
			best, rank = t, r
		}
	}
	return best, rank[0] >= 0
}

func text(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
