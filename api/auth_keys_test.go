package api_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/signalcraft/signalcraft/api/apitest"
)

// madeKey is the answer to a key that was made.
type madeKey struct {
	Key string
	Of  struct {
		ID        string
		Hint      string
		ExpiresAt time.Time `json:"expires_at"`
	} `json:"api_key"`
}

func askKey(t testing.TB, s *apitest.Service, token string, business uuid.UUID, days int, scopes ...string) apitest.Answer {
	t.Helper()
	body := map[string]any{"business_id": business, "name": "export", "scopes": scopes}
	if days != 0 {
		body["expires_in_days"] = days
	}
	return s.Request(t, http.MethodPost, "/auth/api-keys", body, bearer(token)...)
}

func makeKey(t testing.TB, s *apitest.Service, token string, business uuid.UUID, days int, scopes ...string) madeKey {
	t.Helper()
	var made madeKey
	askKey(t, s, token, business, days, scopes...).Decode(t, http.StatusCreated, &made)
	return made
}

func TestAPIKey(t *testing.T) {
	t.Parallel()
	s, owner := world(t, apitest.Options{})
	w := s.World
	ada := login(t, s, w.Ada)
	made := makeKey(t, s, ada.AccessToken, w.Cafe.ID, 0, "read")
	if !strings.HasPrefix(made.Key, "sck_") || !strings.HasPrefix(made.Key, made.Of.Hint) || len(made.Key) != 80 || !made.Of.ExpiresAt.Equal(apitest.Now().AddDate(0, 0, 90)) {
		t.Errorf("key %+v, want one of 80 letters for 90 days", made)
	}
	if got := texts(t, owner, `select 'kept' from api_keys where api_keys::text like '%' || $1 || '%'`, made.Key[len(made.Key)-20:]); len(got) > 0 {
		t.Error("the database holds the key in plain")
	}
	cafe := "/dashboard/metrics/" + w.Cafe.ID.String()
	if got := s.Get(t, cafe, made.Key); got.Status != http.StatusOK {
		t.Fatalf("metrics with the key: %d %s", got.Status, got.Body)
	}
	s.Get(t, "/dashboard/metrics/"+w.Hotel.ID.String(), made.Key).WantError(t, http.StatusNotFound, "NOT_FOUND")
	for _, path := range []string{"/auth/sessions", "/auth/api-keys", "/auth/mfa"} {
		s.Get(t, path, made.Key).WantError(t, http.StatusForbidden, "INSUFFICIENT_SCOPE")
	}
	used := func() string {
		return texts(t, owner, `select to_char(last_used_at at time zone 'UTC', 'HH24:MI:SS') from api_keys`)[0]
	}
	for _, step := range []struct {
		advance time.Duration
		want    string
	}{{0, "06:00:00"}, {50 * time.Second, "06:00:00"}, {10 * time.Second, "06:01:00"}} {
		s.Clock.Advance(step.advance)
		s.Get(t, cafe, made.Key)
		if got := used(); got != step.want {
			t.Errorf("last used at %s, want %s", got, step.want)
		}
	}
	var list struct {
		Keys []struct{ ID, Hint, Name string }
	}
	s.Get(t, "/auth/api-keys", ada.AccessToken).Decode(t, http.StatusOK, &list)
	if len(list.Keys) != 1 || list.Keys[0].ID != made.Of.ID {
		t.Errorf("keys %+v, want the one", list.Keys)
	}
	s.Request(t, http.MethodDelete, "/auth/api-keys/"+made.Of.ID, nil, bearer(login(t, s, w.Vic).AccessToken)...).WantError(t, http.StatusNotFound, "NOT_FOUND")
	if got := s.Request(t, http.MethodDelete, "/auth/api-keys/"+made.Of.ID, nil, bearer(ada.AccessToken)...); got.Status != http.StatusNoContent {
		t.Fatalf("delete key: %d %s", got.Status, got.Body)
	}
	s.Get(t, cafe, made.Key).WantError(t, http.StatusUnauthorized, "INVALID_TOKEN")
	if got := texts(t, owner, `select kind from mails`); !slices.Equal(got, []string{"api_key_created"}) {
		t.Errorf("mails %v, want one about the key", got)
	}
	if got := texts(t, owner, `select action || ' ' || (subject = $1) from audit_log where action like '%Key' and outcome = 'done' order by id`, made.Of.ID); !slices.Equal(got, []string{"createAPIKey true", "deleteAPIKey true"}) {
		t.Errorf("audited %v, want both changes of the key", got)
	}
}

func TestRoleDecidesOverKeys(t *testing.T) {
	t.Parallel()
	s, owner := world(t, apitest.Options{})
	w := s.World
	vic := login(t, s, w.Vic)
	for _, scopes := range [][]string{{"write"}, {"sources"}, {"read", "write"}} {
		askKey(t, s, vic.AccessToken, w.Cafe.ID, 0, scopes...).WantError(t, http.StatusForbidden, "FORBIDDEN")
	}
	askKey(t, s, vic.AccessToken, w.Hotel.ID, 0, "read").WantError(t, http.StatusNotFound, "NOT_FOUND")
	for name, answer := range map[string]apitest.Answer{
		"unknown scope": askKey(t, s, vic.AccessToken, w.Cafe.ID, 0, "admin"), "no scope": askKey(t, s, vic.AccessToken, w.Cafe.ID, 0),
		"too long": askKey(t, s, vic.AccessToken, w.Cafe.ID, 366, "read"), "twice": askKey(t, s, vic.AccessToken, w.Cafe.ID, 1, "read", "read"),
	} {
		if answer.Status != http.StatusBadRequest {
			t.Errorf("%s: %d %s, want 400", name, answer.Status, answer.Body)
		}
	}
	reads := makeKey(t, s, vic.AccessToken, w.Cafe.ID, 0, "read")
	cafe := "/dashboard/metrics/" + w.Cafe.ID.String()
	if got := s.Get(t, cafe, reads.Key); got.Status != http.StatusOK {
		t.Fatalf("metrics with the key: %d %s", got.Status, got.Body)
	}
	if _, err := owner.Exec(t.Context(), `delete from memberships where user_id = $1`, w.Vic.ID); err != nil {
		t.Fatal(err)
	}
	s.Get(t, cafe, reads.Key).WantError(t, http.StatusNotFound, "NOT_FOUND") // at once, though the key is remembered
	s.Clock.Advance(3 * time.Second)
	s.Get(t, cafe, reads.Key).WantError(t, http.StatusUnauthorized, "INVALID_TOKEN") // the key went with the membership
	if _, err := owner.Exec(t.Context(), `insert into memberships (business_id, user_id, role) values ($1, $2, 'owner')`, w.Cafe.ID, w.Vic.ID); err != nil {
		t.Fatal(err)
	}
	s.Get(t, cafe, reads.Key).WantError(t, http.StatusUnauthorized, "INVALID_TOKEN") // and does not come back with the next one
}

func TestKeyTakesAProof(t *testing.T) {
	t.Parallel()
	s, _ := world(t, apitest.Options{})
	ada := login(t, s, s.World.Ada)
	s.Clock.Advance(11 * time.Minute)
	askKey(t, s, ada.AccessToken, s.World.Cafe.ID, 0, "read").WantError(t, http.StatusForbidden, "PROOF_REQUIRED")
}
