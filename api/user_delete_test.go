package api_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/signalcraft/signalcraft/api/apitest"
)

func TestExportHoldsEverything(t *testing.T) {
	t.Parallel()
	s := newScene(t, apitest.Options{})
	ada := s.Login(t, s.World.Ada)
	// More rows than a page of the export.
	s.exec(`insert into notifications (business_id, id, user_id, kind, title) select $1, gen_random_uuid(), $2, 'alert', 'notice ' || n from generate_series(1, 2345) n`, s.World.Cafe.ID, s.World.Ada.ID)
	s.exec(`insert into notifications (business_id, id, user_id, kind, title) values ($1, gen_random_uuid(), $2, 'alert', 'not for ada')`, s.World.Cafe.ID, s.World.Vic.ID)
	s.want(201, ada, "POST", "/businesses", bakery(), nil)
	s.exec(`insert into api_keys (business_id, id, user_id, name, secret_hash, scopes, expires_at) values ($1, gen_random_uuid(), $2, 'till', 'x', '{read}', now() + interval '1 day')`, s.World.Cafe.ID, s.World.Ada.ID)
	answer := s.as(ada, "GET", "/users/export", nil)
	var got struct {
		Account       struct{ Email string }
		Memberships   []struct{ Name, Role string }
		Sessions      []struct{ ID string }
		Notifications []struct{ Title string }
		APIKeys       []struct{ Name string }   `json:"api_keys"`
		AuditEntries  []struct{ Action string } `json:"audit_entries"`
	}
	answer.Decode(t, 200, &got)
	if got.Account.Email != s.World.Ada.Email || len(got.Memberships) != 2 || len(got.Sessions) != 1 || len(got.Notifications) != 2345 || len(got.APIKeys) != 1 {
		t.Errorf("account %v, %d memberships, %d sessions, %d notifications", got.Account, len(got.Memberships), len(got.Sessions), len(got.Notifications))
	}
	seen := map[string]bool{}
	for _, n := range got.Notifications {
		seen[n.Title] = true
	}
	if len(seen) != 2345 {
		t.Errorf("%d different notifications, want 2345", len(seen))
	}
	if len(got.AuditEntries) != 3 || got.AuditEntries[0].Action != "exportUser" {
		t.Errorf("audit entries: %v", got.AuditEntries)
	}
	for _, secret := range []string{"argon2", "password_hash", "refresh_hash", "not for ada"} {
		if strings.Contains(string(answer.Body), secret) {
			t.Errorf("the export holds %q", secret)
		}
	}
	empty := s.as(s.Login(t, s.World.Nobody), "GET", "/users/export", nil)
	empty.Decode(t, 200, &map[string]json.RawMessage{})
}

func TestErasureOfAPerson(t *testing.T) {
	t.Parallel()
	s := newScene(t, apitest.Options{})
	ada := s.Login(t, s.World.Ada)
	var alone businessBody
	s.want(201, ada, "POST", "/businesses", bakery(), &alone)
	erase := func(password string) apitest.Answer {
		return s.as(ada, "DELETE", "/users/me", map[string]string{"password": password})
	}
	if answer := erase("not the password of ada"); answer.Status < 400 {
		t.Fatalf("erased with a wrong password: %d", answer.Status)
	}
	refused := erase(s.World.Ada.Password)
	refused.WantError(t, http.StatusConflict, "LAST_OWNER")
	if body := string(refused.Body); !strings.Contains(body, s.World.Cafe.ID.String()) || strings.Contains(body, alone.ID) {
		t.Errorf("the answer names other businesses than the cafe: %s", body)
	}
	s.exec(`update memberships set role = 'owner' where user_id = $1`, s.World.Vic.ID)
	s.want(201, ada, "POST", "/businesses/"+s.World.Cafe.ID.String()+"/invitations", map[string]string{"email": "new@example.com", "role": "viewer"}, nil)
	s.want(204, ada, "DELETE", "/users/me", map[string]string{"password": s.World.Ada.Password}, nil)

	if answer := s.as(ada, "GET", "/businesses", nil); answer.Status == http.StatusOK && !strings.Contains(string(answer.Body), `"businesses":[]`) {
		t.Errorf("the erased account's token still reads: %s", answer.Body)
	}
	login := s.Request(t, "POST", "/auth/login", map[string]string{"email": s.World.Ada.Email, "password": s.World.Ada.Password})
	login.WantError(t, http.StatusUnauthorized, "INVALID_CREDENTIALS")
	if got := s.value(`select string_agg(kind, ' ' order by kind) from erasures where subject_id in ($1, $2) and done_at is null`, s.World.Ada.ID, alone.ID); got != "business user" {
		t.Errorf("erasures: %q", got)
	}
	if got := s.value(`select count(*) from businesses where id = $1`, s.World.Cafe.ID); got != "1" {
		t.Error("a business to which others belong is gone")
	}
	if got := s.value(`select count(*) from audit_log where user_id = $1 and action = 'deleteUser' and outcome = 'done' and ip is null and user_agent = '' and not exists (select 1 from audit_log where user_id = $1 and (ip is not null or user_agent <> ''))`, s.World.Ada.ID); got != "1" {
		t.Errorf("%s entries of the erasure without address, want 1", got)
	}
	s.noTrace(s.World.Ada.Email, s.World.Ada.Name, alone.Name)
}

// noTrace looks for texts in every row of every table; only the mail that confirms the erasure may hold the address.
func (s *scene) noTrace(texts ...string) {
	s.t.Helper()
	rows, err := s.db.QueryContext(s.t.Context(), `select n.nspname || '.' || c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace where n.nspname in ('public', 'serving') and c.relkind = 'r'`)
	if err != nil {
		s.t.Fatal(err)
	}
	defer rows.Close()
	var tables []string
	for rows.Next() {
		var table string
		if err := rows.Scan(&table); err != nil {
			s.t.Fatal(err)
		}
		tables = append(tables, table)
	}
	for _, table := range tables {
		for _, text := range texts {
			if got := s.value(`select count(*) from `+table+` as r where strpos(lower(to_jsonb(r)::text), lower($1)) > 0 and to_jsonb(r) ->> 'kind' is distinct from 'account_deleted'`, `"`+text+`"`); got != "0" {
				s.t.Errorf("%s rows of %s hold %q", got, table, text)
			}
		}
	}
}

// Every column that refers to a person is decided on: what happens to it when the person is erased, and where the
// person's copy holds it. A new one fails this test until it is.
func TestEveryReferenceToAPersonIsDecided(t *testing.T) {
	t.Parallel()
	s := newScene(t, apitest.Options{})
	decided := map[string]string{
		"user_sessions.user_id":             "goes; exported",
		"memberships.user_id":               "goes; exported",
		"notifications.user_id":             "goes; exported",
		"events.user_id":                    "goes; repeats what is exported elsewhere, and is kept for a day",
		"mails.user_id":                     "goes; was sent to the person",
		"invitations.invited_by":            "goes; tells of the person who is invited",
		"alerts.created_by":                 "is forgotten; the alert belongs to the business",
		"subscription_changes.requested_by": "is forgotten; the change belongs to the business",
		"api_keys.user_id":                  "goes; exported without secrets",
		"mfa_factors.user_id":               "goes; exported without secrets",
		"recovery_codes.user_id":            "goes; secrets only",
		"account_tokens.user_id":            "goes; secrets only",
		"idempotency_keys.user_id":          "goes; answers that the person was given",
		"uploads.created_by":                "is forgotten; the upload belongs to the business",
		"kpi_sources.created_by":            "is forgotten; the source belongs to the business",
		"notification_reads.user_id":        "goes; when a notification for all was read",
	}
	rows, err := s.db.QueryContext(t.Context(), `select c.conrelid::regclass || '.' || a.attname, c.confdeltype from pg_constraint c
		join pg_attribute a on a.attrelid = c.conrelid and a.attnum = c.conkey[1] where c.contype = 'f' and c.confrelid = 'users'::regclass`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var column, action string
		if err := rows.Scan(&column, &action); err != nil {
			t.Fatal(err)
		}
		want := map[bool]string{true: "n", false: "c"}[strings.HasPrefix(decided[column], "is forgotten")]
		if decided[column] == "" || action != want {
			t.Errorf("%s: on delete %s, decided: %q; say what becomes of it, and export what is the person's", column, action, decided[column])
		}
	}
}
