package live_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/signalcraft/signalcraft/api/live"
)

// An enterprise business tells its owners and admins nothing without a second factor: neither what happens nor what was
// missed. Others hear of it as before.
func TestSecondFactorDecidesWhatIsHeard(t *testing.T) {
	t.Parallel()
	w := start(t, live.Config{Recheck: time.Hour})
	cafe, hotel, ada := w.World.Cafe.ID, w.World.Hotel.ID, w.World.Ada
	w.exec(t, `insert into memberships (business_id, user_id, role) values ($1, $2, 'owner')`, hotel, ada.ID)
	w.tell(t, &cafe, nil, "test.event", "missed")
	weak := w.Login(t, ada)
	_, _, strong := w.Enrol(t, weak)
	w.exec(t, `update businesses set subscription_tier = 'enterprise' where id = $1`, cafe)

	plain, proved := w.listen(t, weak, "?after=0", ""), w.connect(t, strong, "?after=0")
	vic := w.listen(t, w.Login(t, w.World.Vic), "", "")
	plain.want(t, "stream.second_factor_required", "stream.ready")
	proved.want(t, "test.event missed", "stream.ready")
	vic.want(t, "stream.ready")
	_, answer := w.ask(t, weak, "?business_id="+cafe.String(), "")
	answer.Body.Close()
	if answer.StatusCode != http.StatusForbidden {
		t.Errorf("listening to the business alone without a second factor: status %d, want 403", answer.StatusCode)
	}
	one := w.connect(t, strong, "?business_id="+cafe.String())
	one.want(t, "stream.ready")

	w.tell(t, &cafe, nil, "test.event", "cafe")
	w.tell(t, &cafe, &ada.ID, "test.event", "ada in the cafe")
	w.tell(t, &hotel, nil, "test.event", "hotel")
	w.tell(t, nil, &ada.ID, "test.event", "ada")
	plain.want(t, "test.event hotel", "test.event ada")
	proved.want(t, "test.event cafe", "test.event ada in the cafe", "test.event hotel", "test.event ada")
	one.want(t, "test.event cafe", "test.event ada in the cafe", "test.event ada")
	vic.want(t, "test.event cafe")

	// The factor is removed: who heard because of it hears no more, whatever the token says.
	if answer := w.Request(t, http.MethodDelete, "/auth/mfa/totp", nil, "Authorization", "Bearer "+strong); answer.Status != http.StatusNoContent {
		t.Fatalf("remove the factor: status %d: %s", answer.Status, answer.Body)
	}
	w.tell(t, &cafe, nil, "test.event", "later")
	w.tell(t, nil, &ada.ID, "test.event", "ada again")
	plain.want(t, "session.changed", "test.event ada again")
	proved.want(t, "stream.second_factor_required", "session.changed", "test.event ada again")
	one.wantEnd(t, live.EndSecondFactor)
	if code := websocket.CloseStatus(one.err); code != 4005 {
		t.Errorf("close status %d, want 4005", code)
	}
	vic.want(t, "test.event later")
}

// A business that becomes one with the policy stops telling its owner without a second factor at once, and goes on when
// it no longer has the policy.
func TestPolicyBeginsWhileStreamsAreOpen(t *testing.T) {
	t.Parallel()
	w := start(t, live.Config{Recheck: time.Hour})
	cafe, ada := w.World.Cafe.ID, w.World.Ada
	token := w.Login(t, ada)
	all, one := w.listen(t, token, "", ""), w.listen(t, token, "?business_id="+cafe.String(), "")
	vic := w.listen(t, w.Login(t, w.World.Vic), "", "")
	for _, c := range []*client{all, one, vic} {
		c.want(t, "stream.ready")
	}
	change := func(tier string) {
		t.Helper()
		answer := w.Request(t, http.MethodPost, "/users/upgrade", map[string]any{"business_id": cafe, "tier": tier}, "Authorization", "Bearer "+token)
		if answer.Status != http.StatusOK {
			t.Fatalf("change to %s: status %d: %s", tier, answer.Status, answer.Body)
		}
	}
	change("enterprise")
	w.tell(t, &cafe, nil, "test.event", "not for ada")
	w.tell(t, nil, &ada.ID, "test.event", "ada")
	all.want(t, "stream.second_factor_required", "test.event ada")
	one.wantEnd(t, live.EndSecondFactor)
	vic.want(t, "subscription.changed", "test.event not for ada")

	_, _, strong := w.Enrol(t, token)
	token = strong
	change("free")
	w.tell(t, &cafe, nil, "test.event", "for ada")
	all.want(t, "subscription.changed", "test.event for ada")
}

// An account that is erased has no streams from that moment on.
func TestErasedAccountEndsItsStreams(t *testing.T) {
	t.Parallel()
	for name, erase := range map[string]func(*testing.T, *world, string){
		"by its owner": func(t *testing.T, w *world, token string) {
			w.exec(t, `update memberships set role = 'owner' where user_id = $1`, w.World.Vic.ID) // so that Ada may go
			answer := w.Request(t, http.MethodDelete, "/users/me", map[string]string{"password": w.World.Ada.Password}, "Authorization", "Bearer "+token)
			if answer.Status != http.StatusNoContent {
				t.Fatalf("erase: status %d: %s", answer.Status, answer.Body)
			}
		},
		"in another way": func(t *testing.T, w *world, _ string) {
			w.exec(t, `update memberships set role = 'owner' where user_id = $1`, w.World.Vic.ID)
			w.exec(t, `delete from users where id = $1`, w.World.Ada.ID)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := start(t, live.Config{Recheck: time.Hour})
			token := w.Login(t, w.World.Ada)
			w.tell(t, nil, &w.World.Ada.ID, "test.event", "of ada")
			stream, socket := w.listen(t, token, "", ""), w.connect(t, token, "")
			stream.want(t, "stream.ready")
			socket.want(t, "stream.ready")
			erase(t, w, token)
			stream.wantEnd(t, live.EndSession)
			socket.wantEnd(t, live.EndSession)
			var left int
			if err := w.owner.QueryRow(t.Context(), `select count(*) from events where user_id = $1 and kind <> 'account.ended'`, w.World.Ada.ID).Scan(&left); err != nil || left > 0 {
				t.Errorf("%d events of an erased account are left, error %v", left, err)
			}
		})
	}
}
