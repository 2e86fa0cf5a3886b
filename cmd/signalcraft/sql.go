package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/signalcraft/signalcraft/sql/models"
	"github.com/signalcraft/signalcraft/warehouse"
	"github.com/signalcraft/signalcraft/warehouse/adhoc"
)

// sqlCommand opens DuckDB over the lake.
type sqlCommand struct {
	Command string `short:"c" placeholder:"QUERY" help:"Run this one statement and exit."`
	Format  string `short:"f" default:"table" enum:"table,csv,json,parquet" help:"table, csv, json or parquet."`
	Output  string `short:"o" type:"path" placeholder:"FILE" help:"Write the result there. Parquet needs it."`
}

// Help is shown by signalcraft sql --help.
func (sqlCommand) Help() string {
	return `Every lake table and staging view is there by name; the lake itself cannot be changed.
Without -c a shell reads statements, each ended by a semicolon, also from a pipe.

Examples:

  signalcraft sql
  signalcraft sql -c "select * from marts.kpi_trends order by day desc limit 5"
  signalcraft sql -c "from marts.kpi_forecasts" -f parquet -o forecasts.parquet
  echo "select count(*) from raw.quarantine;" | signalcraft sql -f csv`
}

// Run answers one statement or runs the shell.
func (c sqlCommand) Run(ctx context.Context, settings *Settings, std streams) (err error) {
	i, err := settings.openBeside(ctx, settings.quietLogger(std))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, i.Close()) }()
	temp, err := i.temp()
	if err != nil {
		return err
	}
	session, err := adhoc.Open(ctx, adhoc.Config{Lake: i.lake, Models: models.Files(), AsOf: i.now(),
		Session: warehouse.Config{MemoryLimit: int64(settings.MemoryMB) << 20, Threads: settings.Threads, TempDir: temp}})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, session.Close()) }()
	return c.answer(ctx, session, std)
}

func (c sqlCommand) answer(ctx context.Context, session *adhoc.Session, std streams) (err error) {
	format, err := adhoc.ParseFormat(c.Format)
	if err != nil {
		return err
	}
	if format == adhoc.Parquet {
		if c.Output == "" || c.Command == "" {
			return errors.New("--format parquet needs a query (-c QUERY) and a file (-o FILE)")
		}
		rows, err := session.RunParquet(ctx, c.Command, c.Output)
		if err == nil {
			fmt.Fprintf(std.err, "%s rows written to %s\n", thousands(rows), c.Output)
		}
		return err
	}
	out := std.out
	if c.Output != "" {
		file, createErr := os.Create(c.Output)
		if createErr != nil {
			return fmt.Errorf("write result: %w", createErr)
		}
		defer func() { err = errors.Join(err, file.Close()) }()
		out = file
	}
	if c.Command != "" {
		return session.Run(ctx, c.Command, format, out)
	}
	return session.Shell(ctx, std.in, out, std.err, format, isTerminal(std.out))
}
