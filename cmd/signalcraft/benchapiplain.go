package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/signalcraft/signalcraft/api/store"
	servingsql "github.com/signalcraft/signalcraft/sql/serving"
)

// benchResult is one line of the table.
type benchResult struct {
	name                string
	requests            uint64
	took                time.Duration
	mean, p50, p95, p99 time.Duration
	most                time.Duration
	failed              float64 // share
	memory              string
	cpu                 cpuTime // for each request
	// alone tells that requests came one after another: their latency can be compared.
	alone bool
}

// plainPoint is a row of the reference.
type plainPoint struct {
	KPI               uuid.UUID
	Name, Unit        string
	Day               time.Time
	Value             *float64
	Currency          *string
	Converted         *float64
	ConvertedCurrency *string
	Points            int64
	Complete          bool
}

// measurePlain is the reference: for one business after another, a transaction that acts for its owner under row-level
// security, one select, and every row read into a struct. There is no HTTP, no token, no JSON, no check but the database's.
func (b *benchAPI) measurePlain(ctx context.Context) (benchResult, error) {
	config, err := store.PoolConfig(b.url(store.RoleAPI), store.RoleAPI)
	if err != nil {
		return benchResult{}, err
	}
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return benchResult{}, fmt.Errorf("open pool: %w", err)
	}
	defer pool.Close()
	text, err := servingsql.Bench("plain")
	if err != nil {
		return benchResult{}, err
	}
	to := b.asOf.UTC().Truncate(24*time.Hour).AddDate(0, 0, 0)
	from := to.AddDate(0, 0, -benchAsked)
	return b.alone("bare SQL through pgx, all businesses", func(n int) error {
		business, user := b.businesses[n%len(b.businesses)], fmt.Sprintf("00000001-0000-7000-8000-%012x", n%b.users()%b.Businesses+1)
		points, err := plainPoints(ctx, pool, text, user, business, from, to)
		if err == nil && len(points) != benchKPIs*benchAsked {
			err = fmt.Errorf("%d points of business %s, want %d", len(points), business, benchKPIs*benchAsked)
		}
		return err
	})
}

func plainPoints(ctx context.Context, pool *pgxpool.Pool, text, user, business string, from, to time.Time) ([]plainPoint, error) {
	var points []plainPoint
	err := pgx.BeginTxFunc(ctx, pool, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, "select set_config('app.user_id', $1, true), set_config('app.business_id', $2, true)", user, business); err != nil {
			return err
		}
		rows, err := tx.Query(ctx, text, business, from, to)
		if err != nil {
			return err
		}
		points, err = pgx.CollectRows(rows, pgx.RowToStructByPos[plainPoint])
		return err
	})
	return points, err
}

// alone does something again and again for the measurement's time, each after the other, spread over all businesses.
func (b *benchAPI) alone(name string, do func(n int) error) (benchResult, error) {
	const warmUp = 300
	step := benchStride(b.Businesses)
	for n := range warmUp {
		if err := do(n * step % b.Businesses); err != nil {
			return benchResult{}, fmt.Errorf("%s: %w", name, err)
		}
	}
	var latencies []time.Duration
	started, before := b.now(), b.usedCPU()
	var total time.Duration
	for n := warmUp; b.now().Sub(started) < min(b.Duration, 10*time.Second); n++ {
		began := b.now()
		if err := do(n * step % b.Businesses); err != nil {
			return benchResult{}, fmt.Errorf("%s: %w", name, err)
		}
		took := b.now().Sub(began)
		latencies, total = append(latencies, took), total+took
	}
	cpu := b.usedCPU().since(before, uint64(len(latencies)))
	slices.Sort(latencies)
	at := func(share float64) time.Duration { return latencies[int(share*float64(len(latencies)-1))] }
	return benchResult{name: name, requests: uint64(len(latencies)), took: b.now().Sub(started), mean: total / time.Duration(len(latencies)),
		p50: at(.5), p95: at(.95), p99: at(.99), most: at(1), alone: true, cpu: cpu}, nil
}

// benchStride leads through all businesses in an order in which neighbours on disk do not follow each other.
func benchStride(businesses int) int {
	stride := businesses*618/1000 | 1
	for gcd(stride, businesses) != 1 {
		stride += 2
	}
	return stride
}

func gcd(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}
