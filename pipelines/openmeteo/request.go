package openmeteo

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/signalcraft/signalcraft/lakehouse/dataset"
	"github.com/signalcraft/signalcraft/pipelines"
	"github.com/signalcraft/signalcraft/pipelines/fetch"
)

// maxWeight bounds one request's weight, so that it fits into the free plan's minute.
const maxWeight = 500

// request is one unit: a group of locations in one piece of the archive, or in the forecast.
type request struct {
	unit     string
	upstream string
	path     string
	kind     string
	points   []point
	days     dataset.Window // archive only: the local days wanted, as midnights UTC
	query    url.Values     // all but the locations
	weight   float64        // of one location
}

// requests lists what to ask for in, in a fixed order: the newest first, so that a
// location's oldest days are there only when all of its days are.
func (s *Source) requests(in pipelines.Input, points []point) []request {
	var all []request
	if in.Window.IsZero() || !in.Window.End.Before(dataset.Day.Truncate(in.AsOf)) {
		// Unix times leave no doubt about hours around a clock change.
		r := request{
			unit: "forecast", upstream: forecastUpstream, path: "/v1/forecast", kind: kindForecast,
			weight: weight(len(dailyNames)+len(hourlyNames), s.config.PastDays+s.config.ForecastDays),
			query: url.Values{
				"daily": {strings.Join(dailyNames, ",")}, "hourly": {strings.Join(hourlyNames, ",")}, "timeformat": {"unixtime"},
				"past_days": {strconv.Itoa(s.config.PastDays)}, "forecast_days": {strconv.Itoa(s.config.ForecastDays)},
			},
		}
		all = append(all, s.groups(r, points)...)
	}
	for _, p := range s.pieces(in) {
		r := request{
			unit: "archive/" + p.name, upstream: archiveUpstream, path: "/v1/archive", kind: kindArchive, days: p.days,
			weight: weight(len(dailyNames), int(p.days.End.Sub(p.days.Start)/(24*time.Hour))),
			query: url.Values{
				"daily": {strings.Join(dailyNames, ",")}, "start_date": {p.days.Start.Format(time.DateOnly)},
				"end_date": {p.days.End.AddDate(0, 0, -1).Format(time.DateOnly)},
			},
		}
		all = append(all, s.groups(r, points)...)
	}
	return all
}

// piece is a calendar year or month of the archive.
type piece struct {
	name string // "2024" or "2024-05"
	days dataset.Window
}

// pieces cuts the archive's part of the window, newest first. The last days are read
// again in every run; windows that end before them are not widened to them. A piece holds
// whole months, as far as they are over, so that what a unit holds does not depend on where
// the window begins and reading it again changes nothing. Years that are read again by no
// run are one piece each.
func (s *Source) pieces(in pipelines.Input) []piece {
	end := dataset.Day.Truncate(in.AsOf).AddDate(0, 0, -s.config.LagDays+1)
	again := end.AddDate(0, 0, -s.config.RereadDays)
	w := in.Window
	if w.IsZero() {
		w = dataset.Window{Start: end.AddDate(0, 0, -s.config.HistoryDays), End: end}
	}
	if !w.End.Before(end) && w.Start.After(again) {
		w.Start = again
	}
	w = w.Align(dataset.Month)
	if w.End.After(end) {
		w.End = end
	}
	var all []piece
	settled := dataset.Year.Truncate(again)
	for to := w.End; w.Start.Before(to); {
		unit, layout := dataset.Month, "2006-01"
		if !to.After(settled) {
			unit, layout = dataset.Year, "2006"
		}
		from := unit.Truncate(to.AddDate(0, 0, -1))
		if from.Before(w.Start) {
			from = w.Start
		}
		all = append(all, piece{from.Format(layout), dataset.Window{Start: from, End: to}})
		to = from
	}
	return all
}

// groups cuts points into requests that are neither too long nor too heavy.
func (s *Source) groups(r request, points []point) []request {
	size := max(1, min(s.config.LocationsPerRequest, int(maxWeight/r.weight)))
	var all []request
	for i := 0; i < len(points); i += size {
		group := r
		group.unit = fmt.Sprintf("%s/%d", r.unit, i/size+1)
		group.points = points[i:min(i+size, len(points))]
		all = append(all, group)
	}
	return all
}

// weight is how much of the service's quota one location uses: max(1, v/10, v/10 *
// days/14) for v variables.
func weight(variables, days int) float64 {
	share := float64(variables) / 10
	return max(1, share, share*float64(days)/14)
}

// read asks for r and makes its rows. When the service blames one location of several,
// the halves are asked for themselves, until the refused one stands alone and is a reject.
func (s *Source) read(ctx context.Context, r request, asOf time.Time) (pipelines.Batch, error) {
	locations, err := s.ask(ctx, r)
	if apiErr, ok := refusedLocation(err); ok {
		if len(r.points) == 1 {
			reject := pipelines.Reject(dataset.WeatherDays(), 0, apiErr.Error(), r.points[0].id+" "+r.points[0].zone)
			return pipelines.Batch{Unit: r.unit, RowsIn: 1, Rejects: []dataset.RejectRow{reject}}, nil
		}
		return s.readHalves(ctx, r, asOf)
	}
	if err != nil {
		return pipelines.Batch{}, err
	}
	batch := pipelines.Batch{Unit: r.unit}
	for i, location := range locations {
		if err := r.add(&batch, r.points[i], location, asOf); err != nil {
			raw := location.Raw
			if raw == "" {
				raw = r.points[i].id + " " + r.points[i].zone
			}
			batch.Rejects = append(batch.Rejects, pipelines.Reject(dataset.WeatherDays(), int64(i+1), err.Error(), raw))
		}
	}
	batch.RowsIn = batch.Rows() + len(batch.Rejects)
	return batch, nil
}

func (s *Source) readHalves(ctx context.Context, r request, asOf time.Time) (pipelines.Batch, error) {
	half := len(r.points) / 2
	whole := pipelines.Batch{Unit: r.unit}
	for _, points := range [][]point{r.points[:half], r.points[half:]} {
		part := r
		part.points = points
		b, err := s.read(ctx, part, asOf)
		if err != nil {
			return pipelines.Batch{}, err
		}
		whole.RowsIn += b.RowsIn
		whole.WeatherDays = append(whole.WeatherDays, b.WeatherDays...)
		whole.WeatherHours = append(whole.WeatherHours, b.WeatherHours...)
		whole.Rejects = append(whole.Rejects, b.Rejects...)
	}
	return whole, nil
}

// ask sends r and returns as many locations as it asked for.
func (s *Source) ask(ctx context.Context, r request) ([]Location, error) {
	var latitudes, longitudes, zones []string
	for _, p := range r.points {
		latitudes = append(latitudes, strconv.FormatFloat(p.latitude, 'f', 4, 64))
		longitudes = append(longitudes, strconv.FormatFloat(p.longitude, 'f', 4, 64))
		zones = append(zones, p.zone)
	}
	query := url.Values{"latitude": {strings.Join(latitudes, ",")}, "longitude": {strings.Join(longitudes, ",")}, "timezone": {strings.Join(zones, ",")}}
	for name, values := range r.query {
		query[name] = values
	}
	response, err := s.config.Client.Get(ctx, fetch.Request{
		Upstream: r.upstream, Path: r.path, Query: query, Classify: classify,
		Cost: int(math.Ceil(r.weight * float64(len(r.points)))),
	})
	if err != nil {
		return nil, err
	}
	locations, err := Decode(response.Body)
	if err != nil {
		return nil, err
	}
	if len(locations) != len(r.points) {
		// Positions are all that ties an answer to a request, so none of them can be trusted.
		return nil, errCount(len(locations), len(r.points))
	}
	return locations, nil
}

// add puts a location's rows into batch, all of them or none.
func (r request) add(batch *pipelines.Batch, p point, l Location, asOf time.Time) error {
	if l.Err != nil {
		return l.Err
	}
	if len(l.Daily.Times) == 0 {
		return errors.New("read daily: the answer has no days")
	}
	days, err := l.Days(p.id, r.kind, asOf)
	if err != nil {
		return err
	}
	hours, err := l.Hours(p.id, r.kind, asOf)
	if err != nil {
		return err
	}
	for _, day := range days {
		if r.days.Contains(dataset.FromDays(day.Day)) {
			batch.WeatherDays = append(batch.WeatherDays, day)
		}
	}
	batch.WeatherHours = append(batch.WeatherHours, hours...)
	return nil
}
