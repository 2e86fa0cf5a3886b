package main

import (
	"context"
	"fmt"
	"net/netip"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"golang.org/x/sync/errgroup"

	"github.com/signalcraft/signalcraft/api/auth"
	"github.com/signalcraft/signalcraft/api/store"
	servingsql "github.com/signalcraft/signalcraft/sql/serving"
)

// benchPassword is what everybody signs in with. The benchmark's own server is its only use.
const benchPassword = "correct horse battery staple"

// cheapHash costs next to nothing: the accounts of readers are not what is measured.
func cheapHash() auth.HashConfig { return auth.HashConfig{MemoryKiB: 8, Passes: 1} }

// load fills the database: the points by two connections, each half of the businesses.
func (b *benchAPI) load(ctx context.Context) error {
	owner, err := b.ownerPool(ctx)
	if err != nil {
		return err
	}
	defer owner.Close()
	started := b.now()
	asOf := started.UTC().Truncate(24 * time.Hour).Add(-2 * time.Hour)
	if asOf.Add(20 * time.Hour).Before(started) {
		asOf = started.UTC().Truncate(time.Hour)
	}
	for _, step := range []struct {
		name string
		args []any
	}{
		{"users", []any{b.users(), "*"}}, {"trust_zones", nil}, {"businesses", []any{b.Businesses}}, {"check_zones", nil}, {"memberships", []any{b.Businesses, b.users()}},
		{"sources", []any{b.Businesses}}, {"kpis", []any{b.Businesses, benchKPIs}}, {"publication", []any{asOf}},
	} {
		if err := fill(ctx, owner, step.name, step.args...); err != nil {
			return err
		}
	}
	group, within := errgroup.WithContext(ctx)
	const parts = 2
	for part := range parts {
		first, last := part*b.Businesses/parts+1, (part+1)*b.Businesses/parts
		group.Go(func() error {
			return fill(within, owner, "points", first, last, b.Days, asOf.AddDate(0, 0, -1).Truncate(24*time.Hour))
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	if _, err := owner.Exec(ctx, "vacuum (analyze)"); err != nil {
		return fmt.Errorf("vacuum: %w", err)
	}
	_, err = fmt.Fprintf(b.out, "%s businesses, %s published points, loaded in %.0f s\n",
		thousands(int64(b.Businesses)), thousands(int64(b.Businesses*benchKPIs*b.Days)), b.now().Sub(started).Seconds())
	return err
}

func fill(ctx context.Context, pool *pgxpool.Pool, name string, args ...any) error {
	text, err := servingsql.Bench(name)
	if err == nil {
		_, err = pool.Exec(ctx, text, args...)
	}
	if err != nil {
		return fmt.Errorf("load %s: %w", name, err)
	}
	return nil
}

// setPasswords gives every account the one password, at a cost.
func (b *benchAPI) setPasswords(ctx context.Context, owner *pgxpool.Pool, cost auth.HashConfig) error {
	hasher, err := auth.NewHasher(cost)
	if err != nil {
		return err
	}
	hash, err := hasher.Hash(ctx, benchPassword)
	if err != nil {
		return err
	}
	return fill(ctx, owner, "passwords", hash)
}

func (b *benchAPI) users() int { return (b.Businesses + benchShare - 1) / benchShare }

// signIn gets a token for the owner of each business.
func (b *benchAPI) signIn(ctx context.Context) error {
	data, err := store.Open(ctx, store.Config{URL: b.url(store.RoleAPI), Role: store.RoleAPI, MaxConns: 4})
	if err != nil {
		return err
	}
	defer data.Close()
	secrets, err := b.settings.secretBox()
	if err != nil {
		return err
	}
	accounts, err := auth.New(auth.Config{Store: data, Secrets: secrets, Clock: b.now, TokenLife: 24 * time.Hour, Hash: cheapHash()})
	if err != nil {
		return err
	}
	tokens := make([]string, b.users())
	group, within := errgroup.WithContext(ctx)
	group.SetLimit(4)
	for n := range tokens {
		group.Go(func() error {
			signIn, err := accounts.Login(within, auth.Attempt{Email: benchEmail(n), Password: benchPassword, Address: netip.IPv6Loopback()})
			tokens[n] = signIn.Token.Value
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return fmt.Errorf("sign in: %w", err)
	}
	for n := range b.Businesses {
		b.businesses = append(b.businesses, fmt.Sprintf("00000002-0000-7000-8000-%012x", n+1))
		b.tokens = append(b.tokens, tokens[n%len(tokens)])
	}
	return nil
}

func benchEmail(n int) string { return fmt.Sprintf("user-%d@bench.example", n+1) }
