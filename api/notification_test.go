package api_test

import (
	"fmt"
	"net/http"
	"slices"
	"testing"

	"github.com/signalcraft/signalcraft/api/apitest"
)

// What an enterprise business tells its owners and admins is seen with a second factor only, listed, counted, marked as read
// and exported.
func TestNotificationsWantTheSecondFactor(t *testing.T) {
	t.Parallel()
	s := newScene(t, apitest.Options{})
	cafe, hotel, ada := s.World.Cafe.ID, s.World.Hotel.ID, s.World.Ada
	s.exec(`insert into memberships (business_id, user_id, role) values ($1, $2, 'viewer')`, hotel, ada.ID)
	for i, business := range []any{cafe, cafe, hotel} {
		s.exec(`insert into notifications (business_id, id, user_id, kind, title) values ($1, $2, $3, 'alert', $4)`, business, fmt.Sprintf("0192f0c1-cccc-7000-8000-%012d", i), ada.ID, fmt.Sprint("notice ", i))
	}
	weak := s.Login(t, ada)
	_, _, strong := s.Enrol(t, weak)
	s.exec(`update businesses set subscription_tier = 'enterprise'`)
	seen := func(token string) (titles []string, unread int) {
		t.Helper()
		var list struct {
			Notifications []struct{ Title string }
			Unread        int `json:"unread_count"`
		}
		s.want(200, token, "GET", "/notifications", nil, &list)
		for _, n := range list.Notifications {
			titles = append(titles, n.Title)
		}
		slices.Sort(titles)
		return titles, list.Unread
	}
	exported := func(token string) int {
		t.Helper()
		var document struct{ Notifications []struct{ Title string } }
		s.want(200, token, "GET", "/users/export", nil, &document)
		return len(document.Notifications)
	}
	for name, c := range map[string]struct {
		token string
		want  []string
	}{"with a second factor": {strong, []string{"notice 0", "notice 1", "notice 2"}}, "without one": {weak, []string{"notice 2"}}} {
		titles, unread := seen(c.token)
		if !slices.Equal(titles, c.want) || unread != len(c.want) || exported(c.token) != len(c.want) {
			t.Errorf("%s: %v, %d of them unread, %d exported; want %v", name, titles, unread, exported(c.token), c.want)
		}
	}
	s.as(weak, "GET", "/notifications?business_id="+cafe.String(), nil).WantError(t, http.StatusForbidden, "MFA_REQUIRED")
	s.as(weak, "POST", "/notifications/0192f0c1-cccc-7000-8000-000000000000/read", nil).WantError(t, http.StatusForbidden, "MFA_REQUIRED")
	var read struct {
		Unread int `json:"unread_count"`
	}
	s.want(200, strong, "POST", "/notifications/0192f0c1-cccc-7000-8000-000000000000/read", nil, &read)
	if titles, unread := seen(strong); len(titles) != 3 || unread != 2 || read.Unread != 2 {
		t.Errorf("after reading one: %v, %d unread, %d in the answer; want two unread", titles, unread, read.Unread)
	}
}
