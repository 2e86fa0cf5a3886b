package store_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/pressly/goose/v3"

	"github.com/signalcraft/signalcraft/api/store"
	"github.com/signalcraft/signalcraft/api/store/storetest"
	"github.com/signalcraft/signalcraft/sql/serving"
)

// TestNamesAreForgottenWithWhatBoreThem names a source, an upload and something else in the audit log and in a failed run, and takes away
// one after another: each time the name goes, everywhere, and the chain stays whole.
func TestNamesAreForgottenWithWhatBoreThem(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	w, owner := newWorld(t, db.URL("")), db.Pool(t, "")
	upload := w.kpi[w.shop] // which newWorld gives the same id
	for business, user := range map[uuid.UUID]store.User{w.cafe: w.ann, w.shop: w.bob} {
		err := w.api.AsMember(t.Context(), user.ID, business, func(tx *store.MemberTx) error {
			for what, subject := range map[string]uuid.UUID{"source": w.source[business], "upload": w.kpi[business], "alert": uuid.New()} {
				if err := tx.Audit(t.Context(), store.AuditEntry{At: day, BusinessID: &business, UserID: &user.ID, Action: "test", Subject: subject.String(), SubjectName: user.Name + "'s " + what,
					Outcome: store.AuditDone, Address: netip.MustParseAddr("192.0.2.1")}); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, source := range []uuid.UUID{w.source[w.cafe], w.source[w.shop]} {
		run := uuid.New()
		if err := w.batch.StartRun(t.Context(), store.Run{ID: run, Job: "load " + source.String(), AsOf: day, StartedAt: day}); err != nil {
			t.Fatal(err)
		}
		text := fmt.Sprintf("KPI source %s: open secret.csv: no such file", source)
		steps := map[string]any{"steps": []map[string]any{{"name": "KPI files", "rows_in": 1, "failed": text}, {"name": "publish", "rows_in": 2}}}
		if err := w.batch.FinishRun(t.Context(), run, day, store.Failed, text, steps); err != nil {
			t.Fatal(err)
		}
	}
	check := func(what string, names []string, failures int) {
		t.Helper()
		if diff := cmp.Diff(names, column(t, owner, `select subject_name from audit_log where subject_name <> '' order by subject_name`)); diff != "" {
			t.Errorf("%s: names (-want +got):\n%s", what, diff)
		}
		if got := column(t, owner, `select id::text from runs where error like '%secret%' or counts::text like '%secret%'`); len(got) != failures {
			t.Errorf("%s: %d runs tell why they failed, want %d", what, len(got), failures)
		}
		if faults := faultsOf(t, w.batch); faults != "" {
			t.Errorf("%s: the audit log has faults: %s", what, faults)
		}
	}
	check("before", []string{"Ann's alert", "Ann's source", "Ann's upload", "Bob's alert", "Bob's source", "Bob's upload"}, 2)
	if err := w.api.AsMember(t.Context(), w.ann.ID, w.cafe, func(tx *store.MemberTx) error { return tx.RemoveSource(t.Context(), w.source[w.cafe], day) }); err != nil {
		t.Fatal(err)
	}
	check("without Ann's source", []string{"Ann's alert", "Ann's upload", "Bob's alert", "Bob's source", "Bob's upload"}, 1)
	if got := column(t, owner, `select error || ' ' || (counts -> 'steps')::text from runs where error not like '%secret%'`); len(got) != 1 ||
		got[0] != `erased [{"name": "KPI files", "failed": "erased", "rows_in": 1}, {"name": "publish", "rows_in": 2}]` {
		t.Errorf("the failed run: %v, want it without the texts", got)
	}
	if _, err := owner.Exec(t.Context(), `delete from uploads where id = $1`, upload); err != nil {
		t.Fatal(err)
	}
	check("without Bob's upload", []string{"Ann's alert", "Ann's upload", "Bob's alert", "Bob's source"}, 1)
	if _, err := owner.Exec(t.Context(), `delete from businesses where id = $1`, w.shop); err != nil {
		t.Fatal(err)
	}
	check("without Bob's business", []string{"Ann's alert", "Ann's upload"}, 0)
	if err := w.api.AsUser(t.Context(), w.ann.ID, func(tx *store.UserTx) error { _, err := tx.EraseAuditOrigins(t.Context()); return err }); err != nil {
		t.Fatal(err)
	}
	check("without Ann", []string{}, 0)
	state, _, err := w.batch.VerifyAudit(t.Context(), 1)
	if err != nil || state.Erased != 6 {
		t.Errorf("state %+v, %v; want six entries of which something was erased", state, err)
	}
}

// TestNamesMoveOutOfOldEntries brings a log of an earlier version up to date: names go where they can be erased, or go, and chains stay whole;
// one that was tampered with stays as it is.
func TestNamesMoveOutOfOldEntries(t *testing.T) {
	t.Parallel()
	db := storetest.NewEmpty(t)
	sql, err := store.OpenSQL(db.URL(""), "")
	if err != nil {
		t.Fatal(err)
	}
	defer sql.Close()
	old, err := goose.NewProvider(goose.DialectPostgres, sql, serving.Migrations())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := old.UpTo(t.Context(), 22); err != nil {
		t.Fatal(err)
	}
	owner := db.Pool(t, "")
	cafe, gone, forged, source := uuid.New(), uuid.New(), uuid.New(), uuid.New()
	for _, id := range []uuid.UUID{cafe, forged} {
		if _, err := owner.Exec(t.Context(), `insert into businesses (id, name, time_zone, currency, country) values ($1, 'b', 'UTC', 'EUR', 'DE')`, id); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := owner.Exec(t.Context(), `insert into kpi_sources (business_id, id, name, kind) values ($1, $2, 'till', 'push')`, cafe, source); err != nil {
		t.Fatal(err)
	}
	for _, e := range []struct {
		business *uuid.UUID
		action   string
		subject  uuid.UUID
		details  string
	}{
		{&cafe, "createSource", source, `{"name": "till", "kind": "push"}`}, {&cafe, "createSource", uuid.New(), `{"name": "gone till", "kind": "push"}`},
		{&cafe, "updateBusiness", cafe, `{"changed": []}`}, {&cafe, "createAlert", uuid.New(), `{"name": "low"}`},
		{&gone, "createAlert", uuid.New(), `{"name": "gone"}`}, {&forged, "createAlert", uuid.New(), `{"name": "kept"}`}, {nil, "login", cafe, `{}`},
	} {
		if _, err := owner.Exec(t.Context(), `insert into audit_log (business_id, action, subject, details, user_agent) values ($1, $2, $3, $4, 'agent')`, e.business, e.action, e.subject.String(), e.details); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := owner.Exec(t.Context(), fmt.Sprintf(`set session_replication_role = replica; update audit_log set action = 'forged' where business_id = '%s'; set session_replication_role = origin`, forged)); err != nil {
		t.Fatal(err)
	}
	if err := store.Migrate(t.Context(), db.URL(""), nil); err != nil {
		t.Fatal(err)
	}
	got := column(t, owner, `select action || ' ' || details::text || ' ' || subject_name || ' ' || (name_digest is not null) from audit_log order by id`)
	want := []string{`createSource {"kind": "push"} till true`, `createSource {"kind": "push"}  true`, `updateBusiness {"changed": []}  false`, `createAlert {} low true`,
		`createAlert {}  true`, `forged {"name": "kept"}  false`, `login {}  false`}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the log (-want +got):\n%s", diff)
	}
	if faults := column(t, owner, `select chain || ' ' || fault from verify_audit()`); strings.Join(faults, ",") != forged.String()+" changed" {
		t.Errorf("faults %v, want that of the forged chain alone", faults)
	}
	if _, err := owner.Exec(t.Context(), `insert into audit_log (business_id, action) values ($1, 'after')`, cafe); err != nil {
		t.Fatal(err)
	}
	if faults := column(t, owner, `select chain from verify_audit()`); len(faults) != 1 {
		t.Errorf("after another entry: faults in %v", faults)
	}
}
