package api_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/signalcraft/signalcraft/api/apitest"
	"github.com/signalcraft/signalcraft/api/notify/message"
)

type profileBody struct {
	Email, Phone, Locale string
	PendingEmail         string `json:"pending_email"`
	FullName             string `json:"full_name"`
	TimeZone             string `json:"time_zone"`
}

func (a *accounts) put(t *testing.T, token string, body payload) apitest.Answer {
	t.Helper()
	return a.Request(t, http.MethodPut, "/users/profile", body, "Authorization", "Bearer "+token, "X-Request-Id", "same")
}

func (a *accounts) profile(t *testing.T, token string) (p profileBody) {
	t.Helper()
	a.Get(t, "/users/profile", token).Decode(t, http.StatusOK, &p)
	return p
}

func TestProfile(t *testing.T) {
	t.Parallel()
	a := startAccounts(t)
	ada := a.World.Ada
	access := a.Login(t, ada)
	a.Get(t, "/users/profile", "").WantError(t, http.StatusUnauthorized, "AUTHENTICATION_REQUIRED")
	want := profileBody{Email: ada.Email, FullName: "Ada King", Phone: "+49 (30) 123-45.67", Locale: "de-DE", TimeZone: "Europe/Berlin"}
	var got profileBody
	a.put(t, access, payload{"full_name": " Ada King ", "phone": want.Phone, "locale": want.Locale, "time_zone": want.TimeZone}).Decode(t, http.StatusOK, &got)
	if got != want || a.profile(t, access) != want {
		t.Errorf("profile %+v, want %+v", got, want)
	}
	// What is left out stays; an empty telephone number goes.
	want.Phone = ""
	a.put(t, access, payload{"phone": ""}).Decode(t, http.StatusOK, &got)
	if got != want {
		t.Errorf("profile %+v, want %+v", got, want)
	}
	for field, wrong := range map[string][]string{
		"phone": {"12345", "+12", "call me", "+49 30 1234567 ext 5", "030 1234567", "+1234567890123456"}, "locale": {"", "german", "de_DE", "d", "de-"},
		"time_zone": {"", "Mars/Base", "europe", "posix/UTC", "\x00", "../etc/passwd"}, "full_name": {"a\nb", strings.Repeat("x", 201)},
		"email": {"x", "ada@localhost", "a@b.c\r\nBcc: x@y.zz"},
	} {
		for _, value := range wrong {
			e := a.put(t, access, payload{field: value, "current_password": ada.Password}).WantError(t, http.StatusBadRequest, "VALIDATION_ERROR")
			if e.Error.Details.Field != field {
				t.Errorf("%s %q: refused for field %q", field, value, e.Error.Details.Field)
			}
		}
	}
	if got := a.profile(t, access); got != want {
		t.Errorf("profile %+v after refusals, want %+v", got, want)
	}
	if got := a.scan(t, `select string_agg(details::text, ' ' order by at, id) from audit_log where action = 'updateProfile'`); got != `{"fields": ["full_name", "phone", "locale", "time_zone"]} {"fields": ["phone"]}` {
		t.Errorf("audit log %q, want the names of the fields and no values", got)
	}
}

func TestChangeEmail(t *testing.T) {
	t.Parallel()
	a := startAccounts(t)
	ada := a.World.Ada
	const next = "ada@Other.example"
	access := a.Login(t, ada)
	e := a.put(t, access, payload{"email": next}).WantError(t, http.StatusBadRequest, "VALIDATION_ERROR")
	if e.Error.Details.Field != "current_password" {
		t.Errorf("refused for %q, want the missing password", e.Error.Details.Field)
	}
	a.put(t, access, payload{"email": next, "current_password": "wrong"}).WantError(t, http.StatusUnauthorized, "INVALID_CREDENTIALS")
	var got profileBody
	a.put(t, access, payload{"email": next, "current_password": ada.Password}).Decode(t, http.StatusOK, &got)
	if got.Email != ada.Email || got.PendingEmail != "ada@other.example" {
		t.Errorf("profile %+v, want the old address and the new one pending", got)
	}
	a.Login(t, ada) // nothing has taken effect
	reset := a.reset(t, ada)
	token := a.token(t, "ada@other.example", message.KindChangeEmail)
	a.post(t, "/auth/reset-password/confirm", confirmation(token, newPassword)).WantError(t, http.StatusBadRequest, "INVALID_MAIL_TOKEN")
	a.put(t, access, payload{"email": next, "current_password": ada.Password}).WantError(t, http.StatusTooManyRequests, "RATE_LIMITED") // once a minute

	a.post(t, "/auth/verify-email", payload{"token": token}).Decode(t, http.StatusOK, &payload{})
	a.post(t, "/auth/verify-email", payload{"token": token}).WantError(t, http.StatusBadRequest, "INVALID_MAIL_TOKEN")
	if p := a.profile(t, access); p.Email != "ada@other.example" || p.PendingEmail != "" {
		t.Errorf("profile %+v, want the new address", p)
	}
	a.Login(t, apitest.User{Email: next, Password: ada.Password})
	a.post(t, "/auth/login", credentials(ada.Email, ada.Password)).WantError(t, http.StatusUnauthorized, "INVALID_CREDENTIALS")
	// What the old mailbox holds opens the account no more.
	a.post(t, "/auth/reset-password/confirm", confirmation(reset, newPassword)).WantError(t, http.StatusBadRequest, "INVALID_MAIL_TOKEN")
	if got := a.kinds(t, ada.Email); got != "email_change_asked reset_password email_changed" {
		t.Errorf("mails to the old address: %q", got)
	}
}

// Who asks for an address that somebody has sees what everybody sees; the owner is told.
func TestChangeEmailNeverTellsWhoHasAnAccount(t *testing.T) {
	t.Parallel()
	a := startAccounts(t)
	ada, vic, bob := a.World.Ada, a.World.Vic, a.World.Bob
	ask := func(u apitest.User, email string) string {
		t.Helper()
		var p profileBody
		a.put(t, a.Login(t, u), payload{"email": email, "current_password": u.Password}).Decode(t, http.StatusOK, &p)
		return p.PendingEmail
	}
	if free, taken := ask(ada, "free@example.com"), ask(vic, "BOB@example.com"); free != "free@example.com" || taken != "BOB@example.com" {
		t.Errorf("pending %q and %q, want what was asked for", free, taken)
	}
	if got := a.kinds(t, bob.Email) + " " + a.kinds(t, "BOB@example.com"); strings.TrimSpace(got) != message.KindRegistered {
		t.Errorf("mails to the owner %q, want a word and no token", got)
	}
}

// Two may ask for one address: who proves it first has it.
func TestChangeEmailConflict(t *testing.T) {
	t.Parallel()
	a := startAccounts(t)
	ada, vic := a.World.Ada, a.World.Vic
	const wanted = "wanted@example.com"
	for _, u := range []apitest.User{ada, vic} {
		a.put(t, a.Login(t, u), payload{"email": wanted, "current_password": u.Password}).Decode(t, http.StatusOK, &payload{})
	}
	mails := a.mails(t, wanted)
	if len(mails) != 2 {
		t.Fatalf("mails %+v, want two", mails)
	}
	first, second := tokenInMail.FindStringSubmatch(mails[0].Body)[1], tokenInMail.FindStringSubmatch(mails[1].Body)[1]
	a.post(t, "/auth/verify-email", payload{"token": first}).Decode(t, http.StatusOK, &payload{})
	a.post(t, "/auth/verify-email", payload{"token": second}).WantError(t, http.StatusConflict, "CONFLICT")
	a.Login(t, apitest.User{Email: wanted, Password: ada.Password})
	a.Login(t, vic)
}

// An account that nobody proved does not keep an address from who proves it.
func TestUnprovedAccountYields(t *testing.T) {
	t.Parallel()
	a := startAccounts(t)
	ada := a.World.Ada
	a.post(t, "/auth/register", registration(newcomer, goodPassword)) // by a squatter
	a.put(t, a.Login(t, ada), payload{"email": newcomer, "current_password": ada.Password}).Decode(t, http.StatusOK, &payload{})
	squatters := a.token(t, newcomer, message.KindVerify)
	a.post(t, "/auth/verify-email", payload{"token": a.token(t, newcomer, message.KindChangeEmail)}).Decode(t, http.StatusOK, &payload{})
	a.Login(t, apitest.User{Email: newcomer, Password: ada.Password})
	a.post(t, "/auth/verify-email", payload{"token": squatters}).WantError(t, http.StatusBadRequest, "INVALID_MAIL_TOKEN")
	a.post(t, "/auth/login", credentials(newcomer, goodPassword)).WantError(t, http.StatusUnauthorized, "INVALID_CREDENTIALS")
}

func TestChangeEmailIsTakenBack(t *testing.T) {
	t.Parallel()
	a := startAccounts(t)
	ada, vic := a.World.Ada, a.World.Vic
	for name, back := range map[string]func(apitest.User, string){
		"by giving the present address": func(u apitest.User, access string) {
			var p profileBody
			a.put(t, access, payload{"email": u.Email, "current_password": u.Password}).Decode(t, http.StatusOK, &p)
			if p.PendingEmail != "" {
				t.Errorf("pending %q, want none", p.PendingEmail)
			}
		},
		"by a new password": func(u apitest.User, access string) {
			a.post(t, "/auth/change-password", payload{"current_password": u.Password, "new_password": newPassword}, access).Decode(t, http.StatusOK, &payload{})
		},
	} {
		u, next := ada, "one@example.com"
		if name == "by a new password" {
			u, next = vic, "two@example.com"
		}
		access := a.Login(t, u)
		a.put(t, access, payload{"email": next, "current_password": u.Password}).Decode(t, http.StatusOK, &payload{})
		back(u, access)
		a.post(t, "/auth/verify-email", payload{"token": a.token(t, next, message.KindChangeEmail)}).WantError(t, http.StatusBadRequest, "INVALID_MAIL_TOKEN")
	}
}
