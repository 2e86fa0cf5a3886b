package main

import (
	"context"

	"github.com/google/uuid"

	"github.com/signalcraft/signalcraft/lakehouse/dataset"
	"github.com/signalcraft/signalcraft/pipelines"
	"github.com/signalcraft/signalcraft/pipelines/jobs"
)

// lakeLock is shared by whoever reads the lake's files or writes them, and held alone by what removes files that
// somebody could be reading.
const lakeLock = "lake"

// inLake is alone for work on the lake's files: it also waits while lakeLock is held alone.
func (b *batch) inLake(ctx context.Context, name string, work func(context.Context) error) error {
	return b.turns(ctx, func(ctx context.Context) (bool, error) {
		return jobs.ExclusiveSharing(ctx, b.pool, name, lakeLock, work)
	})
}

// present is a source without the rows of businesses that do not exist and of KPIs that were deleted. It asks when the first
// rows come, so under the lock that erasure waits for: what is deleted later is erased after it has landed, and what is erased never
// lands again.
type present struct {
	pipelines.Source
	gone func(ctx context.Context, businesses, kpis []uuid.UUID) (map[uuid.UUID]bool, error)
	// kept is the answer for the ids asked for so far.
	kept map[string]bool
}

// Read hands out what the source reads, without such rows.
func (p *present) Read(ctx context.Context, in pipelines.Input, out func(pipelines.Batch) error) error {
	p.kept = map[string]bool{}
	return p.Source.Read(ctx, in, func(batch pipelines.Batch) error {
		if err := p.ask(ctx, &batch); err != nil {
			return err
		}
		return out(p.without(batch))
	})
}

// ask finds out about the ids of a batch that have not come before.
func (p *present) ask(ctx context.Context, batch *pipelines.Batch) error {
	var businesses, kpis []uuid.UUID
	texts := map[uuid.UUID][]string{}
	need := func(list *[]uuid.UUID, text string) {
		if _, known := p.kept[text]; known {
			return
		}
		p.kept[text] = true // also what is no id: no such thing was ever there to be deleted
		if id, err := uuid.Parse(text); err == nil {
			*list, texts[id] = append(*list, id), append(texts[id], text)
		}
	}
	for i := range batch.KPIPoints { // many in a row are of one KPI
		r := &batch.KPIPoints[i]
		if i == 0 || r.KPIID != batch.KPIPoints[i-1].KPIID || r.BusinessID != batch.KPIPoints[i-1].BusinessID {
			need(&businesses, r.BusinessID)
			need(&kpis, r.KPIID)
		}
	}
	for _, r := range batch.Articles {
		need(&businesses, r.BusinessID)
	}
	for _, r := range batch.Tones {
		need(&businesses, r.BusinessID)
	}
	for _, r := range batch.Businesses {
		need(&businesses, r.BusinessID)
	}
	for _, r := range batch.KPIs {
		need(&businesses, r.BusinessID)
		need(&kpis, r.KPIID)
	}
	for _, r := range batch.Calendar {
		need(&businesses, r.BusinessID)
		if r.KPIID != nil {
			need(&kpis, *r.KPIID)
		}
	}
	for _, r := range batch.Rejects {
		if r.BusinessID != nil {
			need(&businesses, *r.BusinessID)
		}
	}
	if len(businesses)+len(kpis) == 0 {
		return nil
	}
	gone, err := p.gone(ctx, businesses, kpis)
	for id := range gone {
		for _, text := range texts[id] {
			p.kept[text] = false
		}
	}
	return err
}

// without returns a batch without the rows of whoever is gone. What it holds of all others, and its slices, stay as they are.
func (p *present) without(batch pipelines.Batch) pipelines.Batch {
	before := batch.Rows() + len(batch.Rejects)
	var business, kpi string
	var stay bool
	batch.KPIPoints = keep(batch.KPIPoints, func(r *dataset.KPIPointRow) bool {
		if r.BusinessID != business || r.KPIID != kpi {
			business, kpi, stay = r.BusinessID, r.KPIID, p.kept[r.BusinessID] && p.kept[r.KPIID]
		}
		return stay
	})
	batch.Articles = keep(batch.Articles, func(r *dataset.ArticleRow) bool { return p.kept[r.BusinessID] })
	batch.Tones = keep(batch.Tones, func(r *dataset.ToneRow) bool { return p.kept[r.BusinessID] })
	batch.Businesses = keep(batch.Businesses, func(r *dataset.BusinessRow) bool { return p.kept[r.BusinessID] })
	batch.KPIs = keep(batch.KPIs, func(r *dataset.KPIRow) bool { return p.kept[r.BusinessID] && p.kept[r.KPIID] })
	batch.Calendar = keep(batch.Calendar, func(r *dataset.CalendarEntryRow) bool {
		return p.kept[r.BusinessID] && (r.KPIID == nil || p.kept[*r.KPIID])
	})
	batch.Rejects = keep(batch.Rejects, func(r *dataset.RejectRow) bool { return r.BusinessID == nil || p.kept[*r.BusinessID] })
	batch.RowsIn -= before - batch.Rows() - len(batch.Rejects)
	return batch
}

// keep returns the rows that stay. It is rows itself when all do, and empty but never nil when none does: nil would mean that none
// were given.
func keep[T any](rows []T, stays func(*T) bool) []T {
	for i := range rows {
		if stays(&rows[i]) {
			continue
		}
		kept := append(make([]T, 0, len(rows)-1), rows[:i]...)
		for j := i + 1; j < len(rows); j++ {
			if stays(&rows[j]) {
				kept = append(kept, rows[j])
			}
		}
		return kept
	}
	return rows
}
