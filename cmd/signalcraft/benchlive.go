package main

import (
	"bufio"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"

	"github.com/signalcraft/signalcraft/api/auth"
	"github.com/signalcraft/signalcraft/api/store"
)

// benchLiveCommand measures the streams of events.
type benchLiveCommand struct {
	Listeners int `default:"2000" help:"Streams at once, half over SSE, half over WebSocket, ten to a user."`
	Slow      int `default:"100" help:"Further streams that read nothing."`
	Events    int `default:"50" help:"Events to everybody, one after the other."`
}

// Help is shown by signalcraft bench live --help.
func (benchLiveCommand) Help() string {
	return "Starts signalcraft serve as a process of its own, whose memory is shown, on a Postgres in a temporary folder. The clients are in\nthis process and share the machine's cores with it. A latency is from before an event is committed until a client has read it.\n\nExample: signalcraft bench live --listeners 2000"
}

// streamsPerUser is how many streams one user has in the benchmark, as many as one may.
const streamsPerUser = 10

// Run prints one line for each phase.
func (c benchLiveCommand) Run(ctx context.Context, settings *Settings, std streams) (err error) {
	if settings.DataDir, err = os.MkdirTemp("", "signalcraft-bench-"); err != nil {
		return fmt.Errorf("make data folder: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(settings.DataDir)) }()
	if err := os.Chmod(settings.DataDir, 0o755); err != nil { // the server's user must enter it
		return err
	}
	i, err := settings.open(ctx, settings.quietLogger(std))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, i.Close()) }()
	owner, err := store.OpenSQL(i.url(""), "")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, owner.Close()) }()
	b := &benchLive{benchLiveCommand: c, installation: i, owner: owner, seen: newArrivals(i.now), table: table.NewWriter()}
	if err := b.setUp(ctx); err != nil {
		return err
	}
	stop, err := b.startServer(ctx, std.err)
	if err != nil {
		return err
	}
	err = b.run(ctx)
	return errors.Join(err, stop(), b.print(std.out))
}

type benchLive struct {
	benchLiveCommand
	*installation
	owner   *sql.DB
	tokens  []string // by user; the last ones are of those that read nothing
	address string
	pid     int
	seen    *arrivals
	table   table.Writer
}

// setUp makes users, a business of each, and one that they all belong to; those that read nothing have one of their own.
func (b *benchLive) setUp(ctx context.Context) error {
	data, err := store.Open(ctx, store.Config{URL: b.url(store.RoleAPI), Role: store.RoleAPI, MaxConns: 4})
	if err != nil {
		return err
	}
	defer data.Close()
	secrets, err := b.settings.secretBox()
	if err != nil {
		return err
	}
	accounts, err := auth.New(auth.Config{Store: data, Clock: b.now, Secrets: secrets, Hash: auth.HashConfig{MemoryKiB: 8, Passes: 1}})
	if err != nil {
		return err
	}
	hash, err := accounts.HashPassword(ctx, "bench")
	if err != nil {
		return err
	}
	users, slow := (b.Listeners+streamsPerUser-1)/streamsPerUser, (b.Slow+streamsPerUser-1)/streamsPerUser
	for _, statement := range []string{
		`insert into users (id, email, password_hash, email_verified_at) select gen_random_uuid(), 'user' || n || '@bench.example', '` + hash + `', now() from generate_series(0, ` + strconv.Itoa(users+slow-1) + `) as n`,
		`insert into businesses (id, name, time_zone, currency, country) select gen_random_uuid(), 'of ' || email, 'UTC', 'EUR', 'DE' from users`,
		`insert into businesses (id, name, time_zone, currency, country) select gen_random_uuid(), n, 'UTC', 'EUR', 'DE' from unnest('{everybody,slow}'::text[]) as n`,
		`insert into memberships (business_id, user_id, role) select b.id, u.id, 'owner' from users as u join businesses as b on b.name = 'of ' || u.email
			or b.name = case when substring(u.email from 5 for position('@' in u.email) - 5)::integer < ` + strconv.Itoa(users) + ` then 'everybody' else 'slow' end`,
		`insert into memberships (business_id, user_id, role) select b.id, u.id, 'viewer' from users as u, businesses as b where b.name = 'slow' and u.email = 'user0@bench.example'`,
	} {
		if _, err := b.owner.ExecContext(ctx, statement); err != nil {
			return fmt.Errorf("make users: %w", err)
		}
	}
	for n := range users + slow {
		signIn, err := accounts.Login(ctx, auth.Attempt{Email: fmt.Sprintf("user%d@bench.example", n), Password: "bench",
			Address: netip.AddrFrom4([4]byte{10, 0, byte(n >> 8), byte(n)})})
		if err != nil {
			return fmt.Errorf("sign in: %w", err)
		}
		b.tokens = append(b.tokens, signIn.Token.Value)
	}
	return nil
}

// startServer starts the service and returns when it listens. The returned function stops it.
func (b *benchLive) startServer(ctx context.Context, errOut io.Writer) (stop func() error, err error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	lake, err := b.settings.in("lake")
	if err != nil {
		return nil, err
	}
	server := exec.CommandContext(ctx, self, "serve", "--listen", "127.0.0.1:0", "--log-level", "warn", "--lake-dir", lake, "--data-dir", b.settings.DataDir)
	server.Env = append(os.Environ(), "DATABASE_URL="+b.url(""))
	server.Stderr = errOut
	server.Cancel = func() error { return server.Process.Signal(syscall.SIGTERM) }
	out, err := server.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := server.Start(); err != nil {
		return nil, fmt.Errorf("start server: %w", err)
	}
	b.pid = server.Process.Pid
	stop = func() error {
		if err := server.Process.Signal(syscall.SIGTERM); err != nil {
			return err
		}
		return server.Wait()
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	_, rest, ok := strings.Cut(line, "http://")
	if err != nil || !ok {
		return nil, errors.Join(fmt.Errorf("start server: it said %q: %w", line, err), stop())
	}
	b.address, _, _ = strings.Cut(rest, ",")
	return stop, nil
}

// run connects the clients and goes through the phases.
func (b *benchLive) run(ctx context.Context) (err error) {
	ctx, leave := context.WithCancel(ctx)
	var clients sync.WaitGroup
	failed := make(chan error, b.Listeners)
	defer func() { leave(); clients.Wait(); close(failed); err = errors.Join(err, <-failed) }()
	idle, began := b.memory("VmRSS:"), b.now()
	for n := range b.Listeners {
		read := readStream
		if n%2 == 1 {
			read = readSocket
		}
		clients.Go(func() {
			if err := read(ctx, b.address, b.tokens[n/streamsPerUser], b.seen); err != nil && ctx.Err() == nil {
				failed <- err
			}
		})
	}
	if err := b.seen.wait(ctx, "streams", func() bool { return b.seen.ready == b.Listeners || len(failed) > 0 }); err != nil || len(failed) > 0 {
		return err
	}
	b.row(fmt.Sprintf("%d streams connect in %.1f s; before: %d MB", b.Listeners, b.now().Sub(began).Seconds(), idle), 0, nil)
	if err := b.toEverybody(ctx); err != nil {
		return err
	}
	if err := b.toEach(ctx); err != nil {
		return err
	}
	return b.withSlow(ctx)
}

// send commits one event for each business that a pattern names, padded to a size.
func (b *benchLive) send(ctx context.Context, businesses string, padding int) error {
	const insert = `insert into events (business_id, kind, payload) select id, 'bench.event', jsonb_build_object('t', $2::bigint, 'pad', repeat('x', $3)) from businesses where name like $1`
	if _, err := b.owner.ExecContext(ctx, insert, businesses, b.now().UnixNano(), padding); err != nil {
		return fmt.Errorf("send event: %w", err)
	}
	return nil
}

func (b *benchLive) toEverybody(ctx context.Context) error {
	for n := range b.Events {
		if err := b.send(ctx, "everybody", 100); err != nil {
			return err
		}
		if err := b.seen.wait(ctx, "an event to everybody", func() bool { return len(b.seen.took) == (n+1)*b.Listeners }); err != nil {
			return err
		}
	}
	b.row("one event to everybody", b.Events, b.seen.take())
	return nil
}

func (b *benchLive) toEach(ctx context.Context) error {
	const rounds = 10
	for n := range rounds {
		if err := b.send(ctx, "of user%", 100); err != nil {
			return err
		}
		if err := b.seen.wait(ctx, "an event of each business", func() bool { return len(b.seen.took) == (n+1)*b.Listeners }); err != nil {
			return err
		}
	}
	b.row("one event of each of many businesses at once", rounds*len(b.tokens), b.seen.take())
	return nil
}

// withSlow sends until all streams that read nothing are gone, and sees that the others get everything.
func (b *benchLive) withSlow(ctx context.Context) error {
	if b.Slow == 0 {
		return nil
	}
	began := b.now()
	for n := range b.Slow {
		conn, err := askStream(ctx, b.address, b.tokens[(b.Listeners+streamsPerUser-1)/streamsPerUser+n/streamsPerUser])
		if err != nil {
			return fmt.Errorf("listen slowly: %w", err)
		}
		defer conn.Close()
	}
	brisk, sent := min(streamsPerUser, b.Listeners), 0
	for dropped := 0; dropped < b.Slow; {
		if err := b.send(ctx, "slow", 32<<10); err != nil {
			return err
		}
		if sent++; sent > 5000 {
			return fmt.Errorf("of %d streams that read nothing only %d were dropped", b.Slow, dropped)
		}
		if err := b.seen.wait(ctx, "an event beside slow streams", func() bool { return len(b.seen.took) == sent*brisk }); err != nil {
			return err
		}
		var err error
		if dropped, err = b.dropped(ctx); err != nil {
			return err
		}
	}
	b.row(fmt.Sprintf("beside %d streams that read nothing, all dropped after %.1f s", b.Slow, b.now().Sub(began).Seconds()), sent, b.seen.take())
	if b.seen.gone > 0 {
		return fmt.Errorf("%d streams that read were dropped too", b.seen.gone)
	}
	return nil
}

// memory is the server's, in MiB.
func (b *benchLive) memory(name string) int64 {
	return field(fmt.Sprintf("/proc/%d/status", b.pid), name) >> 20
}

func (b *benchLive) row(phase string, events int, took []time.Duration) {
	row := table.Row{phase, "", "", "", "", "", b.memory("VmRSS:"), b.memory("VmHWM:")}
	if len(took) > 0 {
		at := func(share float64) string {
			return fmt.Sprintf("%.1f", float64(took[int(share*float64(len(took)-1))].Microseconds())/1000)
		}
		copy(row[1:], table.Row{events, len(took), at(0.5), at(0.99), at(1)})
	}
	b.table.AppendRow(row)
}

func (b *benchLive) print(out io.Writer) error {
	b.table.SetStyle(table.StyleLight)
	b.table.Style().Format.Header = text.FormatLower
	b.table.AppendHeader(table.Row{"phase", "events", "deliveries", "p50 ms", "p99 ms", "max ms", "server MB", "peak MB"})
	_, err := fmt.Fprintln(out, b.table.Render())
	return err
}
