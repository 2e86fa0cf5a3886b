// Command signalcraft is the whole installation in one binary: the scheduler, the
// workers that land data and run models, the service, and the tools around them.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	status := execute(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(status)
}

// Exit statuses, listed in the help text.
const (
	exitDone        = 0
	exitFailed      = 1
	exitUsage       = 2
	exitInterrupted = 130
)

// streams are where a command reads and writes.
type streams struct {
	in       io.Reader
	out, err io.Writer
}

// commands is the command line.
type commands struct {
	Settings

	Up      upCommand      `cmd:"" help:"Run scheduler, workers and API in one process."`
	Demo    demoCommand    `cmd:"" help:"Create three demonstration businesses, run the nightly batch, serve the API."`
	Serve   serveCommand   `cmd:"" help:"Serve the API only."`
	Worker  workerCommand  `cmd:"" help:"Run scheduler and workers only."`
	Run     runCommand     `cmd:"" help:"Run one job now, and wait for it."`
	SQL     sqlCommand     `cmd:"" name:"sql" help:"Ask the lake in DuckDB SQL: one query with -c, or a shell."`
	Migrate migrateCommand `cmd:"" help:"Bring the Postgres schema up to date."`
	User    userCommand    `cmd:"" help:"Administer accounts: name an operator."`
	Config  configCommand  `cmd:"" help:"Print the effective settings, secrets masked."`
	Audit   auditCommand   `cmd:"" help:"Verify that the audit log is whole."`
	Anomaly anomalyCommand `cmd:"" help:"Look at anomalies: simulate a setting on history."`
	Bench   benchCommand   `cmd:"" help:"Measure speed and accuracy: the batch, the service, forecasts, anomalies, sentiment."`
	Version versionCommand `cmd:"" help:"Print the version."`

	Forecast forecastCommand `cmd:"" help:"Look into forecasts: tell why one is as it is, and draw it."`
}

const description = `A data warehouse for the numbers a business runs on.

Examples:

  signalcraft demo                         three businesses, one batch, API on 127.0.0.1:8080
  signalcraft up                           scheduler, workers and API, with the settings below
  signalcraft run nightly                  the whole batch once, by hand
  signalcraft sql -c "select * from marts.kpi_daily limit 5"

Settings come from flags, then SIGNALCRAFT_* variables (and DATABASE_URL), then the YAML
file named by --config. Without DATABASE_URL the binary runs a Postgres of its own in
the data folder.

Exit status: 0 done, 1 failed (the message says what, where and what to do), 2 wrong
command line, 130 interrupted.`

func execute(ctx context.Context, args []string, in io.Reader, out, errOut io.Writer) int {
	var cli commands
	exited := -1 // set when the parser has answered by itself, as --help does
	parser, err := kong.New(&cli, kong.Name("signalcraft"), kong.Description(description),
		kong.Writers(out, errOut), kong.Configuration(settingsFile),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, NoExpandSubcommands: true}),
		kong.Exit(func(status int) { exited = status }))
	if err != nil {
		fmt.Fprintln(errOut, "signalcraft:", err)
		return exitUsage
	}
	kongContext, err := parser.Parse(args)
	if exited >= 0 {
		return exited
	}
	if err != nil {
		fmt.Fprintf(errOut, "signalcraft: %v\nsignalcraft --help lists the commands.\n", err)
		return exitUsage
	}
	kongContext.BindTo(ctx, (*context.Context)(nil))
	err = kongContext.Run(&cli.Settings, streams{in: in, out: out, err: errOut})
	switch {
	case err == nil:
		return exitDone
	case ctx.Err() != nil && errors.Is(err, context.Canceled):
		fmt.Fprintln(errOut, "signalcraft: interrupted")
		return exitInterrupted
	}
	fmt.Fprintln(errOut, "signalcraft:", err)
	return exitFailed
}
