package openmeteo

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/signalcraft/signalcraft/lakehouse/dataset"
	"github.com/signalcraft/signalcraft/pipelines"
	"github.com/signalcraft/signalcraft/pipelines/fetch"
)

// The kinds of rows in the lake.
const (
	kindArchive  = "archive"
	kindForecast = "forecast"
)

const (
	sourceName       = "openmeteo"
	forecastUpstream = "openmeteo-forecast"
	archiveUpstream  = "openmeteo-archive"
)

// Forecast returns how the forecast service may be asked: the free plan's quota by
// weight, one request at a time, answers kept for six hours. Callers may change any field
// but the name.
func Forecast() fetch.Upstream { return upstream(forecastUpstream, "https://api.open-meteo.com") }

// Archive returns how the archive may be asked, as Forecast does.
func Archive() fetch.Upstream { return upstream(archiveUpstream, "https://archive-api.open-meteo.com") }

func upstream(name, base string) fetch.Upstream {
	return fetch.Upstream{
		Name: name, BaseURL: base, PerMinute: 600, PerHour: 5000, PerDay: 10000, MaxConcurrent: 1,
		Timeout: time.Minute, MaxBytes: 32 << 20, CacheFor: 6 * time.Hour, Backoff: 2 * time.Second,
		// A used-up minute and the jitter after it are worth waiting for, an hour is not.
		MaxWait: 90 * time.Second,
	}
}

// Config is what New builds a Source from. Zero fields take the stated default.
type Config struct {
	// Client asks the upstreams "openmeteo-forecast" and "openmeteo-archive". Required.
	Client *fetch.Client
	// LagDays is how many days before the as-of instant the archive ends. Zero means 5.
	LagDays int
	// RereadDays is how many of the archive's last days every run reads again, because
	// they are still corrected. Zero means 10.
	RereadDays int
	// HistoryDays is how far back the zero window reaches. Zero means 1096, three years.
	HistoryDays int
	// PastDays is how many days before today the forecast service is asked for; they fill the archive's lag. Zero means 7.
	PastDays int
	// ForecastDays is how many days from today on are asked for, at most 16. Zero means 14.
	ForecastDays int
	// LocationsPerRequest bounds one request. Zero means 50, which keeps addresses under 3,000 characters.
	LocationsPerRequest int
}

// Source reads measured and forecast weather of the businesses' locations.
type Source struct{ config Config }

var _ pipelines.Source = (*Source)(nil)

// New returns a Source. It asks nothing yet.
func New(c Config) (*Source, error) {
	if c.Client == nil {
		return nil, errors.New("openmeteo: Client is required")
	}
	for _, f := range []struct {
		name     string
		value    *int
		standard int
		most     int
	}{
		{"LagDays", &c.LagDays, 5, 30}, {"RereadDays", &c.RereadDays, 10, 366}, {"HistoryDays", &c.HistoryDays, 1096, 40000},
		{"PastDays", &c.PastDays, 7, 92}, {"ForecastDays", &c.ForecastDays, 14, 16}, {"LocationsPerRequest", &c.LocationsPerRequest, 50, 100},
	} {
		if *f.value == 0 {
			*f.value = f.standard
		}
		if *f.value < 0 || *f.value > f.most {
			return nil, fmt.Errorf("openmeteo: %s is %d, want 1 to %d", f.name, *f.value, f.most)
		}
	}
	return &Source{c}, nil
}

// Name returns "openmeteo".
func (s *Source) Name() string { return sourceName }

// Read gives one unit for every group of locations of the forecast ("forecast/1"), which
// is read when the window reaches the day of the as-of instant, and of every piece of the
// archive, newest first: months ("archive/2026-10/1"), and years where all is settled
// ("archive/2024/1"). Businesses without usable coordinates, and locations that the
// service refuses, are rejects.
func (s *Source) Read(ctx context.Context, in pipelines.Input, out func(pipelines.Batch) error) error {
	points, rejects := places(in.Businesses)
	if len(rejects) > 0 {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := out(pipelines.Batch{Unit: "locations", RowsIn: len(rejects), Rejects: rejects}); err != nil {
			return err
		}
	}
	var errs []error
	for _, r := range s.requests(in, points) {
		batch, err := s.read(ctx, r, in.AsOf)
		if err != nil {
			errs = append(errs, fmt.Errorf("read unit %s: %w", r.unit, err))
			if ctx.Err() != nil {
				break
			}
			continue
		}
		if err := out(batch); err != nil {
			return errors.Join(append(errs, err)...)
		}
	}
	return errors.Join(errs...)
}

// point is one location to ask for.
type point struct {
	id                  string
	latitude, longitude float64
	zone                string
}

// places returns the businesses' locations, each once in order of id, with the zone of
// the first business there.
func places(businesses []dataset.BusinessRow) ([]point, []dataset.RejectRow) {
	sorted := slices.Clone(businesses)
	slices.SortFunc(sorted, func(a, b dataset.BusinessRow) int { return strings.Compare(a.BusinessID, b.BusinessID) })
	var points []point
	var rejects []dataset.RejectRow
	seen := map[string]bool{}
	for _, b := range sorted {
		if reason := unusable(b); reason != "" {
			row := pipelines.Reject(dataset.WeatherDays(), 0, reason, b.Place+", "+b.Country)
			row.BusinessID = &b.BusinessID
			rejects = append(rejects, row)
			continue
		}
		id := dataset.LocationID(*b.Latitude, *b.Longitude)
		if !seen[id] {
			seen[id] = true
			points = append(points, point{id, *b.Latitude, *b.Longitude, b.TimeZone})
		}
	}
	slices.SortFunc(points, func(a, b point) int { return strings.Compare(a.id, b.id) })
	return points, rejects
}

// unusable returns why a business has no weather, empty when it has.
func unusable(b dataset.BusinessRow) string {
	switch {
	case b.Latitude == nil || b.Longitude == nil:
		return "the business has no coordinates: its place was not found yet"
	case !(math.Abs(*b.Latitude) <= 90) || !(math.Abs(*b.Longitude) <= 180):
		return fmt.Sprintf("the business's coordinates %v, %v are out of range", *b.Latitude, *b.Longitude)
	case b.TimeZone == "" || strings.ContainsAny(b.TimeZone, ",&"):
		return fmt.Sprintf("the business's time zone %q is no zone", b.TimeZone)
	}
	return ""
}
