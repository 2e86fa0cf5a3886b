package store_test

import (
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/signalcraft/signalcraft/api/store"
	"github.com/signalcraft/signalcraft/api/store/storetest"
)

func faultsOf(t *testing.T, s *store.Store) string {
	t.Helper()
	_, faults, err := s.VerifyAudit(t.Context(), 100)
	if err != nil {
		t.Fatal(err)
	}
	var words []string
	for _, f := range faults {
		words = append(words, fmt.Sprintf("%s %d", f.Fault, f.Seq))
	}
	return strings.Join(words, ", ")
}

func auditAction(t *testing.T, s *store.Store, business *uuid.UUID, action string) {
	t.Helper()
	err := s.Audit(t.Context(), store.AuditEntry{At: time.Date(2026, 3, 31, 6, 0, 0, 123456000, time.UTC), BusinessID: business, Action: action, Outcome: store.AuditDone,
		Address: netip.MustParseAddr("192.0.2.1"), UserAgent: "agent/1", RequestID: "r", SubjectName: "march.csv", Details: map[string]any{"n": 1.5, "text": "ü \" \\ "}})
	if err != nil {
		t.Fatal(err)
	}
}

// TestAuditTamperingIsFound changes the log as only a superuser can, with the triggers off.
func TestAuditTamperingIsFound(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	s := open(t, db.URL(store.RoleAPI), store.RoleAPI)
	cafe := uuid.New()
	for i := range 6 {
		auditAction(t, s, &cafe, fmt.Sprintf("a%d", i+1))
		auditAction(t, s, nil, fmt.Sprintf("i%d", i+1))
	}
	if got := faultsOf(t, open(t, db.URL(store.RoleBatch), store.RoleBatch)); got != "" {
		t.Fatalf("a log that nobody touched: %s", got)
	}
	row := func(seq int) string { return fmt.Sprintf("chain = '%s' and seq = %d", cafe, seq) }
	for name, c := range map[string]struct{ sql, want string }{
		"changed text":      {"update audit_log set subject = 'else' where " + row(3), "changed 3"},
		"changed outcome":   {"update audit_log set outcome = 'denied' where " + row(1), "changed 1"},
		"changed instant":   {"update audit_log set at = at + interval '1 microsecond' where " + row(2), "changed 2"},
		"changed details":   {`update audit_log set details = '{"n": 1.6}' where ` + row(4), "changed 4"},
		"changed user":      {"update audit_log set user_id = gen_random_uuid() where " + row(6), "changed 6"},
		"changed hash":      {"update audit_log set hash = sha256('x') where " + row(2), "changed 2, changed 3"},
		"changed address":   {"update audit_log set ip = '192.0.2.9' where " + row(5), "origin changed 5"},
		"added address":     {"update audit_log set origin_salt = null where " + row(5), "origin changed 5"},
		"changed name":      {"update audit_log set subject_name = 'april.csv' where " + row(5), "name changed 5"},
		"kept name":         {"update audit_log set name_salt = null where " + row(5), "name changed 5"},
		"changed digest":    {"update audit_log set name_digest = audit_name(name_salt, 'april.csv'), subject_name = 'april.csv' where " + row(5), "changed 5"},
		"removed":           {"delete from audit_log where " + row(4), "removed 4"},
		"removed first":     {"delete from audit_log where " + row(1), "removed 1"},
		"removed last":      {"delete from audit_log where " + row(6), "removed 6"},
		"removed all":       {fmt.Sprintf("delete from audit_log where chain = '%s'", cafe), "removed 6"},
		"removed with head": {fmt.Sprintf("delete from audit_log where %s; update audit_heads set seq = 5 where chain = '%s'", row(6), cafe), "changed 5"},
		"removed head":      {fmt.Sprintf("delete from audit_heads where chain = '%s'", cafe), "inserted 6"},
		"inserted":          {"insert into audit_log (business_id, action, seq, hash) select business_id, 'forged', seq, hash from audit_log where " + row(3), "inserted 3"},
		"inserted at end":   {"insert into audit_log (business_id, action, seq, hash) select business_id, 'forged', 7, hash from audit_log where " + row(6), "changed 7, inserted 7"},
		"moved": {fmt.Sprintf("update audit_log set seq = case seq when 2 then 3 else 2 end where chain = '%s' and seq in (2, 3)", cafe),
			"changed 2, changed 3, changed 4"},
		"moved to another": {"update audit_log set business_id = null where " + row(6), "removed 6, changed 6, inserted 6"},
	} {
		t.Run(name, func(t *testing.T) {
			tx, err := db.Pool(t, "").Begin(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = tx.Rollback(t.Context()) }()
			if _, err := tx.Exec(t.Context(), "set local session_replication_role = replica; "+c.sql); err != nil {
				t.Fatal(err)
			}
			var got string
			if err := tx.QueryRow(t.Context(), `select coalesce(string_agg(fault || ' ' || seq, ', ' order by chain = 'installation', seq, id, fault), '') from verify_audit()`).Scan(&got); err != nil || got != c.want {
				t.Errorf("got %q, %v; want %q", got, err, c.want)
			}
		})
	}
	for _, sql := range []string{"update audit_log set subject = 'x'", "delete from audit_log", "truncate audit_log", "update audit_log set ip = '192.0.2.9'",
		"update audit_log set ip = null, user_agent = '', origin_salt = null, origin_digest = null", "update audit_log set subject_name = 'april.csv'",
		"update audit_log set subject_name = '', name_salt = null, name_digest = null", "update audit_log set subject_name = '', name_salt = null, action = 'x'"} {
		if _, err := db.Pool(t, "").Exec(t.Context(), sql); err == nil {
			t.Errorf("%s: the log let it happen", sql)
		}
	}
}

// TestAuditChainsStayWholeUnderLoad adds to three chains from many goroutines.
func TestAuditChainsStayWholeUnderLoad(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	one, other := open(t, db.URL(store.RoleAPI), store.RoleAPI), open(t, db.URL(store.RoleAPI), store.RoleAPI)
	cafe, shop := uuid.New(), uuid.New()
	var all sync.WaitGroup
	for i := range 24 {
		all.Go(func() {
			for n := range 10 {
				auditAction(t, []*store.Store{one, other}[i%2], []*uuid.UUID{&cafe, &shop, nil}[i%3], fmt.Sprintf("%d.%d", i, n))
			}
		})
	}
	all.Wait()
	state, faults, err := open(t, db.URL(store.RoleBatch), store.RoleBatch).VerifyAudit(t.Context(), 10)
	if err != nil || len(faults) > 0 || state.Entries != 240 || state.Chains != 3 {
		t.Errorf("state %+v, faults %v, %v; want 240 entries in 3 whole chains", state, faults, err)
	}
	var seqs int
	if err := db.Pool(t, "").QueryRow(t.Context(), `select count(*) from (select chain from audit_log group by chain having count(distinct seq) = 80 and max(seq) = 80) c`).Scan(&seqs); err != nil || seqs != 3 {
		t.Errorf("%d chains are numbered 1 to 80, %v; want 3", seqs, err)
	}
}

// TestErasureKeepsTheChain erases where a person acted from.
func TestErasureKeepsTheChain(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	w := newWorld(t, db.URL(""))
	for _, user := range []store.User{w.ann, w.bob} {
		if err := w.api.AsUser(t.Context(), user.ID, func(tx *store.UserTx) error {
			return tx.Audit(t.Context(), store.AuditEntry{At: day, UserID: &user.ID, Action: "test", Outcome: store.AuditDone,
				Address: netip.MustParseAddr("192.0.2.1"), UserAgent: "agent of " + user.Name})
		}); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.api.AsUser(t.Context(), w.ann.ID, func(tx *store.UserTx) error {
		n, err := tx.EraseAuditOrigins(t.Context())
		if n != 1 {
			t.Errorf("erased %d entries, want 1", n)
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	state, faults, err := w.batch.VerifyAudit(t.Context(), 10)
	if err != nil || len(faults) > 0 || state.Erased != 1 {
		t.Errorf("state %+v, faults %v, %v; want a whole log with one erased origin", state, faults, err)
	}
	left := column(t, db.Pool(t, ""), `select user_agent from audit_log where ip is not null`)
	if len(left) != 1 || left[0] != "agent of Bob" {
		t.Errorf("origins that are left: %v, want Bob's alone", left)
	}
}
