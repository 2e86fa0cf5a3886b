package kpi

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/signalcraft/signalcraft/lakehouse/dataset"
)

// Glance says what of a file to look at.
type Glance struct {
	// AsOf is the instant after which a value is refused. Zero means none.
	AsOf time.Time
	// Rows ends the reading after so many rows below the header. Zero means all.
	Rows int
	// Bytes bounds the unpacked text. Zero means 1 GiB.
	Bytes int64
	// Point is called with every good value in order. Nil means nobody looks.
	Point func(line int64, series Series, at time.Time, value float64)
	// Keys counts the rows of each key that the Spec does not name, up to MaxKeys of them. Nil means not.
	Keys map[string]int
	// MaxKeys bounds Keys. Zero means 10,000.
	MaxKeys int
	// Forget keeps no point and no refused row: those of a large file are many. Repeats are then not known as such.
	Forget bool
}

// errEnough ends a glance.
var errEnough = errors.New("enough rows were read")

// Peek reads as a Source does, without landing anything, and returns what it held so far and the first refused rows. r must be
// an Anywhere for workbooks and Parquet files.
func Peek(ctx context.Context, r io.Reader, spec Spec, g Glance) (Counts, []dataset.RejectRow, error) {
	if err := spec.Validate(); err != nil {
		return Counts{}, nil, err
	}
	if g.Bytes == 0 {
		g.Bytes = 1 << 30
	}
	if g.MaxKeys == 0 {
		g.MaxKeys = 10_000
	}
	if g.AsOf.IsZero() {
		g.AsOf = time.Date(lastYear+1, 1, 1, 0, 0, 0, 0, time.UTC)
	}
	const unbounded = 1 << 40
	f, err := read(ctx, r, spec, limits{bytes: g.Bytes, points: unbounded, rejects: unbounded, rejectBytes: unbounded, latest: g.AsOf, glance: &g})
	if err != nil && !errors.Is(err, errEnough) {
		return Counts{}, nil, err
	}
	return f.counts, f.rejects, nil
}

// keepRejects is how many refused rows a glance that forgets returns.
const keepRejects = 100

// glanced notes one row of a glance and returns errEnough after the last.
func (f *reading) glanced() error {
	g := f.limits.glance
	f.rows++
	if g.Forget && len(f.rejects) > keepRejects {
		f.rejects = f.rejects[:keepRejects]
	}
	if g.Rows > 0 && f.rows >= g.Rows {
		return errEnough
	}
	return nil
}

// unknown counts a key that the Spec does not name.
func (f *reading) unknown() {
	g := f.limits.glance
	if g == nil || g.Keys == nil {
		return
	}
	if _, known := g.Keys[string(f.keyText)]; known || len(g.Keys) < g.MaxKeys {
		g.Keys[string(f.keyText)]++
	}
}
