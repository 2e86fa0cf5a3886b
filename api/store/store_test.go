package store_test

import (
	"context"
	"errors"
	"net/netip"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/signalcraft/signalcraft/api/store"
	"github.com/signalcraft/signalcraft/api/store/cluster"
	"github.com/signalcraft/signalcraft/api/store/storetest"
)

func TestMain(m *testing.M) { storetest.Main(m) }

func TestSetupIsAddedOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, storetest.New(t).URL(""))
	added, err := w.batch.AddSetup(t.Context(), w.setup(w.ann, w.cafe))
	if err != nil || added != 0 {
		t.Errorf("second time: got %d rows and %v, want 0 and nil", added, err)
	}
	businesses, err := w.batch.Businesses(t.Context())
	if err != nil || len(businesses) != 2 {
		t.Fatalf("businesses: got %v and %v, want two", businesses, err)
	}
	kpis, err := w.batch.KPIs(t.Context())
	if err != nil || len(kpis) != 2 || kpis[0].Unit != "EUR" {
		t.Errorf("KPIs: got %v and %v, want two in EUR", kpis, err)
	}
	sources, err := w.batch.Sources(t.Context())
	if err != nil || len(sources) != 2 || string(sources[0].Config) != "{}" {
		t.Errorf("sources: got %v and %v, want two without configuration", sources, err)
	}
}

func TestSetupRefusesWhatIsInvalid(t *testing.T) {
	t.Parallel()
	w := newWorld(t, storetest.New(t).URL(""))
	for name, change := range map[string]func(*store.Business){
		"time zone": func(b *store.Business) { b.TimeZone = "Mars/Olympus" },
		"currency":  func(b *store.Business) { b.Currency = "euro" },
		"country":   func(b *store.Business) { b.Country = "fr" },
	} {
		setup := w.setup(w.ann, uuid.New())
		change(&setup.Businesses[0])
		if _, err := w.batch.AddSetup(t.Context(), setup); !errors.Is(err, store.ErrInvalid) {
			t.Errorf("invalid %s: got %v, want ErrInvalid", name, err)
		}
	}
}

func TestPlaceIsSetOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, storetest.New(t).URL(""))
	for i, want := range []bool{true, false} {
		changed, err := w.batch.SetPlace(t.Context(), w.cafe, "Lyon", 2996944, 45.7485, 4.8467)
		if err != nil || changed != want {
			t.Errorf("time %d: got %t and %v, want %t", i+1, changed, err, want)
		}
	}
	if changed, err := w.batch.SetPlace(t.Context(), w.cafe, "Paris", 2988507, 48.85, 2.35); err != nil || changed {
		t.Errorf("place of another name: got %t and %v, want no change", changed, err)
	}
}

func TestSigningIn(t *testing.T) {
	t.Parallel()
	w := newWorld(t, storetest.New(t).URL(""))
	account, err := w.api.AccountByEmail(t.Context(), "aNN@example.org")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(store.Account{User: w.ann, PasswordHash: "hash of Ann", Active: true, EmailVerified: true}, account); diff != "" {
		t.Errorf("account (-want +got):\n%s", diff)
	}
	for _, absent := range []string{"eve@example.org", "", "%"} {
		if _, err := w.api.AccountByEmail(t.Context(), absent); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("account %q: got %v, want ErrNotFound", absent, err)
		}
	}
	var memberships []store.Membership
	err = w.api.AsUser(t.Context(), w.ann.ID, func(tx *store.UserTx) error {
		session := store.Session{ID: uuid.New(), StartedAt: day, ExpiresAt: day.AddDate(0, 0, 1), EndsAt: day.AddDate(0, 0, 1),
			Address: netip.MustParseAddr("fe80::1%eth0"), UserAgent: "test"}
		if _, err := tx.StartSession(t.Context(), session, 100); err != nil {
			return err
		}
		memberships, err = tx.Memberships(t.Context())
		return err
	})
	if err != nil || len(memberships) != 1 || memberships[0].Business.ID != w.cafe || memberships[0].Role != "owner" {
		t.Errorf("businesses: got %v and %v, want ann's one, as owner", memberships, err)
	}
}

func TestMembersOnly(t *testing.T) {
	t.Parallel()
	w := newWorld(t, storetest.New(t).URL(""))
	for name, business := range map[string]uuid.UUID{"other's": w.shop, "absent": uuid.New()} {
		called := false
		err := w.api.ReadAsMember(t.Context(), w.ann.ID, business, func(*store.MemberTx) error { called = true; return nil })
		if !errors.Is(err, store.ErrNotFound) || called {
			t.Errorf("%s business: got %v, called %t, want ErrNotFound and no call", name, err, called)
		}
	}
	err := w.api.AsMember(t.Context(), w.ann.ID, w.cafe, func(tx *store.MemberTx) error {
		if tx.Role != "owner" || tx.BusinessID != w.cafe || tx.UserID != w.ann.ID {
			t.Errorf("got %s of %s in %s, want ann as owner of the cafe", tx.Role, tx.UserID, tx.BusinessID)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestFirstSigningKeyIsOne(t *testing.T) {
	t.Parallel()
	s := open(t, storetest.New(t).URL(""), store.RoleAPI)
	var wait sync.WaitGroup
	errs := make([]error, 8)
	for i := range errs {
		wait.Go(func() {
			errs[i] = s.AddFirstSigningKey(t.Context(), store.SigningKey{ID: uuid.NewString(), Algorithm: "EdDSA", PublicKey: []byte{1}, PrivateKey: []byte{2}})
		})
	}
	wait.Wait()
	keys, err := s.SigningKeys(t.Context())
	if err := errors.Join(append(errs, err)...); err != nil {
		t.Fatal(err)
	}
	if len(keys) != 1 || keys[0].Retired || keys[0].PrivateKey[0] != 2 {
		t.Errorf("got keys %v, want one that signs", keys)
	}
}

func TestRuns(t *testing.T) {
	t.Parallel()
	w := newWorld(t, storetest.New(t).URL(""))
	ctx := t.Context()
	cut := store.Run{ID: uuid.New(), Job: "publish", AsOf: day, StartedAt: day}
	next := store.Run{ID: uuid.New(), Job: "publish", AsOf: day, StartedAt: day.Add(time.Hour)}
	for _, run := range []store.Run{cut, next} {
		if err := w.batch.StartRun(ctx, run); err != nil {
			t.Fatal(err)
		}
	}
	end := day.Add(2 * time.Hour)
	if err := w.batch.FinishRun(ctx, next.ID, end, store.Partial, "one source failed", map[string]int{"rows": 3}); err != nil {
		t.Fatal(err)
	}
	if err := w.batch.FinishRun(ctx, next.ID, end, store.Succeeded, "", nil); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("finishing twice: got %v, want ErrNotFound", err)
	}
	cut.Status, cut.FinishedAt, next.Status, next.FinishedAt = store.Failed, &next.StartedAt, store.Partial, &end
	for role, s := range map[string]*store.Store{"batch": w.batch, "API": w.api} {
		got, err := s.Runs(ctx, "publish", 10)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]store.Run{next, cut}, got); diff != "" {
			t.Errorf("runs as %s (-want +got):\n%s", role, diff)
		}
	}
}

func TestReadings(t *testing.T) {
	t.Parallel()
	batch := open(t, storetest.New(t).URL(""), store.RoleBatch)
	record := func(source string, until time.Time, subjects ...string) {
		t.Helper()
		if err := batch.RecordReadings(t.Context(), source, subjects, until, uuid.New()); err != nil {
			t.Fatal(err)
		}
	}
	later := day.Add(time.Hour)
	record("gdelt", day, "a", "b")
	record("gdelt", later, "b", "c")
	record("gdelt", day, "c") // an older run ends later
	record("fxrates", later, "a")
	got, err := batch.Readings(t.Context(), "gdelt")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]time.Time{"a": day, "b": later, "c": later}, got); diff != "" {
		t.Errorf("readings (-want +got):\n%s", diff)
	}
}

func TestOpenRefusesRolesThatEscape(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	if _, err := store.Open(t.Context(), store.Config{URL: db.URL(""), Role: "postgres"}); err == nil {
		t.Error("a role of another name: got no error")
	}
	// A role that was given too much is noticed.
	owner := db.Pool(t, "")
	if _, err := owner.Exec(t.Context(), "alter table serving.kpi_data owner to signalcraft_api"); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Open(t.Context(), store.Config{URL: db.URL(""), Role: store.RoleAPI}); err == nil {
		t.Error("a role that owns a table: got no error")
	}
}

// A connection that was cut fails one query at most, as unavailable, and is replaced.
func TestCutConnectionsHeal(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	s := open(t, db.URL(""), store.RoleAPI)
	if _, err := db.Pool(t, "").Exec(t.Context(), "select pg_terminate_backend(pid, 10000) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.SigningKeys(t.Context()); err != nil && !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("first query: got %v, want nil or ErrUnavailable", err)
	}
	if _, err := s.AccountByEmail(t.Context(), "ann@example.org"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("second query: got %v, want ErrNotFound", err)
	}
}

func TestUnavailable(t *testing.T) {
	t.Parallel()
	dir, err := os.MkdirTemp("", "store-test-")
	if err != nil {
		t.Fatal(err)
	}
	c, err := cluster.Start(t.Context(), cluster.Config{Dir: dir, Ephemeral: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := store.Migrate(t.Context(), c.URL(""), nil); err != nil {
		t.Fatal(err)
	}
	s := open(t, c.URL(store.RoleAPI), store.RoleAPI)
	inside := s.AsUser(t.Context(), uuid.New(), func(tx *store.UserTx) error {
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
		_, err := tx.Memberships(t.Context())
		return err
	})
	_, opened := store.Open(t.Context(), store.Config{URL: c.URL(store.RoleAPI), Role: store.RoleAPI})
	_, asked := s.SigningKeys(t.Context())
	_, found := s.AccountByEmail(t.Context(), "ann@example.org")
	for name, err := range map[string]error{"in a transaction": inside, "ping": s.Ping(t.Context()), "query": asked, "transaction": found, "open": opened} {
		if !errors.Is(err, store.ErrUnavailable) {
			t.Errorf("%s: got %v, want ErrUnavailable", name, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Ping(ctx); !errors.Is(err, context.Canceled) || errors.Is(err, store.ErrUnavailable) {
		t.Errorf("cancelled: got %v, want only context.Canceled", err)
	}
}
