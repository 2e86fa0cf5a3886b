package gdelt

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/signalcraft/signalcraft/lakehouse/dataset"
	"github.com/signalcraft/signalcraft/pipelines"
	"github.com/signalcraft/signalcraft/pipelines/fetch"
)

const (
	upstreamName = "gdelt"
	docPath      = "/api/v2/doc/doc"
	maxRecords   = 250              // the service's cap; an answer this long means "at least"
	step         = 15 * time.Minute // the service's batches, and its shortest window
	maxCuts      = 3                // how often the window of a truncated answer is halved
	requestStamp = "20060102150405"
)

// Upstream returns how the DOC API may be asked: one request at a time, at least 5.5
// seconds apart, answers kept for an hour. Callers may change any field but the name.
func Upstream() fetch.Upstream {
	return fetch.Upstream{
		Name: upstreamName, BaseURL: "https://api.gdeltproject.org",
		MinInterval: 5500 * time.Millisecond, MaxConcurrent: 1, Timeout: time.Minute, MaxBytes: 8 << 20,
		CacheFor: time.Hour, Backoff: 10 * time.Second, BreakFor: 10 * time.Minute,
	}
}

// Config is what New builds a Source from.
type Config struct {
	// Client asks the upstream "gdelt". Required.
	Client *fetch.Client
	// Reach is how far before the as-of instant articles are asked for. Zero means 90 days,
	// what the service searches without being told dates.
	Reach time.Duration
	// MaxRequests bounds the requests for one query, which a common word could drive into
	// the thousands. Zero means 64. A query that needs more fails, naming how far it got.
	MaxRequests int
	// LimitWait is how long to stay away after the service said that requests are too many. Zero means 10 minutes.
	LimitWait time.Duration
}

// Source reads the article lists of the businesses' news queries.
type Source struct{ config Config }

var _ pipelines.Source = (*Source)(nil)

// New returns a Source. It asks nothing yet.
func New(c Config) (*Source, error) {
	if c.Client == nil {
		return nil, errors.New("gdelt: Client is required")
	}
	if c.Reach < 0 || c.MaxRequests < 0 || c.LimitWait < 0 {
		return nil, errors.New("gdelt: Reach, MaxRequests and LimitWait must not be negative")
	}
	if c.Reach == 0 {
		c.Reach = 90 * 24 * time.Hour
	}
	if c.MaxRequests == 0 {
		c.MaxRequests = 64
	}
	if c.LimitWait == 0 {
		c.LimitWait = 10 * time.Minute
	}
	return &Source{c}, nil
}

// Name returns "gdelt".
func (s *Source) Name() string { return upstreamName }

// Read gives one unit for every week (from Monday, UTC) of every business with a news
// query: the articles seen in that week, each URL once, newest week first, and before them a
// unit with the refused items if there are any. Weeks are read whole as far as they are
// over, so that what a unit holds does not depend on where the window begins. A query fails
// as a whole. Businesses with the same query share its requests.
func (s *Source) Read(ctx context.Context, in pipelines.Input, out func(pipelines.Batch) error) error {
	window := s.window(in)
	if !window.Start.Before(window.End) {
		return nil
	}
	businesses := slices.Clone(in.Businesses)
	slices.SortFunc(businesses, func(a, b dataset.BusinessRow) int { return strings.Compare(a.BusinessID, b.BusinessID) })
	lists := map[string]*search{}
	var errs []error
	for _, b := range businesses {
		query := strings.TrimSpace(b.NewsQuery)
		if query == "" {
			continue
		}
		found, ok := lists[query]
		if !ok {
			found = &search{source: s, query: query, whole: window, urls: map[string]bool{}}
			found.err = found.read(ctx, window, 0)
			lists[query] = found
		}
		unit := "artlist/" + b.BusinessID
		if found.err != nil {
			errs = append(errs, fmt.Errorf("read units %s: %w", unit, found.err))
			if ctx.Err() != nil {
				break
			}
			continue
		}
		for _, batch := range found.batches(unit, b.BusinessID, in.AsOf) {
			if err := out(batch); err != nil {
				return errors.Join(append(errs, err)...)
			}
		}
	}
	return errors.Join(errs...)
}

// week is the Monday that at's week begins with: Truncate counts from the zero time,
// which is one.
func week(at time.Time) time.Time { return at.UTC().Truncate(7 * 24 * time.Hour) }

// window is what to ask for: the input's in whole weeks, within the reach and not past
// the as-of instant.
func (s *Source) window(in pipelines.Input) dataset.Window {
	w := in.Window
	if !w.IsZero() {
		w.End = week(w.End.Add(7*24*time.Hour - 1))
	}
	if w.IsZero() || w.End.After(in.AsOf) {
		w.End = in.AsOf
	}
	if earliest := in.AsOf.Add(-s.config.Reach); w.Start.Before(earliest) {
		w.Start = earliest
	}
	w.Start = week(w.Start)
	return w
}

// search collects what one query finds in a window.
type search struct {
	source   *Source
	query    string
	whole    dataset.Window
	requests int
	urls     map[string]bool // articles and rejects already seen
	articles []Article
	rejects  []Reject
	err      error
}

// read asks for window and halves it when the answer was full or cut off; cuts counts
// the halvings for the latter.
func (q *search) read(ctx context.Context, window dataset.Window, cuts int) error {
	if q.requests == q.source.config.MaxRequests {
		return fmt.Errorf("query %q: more than %d requests needed; narrow the query or the window", q.query, q.requests)
	}
	q.requests++
	list, err := q.source.ask(ctx, q.query, window)
	cut := errors.Is(err, errTruncated) && cuts < maxCuts
	if err != nil && !cut {
		return fmt.Errorf("query %q in %s: %w", q.query, window, err)
	}
	if half := window.End.Sub(window.Start) / 2; (cut || list.Items() >= maxRecords) && half >= step {
		if cut {
			cuts++
		}
		middle := window.Start.Add(half).Truncate(step)
		if err := q.read(ctx, dataset.Window{Start: middle, End: window.End}, cuts); err != nil {
			return err
		}
		return q.read(ctx, dataset.Window{Start: window.Start, End: middle}, cuts)
	}
	if err != nil {
		return fmt.Errorf("query %q in %s: %w", q.query, window, err)
	}
	q.add(list)
	return nil
}

func (q *search) add(list ArtList) {
	for _, a := range list.Articles {
		if q.whole.Contains(a.SeenAt) && !q.urls[a.URL] {
			q.urls[a.URL] = true
			q.articles = append(q.articles, a)
		}
	}
	for _, r := range list.Rejects {
		if !q.urls[r.Raw] {
			q.urls[r.Raw] = true
			q.rejects = append(q.rejects, r)
		}
	}
}

// batches returns what was found for one business, by week.
func (q *search) batches(unit, businessID string, asOf time.Time) []pipelines.Batch {
	var all []pipelines.Batch
	if len(q.rejects) > 0 {
		b := pipelines.Batch{Unit: unit + "/refused", RowsIn: len(q.rejects)}
		for _, r := range q.rejects {
			row := pipelines.Reject(dataset.Articles(), int64(r.Item), r.Reason, r.Raw)
			row.BusinessID = &businessID
			b.Rejects = append(b.Rejects, row)
		}
		all = append(all, b)
	}
	articles := slices.Clone(q.articles)
	slices.SortFunc(articles, func(a, b Article) int { return cmp.Or(b.SeenAt.Compare(a.SeenAt), strings.Compare(a.URL, b.URL)) })
	var monday time.Time
	for _, a := range articles {
		if week(a.SeenAt) != monday {
			monday = week(a.SeenAt)
			all = append(all, pipelines.Batch{Unit: unit + "/" + monday.Format(time.DateOnly)})
		}
		b := &all[len(all)-1]
		b.RowsIn++
		b.Articles = append(b.Articles, dataset.ArticleRow{
			BusinessID: businessID, URL: a.URL, Title: Title(a.Title), Domain: a.Domain, Language: Language(a.Language),
			SourceCountry: Country(a.SourceCountry), SeenAt: a.SeenAt, Query: q.query, LandedAt: asOf,
		})
	}
	return all
}

// ask sends one request. Both ends of the service's window are exclusive and its
// instants are whole seconds, so the start is asked one second earlier.
func (s *Source) ask(ctx context.Context, query string, window dataset.Window) (ArtList, error) {
	end := window.End.UTC().Truncate(step)
	if end.Before(window.End) {
		end = end.Add(step)
	}
	response, err := s.config.Client.Get(ctx, fetch.Request{
		Upstream: upstreamName, Path: docPath, Classify: s.classify,
		Query: url.Values{
			"query": {query}, "mode": {"ArtList"}, "format": {"json"}, "sort": {"DateDesc"}, "maxrecords": {fmt.Sprint(maxRecords)},
			"startdatetime": {window.Start.UTC().Add(-time.Second).Format(requestStamp)}, "enddatetime": {end.Format(requestStamp)},
		},
	})
	if err != nil {
		return ArtList{}, err
	}
	return ParseArtList(response.Body)
}

// errTruncated is the cause when a list still broke off at the last attempt. Long lists
// do: a shorter window may come whole.
var errTruncated = errors.New("the list of articles breaks off")

// classify decides by the body, because the service puts everything under status 200.
func (s *Source) classify(r fetch.Response) error {
	list, err := ParseArtList(r.Body)
	if list.Truncated && r.Status == http.StatusOK {
		return fetch.Transient(errTruncated, 0)
	}
	var answer *AnswerError
	if !errors.As(err, &answer) {
		return nil
	}
	switch {
	case answer.Kind == Limited:
		return fetch.Transient(err, s.config.LimitWait)
	case r.Status != http.StatusOK:
		return nil // a proxy's page: its status says whether to ask again
	case answer.Kind == Unavailable:
		return fetch.Transient(err, 0)
	}
	return err
}
