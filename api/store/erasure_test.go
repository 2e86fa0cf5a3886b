package store_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/signalcraft/signalcraft/api/store"
	"github.com/signalcraft/signalcraft/api/store/storetest"
)

func TestErasuresAreKeptUntilDone(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	w, owner := newWorld(t, db.URL("")), db.Pool(t, "")
	err := w.api.AsMember(t.Context(), w.ann.ID, w.cafe, func(tx *store.MemberTx) error { return tx.DeleteBusiness(t.Context(), day) })
	if err != nil {
		t.Fatal(err)
	}
	open, err := w.batch.Erasures(t.Context(), false)
	if err != nil || len(open) != 1 || open[0].Kind != store.ErasedBusiness || open[0].SubjectID != w.cafe || open[0].DoneAt != nil {
		t.Fatalf("open erasures: %+v, %v; want the cafe's", open, err)
	}
	// A publication that was on its way.
	if _, err := owner.Exec(t.Context(), `insert into serving.news_daily (business_id, day, articles, stories, scored) values ($1, '2026-03-29', 1, 1, 1)`, w.cafe); err != nil {
		t.Fatal(err)
	}
	if err := w.batch.FinishErasure(t.Context(), open[0], day); err != nil {
		t.Fatal(err)
	}
	if got := column(t, owner, `select day::text from serving.news_daily where business_id = $1`, w.cafe); len(got) != 0 {
		t.Errorf("published after the deletion: %v, want nothing", got)
	}
	if got := column(t, owner, `select day::text from serving.news_daily where business_id = $1`, w.shop); len(got) != 1 {
		t.Errorf("the other business's: %v, want one day", got)
	}
	if open, err = w.batch.Erasures(t.Context(), false); err != nil || len(open) != 0 {
		t.Errorf("open erasures: %v, %v; want none", open, err)
	}
	if all, err := w.batch.Erasures(t.Context(), true); err != nil || len(all) != 1 || all[0].DoneAt == nil {
		t.Errorf("all erasures: %v, %v; want one that is done", all, err)
	}
	if err := w.batch.FinishErasure(t.Context(), store.Erasure{ID: uuid.New()}, day); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("an erasure that is not there: %v, want ErrNotFound", err)
	}
}

func TestTheFirstOperator(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	w := newWorld(t, db.URL(""))
	nothing := func(*store.OperatorTx) error { return nil }
	if err := w.api.AsOperator(t.Context(), w.ann.ID, nothing); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("before: %v, want ErrNotFound", err)
	}
	if err := w.batch.SetOperator(t.Context(), "ANN@example.org", true, day); err != nil {
		t.Fatal(err)
	}
	if err := w.api.AsOperator(t.Context(), w.ann.ID, nothing); err != nil {
		t.Errorf("an operator: %v", err)
	}
	if err := w.batch.SetOperator(t.Context(), "ann@example.org", false, day); err != nil {
		t.Fatal(err)
	}
	if err := w.api.AsOperator(t.Context(), w.ann.ID, nothing); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("taken back: %v, want ErrNotFound", err)
	}
	if err := w.batch.SetOperator(t.Context(), "nobody@example.org", true, day); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("nobody: %v, want ErrNotFound", err)
	}
	if got := column(t, db.Pool(t, ""), `select details::text from audit_log where action = 'setOperator' and subject = $1 order by id`, w.ann.ID.String()); len(got) != 2 {
		t.Errorf("audited: %v, want both changes", got)
	}
}

// On a hosted Postgres the owner is no superuser; the functions that run with the owner's or the batch's rights must work there too.
func (w *world) tenancyWorks(t *testing.T) {
	t.Helper()
	if err := w.batch.SetOperator(t.Context(), w.bob.Email, true, day); err != nil {
		t.Fatal(err)
	}
	err := w.api.AsOperator(t.Context(), w.bob.ID, func(tx *store.OperatorTx) error {
		return tx.ChangeUser(t.Context(), w.ann.ID, true, true, day)
	})
	if err != nil {
		t.Errorf("change an account: %v", err)
	}
	leave := func(tx *store.MemberTx) error { return tx.RemoveMember(t.Context(), w.ann.ID) }
	if err := w.api.AsMember(t.Context(), w.ann.ID, w.cafe, leave); !errors.Is(err, store.ErrLastOwner) {
		t.Errorf("the last owner leaves: %v, want ErrLastOwner", err)
	}
	hash := []byte("hash")
	err = w.api.AsMember(t.Context(), w.bob.ID, w.shop, func(tx *store.MemberTx) error {
		return tx.Invite(t.Context(), store.Invitation{ID: uuid.New(), Email: w.ann.Email, Role: "viewer", TokenHash: hash, CreatedAt: day, ExpiresAt: day.AddDate(0, 0, 7)})
	})
	if err != nil {
		t.Errorf("invite: %v", err)
	}
	err = w.api.AsUser(t.Context(), w.ann.ID, func(tx *store.UserTx) error {
		business, role, err := tx.AcceptInvitation(t.Context(), hash, day)
		if business != w.shop || role != "viewer" {
			t.Errorf("accepted: %s in %s, want a viewer in %s", role, business, w.shop)
		}
		return err
	})
	if err != nil {
		t.Errorf("accept: %v", err)
	}
	if err := w.api.AsUser(t.Context(), w.ann.ID, func(tx *store.UserTx) error { return tx.DeleteAccount(t.Context(), day) }); err != nil {
		t.Errorf("erase an account with its business: %v", err)
	}
	if open, err := w.batch.Erasures(t.Context(), false); err != nil || len(open) != 2 {
		t.Errorf("erasures: %v, %v; want the person's and the business's", open, err)
	}
}

// TestEveryDeletionIsNoted deletes a KPI with its source, and a business past the service.
func TestEveryDeletionIsNoted(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	w, owner := newWorld(t, db.URL("")), db.Pool(t, "")
	kpi := w.kpi[w.cafe]
	if gone, err := w.batch.Gone(t.Context(), []uuid.UUID{w.cafe, w.shop}, []uuid.UUID{kpi, uuid.New()}); err != nil || len(gone) != 0 {
		t.Errorf("gone before: %v, %v; want nothing", gone, err)
	}
	err := w.api.AsMember(t.Context(), w.ann.ID, w.cafe, func(tx *store.MemberTx) error { return tx.RemoveSource(t.Context(), w.source[w.cafe], day) })
	if err != nil {
		t.Fatal(err)
	}
	if _, err := owner.Exec(t.Context(), `delete from businesses where id = $1`, w.shop); err != nil {
		t.Fatal(err)
	}
	open, err := w.batch.Erasures(t.Context(), false)
	if err != nil || len(open) != 2 || open[0].Kind != store.ErasedKPI || open[0].SubjectID != kpi || open[1].Kind != store.ErasedBusiness || open[1].SubjectID != w.shop {
		t.Fatalf("open erasures: %+v, %v; want the cafe's KPI and the shop", open, err)
	}
	gone, err := w.batch.Gone(t.Context(), []uuid.UUID{w.cafe, w.shop}, []uuid.UUID{kpi, uuid.New()})
	if err != nil || len(gone) != 2 || !gone[kpi] || !gone[w.shop] {
		t.Errorf("gone: %v, %v; want the KPI and the shop", gone, err)
	}
	if err := w.batch.EraseAgain(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, e := range open {
		if err := w.batch.FinishErasure(t.Context(), e, day); err != nil {
			t.Fatal(err)
		}
	}
	if got := column(t, owner, `select kpi_id::text from serving.kpi_data`); len(got) != 0 {
		t.Errorf("published: %v, want nothing of either KPI", got)
	}
	if got := column(t, owner, `select business_id::text from serving.news_daily`); len(got) != 1 || got[0] != w.cafe.String() {
		t.Errorf("news: %v, want the cafe's, which stays", got)
	}
}

func TestASourceTakesItsWaitingUploadsAlong(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	w, owner := newWorld(t, db.URL("")), db.Pool(t, "")
	wait := `update uploads set status = 'queued', spec = '{}', source_id = $2 where business_id = $1`
	if _, err := owner.Exec(t.Context(), wait, w.cafe, w.source[w.cafe]); err != nil {
		t.Fatal(err)
	}
	err := w.api.AsMember(t.Context(), w.ann.ID, w.cafe, func(tx *store.MemberTx) error { return tx.RemoveSource(t.Context(), w.source[w.cafe], day) })
	if err != nil {
		t.Fatal(err)
	}
	state := `select status || ': ' || problem from uploads where business_id = $1`
	if got := column(t, owner, state, w.cafe); len(got) != 1 || !strings.HasPrefix(got[0], "failed: its source was deleted") {
		t.Errorf("the upload is %q, want it failed and why", got)
	}
	// One that an earlier version left waiting.
	if _, err := owner.Exec(t.Context(), `update uploads set status = 'landing', spec = '{}', source_id = null where business_id = $1`, w.shop); err != nil {
		t.Fatal(err)
	}
	if n, err := w.batch.FailSourceless(t.Context(), day); err != nil || n != 1 {
		t.Errorf("FailSourceless = %d, %v; want one", n, err)
	}
	if got := column(t, owner, state, w.shop); len(got) != 1 || !strings.HasPrefix(got[0], "failed: ") {
		t.Errorf("the upload is %q, want it failed", got)
	}
}
