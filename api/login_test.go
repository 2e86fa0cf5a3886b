package api_test

import (
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/signalcraft/signalcraft/api"
	"github.com/signalcraft/signalcraft/api/apitest"
	"github.com/signalcraft/signalcraft/api/store/storetest"
)

func TestMain(m *testing.M) { storetest.Main(m) }

func credentials(email, password string) map[string]string {
	return map[string]string{"email": email, "password": password}
}

func TestLogin(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	s := apitest.Start(t, apitest.Options{URL: db.URL})
	ada := s.World.Ada
	var body struct {
		AccessToken string `json:"access_token"`
		TokenType   string `json:"token_type"`
		ExpiresIn   int    `json:"expires_in"`
		User        struct{ ID, Email, Name string }
		Businesses  []struct {
			ID, Name, Role, Currency, Country string
			TimeZone                          string `json:"time_zone"`
		}
	}
	s.Request(t, http.MethodPost, "/api/v1/auth/login", credentials(" ADA@example.COM ", ada.Password), "User-Agent", "scenario/1").
		Decode(t, http.StatusOK, &body)
	if body.TokenType != "Bearer" || body.ExpiresIn != 900 || strings.Count(body.AccessToken, ".") != 2 {
		t.Errorf("token %q of type %q for %d s, want a bearer JWT for 900 s", body.AccessToken, body.TokenType, body.ExpiresIn)
	}
	if body.User.ID != ada.ID.String() || body.User.Email != ada.Email || body.User.Name != ada.Name {
		t.Errorf("user %+v, want %+v", body.User, ada)
	}
	if len(body.Businesses) != 1 {
		t.Fatalf("businesses %+v, want the cafe only", body.Businesses)
	}
	b := body.Businesses[0]
	if b.ID != s.World.Cafe.ID.String() || b.Role != "owner" || b.TimeZone != "Europe/Berlin" || b.Currency != "EUR" || b.Country != "DE" {
		t.Errorf("business %+v, want the cafe as its owner sees it", b)
	}

	var user, address, agent string
	var ends time.Time
	err := db.Pool(t, "").QueryRow(t.Context(), `select user_id::text, host(ip), user_agent, expires_at from user_sessions`).Scan(&user, &address, &agent, &ends)
	if err != nil || user != ada.ID.String() || address != "127.0.0.1" || agent != "scenario/1" || !ends.Equal(apitest.Now().AddDate(0, 0, 7)) {
		t.Errorf("session of %s from %s with %q until %s, %v; want one of ada's that ends in a week", user, address, agent, ends, err)
	}
	if log := s.Log.String(); strings.Contains(log, ada.Password) || strings.Contains(log, body.AccessToken) || strings.Contains(log, ada.Email) {
		t.Errorf("the log holds a secret or an address:\n%s", log)
	}
}

func TestLoginRefusesAlike(t *testing.T) {
	t.Parallel()
	s := apitest.Start(t, apitest.Options{})
	w := s.World
	ask := func(email, password string) string {
		t.Helper()
		answer := s.Request(t, http.MethodPost, "/auth/login", credentials(email, password), "X-Request-Id", "same")
		answer.WantError(t, http.StatusUnauthorized, "INVALID_CREDENTIALS")
		if answer.Header.Get("WWW-Authenticate") == "" {
			t.Errorf("login as %s: 401 without WWW-Authenticate", email)
		}
		return string(answer.Body)
	}
	wrong := ask(w.Ada.Email, w.Vic.Password)
	for _, other := range [][2]string{
		{"absent@example.com", w.Ada.Password}, // no such account
		{w.Gone.Email, w.Gone.Password},        // switched off, though the password is right
		{w.Ada.Email, w.Ada.Password + " "},    // not quite
	} {
		if got := ask(other[0], other[1]); got != wrong {
			t.Errorf("login as %q: %s, want the same as for a wrong password: %s", other[0], got, wrong)
		}
	}
}

func TestLoginIsThrottled(t *testing.T) {
	t.Parallel()
	s := apitest.Start(t, apitest.Options{API: func(c *api.Config) {
		c.Limits = map[string]api.Limit{"login": {Requests: 2, Window: 2 * time.Minute}}
	}})
	w := s.World
	for range 2 {
		s.Request(t, http.MethodPost, "/auth/login", credentials(w.Ada.Email, "guess")).WantError(t, http.StatusUnauthorized, "INVALID_CREDENTIALS")
	}
	// Now even the right password is not heard, in whatever case the address is written.
	held := s.Request(t, http.MethodPost, "/auth/login", credentials("Ada@Example.com", w.Ada.Password))
	held.WantError(t, http.StatusTooManyRequests, "RATE_LIMITED")
	seconds, err := strconv.Atoi(held.Header.Get("Retry-After"))
	if err != nil || seconds != 60 {
		t.Errorf("Retry-After %q, want 60", held.Header.Get("Retry-After"))
	}
	s.Login(t, w.Vic) // others may
	s.Clock.Advance(time.Duration(seconds) * time.Second)
	s.Login(t, w.Ada)
}
