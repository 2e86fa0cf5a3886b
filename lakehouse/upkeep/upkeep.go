// Package upkeep keeps a lake small and keeps promises about what it no longer holds: how do rows of somebody who
// left disappear, and what becomes of old versions and of files that belong to nobody?
//
//	erased, err := upkeep.Erase(ctx, lake, runID, []upkeep.Subject{{Column: "business_id", Values: gone}})
//	tidied, err := upkeep.Tidy(ctx, lake, upkeep.Age{Snapshots: now.AddDate(0, 0, -7), Orphans: now.AddDate(0, 0, -1)})
//
// Vocabulary: a subject is whose rows go, found by the texts of one column; an orphan is a file that no
// snapshot names. Erasing is copy-on-write like every change of the lake, and then takes from the disk what the
// older versions still held, so it must run while nobody reads the lake's files or writes new ones.
package upkeep

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/signalcraft/signalcraft/lakehouse"
	"github.com/signalcraft/signalcraft/lakehouse/dataset"
)

// unit is how commits of this package are named in the tables' histories.
const unit = "erase"

// Subject is whose rows are erased.
type Subject struct {
	// Column names the text column by which rows are found; tables without it hold nothing of the subject.
	Column string
	// Values are what it holds in those rows. Without any, nothing is erased.
	Values []string
	// Tables restricts the erasure to tables of these names; none means every table with the column.
	Tables []string
}

// of reports whether the subject's rows may lie in d.
func (s Subject) of(d dataset.Dataset) bool {
	c, ok := d.Column(s.Column)
	if !ok || c.Type != dataset.String || len(s.Values) == 0 {
		return false
	}
	for _, name := range s.Tables {
		if name == d.Name {
			return true
		}
	}
	return len(s.Tables) == 0
}

// Erased is what Erase did.
type Erased struct {
	// Rows counts the rows taken out of current versions, Files the data files written anew or dropped for that.
	Rows  int64
	Files int
	// Snapshots counts the versions that were expired because they held such rows, Orphans the files removed from the disk.
	Snapshots int
	Orphans   int
}

// Erase takes every row of the subjects out of the lake: from the current version of each table, by expiring the older
// versions that hold some, and by removing the files that then belong to nobody. When it returns without an error, no file
// below the lake holds such a row or its bounds. A table that fails stops no other; the error joins all. It may be interrupted
// anywhere and called again, and then goes on; called again when all is gone it changes nothing.
//
// Nobody may write to the lake or read its files meanwhile: it removes files of any age.
func Erase(ctx context.Context, lake *lakehouse.Lake, runID string, subjects []Subject) (Erased, error) {
	tables, err := lake.Tables(ctx)
	if err != nil {
		return Erased{}, fmt.Errorf("erase: %w", err)
	}
	var total Erased
	var failed []error
	for _, d := range tables {
		if ctx.Err() != nil {
			return total, errors.Join(append(failed, ctx.Err())...)
		}
		done, err := eraseFrom(ctx, lake, d, runID, subjects)
		total.Rows, total.Files = total.Rows+done.Rows, total.Files+done.Files
		total.Snapshots, total.Orphans = total.Snapshots+done.Snapshots, total.Orphans+done.Orphans
		if err != nil {
			failed = append(failed, fmt.Errorf("erase from %s: %w", d.Name, err))
		}
	}
	return total, errors.Join(failed...)
}

func eraseFrom(ctx context.Context, lake *lakehouse.Lake, d dataset.Dataset, runID string, subjects []Subject) (Erased, error) {
	var done Erased
	concerned := false
	for _, s := range subjects {
		if !s.of(d) {
			continue
		}
		concerned = true
		removed, err := lake.RemoveRows(ctx, d.Name, lakehouse.Commit{RunID: runID, Unit: unit}, s.Column, s.Values)
		if err != nil {
			return done, err
		}
		done.Rows, done.Files = done.Rows+removed.Rows, done.Files+removed.Files
		holding, err := lake.Holding(ctx, d.Name, s.Column, s.Values)
		if err != nil {
			return done, err
		}
		expired, err := lake.Expire(ctx, d.Name, func(v lakehouse.Snapshot) bool { return holding[v.ID] })
		if err != nil {
			return done, err
		}
		done.Snapshots += expired
	}
	if !concerned {
		return done, nil
	}
	// Also when nothing was found: what was on its way when an earlier attempt or a writer died may lie there.
	orphans, err := lake.RemoveOrphans(ctx, d.Name, time.Time{})
	done.Orphans = orphans.Files
	return done, err
}

// Age says what is old.
type Age struct {
	// Snapshots made before this instant are expired; the current one of a table never is. Zero keeps all.
	Snapshots time.Time
	// Orphans written before this instant are removed. It must lie further back than a file waits for its commit,
	// and than a reader takes to read what it has looked up. Zero keeps all.
	Orphans time.Time
}

// Tidied is what Tidy removed.
type Tidied struct {
	Snapshots int
	Orphans   int
	Bytes     int64
}

// Tidy expires old versions of every table and removes old files that belong to nobody. Readers and writers may be at work: what
// they use is younger. A table that fails stops no other; the error joins all.
func Tidy(ctx context.Context, lake *lakehouse.Lake, old Age) (Tidied, error) {
	tables, err := lake.Tables(ctx)
	if err != nil {
		return Tidied{}, fmt.Errorf("tidy: %w", err)
	}
	var total Tidied
	var failed []error
	for _, d := range tables {
		if ctx.Err() != nil {
			return total, errors.Join(append(failed, ctx.Err())...)
		}
		if !old.Snapshots.IsZero() {
			expired, err := lake.Expire(ctx, d.Name, func(v lakehouse.Snapshot) bool { return v.At.Before(old.Snapshots) })
			total.Snapshots += expired
			failed = append(failed, err)
		}
		if !old.Orphans.IsZero() {
			orphans, err := lake.RemoveOrphans(ctx, d.Name, old.Orphans)
			total.Orphans, total.Bytes = total.Orphans+orphans.Files, total.Bytes+orphans.Bytes
			failed = append(failed, err)
		}
	}
	if err := errors.Join(failed...); err != nil {
		return total, fmt.Errorf("tidy: %w", err)
	}
	return total, nil
}
