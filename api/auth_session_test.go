package api_test

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/signalcraft/signalcraft/api/apitest"
	"github.com/signalcraft/signalcraft/api/auth"
	"github.com/signalcraft/signalcraft/api/store/storetest"
)

// signIn is the answer to a sign-in or a refresh as a client reads it.
type signIn struct {
	MFARequired      bool   `json:"mfa_required"`
	MFAToken         string `json:"mfa_token"`
	AccessToken      string `json:"access_token"`
	TokenType        string `json:"token_type"`
	ExpiresIn        int    `json:"expires_in"`
	RefreshToken     string `json:"refresh_token"`
	RefreshExpiresIn int    `json:"refresh_expires_in"`
	Session          struct {
		ID     string
		EndsAt time.Time `json:"ends_at"`
	}
	User       *struct{ ID string }
	Businesses *[]struct{ ID string }
}

// bearer returns the headers that show a token.
func bearer(token string, more ...string) []string {
	return append([]string{"Authorization", "Bearer " + token}, more...)
}

func login(t testing.TB, s *apitest.Service, u apitest.User, headers ...string) signIn {
	t.Helper()
	var in signIn
	s.Request(t, http.MethodPost, "/auth/login", credentials(u.Email, u.Password), headers...).Decode(t, http.StatusOK, &in)
	return in
}

func refresh(t testing.TB, s *apitest.Service, token string) apitest.Answer {
	t.Helper()
	return s.Request(t, http.MethodPost, "/auth/refresh", map[string]string{"refresh_token": token})
}

func refreshed(t testing.TB, s *apitest.Service, token string) signIn {
	t.Helper()
	var in signIn
	refresh(t, s, token).Decode(t, http.StatusOK, &in)
	return in
}

// wantRefused checks that a refresh token gets the one answer that all bad ones get.
func wantRefused(t testing.TB, s *apitest.Service, what, token string) {
	t.Helper()
	answer := refresh(t, s, token)
	if answer.Status != http.StatusUnauthorized {
		t.Errorf("refresh with %s: %d %s, want 401", what, answer.Status, answer.Body)
		return
	}
	answer.WantError(t, http.StatusUnauthorized, "INVALID_TOKEN")
}

// alive reports whether an access token is accepted.
func alive(t testing.TB, s *apitest.Service, token string) bool {
	t.Helper()
	answer := s.Get(t, "/auth/sessions", token)
	if answer.Status != http.StatusOK {
		answer.WantError(t, http.StatusUnauthorized, "INVALID_TOKEN")
	}
	return answer.Status == http.StatusOK
}

// texts returns the first column of a query's rows.
func texts(t testing.TB, pool *pgxpool.Pool, sql string, args ...any) []string {
	t.Helper()
	rows, err := pool.Query(context.WithoutCancel(t.Context()), sql, args...)
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	values, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return values
}

// world starts a service and returns it with its owner's connections.
func world(t *testing.T, o apitest.Options) (*apitest.Service, *pgxpool.Pool) {
	t.Helper()
	db := storetest.New(t)
	o.URL = db.URL
	return apitest.Start(t, o), db.Pool(t, "")
}

func TestSessionGoesOn(t *testing.T) {
	t.Parallel()
	s, owner := world(t, apitest.Options{})
	first := login(t, s, s.World.Ada)
	if first.MFARequired || first.RefreshExpiresIn != 7*24*3600 || !first.Session.EndsAt.Equal(apitest.Now().AddDate(0, 0, 30)) {
		t.Errorf("sign-in %+v, want one without a second factor that lasts a week, at most thirty days", first)
	}
	s.Clock.Advance(20 * time.Minute)
	if alive(t, s, first.AccessToken) {
		t.Error("the first access token is accepted after twenty minutes")
	}
	next := refreshed(t, s, first.RefreshToken)
	if !alive(t, s, next.AccessToken) || next.RefreshToken == first.RefreshToken || next.Session != first.Session || next.ExpiresIn != 900 {
		t.Errorf("refreshed %+v, want new tokens of session %+v", next, first.Session)
	}
	s.Clock.Advance(7*24*time.Hour - time.Second)
	third := refreshed(t, s, next.RefreshToken)
	s.Clock.Advance(7 * 24 * time.Hour)
	wantRefused(t, s, "a token that lay idle for a week", third.RefreshToken)
	if got := texts(t, owner, `select action from audit_log where user_id = $1 and outcome = 'done' order by id`, s.World.Ada.ID); !slices.Equal(got, []string{"login", "refresh", "refresh"}) {
		t.Errorf("audited %v, want login and two refreshes", got)
	}
	if log := s.Log.String(); strings.Contains(log, first.RefreshToken) || strings.Contains(log, next.AccessToken) {
		t.Error("the log holds a token")
	}
}

func TestSessionEndsAfterThirtyDays(t *testing.T) {
	t.Parallel()
	s, _ := world(t, apitest.Options{})
	in := login(t, s, s.World.Ada)
	for range 5 {
		s.Clock.Advance(5 * 24 * time.Hour)
		in = refreshed(t, s, in.RefreshToken)
	}
	if in.RefreshExpiresIn != 5*24*3600 {
		t.Errorf("after 25 days the refresh token lasts %d s, want the five days that are left", in.RefreshExpiresIn)
	}
	s.Clock.Advance(5*24*time.Hour - time.Minute)
	in = refreshed(t, s, in.RefreshToken)
	s.Clock.Advance(time.Minute)
	wantRefused(t, s, "a token of a session of thirty days", in.RefreshToken)
	if alive(t, s, in.AccessToken) {
		t.Error("an access token outlives its session")
	}
}

func TestReuseEndsTheSession(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		after time.Duration
		ends  bool
	}{"at once": {0, false}, "at the end of the grace": {10 * time.Second, false}, "after the grace": {10*time.Second + time.Millisecond, true}, "a day later": {24 * time.Hour, true}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, owner := world(t, apitest.Options{})
			first := login(t, s, s.World.Ada)
			other := login(t, s, s.World.Ada)
			next := refreshed(t, s, first.RefreshToken)
			s.Clock.Advance(c.after)
			if !c.ends {
				if again := refreshed(t, s, first.RefreshToken); again.RefreshToken != next.RefreshToken {
					t.Error("within the grace a second successor was minted")
				}
				refreshed(t, s, next.RefreshToken)
				return
			}
			wantRefused(t, s, "a used token", first.RefreshToken)
			wantRefused(t, s, "its successor", next.RefreshToken)
			if alive(t, s, next.AccessToken) {
				t.Error("the access token outlives the ended session")
			}
			refreshed(t, s, other.RefreshToken) // other sessions go on
			if got := texts(t, owner, `select kind || ' ' || coalesce(payload ->> 'session_id', '') from events`); !slices.Equal(got, []string{auth.EventSessionEnded + " " + first.Session.ID}) {
				t.Errorf("told %v, want the end of the session", got)
			}
			if got := texts(t, owner, `select recipient || ' ' || kind from mails`); !slices.Equal(got, []string{"ada@example.com sessions_ended"}) {
				t.Errorf("mails %v, want one about the ended session", got)
			}
			if got := texts(t, owner, `select action from audit_log where outcome = 'denied' and session_id is not null`); !slices.Equal(got, []string{"refresh"}) {
				t.Errorf("denied %v, want the refresh", got)
			}
		})
	}
}

// A used token that is not the parent of the present one is reused, however fast.
func TestGrandparentEndsTheSession(t *testing.T) {
	t.Parallel()
	s, _ := world(t, apitest.Options{})
	first := login(t, s, s.World.Ada)
	next := refreshed(t, s, first.RefreshToken)
	third := refreshed(t, s, next.RefreshToken)
	wantRefused(t, s, "the parent's parent", first.RefreshToken)
	wantRefused(t, s, "the newest token of the ended session", third.RefreshToken)
}

func TestParallelRefreshesLeaveOneLineage(t *testing.T) {
	t.Parallel()
	s, owner := world(t, apitest.Options{})
	first := login(t, s, s.World.Ada)
	answers := make([]signIn, 100)
	var all sync.WaitGroup
	for i := range answers {
		all.Go(func() { answers[i] = refreshed(t, s, first.RefreshToken) })
	}
	all.Wait()
	for _, a := range answers {
		if a.RefreshToken != answers[0].RefreshToken || a.AccessToken == "" {
			t.Fatalf("successors %q and %q, want one", a.RefreshToken, answers[0].RefreshToken)
		}
	}
	if got := texts(t, owner, `select refresh_generation || ' ' || (revoked_at is null) from user_sessions`); !slices.Equal(got, []string{"1 true"}) {
		t.Errorf("generation and life: %v, want 1 true", got)
	}
	s.Clock.Advance(time.Minute)
	refreshed(t, s, answers[7].RefreshToken)
}

func TestListAndEndSessions(t *testing.T) {
	t.Parallel()
	s, _ := world(t, apitest.Options{})
	firefox := "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0"
	here := login(t, s, s.World.Ada, "User-Agent", firefox)
	s.Clock.Advance(time.Minute)
	there := login(t, s, s.World.Ada, "User-Agent", "curl/8.0")
	vic := login(t, s, s.World.Vic)
	var list struct {
		Sessions []struct {
			ID, Device, Address string
			LastUsedAt          time.Time `json:"last_used_at"`
			Current             bool
		}
	}
	s.Get(t, "/auth/sessions", here.AccessToken).Decode(t, http.StatusOK, &list)
	if len(list.Sessions) != 2 || list.Sessions[0].ID != there.Session.ID || list.Sessions[1].ID != here.Session.ID ||
		!list.Sessions[1].Current || list.Sessions[0].Current || list.Sessions[1].Device != "Firefox on Windows" || list.Sessions[0].Device != "curl" ||
		list.Sessions[0].Address != "127.0.0.1" || !list.Sessions[0].LastUsedAt.Equal(s.Clock.Now()) {
		t.Errorf("sessions %+v, want curl's and then this one, of Firefox", list.Sessions)
	}
	alive(t, s, there.AccessToken) // now remembered
	for _, other := range []string{vic.Session.ID, "0192f0c1-2a6b-7c3d-9e8f-5a4b3c2d1e0f"} {
		s.Request(t, http.MethodDelete, "/auth/sessions/"+other, nil, bearer(here.AccessToken)...).WantError(t, http.StatusNotFound, "NOT_FOUND")
	}
	if answer := s.Request(t, http.MethodDelete, "/auth/sessions/"+there.Session.ID, nil, bearer(here.AccessToken)...); answer.Status != http.StatusNoContent {
		t.Fatalf("end session: %d %s", answer.Status, answer.Body)
	}
	if alive(t, s, there.AccessToken) || !alive(t, s, here.AccessToken) || !alive(t, s, vic.AccessToken) {
		t.Error("want the one session ended, at once, and no other")
	}
	wantRefused(t, s, "a token of the ended session", there.RefreshToken)
	s.Request(t, http.MethodDelete, "/auth/sessions/"+there.Session.ID, nil, bearer(here.AccessToken)...).WantError(t, http.StatusNotFound, "NOT_FOUND")
}

func TestEndAllSessions(t *testing.T) {
	t.Parallel()
	s, owner := world(t, apitest.Options{})
	var mine []signIn
	for range 4 {
		mine = append(mine, login(t, s, s.World.Ada))
	}
	vic, here := login(t, s, s.World.Vic), mine[2]
	end := func(query string, want int) {
		t.Helper()
		var ended struct {
			Sessions int `json:"ended_sessions"`
		}
		s.Request(t, http.MethodDelete, "/auth/sessions"+query, nil, bearer(here.AccessToken)...).Decode(t, http.StatusOK, &ended)
		if ended.Sessions != want {
			t.Errorf("%q ended %d sessions, want %d", query, ended.Sessions, want)
		}
	}
	for _, in := range mine {
		alive(t, s, in.AccessToken) // now remembered
	}
	end("", 3)
	for i, in := range mine {
		if alive(t, s, in.AccessToken) != (i == 2) {
			t.Errorf("session %d: want all but the one of the request ended, at once", i)
		}
	}
	wantRefused(t, s, "a token of an ended session", mine[0].RefreshToken)
	end("", 0)
	end("?current=true", 1)
	if alive(t, s, here.AccessToken) || !alive(t, s, vic.AccessToken) {
		t.Error("want the session of the request ended too, and nobody else's")
	}
	if got := texts(t, owner, `select kind from mails`); !slices.Equal(got, []string{"sessions_ended", "sessions_ended"}) {
		t.Errorf("mails %v, want one for each time that sessions were ended", got)
	}
	if got := texts(t, owner, `select details ->> 'ended_sessions' from audit_log where action = 'endSessions' order by id`); !slices.Equal(got, []string{"3", "0", "1"}) {
		t.Errorf("audit log %v, want an entry for each request", got)
	}
}

// Another process, or an operator with SQL, ends a session or switches an account off: this process follows within the
// documented three seconds.
func TestOthersEndSessions(t *testing.T) {
	t.Parallel()
	for name, statement := range map[string]string{
		"ended":        `update user_sessions set revoked_at = now(), revoked_reason = 'test'`,
		"switched off": `update users set is_active = false`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, owner := world(t, apitest.Options{})
			in := login(t, s, s.World.Ada)
			if !alive(t, s, in.AccessToken) {
				t.Fatal("the token is refused before anything happened")
			}
			if _, err := owner.Exec(t.Context(), statement); err != nil {
				t.Fatal(err)
			}
			s.Clock.Advance(3 * time.Second)
			if alive(t, s, in.AccessToken) {
				t.Error("the token is accepted three seconds later")
			}
			wantRefused(t, s, "a token of that session", in.RefreshToken)
		})
	}
}

func TestLogout(t *testing.T) {
	t.Parallel()
	s, owner := world(t, apitest.Options{})
	out := func(body any, headers ...string) apitest.Answer {
		t.Helper()
		return s.Request(t, http.MethodPost, "/auth/logout", body, headers...)
	}
	byBearer, byToken, byUsed := login(t, s, s.World.Ada), login(t, s, s.World.Ada), login(t, s, s.World.Ada)
	refreshed(t, s, byUsed.RefreshToken)
	for name, answer := range map[string]apitest.Answer{
		"access token":       out(nil, bearer(byBearer.AccessToken)...),
		"refresh token":      out(map[string]string{"refresh_token": byToken.RefreshToken}),
		"used refresh token": out(map[string]string{"refresh_token": byUsed.RefreshToken}),
		"the same again":     out(map[string]string{"refresh_token": byToken.RefreshToken}),
		"no refresh token":   out(map[string]string{"refresh_token": "scr_nothing"}),
	} {
		if answer.Status != http.StatusNoContent {
			t.Errorf("logout with %s: %d %s, want 204", name, answer.Status, answer.Body)
		}
	}
	for _, in := range []signIn{byBearer, byToken, byUsed} {
		if alive(t, s, in.AccessToken) {
			t.Error("an access token outlives its session")
		}
		wantRefused(t, s, "a token of a session that was ended", in.RefreshToken)
	}
	out(nil).WantError(t, http.StatusBadRequest, "VALIDATION_ERROR")
	out(nil, bearer(byBearer.AccessToken)...).WantError(t, http.StatusUnauthorized, "INVALID_TOKEN")
	if got := texts(t, owner, `select count(*)::text from audit_log where action = 'logout' and outcome = 'done' and session_id is not null`); got[0] != "3" {
		t.Errorf("%s sign-outs audited, want 3", got[0])
	}
}

func TestNewDevicesAreTold(t *testing.T) {
	t.Parallel()
	s, owner := world(t, apitest.Options{})
	kinds := func() int { return len(texts(t, owner, `select kind from mails where kind = 'new_device'`)) }
	for i, step := range []struct {
		agent string
		mails int
	}{
		{"Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", 0}, // the first sign-in of all
		{"Mozilla/5.0 (X11; Linux x86_64; rv:141.0) Gecko/20100101 Firefox/141.0", 0}, // a newer version
		{"curl/8.0 http://evil.example", 1},
		{"curl/8.1 http://evil.example", 1},
	} {
		login(t, s, s.World.Ada, "User-Agent", step.agent)
		if got := kinds(); got != step.mails {
			t.Errorf("after sign-in %d with %s: %d mails, want %d", i+1, step.agent, got, step.mails)
		}
	}
	body := texts(t, owner, `select body from mails`)[0]
	if !strings.Contains(body, "curl") || !strings.Contains(body, "127.0.0.1") || strings.Contains(body, "evil") {
		t.Errorf("mail %q: want device and address and nothing that the caller sent", body)
	}
}

func TestOldestSessionMakesRoom(t *testing.T) {
	t.Parallel()
	s, _ := world(t, apitest.Options{Auth: func(c *auth.Config) { c.MaxSessions = 3 }})
	sessions := make([]signIn, 4)
	for i := range sessions {
		s.Clock.Advance(time.Second)
		sessions[i] = login(t, s, s.World.Ada)
	}
	for i, in := range sessions {
		if got := alive(t, s, in.AccessToken); got != (i > 0) {
			t.Errorf("session %d of 4 lives: %t, want the last three to", i+1, got)
		}
	}
}
