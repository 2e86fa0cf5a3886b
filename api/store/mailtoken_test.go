package store_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/signalcraft/signalcraft/api/store"
	"github.com/signalcraft/signalcraft/api/store/storetest"
)

func hashOf(token string) []byte {
	sum := sha256.Sum256([]byte(token))
	return sum[:]
}

// issue adds a token of a user that can be used for a day.
func (w *world) issue(t *testing.T, user store.User, purpose store.Purpose, token string) {
	t.Helper()
	err := w.api.AsUser(t.Context(), user.ID, func(tx *store.UserTx) error {
		added, err := tx.AddMailToken(t.Context(), store.MailToken{Purpose: purpose, Hash: hashOf(token), Email: user.Email, At: day, ExpiresAt: day.AddDate(0, 0, 1)})
		if err == nil && !added {
			t.Errorf("no token %s: too many lately", token)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// What the database allows to those who hold a token, and to those who do not.
func TestMailTokensAreTheirUsersOwn(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	w := newWorld(t, db.URL(""))
	w.issue(t, w.ann, store.PurposeReset, "ann's")
	w.issue(t, w.bob, store.PurposeReset, "bob's")
	api, batch := db.Pool(t, store.RoleAPI), db.Pool(t, store.RoleBatch)
	const count = "select 1 from account_tokens"
	check := func(what, got, want string) {
		t.Helper()
		if got != want {
			t.Errorf("%s: got %s, want %s", what, got, want)
		}
	}
	request(t, api, "", "", func(tx pgx.Tx) { check("nobody reads", try(t, tx, count), "0 rows") })
	request(t, api, w.ann.ID.String(), w.cafe.String(), func(tx pgx.Tx) {
		check("ann reads", try(t, tx, count), "1 rows")
		check("ann uses up bob's", try(t, tx, "update account_tokens set used_at = now() where user_id = $1", w.bob.ID), "0 rows")
		check("ann gives bob a token", try(t, tx, `insert into account_tokens (id, user_id, purpose, token_hash, email, created_at, expires_at)
			values (gen_random_uuid(), $1, 'reset_password', sha256('x'), 'x', now(), now())`, w.bob.ID), denied)
		check("ann hands hers over", try(t, tx, "update account_tokens set user_id = $1", w.bob.ID), denied)
		check("ann deletes", try(t, tx, "delete from account_tokens"), denied)
		check("ann reads mails", try(t, tx, "select 1 from mails"), denied)
		check("ann removes accounts", try(t, tx, "select remove_unverified_accounts(now())"), denied)
	})
	request(t, api, "", "", func(tx pgx.Tx) {
		if _, err := tx.Exec(t.Context(), "select set_config('app.token_hash', $1, true)", hex.EncodeToString(hashOf("bob's"))); err != nil {
			t.Fatal(err)
		}
		check("who holds bob's reads", try(t, tx, count), "1 rows")
		check("who holds bob's changes it without being bob", try(t, tx, "update account_tokens set used_at = now()"), denied)
		check("who holds bob's reads accounts", try(t, tx, "select 1 from users"), "0 rows")
	})
	tx, err := batch.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback(context.WithoutCancel(t.Context()))
	check("the batch reads hashes", try(t, tx, "select token_hash from account_tokens"), denied)
	check("the batch makes tokens", try(t, tx, "insert into account_tokens (id, user_id) values (gen_random_uuid(), $1)", w.bob.ID), denied)
	check("the batch deletes accounts", try(t, tx, "delete from users"), denied)
}

func TestAddressesNeedAToken(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	w := newWorld(t, db.URL(""))
	const address = "squat@example.org"
	squatter := store.Registration{ID: uuid.New(), Email: address, PasswordHash: "x", At: day}
	if err := w.api.Register(t.Context(), squatter, func(*store.UserTx, store.Account) error { return nil }); err != nil {
		t.Fatal(err)
	}
	left := func() string {
		return column(t, db.Pool(t, ""), "select count(*)::text from users where email = $1", address)[0]
	}
	prove := func() error {
		return w.api.AsUser(t.Context(), w.ann.ID, func(tx *store.UserTx) error { return tx.ProveEmail(t.Context(), address, day) })
	}
	if err := prove(); !errors.Is(err, store.ErrNotFound) || left() != "1" {
		t.Errorf("without a token: %v, %s left, want ErrNotFound and the other account", err, left())
	}
	request(t, db.Pool(t, store.RoleAPI), w.ann.ID.String(), w.cafe.String(), func(tx pgx.Tx) {
		for _, change := range []string{"email = 'x@example.org'", "email_verified_at = now()", "is_operator = true", "created_at = now()"} {
			if got := try(t, tx, "update users set "+change+" where id = $1", w.ann.ID); got != denied {
				t.Errorf("%s without the function: got %s, want %s", change, got, denied)
			}
		}
	})
	shown := store.Shown{Hash: hashOf("move"), For: []store.Purpose{store.PurposeChangeEmail}, At: day}
	err := w.api.AsUser(t.Context(), w.ann.ID, func(tx *store.UserTx) error {
		_, err := tx.AddMailToken(t.Context(), store.MailToken{Purpose: store.PurposeChangeEmail, Hash: shown.Hash, Email: address, At: day, ExpiresAt: day.AddDate(0, 0, 1)})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	err = w.api.UseMailToken(t.Context(), shown, func(tx *store.UserTx, p store.Proof) error {
		if p.Account.ID != w.ann.ID || p.Purpose != store.PurposeChangeEmail || p.Email != address {
			t.Errorf("proof %+v, want ann's", p)
		}
		return tx.ProveEmail(t.Context(), p.Email, day)
	})
	if err != nil || left() != "1" {
		t.Errorf("with a token: %v, %s accounts, want ann's only", err, left())
	}
	if err := prove(); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("with a token that an earlier transaction used: %v, want ErrNotFound", err)
	}
}

// registerAndSweep registers an account that nobody proves, with a token, and sweeps it away; meanwhile ann proves hers.
func (w *world) registerAndSweep(t *testing.T) {
	t.Helper()
	r := store.Registration{ID: uuid.New(), Email: "stale@example.org", PasswordHash: "x", At: day}
	err := w.api.Register(t.Context(), r, func(tx *store.UserTx, _ store.Account) error {
		_, err := tx.AddMailToken(t.Context(), store.MailToken{Purpose: store.PurposeVerify, Hash: hashOf("stale"), Email: r.Email, At: day, ExpiresAt: day.AddDate(0, 0, 9)})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	w.issue(t, w.ann, store.PurposeReset, "ann's")
	shown := store.Shown{Hash: hashOf("ann's"), For: []store.Purpose{store.PurposeReset}, At: day}
	err = w.api.UseMailToken(t.Context(), shown, func(tx *store.UserTx, p store.Proof) error { return tx.ProveEmail(t.Context(), p.Email, day) })
	if err != nil {
		t.Errorf("prove an address: %v", err)
	}
	if swept, err := w.batch.SweepAccounts(t.Context(), day.AddDate(0, 0, 8)); err != nil || swept.Accounts != 1 {
		t.Errorf("swept %+v, %v, want one account", swept, err)
	}
}

// A token stays usable when what it was used for fails.
func TestFailedUseKeepsTheToken(t *testing.T) {
	t.Parallel()
	w := newWorld(t, storetest.New(t).URL(""))
	w.issue(t, w.ann, store.PurposeReset, "once")
	shown := store.Shown{Hash: hashOf("once"), For: []store.Purpose{store.PurposeReset}, At: day}
	failure := errors.New("stop")
	if err := w.api.UseMailToken(t.Context(), shown, func(*store.UserTx, store.Proof) error { return failure }); !errors.Is(err, failure) {
		t.Fatalf("got %v, want what failed", err)
	}
	for name, other := range map[string]store.Shown{"purpose": {Hash: shown.Hash, For: []store.Purpose{store.PurposeVerify, store.PurposeChangeEmail}, At: day},
		"time": {Hash: shown.Hash, For: shown.For, At: day.AddDate(0, 0, 1)}, "token": {Hash: hashOf("other"), For: shown.For, At: day}, "no token": {For: shown.For, At: day}} {
		if _, err := w.api.CheckMailToken(t.Context(), other); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("another %s: got %v, want ErrNotFound", name, err)
		}
	}
	for want := error(nil); ; want = store.ErrNotFound {
		err := w.api.UseMailToken(t.Context(), shown, func(*store.UserTx, store.Proof) error { return nil })
		if !errors.Is(err, want) {
			t.Fatalf("got %v, want %v", err, want)
		}
		if want != nil {
			break
		}
	}
}

// At most one mail in a minute and five in an hour, for each purpose by itself.
func TestMailTokensAreRationed(t *testing.T) {
	t.Parallel()
	w := newWorld(t, storetest.New(t).URL(""))
	add := func(purpose store.Purpose, at time.Time) (added bool) {
		t.Helper()
		err := w.api.AsUser(t.Context(), w.ann.ID, func(tx *store.UserTx) (err error) {
			hash := hashOf(uuid.NewString())
			if purpose == store.PurposeNotice {
				hash = nil
			}
			added, err = tx.AddMailToken(t.Context(), store.MailToken{Purpose: purpose, Hash: hash, Email: w.ann.Email, At: at, ExpiresAt: at.Add(time.Hour)})
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return added
	}
	given := 0
	for minute := range 180 {
		if add(store.PurposeReset, day.Add(time.Duration(minute)*time.Minute)) {
			given++
		}
	}
	if given != 15 {
		t.Errorf("%d tokens in three hours, want 15", given)
	}
	end := day.Add(3 * time.Hour)
	if !add(store.PurposeNotice, end) || add(store.PurposeNotice, end.Add(59*time.Second)) || !add(store.PurposeNotice, end.Add(time.Minute)) {
		t.Error("notices: want one, none within the minute, and one after it")
	}
}
