package store_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/signalcraft/signalcraft/api/store"
	"github.com/signalcraft/signalcraft/api/store/storetest"
)

// What the API may read and change of accounts whatever its code asks for.
func TestColumnsOfAccounts(t *testing.T) {
	t.Parallel()
	pool := storetest.New(t).Pool(t, "")
	for table, hidden := range map[string]map[string][]string{
		"users": {
			"SELECT": {"password_hash"},
			"INSERT": {"is_active", "is_operator", "email_verified_at"},
			"UPDATE": {"id", "is_active", "is_operator"},
		},
		"user_sessions": {"UPDATE": {"created_at", "ends_at", "id", "ip", "user_agent", "user_id"}},
		"api_keys":      {"UPDATE": {"business_id", "created_at", "expires_at", "id", "name", "scopes", "secret_hash", "user_id"}},
	} {
		for privilege, want := range hidden {
			got := column(t, pool, `select column_name::text from information_schema.columns where table_schema = 'public' and table_name = $1
				and column_name = any ($3) and not has_column_privilege('signalcraft_api', $1, column_name, $2) order by 1`, table, privilege, want)
			if diff := cmp.Diff(len(want), len(got)); diff != "" {
				t.Errorf("%s of %s: kept from the API are %v of %v", privilege, table, got, want)
			}
		}
	}
}

func TestPasswordsAreTheirUsersOwn(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	w := newWorld(t, db.URL(""))
	if _, err := db.Pool(t, store.RoleBatch).Exec(t.Context(), "insert into memberships (business_id, user_id, role) values ($1, $2, 'viewer')", w.cafe, w.bob.ID); err != nil {
		t.Fatal(err)
	}
	request(t, db.Pool(t, store.RoleAPI), w.bob.ID.String(), w.cafe.String(), func(tx pgx.Tx) {
		if got := try(t, tx, "select password_hash from users"); got != denied {
			t.Errorf("hashes of colleagues: got %s, want %s", got, denied)
		}
		if got := try(t, tx, "select 1 from users where password_of(id) is not null"); got != "1 rows" {
			t.Errorf("hashes through the function: got %s, want bob's own", got)
		}
		for _, sql := range []string{"update users set is_operator = true", "update users set is_active = true", "update users set id = gen_random_uuid()"} {
			if got := try(t, tx, sql); got != denied {
				t.Errorf("%s: got %s, want %s", sql, got, denied)
			}
		}
		if got := try(t, tx, "update users set full_name = 'x' where id = $1", w.ann.ID); got != "0 rows" {
			t.Errorf("change of a colleague: got %s, want none", got)
		}
	})
}

func TestCredentialsAreTheirUsersOwn(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	w := newWorld(t, db.URL(""))
	api := db.Pool(t, store.RoleAPI)
	session := uuid.New()
	err := w.api.AsUser(t.Context(), w.bob.ID, func(tx *store.UserTx) error {
		if err := tx.EnrolFactor(t.Context(), "sealed", day); err != nil {
			return err
		}
		if err := tx.ReplaceRecoveryCodes(t.Context(), [][]byte{[]byte("hash")}, day); err != nil {
			return err
		}
		_, err := tx.StartSession(t.Context(), store.Session{ID: session, StartedAt: day, ExpiresAt: day.AddDate(0, 0, 1), EndsAt: day.AddDate(0, 0, 1)}, 100)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	request(t, api, w.ann.ID.String(), w.cafe.String(), func(tx pgx.Tx) {
		for _, table := range []string{"mfa_factors", "recovery_codes", "user_sessions"} {
			if got := try(t, tx, "select 1 from "+table); got != "0 rows" {
				t.Errorf("bob's rows of %s as ann: got %s, want none", table, got)
			}
		}
		for name, sql := range map[string]string{
			"factor":        "insert into mfa_factors (user_id, secret) values ($1, 'x')",
			"recovery code": "insert into recovery_codes (user_id, code_hash) values ($1, 'x')",
			"session":       "insert into user_sessions (id, user_id, expires_at, ends_at) values (gen_random_uuid(), $1, now(), now())",
		} {
			if got := try(t, tx, sql, w.bob.ID); got != denied {
				t.Errorf("a %s for bob as ann: got %s, want %s", name, got, denied)
			}
		}
	})
	tx, err := api.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback(t.Context())
	if _, err := tx.Exec(t.Context(), "select set_config('app.session_id', $1, true)", session.String()); err != nil {
		t.Fatal(err)
	}
	if got := try(t, tx, "select 1 from user_sessions"); got != "1 rows" {
		t.Errorf("the session that is named: got %s, want it", got)
	}
	if got := try(t, tx, "insert into user_sessions (id, user_id, expires_at, ends_at) values ($1, $2, now(), now()) on conflict do nothing", session, w.bob.ID); got != denied {
		t.Errorf("a session by its id alone: got %s, want %s", got, denied)
	}
}

// A role decides in the database too what keys may be made.
func TestRolesDecideOverScopes(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	w := newWorld(t, db.URL(""))
	for role, want := range map[string]map[string]string{
		"viewer":  {"{read}": "1 rows", "{write}": denied, "{read,write}": denied, "{sources}": denied},
		"analyst": {"{read}": "1 rows", "{write}": "1 rows", "{read,write}": "1 rows", "{write,sources}": denied},
		"admin":   {"{read,write,sources}": "1 rows"},
	} {
		if _, err := db.Pool(t, "").Exec(t.Context(), `insert into memberships (business_id, user_id, role) values ($1, $2, $3)
			on conflict (business_id, user_id) do update set role = excluded.role`, w.cafe, w.bob.ID, role); err != nil {
			t.Fatal(err)
		}
		for scopes, want := range want {
			request(t, db.Pool(t, store.RoleAPI), w.bob.ID.String(), w.cafe.String(), func(tx pgx.Tx) {
				got := try(t, tx, `insert into api_keys (business_id, id, user_id, name, secret_hash, scopes, expires_at) values ($1, gen_random_uuid(), $2, 'k', 'h', $3::text[], now())`, w.cafe, w.bob.ID, scopes)
				if got != want {
					t.Errorf("%s makes a key for %s: got %s, want %s", role, scopes, got, want)
				}
			})
		}
	}
}

func TestEndedSessionsAreForgotten(t *testing.T) {
	t.Parallel()
	w := newWorld(t, storetest.New(t).URL(""))
	for _, user := range []store.User{w.ann, w.bob} {
		if err := startSession(t, w.api, user.ID); err != nil {
			t.Fatal(err)
		}
	}
	err := w.api.AsUser(t.Context(), w.ann.ID, func(tx *store.UserTx) error {
		_, err := tx.EndSessions(t.Context(), uuid.Nil, day.Add(time.Hour), "test")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		before time.Time
		want   int64
	}{{day, 0}, {day.Add(2 * time.Hour), 1}, {day.AddDate(0, 0, 2), 1}} {
		if n, err := w.batch.ForgetSessions(t.Context(), step.before); err != nil || n != step.want {
			t.Errorf("sessions that ended before %s: forgot %d and %v, want %d", step.before, n, err, step.want)
		}
	}
}
