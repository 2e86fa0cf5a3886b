package store_test

import (
	"encoding/json"
	"fmt"
	"io"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/signalcraft/signalcraft/api/store"
	"github.com/signalcraft/signalcraft/api/store/storetest"
)

// The first wall, which is the code that checks roles and memberships, is taken away here: transactions name whatever
// business and role they like. Row-level security must hold alone.

// walled is a world in which vic may view the cafe.
func walled(t *testing.T) (*world, *pgxpool.Pool, store.User) {
	t.Helper()
	db := storetest.New(t)
	w, owner := newWorld(t, db.URL("")), db.Pool(t, "")
	vic := store.User{ID: uuid.New(), Email: "vic@example.org", Name: "Vic"}
	for _, sql := range []string{`insert into users (id, email, password_hash) values ($1, 'vic@example.org', 'x')`,
		`insert into memberships (business_id, user_id, role) select id, $1, 'viewer' from businesses where name = 'Ann''s'`} {
		if _, err := owner.Exec(t.Context(), sql, vic.ID); err != nil {
			t.Fatal(err)
		}
	}
	return w, owner, vic
}

// TestMethodsBehindTheFirstWall calls every method that handlers may call, forged: for a business of another, and as a viewer
// who claims to be its owner. None may read or change anything it should not.
func TestMethodsBehindTheFirstWall(t *testing.T) {
	t.Parallel()
	w, owner, vic := walled(t)
	method := reflect.TypeFor[*store.MemberTx]()
	// What every member may do on their own account.
	may := map[string]string{
		"RemoveMember":  "everybody may leave",
		"DeleteAccount": "everybody may erase themselves",
		"Tell":          "events come from what members do",
		"Audit":         "the audit log is not the members' to hide from",
		"QueueMail":     "mail is queued by what anybody does; nobody reads it",
		"FoundBusiness": "everybody may found a business of their own",
	}
	calls, refused := 0, 0
	for i := range method.NumMethod() {
		name := method.Method(i).Name
		for what, who := range map[string]struct{ user, business uuid.UUID }{"another's business": {w.ann.ID, w.shop}, "a viewer": {vic.ID, w.cafe}} {
			before := state(t, owner, who.business)
			result, err := w.call(t, name, who.user, who.business)
			calls++
			if err != nil {
				refused++
			}
			if what == "another's business" {
				for _, secret := range []string{w.kpi[w.shop].String(), w.source[w.shop].String(), "Bob", "bob@"} {
					if strings.Contains(result, secret) {
						t.Errorf("%s for %s: returns %s", name, what, result)
					}
				}
			}
			if _, ok := may[name]; ok {
				continue
			}
			if after := state(t, owner, who.business); after != before {
				t.Errorf("%s for %s changed the database (%v):\n%s\n%s", name, what, err, before, after)
			}
		}
	}
	if calls < 30 {
		t.Errorf("%d calls, want at least 30", calls)
	}
	t.Logf("second wall: %d forged calls of %d methods, %d refused with an error, the others found nothing", calls, method.NumMethod(), refused)
}

// call calls a method of MemberTx, forged, with the victim's ids wherever it takes an id, and returns its results as text.
func (w *world) call(t *testing.T, name string, user, business uuid.UUID) (result string, err error) {
	t.Helper()
	err = w.api.Forge(t.Context(), user, business, "owner", func(tx *store.MemberTx) error {
		m := reflect.ValueOf(tx).MethodByName(name)
		args := make([]reflect.Value, m.Type().NumIn())
		for i := range args {
			args[i] = reflect.New(m.Type().In(i)).Elem()
			w.fill(t, args[i], business)
		}
		if m.Type().IsVariadic() {
			args = args[:len(args)-1]
		}
		for _, out := range m.Call(args) {
			if failed, ok := out.Interface().(error); ok && failed != nil {
				return failed
			}
			text, _ := json.Marshal(out.Interface()) // what cannot be written as JSON holds no rows
			result += string(text)
		}
		return nil
	})
	return result, err
}

// fill gives an argument a value with which the method has the best chances.
func (w *world) fill(t *testing.T, v reflect.Value, business uuid.UUID) {
	switch into := v.Addr().Interface().(type) {
	case *uuid.UUID:
		*into = w.kpi[business]
		return
	case *time.Time:
		*into = day
		return
	case *json.RawMessage:
		*into = json.RawMessage(`{"a": 1}`)
		return
	case *io.Writer:
		*into = io.Discard
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString("viewer")
	case reflect.Int, reflect.Int32, reflect.Int64:
		v.SetInt(1)
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Float64:
		v.SetFloat(1)
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				w.fill(t, v.Field(i), business)
			}
		}
	case reflect.Func:
		v.Set(reflect.MakeFunc(v.Type(), func([]reflect.Value) []reflect.Value {
			out := make([]reflect.Value, v.Type().NumOut())
			for i := range out {
				out[i] = reflect.Zero(v.Type().Out(i))
			}
			return out
		}))
	case reflect.Interface:
		if reflect.TypeOf(t.Context()).Implements(v.Type()) {
			v.Set(reflect.ValueOf(t.Context()))
		}
	}
}

// state is everything that belongs to a business.
func state(t *testing.T, owner *pgxpool.Pool, business uuid.UUID) string {
	t.Helper()
	var b strings.Builder
	for _, table := range append(column(t, owner, "select name from ("+tenantTables+") t order by 1"), "public.businesses") {
		if table == "public.audit_log" || table == "public.events" {
			continue
		}
		key := "business_id"
		if table == "public.businesses" {
			key = "id"
		}
		rows := column(t, owner, fmt.Sprintf("select to_jsonb(r)::text from %s as r where %s = $1 order by 1", table, key), business)
		fmt.Fprintf(&b, "%s %v\n", table, rows)
	}
	return b.String()
}

// TestViewersWriteNothing tries, table by table, what the policies leave to a viewer.
func TestViewersWriteNothing(t *testing.T) {
	t.Parallel()
	w, owner, vic := walled(t)
	// What a viewer may write, and why that does no harm.
	may := map[string]string{
		"public.notifications":      "members mark what they have read",
		"public.notification_reads": "members mark what they have read",
		"public.memberships":        "everybody may leave",
		"public.events":             "events come from what members do",
		"public.audit_log":          "whatever is done is logged",
		"public.api_keys":           "members make keys that may do no more than they",
	}
	tried := 0
	for _, table := range column(t, owner, "select name from ("+tenantTables+") t order by 1") {
		request(t, w.api.Pool(), vic.ID.String(), w.cafe.String(), func(tx pgx.Tx) {
			for what, sql := range map[string]string{"update": "update " + table + " set business_id = business_id", "delete": "delete from " + table} {
				tried++
				got := try(t, tx, sql)
				if got != "0 rows" && got != denied && may[table] == "" {
					t.Errorf("%s of %s: %s, want none", what, table, got)
				}
			}
			if seed, ok := seeds[table]; ok && may[table] == "" {
				tried++
				if got := try(t, tx, seed, w.cafe, w.kpi[w.cafe], vic.ID); got != denied {
					t.Errorf("insert into %s: %s, want %s", table, got, denied)
				}
			}
		})
	}
	for sql, want := range map[string]string{
		"update businesses set name = 'mine'":                    "0 rows",
		"update businesses set subscription_tier = 'enterprise'": "0 rows",
		"delete from businesses":                                 "0 rows",
		"update memberships set role = 'owner'":                  "0 rows",
		"update memberships set user_id = user_id":               denied,
		"insert into memberships (business_id, user_id, role) select id, '" + w.bob.ID.String() + "', 'viewer' from businesses": denied,
		"select erase_business(now())":                                            denied,
		"select erase_published('" + w.cafe.String() + "')":                       denied,
		"select change_account('" + w.ann.ID.String() + "', false, false, now())": denied,
		"update users set is_operator = true":                                     denied,
		"update users set is_active = false":                                      denied,
		"select 1 from invitations":                                               "0 rows",
		"select 1 from audit_log where user_id is distinct from request_user()":   "0 rows",
		"select 1 from erasures":                                                  denied,
	} {
		request(t, w.api.Pool(), vic.ID.String(), w.cafe.String(), func(tx pgx.Tx) {
			tried++
			if got := try(t, tx, sql); got != want {
				t.Errorf("%s: got %s, want %s", sql, got, want)
			}
		})
	}
	t.Logf("second wall: %d statements of a viewer, none had an effect", tried)
}

// Admins may do much, but not what is the owners'.
func TestAdminsAreNoOwners(t *testing.T) {
	t.Parallel()
	w, owner, vic := walled(t)
	if _, err := owner.Exec(t.Context(), `update memberships set role = 'admin' where user_id = $1`, vic.ID); err != nil {
		t.Fatal(err)
	}
	for sql, want := range map[string]string{
		"update businesses set name = 'ours'":                                    "1 rows",
		"update businesses set subscription_tier = 'enterprise'":                 denied,
		"delete from businesses":                                                 "0 rows",
		"update memberships set role = 'owner' where user_id = request_user()":   denied,
		"update memberships set role = 'viewer' where user_id <> request_user()": "0 rows",
		"delete from memberships where user_id <> request_user()":                "0 rows",
		"insert into invitations (business_id, id, email, role, token_hash, invited_by, created_at, expires_at) values (request_business(), gen_random_uuid(), 'a@b.example', 'owner', 'x', request_user(), now(), now())": denied,
		"insert into invitations (business_id, id, email, role, token_hash, invited_by, created_at, expires_at) values (request_business(), gen_random_uuid(), 'a@b.example', 'admin', 'x', request_user(), now(), now())": "1 rows",
		"select erase_business(now())": denied,
	} {
		request(t, w.api.Pool(), vic.ID.String(), w.cafe.String(), func(tx pgx.Tx) {
			if got := try(t, tx, sql); got != want {
				t.Errorf("%s: got %s, want %s", sql, got, want)
			}
		})
	}
}

// The setting of administration is worth nothing without being an operator, and to operators numbers stay closed.
func TestOperatorsSeeNoNumbers(t *testing.T) {
	t.Parallel()
	w, owner, vic := walled(t)
	asOperator := func(sql string) (got string) {
		request(t, w.api.Pool(), vic.ID.String(), w.shop.String(), func(tx pgx.Tx) {
			if _, err := tx.Exec(t.Context(), `select set_config('app.operator', 'on', true)`); err != nil {
				t.Fatal(err)
			}
			got = try(t, tx, sql)
		})
		return got
	}
	if got := asOperator("select 1 from users where id <> request_user()"); got != "0 rows" {
		t.Errorf("accounts with the setting alone: %s, want none", got)
	}
	if _, err := owner.Exec(t.Context(), `update users set is_operator = true where id = $1`, vic.ID); err != nil {
		t.Fatal(err)
	}
	if got := asOperator("select 1 from users where id <> request_user()"); got != "2 rows" {
		t.Errorf("accounts for an operator: %s, want 2", got)
	}
	for _, table := range column(t, owner, "select name from ("+tenantTables+") t order by 1") {
		if table == "public.audit_log" {
			continue
		}
		if got := asOperator("select 1 from " + table + " where business_id <> '" + w.cafe.String() + "'"); got != "0 rows" && got != denied {
			t.Errorf("%s for an operator: %s, want none", table, got)
		}
	}
	if got := asOperator("select change_account('" + w.bob.ID.String() + "', true, true, now())"); got != "1 rows" {
		t.Errorf("naming an operator: %s", got)
	}
	if got := asOperator("select change_account('" + vic.ID.String() + "', true, true, now())"); got != denied {
		t.Errorf("an operator changes their own account: %s, want %s", got, denied)
	}
}
