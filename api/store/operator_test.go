package store_test

import (
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/signalcraft/signalcraft/api/store"
	"github.com/signalcraft/signalcraft/api/store/storetest"
)

// What operators alone do, Postgres lets nobody else do through the API's role, whatever the transaction claims.
func TestOperatorsAloneBehindTheFirstWall(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	w, owner := newWorld(t, db.URL("")), db.Pool(t, "")
	if err := w.api.AddFirstSigningKey(t.Context(), store.SigningKey{ID: "first", Algorithm: "EdDSA", PublicKey: []byte("p"), PrivateKey: []byte("s")}); err != nil {
		t.Fatal(err)
	}
	try := func(sql string) error {
		t.Helper()
		return pgx.BeginFunc(t.Context(), w.api.Pool(), func(tx pgx.Tx) error {
			if _, err := tx.Exec(t.Context(), `select set_config('app.user_id', $1, true), set_config('app.operator', 'on', true)`, w.ann.ID.String()); err != nil {
				return err
			}
			_, err := tx.Exec(t.Context(), sql)
			return err
		})
	}
	const verify, retire = "select * from operator_verify_audit()", "update signing_keys set retired_at = now()"
	const add = "insert into signing_keys (id, algorithm, public_key, private_key) values ('mine', 'EdDSA', 'p', 's')"
	for _, sql := range []string{"select * from verify_audit()", "select * from audit_state()", verify, "select * from operator_audit_state()", retire, add} {
		if err := try(sql); err == nil || !strings.Contains(err.Error(), "42501") {
			t.Errorf("%s: got %v, want it denied", sql, err)
		}
	}
	if _, err := owner.Exec(t.Context(), "update users set is_operator = true where id = $1", w.ann.ID); err != nil {
		t.Fatal(err)
	}
	for _, sql := range []string{verify, "select * from operator_audit_state()", retire, add, strings.Replace(add, "mine", "another", 1)} {
		if err := try(sql); err != nil {
			t.Errorf("%s by an operator: %v", sql, err)
		}
	}
	// What everybody's first sign-in does goes on: a private key is sealed anew.
	if err := w.api.SealSigningKey(t.Context(), store.SigningKey{ID: "first", PrivateKey: []byte("s")}, []byte("sealed")); err != nil {
		t.Errorf("seal a key anew: %v", err)
	}
}
