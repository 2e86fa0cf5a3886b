package api_test

import (
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/signalcraft/signalcraft/api/apitest"
)

// staff adds people of every role to the cafe and signs them in, with Ada, its owner.
func (s *scene) staff() map[string]string {
	s.t.Helper()
	tokens := map[string]string{"owner": s.Login(s.t, s.World.Ada), "viewer": s.Login(s.t, s.World.Vic)}
	for _, role := range []string{"admin", "analyst"} {
		s.exec(`insert into users (id, email, password_hash, full_name, email_verified_at) select gen_random_uuid(), $1 || '@example.com', password_hash, $1, now() from users where id = $2`, role, s.World.Ada.ID)
		s.exec(`insert into memberships (business_id, user_id, role) select $1, id, $2 from users where full_name = $2`, s.World.Cafe.ID, role)
		tokens[role] = s.Login(s.t, apitest.User{Email: role + "@example.com", Password: s.World.Ada.Password})
	}
	return tokens
}

func (s *scene) idOf(name string) string {
	s.t.Helper()
	return s.value(`select id from users where full_name = $1`, name)
}

func TestRolesOfMembers(t *testing.T) {
	t.Parallel()
	s := newScene(t, apitest.Options{})
	staff := s.staff()
	path := "/businesses/" + s.World.Cafe.ID.String() + "/members/"
	change := func(actor, member, role string) apitest.Answer {
		return s.as(staff[actor], "PUT", path+s.idOf(member), map[string]string{"role": role})
	}
	var list struct{ Members []struct{ Name, Role string } }
	s.want(200, staff["viewer"], "GET", strings.TrimSuffix(path, "/"), nil, &list)
	if len(list.Members) != 5 {
		t.Errorf("members: %v, want five", list.Members)
	}
	change("analyst", "vic", "analyst").WantError(t, http.StatusForbidden, "FORBIDDEN")
	change("admin", "vic", "owner").WantError(t, http.StatusForbidden, "FORBIDDEN")
	change("admin", "ada", "viewer").WantError(t, http.StatusForbidden, "FORBIDDEN")
	s.as(staff["admin"], "DELETE", path+s.idOf("ada"), nil).WantError(t, http.StatusForbidden, "FORBIDDEN")
	s.as(staff["viewer"], "DELETE", path+s.idOf("admin"), nil).WantError(t, http.StatusForbidden, "FORBIDDEN")
	change("admin", "bob", "viewer").WantError(t, http.StatusNotFound, "NOT_FOUND")
	// Gone owns the cafe too, but cannot sign in.
	change("owner", "ada", "admin").WantError(t, http.StatusConflict, "LAST_OWNER")
	s.as(staff["owner"], "DELETE", path+s.idOf("ada"), nil).WantError(t, http.StatusConflict, "LAST_OWNER")

	var changed struct{ Role string }
	change("admin", "vic", "analyst").Decode(t, 200, &changed)
	if changed.Role != "analyst" {
		t.Errorf("changed to %s, want analyst", changed.Role)
	}
	change("owner", "admin", "owner").Decode(t, 200, &changed)
	change("owner", "ada", "admin").Decode(t, 200, &changed)
	s.want(204, staff["viewer"], "DELETE", path+s.idOf("vic"), nil, nil)
	s.as(staff["viewer"], "GET", strings.TrimSuffix(path, "/"), nil).WantError(t, http.StatusNotFound, "NOT_FOUND")
	want := "membership.changed analyst vic, membership.changed owner admin, membership.changed admin ada, membership.ended  vic"
	got := s.value(`select string_agg(e.kind || ' ' || coalesce(e.payload ->> 'role', '') || ' ' || u.full_name, ', ' order by e.id) from events e join users u on u.id = e.user_id where e.business_id = $1`, s.World.Cafe.ID)
	if got != want {
		t.Errorf("told:\n%s\nwant\n%s", got, want)
	}
}

// Of two owners who leave or demote each other at once, one stays.
func TestLastOwnersRace(t *testing.T) {
	t.Parallel()
	s := newScene(t, apitest.Options{})
	staff := s.staff()
	path := "/businesses/" + s.World.Cafe.ID.String() + "/members/"
	ada, other := s.idOf("ada"), s.idOf("admin")
	for round, request := range []func(token, self, other string) apitest.Answer{
		func(token, self, _ string) apitest.Answer { return s.as(token, "DELETE", path+self, nil) },
		func(token, self, _ string) apitest.Answer {
			return s.as(token, "PUT", path+self, map[string]string{"role": "viewer"})
		},
		func(token, _, other string) apitest.Answer {
			return s.as(token, "PUT", path+other, map[string]string{"role": "viewer"})
		},
	} {
		for range 5 {
			s.exec(`insert into memberships (business_id, user_id, role) values ($1, $2, 'owner'), ($1, $3, 'owner') on conflict (business_id, user_id) do update set role = 'owner'`, s.World.Cafe.ID, ada, other)
			var wait sync.WaitGroup
			answers := make([]apitest.Answer, 2)
			wait.Go(func() { answers[0] = request(staff["owner"], ada, other) })
			wait.Go(func() { answers[1] = request(staff["admin"], other, ada) })
			wait.Wait()
			if got := s.value(`select count(*) from memberships m join users u on u.id = m.user_id where business_id = $1 and role = 'owner' and is_active`, s.World.Cafe.ID); got != "1" {
				t.Fatalf("round %d: %s owners left, want 1; answers %d %s, %d %s", round, got, answers[0].Status, answers[0].Body, answers[1].Status, answers[1].Body)
			}
			for _, a := range answers {
				if a.Status >= 500 {
					t.Errorf("round %d: %d %s", round, a.Status, a.Body)
				}
			}
		}
	}
}

var tokenLine = regexp.MustCompile(`"token":"([A-Za-z0-9_-]{43})"`)

// mailedToken returns the token of the last invitation to an address.
func (s *scene) mailedToken(address string) string {
	s.t.Helper()
	body := s.value(`select body from mails where kind = 'invitation' and recipient = $1 order by created_at desc, id desc limit 1`, address)
	token := tokenLine.FindStringSubmatch(body)
	if token == nil {
		s.t.Fatalf("no token in %q", body)
	}
	return token[1]
}

func TestInvitations(t *testing.T) {
	t.Parallel()
	s := newScene(t, apitest.Options{})
	staff := s.staff()
	s.exec(`update users set email_verified_at = now()`)
	s.exec(`update businesses set subscription_tier = 'pro'`)
	path := "/businesses/" + s.World.Cafe.ID.String() + "/invitations"
	invite := func(actor, address, role string) apitest.Answer {
		return s.as(staff[actor], "POST", path, map[string]string{"email": address, "role": role})
	}
	accept := func(token, invitation string) apitest.Answer {
		return s.as(token, "POST", "/invitations/accept", map[string]string{"token": invitation})
	}
	invite("analyst", "bob@example.com", "viewer").WantError(t, http.StatusForbidden, "FORBIDDEN")
	invite("admin", "bob@example.com", "owner").WantError(t, http.StatusForbidden, "FORBIDDEN")
	invite("admin", "vic@example.com", "admin").WantError(t, http.StatusConflict, "CONFLICT")
	for _, bad := range []string{"bob", "Bob <bob@example.com>", "a@b.c\nBcc: d@e.f", "a@b.c, d@e.f"} {
		invite("admin", bad, "viewer").WantError(t, http.StatusBadRequest, "VALIDATION_ERROR")
	}
	var made struct{ ID, Role string }
	invite("admin", "BOB@example.com", "viewer").Decode(t, 201, &made)
	first := s.mailedToken("BOB@example.com")
	invite("admin", "bob@example.com", "analyst").Decode(t, 201, &made)
	second := s.mailedToken("bob@example.com")
	var list struct {
		Invitations []struct{ ID, Email, Role string }
	}
	s.want(200, staff["admin"], "GET", path, nil, &list)
	if len(list.Invitations) != 1 || list.Invitations[0].Role != "analyst" {
		t.Errorf("inviting twice: %v, want the second invitation alone", list.Invitations)
	}
	s.as(staff["analyst"], "GET", path, nil).WantError(t, http.StatusForbidden, "FORBIDDEN")

	bob, nobody := s.Login(t, s.World.Bob), s.Login(t, s.World.Nobody)
	absent := accept(bob, strings.Repeat("A", 43)).Body
	for what, answer := range map[string]apitest.Answer{"replaced": accept(bob, first), "another's": accept(nobody, second), "garbage": accept(bob, "x")} {
		got := answer.WantError(t, http.StatusNotFound, "NOT_FOUND")
		if len(answer.Body) != len(absent) {
			t.Errorf("%s: %s, want the answer to a token that never was: %s", what, got.Error.Message, absent)
		}
	}
	s.exec(`update users set email_verified_at = null where id = $1`, s.World.Bob.ID)
	accept(bob, second).WantError(t, http.StatusNotFound, "NOT_FOUND")
	s.exec(`update users set email_verified_at = now() where id = $1`, s.World.Bob.ID)
	var joined businessBody
	accept(bob, second).Decode(t, 200, &joined)
	if joined.ID != s.World.Cafe.ID.String() || joined.Role != "analyst" {
		t.Errorf("joined %+v", joined)
	}
	accept(bob, second).WantError(t, http.StatusNotFound, "NOT_FOUND")
	if got := s.value(`select action || ' ' || outcome from audit_log where business_id = $1 and user_id = $2 order by id desc limit 1`, s.World.Cafe.ID, s.World.Bob.ID); got != "acceptInvitation done" {
		t.Errorf("audited %q", got)
	}
	if got := s.value(`select count(*) from audit_log where (details::text || subject) ilike '%@%'`); got != "0" {
		t.Errorf("%s audit entries hold addresses", got)
	}

	invite("admin", "nobody@example.com", "viewer").Decode(t, 201, &made)
	s.want(204, staff["admin"], "DELETE", path+"/"+made.ID, nil, nil)
	accept(nobody, s.mailedToken("nobody@example.com")).WantError(t, http.StatusNotFound, "NOT_FOUND")
	s.as(staff["admin"], "DELETE", path+"/"+made.ID, nil).WantError(t, http.StatusNotFound, "NOT_FOUND")
}

// Invitations end with the time that they had, and with the rights of who made them.
func TestInvitationsEnd(t *testing.T) {
	t.Parallel()
	s := newScene(t, apitest.Options{})
	staff := s.staff()
	s.exec(`update users set email_verified_at = now()`)
	s.exec(`update businesses set subscription_tier = 'pro'`)
	invitations := "/businesses/" + s.World.Cafe.ID.String() + "/invitations"
	members := "/businesses/" + s.World.Cafe.ID.String() + "/members/"
	nobody := s.Login(t, s.World.Nobody)
	invited := func(actor, role string) string {
		t.Helper()
		s.want(201, staff[actor], "POST", invitations, map[string]string{"email": "nobody@example.com", "role": role}, nil)
		return s.mailedToken("nobody@example.com")
	}
	refused := func(token string) {
		t.Helper()
		s.as(nobody, "POST", "/invitations/accept", map[string]string{"token": token}).WantError(t, http.StatusNotFound, "NOT_FOUND")
	}
	token := invited("owner", "owner")
	s.exec(`update memberships set role = 'owner' where user_id = $1`, s.idOf("admin"))
	s.want(200, staff["admin"], "PUT", members+s.idOf("ada"), map[string]string{"role": "admin"}, nil)
	refused(token) // an admin could not invite an owner
	token = invited("owner", "viewer")
	s.want(200, staff["admin"], "PUT", members+s.idOf("ada"), map[string]string{"role": "viewer"}, nil)
	refused(token)
	if got := s.value(`select count(*) from invitations`); got != "0" {
		t.Errorf("%s invitations of somebody who invites no more", got)
	}
	token = invited("admin", "viewer")
	s.Clock.Advance(8 * 24 * time.Hour)
	nobody = s.Login(t, s.World.Nobody)
	refused(token)
}

func TestMembersLimit(t *testing.T) {
	t.Parallel()
	s := newScene(t, apitest.Options{})
	ada := s.Login(t, s.World.Ada) // with Vic and Gone: three members of five
	path := "/businesses/" + s.World.Cafe.ID.String() + "/invitations"
	statuses := make([]int, 6)
	var wait sync.WaitGroup
	for i := range statuses {
		wait.Go(func() {
			statuses[i] = s.as(ada, "POST", path, map[string]string{"email": string(rune('a'+i)) + "@example.com", "role": "viewer"}).Status
		})
	}
	wait.Wait()
	made := 0
	for _, status := range statuses {
		if status == http.StatusCreated {
			made++
		} else if status != http.StatusForbidden {
			t.Errorf("status %d, want 201 or 403", status)
		}
	}
	if made != 2 {
		t.Errorf("%d invitations at once, want 2: %v", made, statuses)
	}
	// One that is replaced does not count twice, and one that expired not at all.
	again := s.value(`select email from invitations limit 1`)
	s.want(201, ada, "POST", path, map[string]string{"email": again, "role": "analyst"}, nil)
	s.Clock.Advance(8 * 24 * time.Hour)
	ada = s.Login(t, s.World.Ada)
	s.want(201, ada, "POST", path, map[string]string{"email": "new@example.com", "role": "viewer"}, nil)
}
