package api_test

import (
	"bytes"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/signalcraft/signalcraft/api/apitest"
	"github.com/signalcraft/signalcraft/api/notify/message"
	"github.com/signalcraft/signalcraft/api/store"
	"github.com/signalcraft/signalcraft/api/store/storetest"
)

// accounts is a service with a look into its tables.
type accounts struct {
	*apitest.Service
	db   *storetest.DB
	pool *pgxpool.Pool
}

func startAccounts(t *testing.T) *accounts {
	t.Helper()
	db := storetest.New(t)
	return &accounts{apitest.Start(t, apitest.Options{URL: db.URL}), db, db.Pool(t, "")}
}

// batch returns the store as the jobs have it.
func (a *accounts) batch(t *testing.T) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), store.Config{URL: a.db.URL(store.RoleBatch), Role: store.RoleBatch, MaxConns: 4})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

type payload = map[string]any

// post sends a request whose id is always the same, so that answers can be compared byte by byte.
func (a *accounts) post(t *testing.T, path string, body any, token ...string) apitest.Answer {
	t.Helper()
	headers := []string{"X-Request-Id", "same", "User-Agent", "scenario/1"}
	if len(token) > 0 {
		headers = append(headers, "Authorization", "Bearer "+token[0])
	}
	return a.Request(t, http.MethodPost, path, body, headers...)
}

type queued struct{ Recipient, Kind, Subject, Body string }

// mails returns the mails queued to an address, oldest first.
func (a *accounts) mails(t *testing.T, recipient string) []queued {
	t.Helper()
	rows, err := a.pool.Query(t.Context(), `select recipient, kind, subject, body from mails where recipient = $1 order by created_at, id`, recipient)
	if err != nil {
		t.Fatal(err)
	}
	var mails []queued
	for rows.Next() {
		var m queued
		if err := rows.Scan(&m.Recipient, &m.Kind, &m.Subject, &m.Body); err != nil {
			t.Fatal(err)
		}
		mails = append(mails, m)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return mails
}

// kinds returns the kinds of the mails to an address.
func (a *accounts) kinds(t *testing.T, recipient string) string {
	t.Helper()
	var kinds []string
	for _, m := range a.mails(t, recipient) {
		kinds = append(kinds, m.Kind)
	}
	return strings.Join(kinds, " ")
}

var tokenInMail = regexp.MustCompile(`(?m)^    ([A-Za-z0-9_-]{43})$`)

// token returns the token of the last mail of a kind to an address.
func (a *accounts) token(t *testing.T, recipient, kind string) string {
	t.Helper()
	mails := a.mails(t, recipient)
	for i := len(mails) - 1; i >= 0; i-- {
		if mails[i].Kind == kind {
			found := tokenInMail.FindStringSubmatch(mails[i].Body)
			if found == nil {
				t.Fatalf("mail %s to %s holds no token:\n%s", kind, recipient, mails[i].Body)
			}
			return found[1]
		}
	}
	t.Fatalf("no mail %s to %s among %+v", kind, recipient, mails)
	return ""
}

func (a *accounts) exec(t *testing.T, sql string, args ...any) {
	t.Helper()
	if _, err := a.pool.Exec(t.Context(), sql, args...); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

func (a *accounts) scan(t *testing.T, sql string, args ...any) (text string) {
	t.Helper()
	if err := a.pool.QueryRow(t.Context(), sql, args...).Scan(&text); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return text
}

// sessions counts the sessions of a user that have not ended.
func (a *accounts) sessions(t *testing.T, u apitest.User) string {
	t.Helper()
	return a.scan(t, `select count(*)::text from user_sessions where user_id = $1 and revoked_at is null`, u.ID)
}

const newcomer, goodPassword = "new@example.com", "lantern orbit pickle Thursday"

func registration(email, password string) payload {
	return payload{"email": email, "password": password, "full_name": "Nina Newcomer", "terms": true}
}

// pass moves the clock so far that another mail may be sent.
func (a *accounts) pass() { a.Clock.Advance(61 * time.Second) }

func TestRegisterVerifySignIn(t *testing.T) {
	t.Parallel()
	a := startAccounts(t)
	var body struct{ Status, Email string }
	a.post(t, "/api/v1/auth/register", registration(" New@EXAMPLE.com ", goodPassword)).Decode(t, http.StatusCreated, &body)
	if body.Status != "verification_sent" {
		t.Errorf("answer %+v, want that a mail was sent", body)
	}
	// The right password alone does not sign in yet, and is answered as a wrong one.
	a.post(t, "/auth/login", credentials("new@example.com", "wrong")).WantError(t, http.StatusUnauthorized, "INVALID_CREDENTIALS")
	a.post(t, "/auth/login", credentials("new@example.com", goodPassword)).WantError(t, http.StatusUnauthorized, "INVALID_CREDENTIALS")

	token := a.token(t, "New@example.com", message.KindVerify)
	a.post(t, "/auth/verify-email", payload{"token": token}).Decode(t, http.StatusOK, &body)
	if body.Status != "verified" || body.Email != "New@example.com" {
		t.Errorf("answer %+v, want the address verified", body)
	}
	access := a.Login(t, apitest.User{Email: newcomer, Password: goodPassword})
	var p struct {
		ID, Email, Locale              string
		FullName                       string `json:"full_name"`
		TimeZone                       string `json:"time_zone"`
		EmailVerified                  bool   `json:"email_verified"`
		LastLoginAt, PasswordChangedAt *time.Time
		Operator                       bool
		PendingEmail                   string    `json:"pending_email"`
		CreatedAt                      time.Time `json:"created_at"`
	}
	a.Get(t, "/users/profile", access).Decode(t, http.StatusOK, &p)
	if p.Email != "New@example.com" || p.FullName != "Nina Newcomer" || !p.EmailVerified || p.Operator || p.Locale != "en" || p.TimeZone != "UTC" || !p.CreatedAt.Equal(apitest.Now()) {
		t.Errorf("profile %+v", p)
	}
	if got := a.scan(t, `select terms_accepted_at::text from users where lower(email) = $1`, newcomer); !strings.HasPrefix(got, "2026-03-31") {
		t.Errorf("terms accepted at %q, want when registered", got)
	}
	if got := a.scan(t, `select string_agg(action || ' ' || outcome || ' ' || coalesce(user_id::text = $1, false), ', ' order by at, id) from audit_log where action in ('register', 'verifyEmail')`, p.ID); got != "register done true, verifyEmail done true" {
		t.Errorf("audit log %q, want both steps, by the new user", got)
	}
	log := a.Log.String()
	for _, secret := range []string{goodPassword, token, "example.com"} {
		if strings.Contains(log, secret) {
			t.Errorf("the log holds %q", secret)
		}
	}
	if got := a.scan(t, `select count(*)::text from audit_log where details::text ~ $1 or subject ~ $1`, token+"|"+goodPassword+"|example.com"); got != "0" {
		t.Errorf("%s entries of the audit log hold a secret or an address", got)
	}
}

func TestRegisterNeverTellsWhoHasAnAccount(t *testing.T) {
	t.Parallel()
	a := startAccounts(t)
	w := a.World
	first := a.post(t, "/auth/register", registration(newcomer, goodPassword))
	for name, email := range map[string]string{"again": newcomer, "owner's": w.Ada.Email, "in other case": "ADA@Example.Com", "switched off": w.Gone.Email, "another": "other@example.com"} {
		got := a.post(t, "/auth/register", registration(email, goodPassword))
		if got.Status != first.Status || string(got.Body) != string(first.Body) {
			t.Errorf("%s: %d %s, want the answer of a new address: %d %s", name, got.Status, got.Body, first.Status, first.Body)
		}
	}
	if got := a.kinds(t, w.Ada.Email); got != message.KindRegistered {
		t.Errorf("mails to the owner: %q, want one that tells", got)
	}
	if got := a.kinds(t, w.Gone.Email); got != "" {
		t.Errorf("mails to an account that is switched off: %q, want none", got)
	}
	a.Login(t, w.Ada) // whose password and name nobody changed
	if got := a.scan(t, `select full_name from users where id = $1`, w.Ada.ID); got != w.Ada.Name {
		t.Errorf("name %q, want %q", got, w.Ada.Name)
	}
	if got := a.scan(t, `select count(*)::text from users where lower(email) in ($1, $2)`, newcomer, w.Ada.Email); got != "2" {
		t.Errorf("%s accounts of two addresses", got)
	}
}

// Whoever registers an address and then signs in with the password that they chose learns nothing about the address either, nor by
// anything else that one can ask of an address.
func TestRegisteringAndSigningInTellsNothing(t *testing.T) {
	t.Parallel()
	a := startAccounts(t)
	w := a.World
	a.post(t, "/auth/register", registration("begun@example.com", "what somebody else chose"))
	var want []string
	for _, email := range []string{newcomer, w.Ada.Email, "begun@example.com", w.Gone.Email} {
		var got []string
		for _, ask := range []struct {
			path string
			body payload
		}{
			{"/auth/register", registration(email, goodPassword)}, {"/auth/login", payload{"email": email, "password": goodPassword}},
			{"/auth/verify-email/resend", payload{"email": email}}, {"/auth/reset-password", payload{"email": email}},
			{"/auth/register", registration(email, goodPassword)}, {"/auth/login", payload{"email": email, "password": goodPassword}},
		} {
			answer := a.post(t, ask.path, ask.body)
			for _, own := range []string{"X-Request-Id", "Date"} {
				answer.Body = bytes.ReplaceAll(answer.Body, []byte(answer.Header.Get(own)), []byte(own))
				answer.Header.Del(own)
			}
			got = append(got, fmt.Sprint(ask.path, answer.Status, string(answer.Body), answer.Header))
		}
		if want == nil {
			want = got
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s tells itself from a new address (-new +this):\n%s", email, diff)
		}
	}
}

// Whoever registers an address first, or last, with a password of theirs gets nothing by it: the mailbox decides.
func TestNobodyRegistersBeforeTheOwner(t *testing.T) {
	t.Parallel()
	for name, order := range map[string][]string{"impostor first": {"what an impostor chose", goodPassword}, "impostor last": {goodPassword, "what an impostor chose"},
		"thrice": {goodPassword, "what an impostor chose", goodPassword}} {
		for pause, wait := range map[string]time.Duration{"at once": 0, "later": time.Hour} {
			t.Run(name+" "+pause, func(t *testing.T) {
				t.Parallel()
				a := startAccounts(t)
				for _, password := range order {
					a.post(t, "/auth/register", registration(newcomer, password)).Decode(t, http.StatusCreated, &payload{})
					a.Clock.Advance(wait)
				}
				verify := a.token(t, newcomer, message.KindVerify)
				a.post(t, "/auth/verify-email", payload{"token": verify}).WantError(t, http.StatusBadRequest, "INVALID_MAIL_TOKEN")
				if wait > 0 { // the token of the last mail is old, so another is asked for
					a.post(t, "/auth/verify-email/resend", payload{"email": newcomer}).Decode(t, http.StatusOK, &payload{})
				}
				token := a.token(t, newcomer, message.KindChoose)
				for _, password := range order {
					a.post(t, "/auth/login", credentials(newcomer, password)).WantError(t, http.StatusUnauthorized, "INVALID_CREDENTIALS")
				}
				a.post(t, "/auth/reset-password/confirm", confirmation(token, newPassword)).Decode(t, http.StatusOK, &payload{})
				a.Login(t, apitest.User{Email: newcomer, Password: newPassword})
				for _, password := range order {
					a.post(t, "/auth/login", credentials(newcomer, password)).WantError(t, http.StatusUnauthorized, "INVALID_CREDENTIALS")
				}
			})
		}
	}
}

// Registering again with the same password just sends another mail.
func TestRegisterAgain(t *testing.T) {
	t.Parallel()
	a := startAccounts(t)
	a.post(t, "/auth/register", registration(newcomer, goodPassword))
	stale := a.token(t, newcomer, message.KindVerify)
	a.pass()
	a.post(t, "/auth/register", registration("NEW@example.com", goodPassword))
	a.post(t, "/auth/verify-email", payload{"token": stale}).WantError(t, http.StatusBadRequest, "INVALID_MAIL_TOKEN")
	a.post(t, "/auth/verify-email", payload{"token": a.token(t, newcomer, message.KindVerify)}).Decode(t, http.StatusOK, &payload{})
	a.Login(t, apitest.User{Email: newcomer, Password: goodPassword})
}

func TestRegisterRefuses(t *testing.T) {
	t.Parallel()
	a := startAccounts(t)
	check := func(code, field string, body payload) {
		t.Helper()
		e := a.post(t, "/auth/register", body).WantError(t, http.StatusBadRequest, code)
		if e.Error.Details.Field != field || e.Error.Details.In != "body" {
			t.Errorf("%v: field %q, want %q", body, e.Error.Details.Field, field)
		}
	}
	for _, email := range []string{"", "x", "ada@localhost", "ada@example.com\r\nBcc: eve@example.com", "Ada <ada@example.com>", `"a b"@example.com`, "ada@[127.0.0.1]", "a@b@example.com", "nul\x00@example.com"} {
		check("VALIDATION_ERROR", "email", registration(email, goodPassword))
	}
	check("VALIDATION_ERROR", "password", registration(newcomer, "short"))
	check("VALIDATION_ERROR", "password", registration(newcomer, strings.Repeat("lang ", 40)))
	for _, password := range []string{"Password123!", "qwerty2026", "abcdefgh", "nina-is-the-best", "newcomer77??", "signalcraft rules"} {
		check("PASSWORD_REFUSED", "password", registration(newcomer, password))
	}
	check("VALIDATION_ERROR", "full_name", payload{"email": newcomer, "password": goodPassword, "full_name": "a\r\nb"})
	check("VALIDATION_ERROR", "full_name", payload{"email": newcomer, "password": goodPassword, "full_name": "a\x00b"})
	check("VALIDATION_ERROR", "full_name", payload{"email": newcomer, "password": goodPassword, "full_name": strings.Repeat("x", 201)})
	if got := a.scan(t, `select count(*)::text from mails`); got != "0" {
		t.Errorf("%s mails, want none", got)
	}
}

func TestInternationalAddress(t *testing.T) {
	t.Parallel()
	a := startAccounts(t)
	a.post(t, "/auth/register", registration("kim@MÜNCHEN.example", goodPassword)).Decode(t, http.StatusCreated, &payload{})
	a.post(t, "/auth/verify-email", payload{"token": a.token(t, "kim@münchen.example", message.KindVerify)}).Decode(t, http.StatusOK, &payload{})
	for _, written := range []string{"kim@münchen.example", "Kim@München.Example", "kim@xn--mnchen-3ya.example"} {
		a.Login(t, apitest.User{Email: written, Password: goodPassword})
	}
}

// A password that is typed in another normal form is the same password.
func TestPasswordIsNormalised(t *testing.T) {
	t.Parallel()
	a := startAccounts(t)
	a.post(t, "/auth/register", registration(newcomer, "caf\u00e9 na\u00efve \u212bngstrom")).Decode(t, http.StatusCreated, &payload{})
	a.post(t, "/auth/verify-email", payload{"token": a.token(t, newcomer, message.KindVerify)}).Decode(t, http.StatusOK, &payload{})
	a.Login(t, apitest.User{Email: newcomer, Password: "cafe\u0301 nai\u0308ve \u00c5ngstrom"})
}

func TestResendVerification(t *testing.T) {
	t.Parallel()
	a := startAccounts(t)
	a.post(t, "/auth/register", registration(newcomer, goodPassword))
	old := a.token(t, newcomer, message.KindVerify)
	want := a.post(t, "/auth/verify-email/resend", payload{"email": "absent@example.com"})
	if want.Status != http.StatusOK {
		t.Fatalf("%d %s", want.Status, want.Body)
	}
	for _, email := range []string{newcomer, a.World.Ada.Email, a.World.Gone.Email} {
		if got := a.post(t, "/auth/verify-email/resend", payload{"email": email}); got.Status != want.Status || string(got.Body) != string(want.Body) {
			t.Errorf("%s: %d %s, want %d %s", email, got.Status, got.Body, want.Status, want.Body)
		}
	}
	if got := a.kinds(t, newcomer) + a.kinds(t, a.World.Ada.Email); got != message.KindVerify {
		t.Errorf("mails within a minute: %q, want the first only", got)
	}
	a.pass()
	a.post(t, "/auth/verify-email/resend", payload{"email": strings.ToUpper(newcomer)})
	a.post(t, "/auth/verify-email", payload{"token": old}).WantError(t, http.StatusBadRequest, "INVALID_MAIL_TOKEN")
	a.post(t, "/auth/verify-email", payload{"token": a.token(t, newcomer, message.KindVerify)}).Decode(t, http.StatusOK, &payload{})
	for range 10 {
		a.pass()
		a.post(t, "/auth/register", registration("flood@example.com", goodPassword))
	}
	if got := len(a.mails(t, "flood@example.com")); got != 5 {
		t.Errorf("%d mails in ten minutes, want 5", got)
	}
}

func TestUnverifiedAccountsAreRemoved(t *testing.T) {
	t.Parallel()
	a := startAccounts(t)
	a.post(t, "/auth/register", registration(newcomer, goodPassword))
	a.post(t, "/auth/reset-password", payload{"email": a.World.Ada.Email})
	batch := a.batch(t)
	now := a.Clock.Now()
	for _, step := range []struct {
		after                   time.Duration
		accounts, tokens, mails int64
	}{{6 * 24 * time.Hour, 0, 2, 0}, {7*24*time.Hour + time.Minute, 1, 0, 0}, {8 * 24 * time.Hour, 0, 0, 0}} {
		swept, err := batch.SweepAccounts(t.Context(), now.Add(step.after))
		if err != nil || swept.Accounts != step.accounts || swept.Tokens != step.tokens || swept.Mails != step.mails {
			t.Errorf("after %s: swept %+v, %v, want %+v", step.after, swept, err, step)
		}
	}
	if got := a.scan(t, `select count(*)::text from users`); got != "5" {
		t.Errorf("%s accounts, want the world's five", got)
	}
}
