package main

import (
	"context"
	"errors"
	"io"
	"log/slog"
)

// quietLogger logs warnings and worse only, for commands that show what they do themselves.
func (s *Settings) quietLogger(std streams) *slog.Logger {
	quiet := *s
	quiet.LogLevel = max(s.LogLevel, slog.LevelWarn)
	if s.LogLevel < slog.LevelInfo {
		quiet.LogLevel = s.LogLevel // asked for by name
	}
	return quiet.logger(std.err)
}

// migrateCommand brings the Postgres schema up to date.
type migrateCommand struct{}

// Help is shown by signalcraft migrate --help.
func (migrateCommand) Help() string {
	return "Every command migrates as it starts; this one does only that.\n\nExample: DATABASE_URL=postgres://owner@db/signalcraft signalcraft migrate"
}

// Run migrates and says so.
func (migrateCommand) Run(ctx context.Context, settings *Settings, std streams) error {
	i, err := settings.openBeside(ctx, settings.logger(std.err))
	if err != nil {
		return err
	}
	_, printed := io.WriteString(std.out, "schema is up to date\n")
	return errors.Join(printed, i.Close())
}
