package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"

	"github.com/signalcraft/signalcraft/lakehouse"
	"github.com/signalcraft/signalcraft/lakehouse/dataset"
	"github.com/signalcraft/signalcraft/warehouse"
	"github.com/signalcraft/signalcraft/warehouse/graph"
)

// plainResult is what DuckDB needed to compute one mart from the raw tables in one statement.
type plainResult struct {
	relation string
	rows     int64
	took     time.Duration
}

// plainDuckDB is the reference: every SQL model is a view, nothing is stored between
// them, and each mart is written from the raw tables by one statement. It keeps no
// windows, no ledger, no table format and no checks.
func (b benchBatch) plainDuckDB(ctx context.Context, asOf time.Time) (_ []plainResult, err error) {
	temp, err := b.temp()
	if err != nil {
		return nil, err
	}
	session, err := warehouse.Open(ctx, warehouse.Config{MemoryLimit: int64(b.settings.MemoryMB) << 20, Threads: b.settings.Threads, TempDir: temp})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, session.Close()) }()
	if err := session.SetParameters(ctx, warehouse.Parameters{AsOf: asOf}); err != nil {
		return nil, err
	}
	for _, d := range append(dataset.Raw(), dataset.Made()...) {
		if err := b.mountPlain(ctx, session, d); err != nil {
			return nil, err
		}
	}
	var results []plainResult
	for _, node := range b.runner.Graph().Nodes() {
		if node.Kind == graph.GoModel || node.Kind == graph.Check {
			continue
		}
		if err := session.DefineView(ctx, node.Relation, node.Model.SQL); err != nil {
			return nil, err
		}
		if node.Kind == graph.View {
			continue
		}
		started := b.now()
		rows, err := session.WriteParquet(ctx, "select * from "+node.Relation, filepath.Join(temp, "plain.parquet"))
		if err != nil {
			return nil, fmt.Errorf("plain DuckDB, %s: %w", node.Relation, err)
		}
		results = append(results, plainResult{node.Relation, rows, b.now().Sub(started)})
	}
	return results, nil
}

func (b benchBatch) mountPlain(ctx context.Context, session *warehouse.Session, d dataset.Dataset) error {
	files, err := b.lake.Files(ctx, d.Name, lakehouse.ReadOptions{})
	if errors.Is(err, lakehouse.ErrNoTable) {
		return session.Mount(ctx, d, nil, dataset.Window{})
	}
	if err != nil {
		return err
	}
	return session.Mount(ctx, files.Dataset, files.Paths, dataset.Window{})
}

func (b benchBatch) printPlain(results []plainResult) error {
	writer := table.NewWriter()
	writer.SetStyle(table.StyleLight)
	writer.Style().Format.Header = text.FormatLower
	writer.Style().Format.Footer = text.FormatLower
	writer.SetTitle("Plain DuckDB: each mart from raw in one statement")
	writer.AppendHeader(table.Row{"mart", "rows", "seconds", "rows a second"})
	var total time.Duration
	for _, r := range results {
		writer.AppendRow(table.Row{r.relation, thousands(r.rows), fmt.Sprintf("%.2f", r.took.Seconds()), rate(r.rows, r.took)})
		total += r.took
	}
	writer.AppendFooter(table.Row{"total", "", fmt.Sprintf("%.2f", total.Seconds()), ""})
	_, err := fmt.Fprintln(b.out, writer.Render())
	return err
}

// rate is rows a second, or a dash when nothing was timed.
func rate(rows int64, took time.Duration) string {
	if rows == 0 || took <= 0 {
		return "-"
	}
	return thousands(int64(float64(rows) / took.Seconds()))
}
