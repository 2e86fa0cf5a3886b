package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/signalcraft/signalcraft/api/store"
	"github.com/signalcraft/signalcraft/lakehouse"
	"github.com/signalcraft/signalcraft/lakehouse/dataset"
	"github.com/signalcraft/signalcraft/lakehouse/upkeep"
	"github.com/signalcraft/signalcraft/warehouse/run"
)

const (
	// settled is how long after its request an erasure may be called done: whatever was on its way then, a file being received
	// for instance, has come to its end and is old enough to be removed.
	settled = 2 * strayAge
	// orphanAge is how old files of the lake that belong to nobody, and temporary ones, are when they are removed: older than the
	// longest job.
	orphanAge = 24 * time.Hour
	// answersKept is how long answers of upstreams are kept that nobody asked for again.
	answersKept = 30 * 24 * time.Hour
)

// erase takes what belonged to deleted businesses, accounts and KPIs out of the lake, the published tables and the folders, and
// notes those that are done. What an interrupted or failed attempt left, the next takes.
func (b *batch) erase(ctx context.Context, e *execution) (done step, err error) {
	open, err := b.data.Erasures(ctx, false)
	if err != nil {
		return done, err
	}
	if len(open) == 0 {
		return step{Note: run.UpToDate}, nil
	}
	err = b.alone(ctx, lakeLock, func(ctx context.Context) error {
		done, err = b.eraseThese(ctx, e, open)
		return err
	})
	return done, err
}

// eraseThese does that while nobody reads the lake or lands in it.
func (b *batch) eraseThese(ctx context.Context, e *execution, open []store.Erasure) (step, error) {
	subjects, err := b.subjects(ctx, open)
	if err != nil {
		return step{}, err
	}
	erased, err := upkeep.Erase(ctx, b.lake, e.id.String(), subjects)
	done := step{RowsIn: erased.Rows, RowsOut: erased.Rows}
	if err != nil {
		return done, err
	}
	// Answers tell what was asked for a business, spilled rows and files that were sent hold its numbers.
	if _, err := b.dropUploads(ctx, e); err != nil {
		return done, err
	}
	if _, err := b.client.Forget(time.Time{}); err != nil {
		return done, err
	}
	if err := b.dropTemporary(time.Time{}); err != nil {
		return done, err
	}
	var failed []error
	for _, erasure := range open {
		if b.now().Sub(erasure.RequestedAt) < settled {
			continue // the next run looks once more, and calls it done
		}
		if err := b.data.FinishErasure(ctx, erasure, b.now()); err != nil {
			failed = append(failed, err)
			continue
		}
		b.logger.InfoContext(ctx, "erased", "kind", erasure.Kind, "subject", erasure.SubjectID.String(), "run", e.id.String())
	}
	return done, errors.Join(failed...)
}

// subjects returns whose rows go: those of the businesses and KPIs themselves, and what was only looked up because a business lay there.
func (b *batch) subjects(ctx context.Context, open []store.Erasure) ([]upkeep.Subject, error) {
	businesses, kpis := upkeep.Subject{Column: "business_id"}, upkeep.Subject{Column: "kpi_id"}
	for _, erasure := range open {
		switch erasure.Kind {
		case store.ErasedBusiness:
			businesses.Values = append(businesses.Values, erasure.SubjectID.String())
		case store.ErasedKPI:
			kpis.Values = append(kpis.Values, erasure.SubjectID.String())
		}
	}
	subjects := []upkeep.Subject{businesses, kpis}
	if len(businesses.Values) == 0 {
		return subjects, nil
	}
	now, err := readControl(ctx, b.data)
	if err != nil {
		return nil, err
	}
	places, locations := map[string]bool{}, map[string]bool{}
	for _, r := range now.businesses {
		places[strings.TrimSpace(r.Place)] = true
		if r.LocationID != nil {
			locations[*r.LocationID] = true
		}
	}
	queries, err := b.unused(ctx, dataset.Places().Name, "query", places)
	if err != nil {
		return nil, err
	}
	subjects = append(subjects, upkeep.Subject{Column: "query", Values: queries, Tables: []string{dataset.Places().Name}})
	for _, table := range []string{dataset.WeatherDays().Name, dataset.WeatherHours().Name, "marts.weather_daily"} {
		unused, err := b.unused(ctx, table, "location_id", locations)
		if err != nil {
			return nil, err
		}
		subjects = append(subjects, upkeep.Subject{Column: "location_id", Values: unused, Tables: []string{table}})
	}
	return subjects, nil
}

// unused returns the texts of a column that are not in use.
func (b *batch) unused(ctx context.Context, table, column string, used map[string]bool) ([]string, error) {
	batches, err := b.lake.Scan(ctx, table, []string{column}, lakehouse.ReadOptions{})
	if errors.Is(err, lakehouse.ErrNoTable) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	found := map[string]bool{}
	for batch, err := range batches {
		if err != nil {
			return nil, err
		}
		for i := range int(batch.NumRows()) {
			if text := batch.Column(0).ValueStr(i); !used[text] && !batch.Column(0).IsNull(i) {
				found[strings.Clone(text)] = true
			}
		}
		batch.Release()
	}
	unused := make([]string, 0, len(found))
	for text := range found {
		unused = append(unused, text)
	}
	slices.Sort(unused)
	return unused, nil
}

// dropTemporary removes spill files and others of interrupted work that were written before an instant, or all when that is zero.
func (b *batch) dropTemporary(before time.Time) error {
	dir, err := b.temp()
	if err != nil {
		return err
	}
	var failed []error
	err = filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return absent(err)
		}
		info, err := entry.Info()
		if err == nil && (before.IsZero() || info.ModTime().Before(before)) {
			failed = append(failed, absent(os.Remove(path)))
		}
		return absent(err)
	})
	if err := errors.Join(append(failed, err)...); err != nil {
		return fmt.Errorf("remove temporary files: %w", err)
	}
	return nil
}

// tidy expires old versions of the lake's tables and removes files that belong to nobody any more.
func (b *batch) tidy(ctx context.Context, _ *execution) (done step, err error) {
	now := b.now()
	old := upkeep.Age{Orphans: now.Add(-orphanAge)}
	if days := b.settings.SnapshotDays; days > 0 {
		old.Snapshots = now.AddDate(0, 0, -days)
	}
	err = b.alone(ctx, lakeLock, func(ctx context.Context) error {
		tidied, err := upkeep.Tidy(ctx, b.lake, old)
		answers, failed := b.client.Forget(now.Add(-answersKept))
		done.Note = run.UpToDate
		if tidied.Snapshots+tidied.Orphans+answers > 0 {
			done.Note = fmt.Sprintf("%d versions, %d files, %d answers removed", tidied.Snapshots, tidied.Orphans, answers)
		}
		return errors.Join(err, failed, b.dropTemporary(old.Orphans))
	})
	return done, err
}
