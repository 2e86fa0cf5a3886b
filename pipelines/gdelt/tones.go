package gdelt

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/signalcraft/signalcraft/lakehouse/dataset"
	"github.com/signalcraft/signalcraft/pipelines"
	"github.com/signalcraft/signalcraft/pipelines/fetch"
)

const (
	filesName = "gdelt-files"
	filesPath = "/gdeltv2/"
	// unpackedAtMost bounds a 15-minute file; real ones are below 60 MB.
	unpackedAtMost = 256 << 20
)

// FilesUpstream returns how GDELT's 15-minute files may be asked for: they are not
// throttled, and nothing is kept, because each is read once. Callers may change any field but the name.
func FilesUpstream() fetch.Upstream {
	return fetch.Upstream{
		Name: filesName, BaseURL: "http://data.gdeltproject.org", MaxConcurrent: 1, Timeout: 2 * time.Minute, MaxBytes: 64 << 20,
		Backoff: 2 * time.Second, BreakAfter: 4, BreakFor: 10 * time.Minute,
	}
}

// TonesConfig is what NewTones builds a Tones from.
type TonesConfig struct {
	// Client asks the upstream "gdelt-files". Required.
	Client *fetch.Client
	// Missing returns the articles of the businesses, seen within the window, that a tone is
	// wanted for. Required; MissingIn asks the lake.
	Missing func(ctx context.Context, businesses []dataset.BusinessRow, window dataset.Window) ([]Toneless, error)
	// Reach is how long after an article was seen its tone is looked for. Zero means 7 days.
	Reach time.Duration
	// MaxFiles bounds the files read in one run, the newest first: each has some megabytes. Zero means 48.
	MaxFiles int
}

// Toneless is an article that has no tone yet.
type Toneless struct {
	BusinessID, URL string
	SeenAt          time.Time
}

// Tones reads the tone of articles from GDELT's own files: that of the quarter of an hour in
// which an article was seen, among the machine-translated ones. It is told what is missing,
// so an article costs one file once.
type Tones struct{ config TonesConfig }

var _ pipelines.Source = (*Tones)(nil)

// NewTones returns a Tones. It asks nothing yet.
func NewTones(c TonesConfig) (*Tones, error) {
	if c.Client == nil || c.Missing == nil {
		return nil, errors.New("gdelt: Client and Missing are required")
	}
	if c.Reach < 0 || c.MaxFiles < 0 {
		return nil, errors.New("gdelt: Reach and MaxFiles must not be negative")
	}
	if c.Reach == 0 {
		c.Reach = 7 * 24 * time.Hour
	}
	if c.MaxFiles == 0 {
		c.MaxFiles = 48
	}
	return &Tones{c}, nil
}

// Name returns "gdelt_tones".
func (s *Tones) Name() string { return "gdelt_tones" }

// Read gives one unit for every file, newest first, with the tones of the businesses'
// articles in it; an article that the file does not hold has a row without a tone. A file
// that does not exist (yet) gives no unit and is asked for again in the next run, as long as
// the reach goes. The window does not matter: what is missing is read.
func (s *Tones) Read(ctx context.Context, in pipelines.Input, out func(pipelines.Batch) error) error {
	missing, err := s.config.Missing(ctx, in.Businesses, dataset.Window{Start: in.AsOf.Add(-s.config.Reach), End: in.AsOf})
	if err != nil {
		return fmt.Errorf("find articles without a tone: %w", err)
	}
	var errs []error
	read := 0
	for _, batch := range batchesOf(missing) {
		if read == s.config.MaxFiles {
			break
		}
		b, err := s.file(ctx, batch, in.AsOf)
		switch {
		case errors.Is(err, errNoFile):
			continue
		case err != nil:
			errs = append(errs, fmt.Errorf("read unit %s: %w", b.Unit, err))
			if ctx.Err() != nil || errors.Is(err, fetch.ErrUnavailable) {
				return errors.Join(errs...)
			}
			continue
		}
		read++
		if err := out(b); err != nil {
			return errors.Join(append(errs, err)...)
		}
	}
	return errors.Join(errs...)
}

// toneBatch is the articles seen in one quarter of an hour.
type toneBatch struct {
	at       time.Time
	articles []Toneless
}

// batchesOf groups articles by when they were seen, newest first, in a fixed order.
func batchesOf(missing []Toneless) []toneBatch {
	groups := map[time.Time][]Toneless{}
	for _, a := range missing {
		at := a.SeenAt.UTC().Truncate(step)
		groups[at] = append(groups[at], a)
	}
	batches := make([]toneBatch, 0, len(groups))
	for at, articles := range groups {
		slices.SortFunc(articles, func(a, b Toneless) int {
			return cmp.Or(strings.Compare(a.BusinessID, b.BusinessID), strings.Compare(a.URL, b.URL))
		})
		batches = append(batches, toneBatch{at, articles})
	}
	slices.SortFunc(batches, func(a, b toneBatch) int { return b.at.Compare(a.at) })
	return batches
}

// errNoFile is the cause when a quarter of an hour has no file.
var errNoFile = errors.New("there is no such file")

// file reads the file of one quarter of an hour.
func (s *Tones) file(ctx context.Context, batch toneBatch, asOf time.Time) (pipelines.Batch, error) {
	name := batch.at.Format(batchLayout) + ".translation.gkg.csv"
	b := pipelines.Batch{Unit: name}
	var data []byte
	unzip := func(r fetch.Response) (err error) {
		if r.Status != http.StatusOK {
			return nil // its status says whether to ask again
		}
		if data, err = Unzip(r.Body, "", unpackedAtMost); err != nil {
			return fetch.Transient(err, 0) // cut off, or a page under 200
		}
		return nil
	}
	_, err := s.config.Client.Get(ctx, fetch.Request{Upstream: filesName, Path: filesPath + name + ".zip", CacheFor: fetch.NoCache, Classify: unzip})
	var failed *fetch.Error
	if errors.As(err, &failed) && failed.Status == http.StatusNotFound {
		return b, errNoFile
	}
	if err != nil {
		return b, err
	}
	// Lines that do not read are not ours to keep: the file is the whole world's, and an
	// article whose line is broken has no tone.
	records, _ := ParseGKG(data)
	found := make(map[string]*GKGRecord, len(records))
	for i := range records {
		found[addressKey(records[i].URL)] = &records[i]
	}
	for _, article := range batch.articles {
		row := dataset.ToneRow{BusinessID: article.BusinessID, URL: article.URL, SeenAt: article.SeenAt, LandedAt: asOf}
		if r := found[addressKey(article.URL)]; r != nil {
			row.Tone, row.Positive, row.Negative, row.Words = &r.Tone.Average, &r.Tone.Positive, &r.Tone.Negative, &r.Tone.Words
			if r.SourceLanguage != "" {
				row.Language = &r.SourceLanguage
			}
		}
		b.Tones = append(b.Tones, row)
	}
	b.RowsIn = len(b.Tones)
	return b, nil
}

// addressKey is an address without what differs between two of one page: the scheme, "www."
// and a slash at the end.
func addressKey(address string) string {
	_, rest, ok := strings.Cut(address, "://")
	if !ok {
		rest = address
	}
	return strings.TrimSuffix(strings.TrimPrefix(rest, "www."), "/")
}
