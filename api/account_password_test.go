package api_test

import (
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/signalcraft/signalcraft/api"
	"github.com/signalcraft/signalcraft/api/apitest"
	"github.com/signalcraft/signalcraft/api/notify/message"
	"github.com/signalcraft/signalcraft/api/store/storetest"
)

const newPassword = "quarry velvet ninety compass"

// reset asks for a reset of u's password and returns the token of the mail.
func (a *accounts) reset(t *testing.T, u apitest.User) string {
	t.Helper()
	a.post(t, "/auth/reset-password", payload{"email": u.Email}).Decode(t, http.StatusOK, &payload{})
	return a.token(t, u.Email, message.KindReset)
}

func confirmation(token, password string) payload {
	return payload{"token": token, "new_password": password}
}

func TestResetPassword(t *testing.T) {
	t.Parallel()
	a := startAccounts(t)
	ada := a.World.Ada
	a.Login(t, ada)
	access := a.Login(t, ada)
	token := a.reset(t, ada)
	a.Login(t, ada) // asking changes nothing
	// A refused password leaves the token as it is, and is refused for what belongs to the account.
	for _, weak := range []string{"Password123!", ada.Email + "!", "xx-signalcraft-xx"} {
		a.post(t, "/auth/reset-password/confirm", confirmation(token, weak)).WantError(t, http.StatusBadRequest, "PASSWORD_REFUSED")
	}
	a.post(t, "/api/v1/auth/reset-password/confirm", confirmation(token, newPassword)).Decode(t, http.StatusOK, &payload{})
	if got := a.sessions(t, ada); got != "0" {
		t.Errorf("%s sessions go on, want none", got)
	}
	a.Get(t, "/users/profile", access).WantError(t, http.StatusUnauthorized, "INVALID_TOKEN")
	a.post(t, "/auth/login", credentials(ada.Email, ada.Password)).WantError(t, http.StatusUnauthorized, "INVALID_CREDENTIALS")
	a.Login(t, apitest.User{Email: ada.Email, Password: newPassword})
	if got := a.kinds(t, ada.Email); got != message.KindReset+" "+message.KindPasswordChanged {
		t.Errorf("mails %q, want the token and the word that it was used", got)
	}
	if got := a.scan(t, `select string_agg(action || ' ' || outcome || ' ' || (user_id = $1), ', ' order by at, id) from audit_log where action ~ 'reset|Reset'`, ada.ID); got != "resetPassword done true, confirmResetPassword done true" {
		t.Errorf("audit log %q", got)
	}
	if log := a.Log.String(); strings.Contains(log, token) || strings.Contains(log, newPassword) || strings.Contains(log, ada.Email) {
		t.Error("the log holds a secret or an address")
	}
}

func TestResetNeverTellsWhoHasAnAccount(t *testing.T) {
	t.Parallel()
	a := startAccounts(t)
	want := a.post(t, "/auth/reset-password", payload{"email": a.World.Ada.Email})
	for _, email := range []string{"absent@example.com", a.World.Gone.Email, a.World.Ada.Email, "ADA@EXAMPLE.COM"} {
		got := a.post(t, "/auth/reset-password", payload{"email": email})
		if got.Status != want.Status || string(got.Body) != string(want.Body) {
			t.Errorf("%s: %d %s, want %d %s", email, got.Status, got.Body, want.Status, want.Body)
		}
	}
	if got := a.kinds(t, a.World.Ada.Email) + a.kinds(t, a.World.Gone.Email); got != message.KindReset {
		t.Errorf("mails %q, want one to the owner, once a minute", got)
	}
	if got := a.scan(t, `select count(*)::text from audit_log where action = 'resetPassword' and outcome = 'denied' and user_id is null`); got != "1" {
		t.Errorf("%s entries of requests for nobody, want 1", got)
	}
}

// Whatever is wrong with a token, the answer is the same, and nothing changes.
func TestUnusableTokensAnswerAlike(t *testing.T) {
	t.Parallel()
	a := startAccounts(t)
	ada, vic, bob, gone := a.World.Ada, a.World.Vic, a.World.Bob, a.World.Gone
	used := a.reset(t, ada)
	a.post(t, "/auth/reset-password/confirm", confirmation(used, newPassword)).Decode(t, http.StatusOK, &payload{})
	replaced := a.reset(t, vic)
	a.pass()
	newest := a.reset(t, vic)
	a.post(t, "/auth/register", registration(newcomer, goodPassword))
	verify := a.token(t, newcomer, message.KindVerify)
	a.exec(t, `update users set is_active = true where id = $1`, gone.ID)
	off := a.reset(t, gone)
	a.exec(t, `update users set is_active = false where id = $1`, gone.ID)
	changed := a.reset(t, bob)
	access := a.Login(t, bob)
	a.post(t, "/auth/change-password", payload{"current_password": bob.Password, "new_password": newPassword}, access).Decode(t, http.StatusOK, &payload{})

	want := a.post(t, "/auth/reset-password/confirm", confirmation("unknown", "marble window eleven goats"))
	want.WantError(t, http.StatusBadRequest, "INVALID_MAIL_TOKEN")
	alike := func(name, path string, body payload) {
		t.Helper()
		if got := a.post(t, path, body); got.Status != want.Status || string(got.Body) != string(want.Body) {
			t.Errorf("%s: %d %s, want %s", name, got.Status, got.Body, want.Body)
		}
	}
	for name, token := range map[string]string{"used": used, "replaced": replaced, "to verify": verify, "of an account that is off": off, "before a change": changed,
		"hashed": a.scan(t, `select encode(token_hash, 'hex') from account_tokens where replaced_at is null and used_at is null limit 1`),
		"longer": newest + "A", "shorter": newest[:42], "other case": strings.ToUpper(newest), "spaced": " " + newest, "nul": newest + "\x00", "quote": "' or true --", "long": strings.Repeat("A", 200)} {
		alike(name, "/auth/reset-password/confirm", confirmation(token, "marble window eleven goats"))
	}
	for name, token := range map[string]string{"reset": newest, "used": used, "unknown": "unknown"} {
		alike("verify with "+name, "/auth/verify-email", payload{"token": token})
	}
	a.Clock.Advance(30 * time.Minute)
	alike("after 30 minutes", "/auth/reset-password/confirm", confirmation(newest, "marble window eleven goats"))
	a.Clock.Advance(24 * time.Hour)
	alike("after a day", "/auth/verify-email", payload{"token": verify})
	a.Login(t, apitest.User{Email: ada.Email, Password: newPassword})
	a.Login(t, vic)
}

func TestTokensLastAsLongAsPromised(t *testing.T) {
	t.Parallel()
	a := startAccounts(t)
	token := a.reset(t, a.World.Vic)
	a.Clock.Advance(30*time.Minute - time.Second)
	a.post(t, "/auth/reset-password/confirm", confirmation(token, newPassword)).Decode(t, http.StatusOK, &payload{})
	a.post(t, "/auth/register", registration(newcomer, goodPassword))
	token = a.token(t, newcomer, message.KindVerify)
	a.Clock.Advance(24*time.Hour - time.Second)
	a.post(t, "/auth/verify-email", payload{"token": token}).Decode(t, http.StatusOK, &payload{})
}

// Of requests with one token at once, one wins.
func TestParallelConfirmations(t *testing.T) {
	t.Parallel()
	a := startAccounts(t)
	const callers = 8
	race := func(path string, body func(int) payload) (won []int) {
		t.Helper()
		var wait sync.WaitGroup
		answers := make([]apitest.Answer, callers)
		for i := range callers {
			wait.Go(func() { answers[i] = a.post(t, path, body(i)) })
		}
		wait.Wait()
		for i, answer := range answers {
			if answer.Status == http.StatusOK {
				won = append(won, i)
				continue
			}
			answer.WantError(t, http.StatusBadRequest, "INVALID_MAIL_TOKEN")
		}
		if len(won) != 1 {
			t.Errorf("%s: %v of %d won, want one", path, won, callers)
		}
		return won
	}
	token := a.reset(t, a.World.Ada)
	password := func(i int) string { return newPassword + string(rune('a'+i)) }
	won := race("/auth/reset-password/confirm", func(i int) payload { return confirmation(token, password(i)) })
	a.Login(t, apitest.User{Email: a.World.Ada.Email, Password: password(won[0])})
	if got := a.kinds(t, a.World.Ada.Email); got != message.KindReset+" "+message.KindPasswordChanged {
		t.Errorf("mails %q, want one word of the change", got)
	}
	a.post(t, "/auth/register", registration(newcomer, goodPassword))
	verify := a.token(t, newcomer, message.KindVerify)
	race("/auth/verify-email", func(int) payload { return payload{"token": verify} })
}

// Registrations of one address at once make one account, and all get the same answer.
func TestParallelRegistrations(t *testing.T) {
	t.Parallel()
	a := startAccounts(t)
	var wait sync.WaitGroup
	answers := make([]apitest.Answer, 8)
	for i := range answers {
		wait.Go(func() { answers[i] = a.post(t, "/auth/register", registration(newcomer, goodPassword)) })
	}
	wait.Wait()
	for _, answer := range answers {
		if answer.Status != http.StatusCreated || string(answer.Body) != string(answers[0].Body) {
			t.Errorf("%d %s, want %s", answer.Status, answer.Body, answers[0].Body)
		}
	}
	if got := a.kinds(t, newcomer); got != message.KindVerify {
		t.Errorf("mails %q, want one", got)
	}
	a.post(t, "/auth/verify-email", payload{"token": a.token(t, newcomer, message.KindVerify)}).Decode(t, http.StatusOK, &payload{})
}

func TestResetProvesTheAddress(t *testing.T) {
	t.Parallel()
	a := startAccounts(t)
	a.post(t, "/auth/register", registration(newcomer, goodPassword))
	verify := a.token(t, newcomer, message.KindVerify)
	token := a.reset(t, apitest.User{Email: newcomer})
	a.post(t, "/auth/reset-password/confirm", confirmation(token, newPassword)).Decode(t, http.StatusOK, &payload{})
	a.Login(t, apitest.User{Email: newcomer, Password: newPassword})
	a.post(t, "/auth/verify-email", payload{"token": verify}).Decode(t, http.StatusOK, &payload{}) // a click too many does no harm
}

func TestChangePassword(t *testing.T) {
	t.Parallel()
	a := startAccounts(t)
	ada := a.World.Ada
	here := a.Login(t, ada)
	a.Login(t, ada)
	there := a.Login(t, ada)
	a.Login(t, a.World.Vic)
	change := func(current, next string) apitest.Answer {
		t.Helper()
		return a.post(t, "/auth/change-password", payload{"current_password": current, "new_password": next}, here)
	}
	a.post(t, "/auth/change-password", payload{"current_password": ada.Password, "new_password": newPassword}).WantError(t, http.StatusUnauthorized, "AUTHENTICATION_REQUIRED")
	change("wrong", newPassword).WantError(t, http.StatusUnauthorized, "INVALID_CREDENTIALS")
	change(a.World.Vic.Password, newPassword).WantError(t, http.StatusUnauthorized, "INVALID_CREDENTIALS")
	change(ada.Password, "Password123!").WantError(t, http.StatusBadRequest, "PASSWORD_REFUSED")
	change(ada.Password, "short").WantError(t, http.StatusBadRequest, "VALIDATION_ERROR")
	if got := a.sessions(t, ada); got != "3" {
		t.Fatalf("%s sessions after refusals, want all 3", got)
	}
	var body struct {
		Status string
		Ended  int `json:"ended_sessions"`
	}
	change(ada.Password, newPassword).Decode(t, http.StatusOK, &body)
	if body.Status != "password_changed" || body.Ended != 2 || a.sessions(t, ada) != "1" || a.sessions(t, a.World.Vic) != "1" {
		t.Errorf("answer %+v, %s of ada's sessions go on; want the two others ended and this one kept", body, a.sessions(t, ada))
	}
	if got := a.Get(t, "/users/profile", here); got.Status != http.StatusOK {
		t.Errorf("this session: %d %s, want it to go on", got.Status, got.Body)
	}
	a.Get(t, "/users/profile", there).WantError(t, http.StatusUnauthorized, "INVALID_TOKEN")
	change(newPassword, newPassword).WantError(t, http.StatusBadRequest, "VALIDATION_ERROR")
	a.post(t, "/auth/login", credentials(ada.Email, ada.Password)).WantError(t, http.StatusUnauthorized, "INVALID_CREDENTIALS")
	a.Login(t, apitest.User{Email: ada.Email, Password: newPassword})
	if got := a.kinds(t, ada.Email); got != message.KindPasswordChanged {
		t.Errorf("mails %q", got)
	}
	mail := a.mails(t, ada.Email)[0]
	if !strings.Contains(mail.Body, "From: 127.0.0.1") || !strings.Contains(mail.Body, "With: scenario 1") || strings.Contains(mail.Body, newPassword) {
		t.Errorf("mail does not say by whom, or too much:\n%s", mail.Body)
	}
	if got := a.scan(t, `select count(*)::text from audit_log where action = 'changePassword' and outcome = 'done' and user_id = $1 and session_id is not null`, ada.ID); got != "1" {
		t.Errorf("%s entries in the audit log, want 1", got)
	}
}

// A stolen access token is no way around the limit of guesses.
func TestWrongCurrentPasswordsCount(t *testing.T) {
	t.Parallel()
	a := &accounts{Service: apitest.Start(t, apitest.Options{URL: storetest.New(t).URL, API: func(c *api.Config) {
		c.Limits["factor"] = api.Limit{Requests: 2, Window: time.Minute}
	}})}
	ada := a.World.Ada
	access := a.Login(t, ada)
	for range 2 {
		a.post(t, "/auth/change-password", payload{"current_password": "guess", "new_password": newPassword}, access).WantError(t, http.StatusUnauthorized, "INVALID_CREDENTIALS")
	}
	held := a.post(t, "/auth/change-password", payload{"current_password": ada.Password, "new_password": newPassword}, access)
	held.WantError(t, http.StatusTooManyRequests, "RATE_LIMITED")
	if held.Header.Get("Retry-After") == "" {
		t.Error("429 without Retry-After")
	}
}

// Of changes at once, one finds the password that it was told.
func TestParallelChanges(t *testing.T) {
	t.Parallel()
	a := startAccounts(t)
	ada := a.World.Ada
	access := a.Login(t, ada)
	var wait sync.WaitGroup
	answers := make([]apitest.Answer, 6)
	for i := range answers {
		wait.Go(func() {
			answers[i] = a.post(t, "/auth/change-password", payload{"current_password": ada.Password, "new_password": newPassword + string(rune('a'+i))}, access)
		})
	}
	wait.Wait()
	won := 0
	for i, answer := range answers {
		if answer.Status == http.StatusOK {
			won++
			a.Login(t, apitest.User{Email: ada.Email, Password: newPassword + string(rune('a'+i))})
			continue
		}
		answer.WantError(t, http.StatusUnauthorized, "INVALID_CREDENTIALS")
	}
	if won != 1 {
		t.Errorf("%d changes won, want one", won)
	}
}
