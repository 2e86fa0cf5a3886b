package api_test

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/signalcraft/signalcraft/api"
	"github.com/signalcraft/signalcraft/api/apitest"
)

// batch is one job, which remembers how often it was queued.
type batch struct{ queued []string }

// List returns the job.
func (b *batch) List(context.Context) ([]api.JobState, error) {
	return []api.JobState{{Name: "nightly", Schedule: "15 2 * * *", Active: true}}, nil
}

// Enqueue queues it.
func (b *batch) Enqueue(_ context.Context, name string) error {
	if name != "nightly" {
		return api.ErrNoJob
	}
	b.queued = append(b.queued, name)
	return nil
}

func TestAdministration(t *testing.T) {
	t.Parallel()
	jobs := &batch{}
	s := newScene(t, apitest.Options{API: func(c *api.Config) { c.Jobs = jobs }})
	s.exec(`update users set is_operator = true where id = $1`, s.World.Nobody.ID)
	operator, vic := s.Login(t, s.World.Nobody), s.Login(t, s.World.Vic)
	for _, path := range []string{"/admin/users", "/admin/sessions", "/admin/jobs", "/admin/runs", "/admin/audit"} {
		s.as(vic, "GET", path, nil).WantError(t, http.StatusForbidden, "FORBIDDEN")
	}
	var users struct {
		Users      []struct{ ID, Email, Name string }
		NextCursor *string `json:"next_cursor"`
	}
	s.want(200, operator, "GET", "/admin/users?search=VIC", nil, &users)
	if len(users.Users) != 1 || users.Users[0].Email != s.World.Vic.Email {
		t.Errorf("search: %v", users.Users)
	}
	var emails []string
	for cursor := ""; ; cursor = *users.NextCursor {
		s.want(200, operator, "GET", "/admin/users?limit=2&cursor="+cursor, nil, &users)
		for _, u := range users.Users {
			emails = append(emails, u.Email)
		}
		if users.NextCursor == nil {
			break
		}
	}
	if len(emails) != 5 || !slices.Contains(emails, s.World.Gone.Email) {
		t.Errorf("accounts: %v, want five", emails)
	}
	s.want(200, operator, "GET", "/admin/users?search=%25", nil, &users)
	if len(users.Users) != 0 {
		t.Error("a search for % finds everybody")
	}
	set := func(id string, active, operates bool) apitest.Answer {
		return s.as(operator, "PUT", "/admin/users/"+id, map[string]bool{"is_active": active, "is_operator": operates})
	}
	set(s.World.Nobody.ID.String(), true, false).WantError(t, http.StatusConflict, "NOT_YOURSELF")
	set(s.World.Cafe.ID.String(), true, true).WantError(t, http.StatusNotFound, "NOT_FOUND")
	if got := set(s.World.Vic.ID.String(), false, false); got.Status != 200 {
		t.Fatalf("switch off: %d %s", got.Status, got.Body)
	}
	s.Request(t, "POST", "/auth/login", map[string]string{"email": s.World.Vic.Email, "password": s.World.Vic.Password}).
		WantError(t, http.StatusUnauthorized, "INVALID_CREDENTIALS")
	if got := s.value(`select count(*) from user_sessions where user_id = $1 and revoked_at is null`, s.World.Vic.ID); got != "0" {
		t.Errorf("%s open sessions of an account that is switched off", got)
	}
	if got := s.value(`select count(*) from events where user_id = $1 and kind = 'session.ended'`, s.World.Vic.ID); got != "1" {
		t.Errorf("%s events tell of it, want 1", got)
	}
	if got := s.value(`select action || ' ' || subject from audit_log where action like 'admin%' and outcome = 'done' order by id desc limit 1`); got != "adminUpdateUser "+s.World.Vic.ID.String() {
		t.Errorf("audited %q", got)
	}
}

func TestSessionsJobsRunsAndAudit(t *testing.T) {
	t.Parallel()
	jobs := &batch{}
	s := newScene(t, apitest.Options{API: func(c *api.Config) { c.Jobs = jobs }})
	s.exec(`update users set is_operator = true where id = $1`, s.World.Nobody.ID)
	s.exec(`insert into runs (id, job, as_of, status, started_at) values ('0192f0c1-4b5a-7000-8000-000000000009', 'nightly', now(), 'running', now())`)
	ada := s.Login(t, s.World.Ada)
	s.want(201, ada, "POST", "/businesses", bakery(), nil)
	operator := s.Login(t, s.World.Nobody)
	var sessions struct {
		Sessions []struct{ ID, Email string }
	}
	s.want(200, operator, "GET", "/admin/sessions?open=true&user_id="+s.World.Ada.ID.String(), nil, &sessions)
	if len(sessions.Sessions) != 1 || sessions.Sessions[0].Email != s.World.Ada.Email {
		t.Fatalf("sessions: %v", sessions)
	}
	s.want(204, operator, "DELETE", "/admin/sessions/"+sessions.Sessions[0].ID, nil, nil)
	s.want(204, operator, "DELETE", "/admin/sessions/"+sessions.Sessions[0].ID, nil, nil)
	s.as(operator, "DELETE", "/admin/sessions/"+s.World.Cafe.ID.String(), nil).WantError(t, http.StatusNotFound, "NOT_FOUND")
	s.want(200, operator, "GET", "/admin/sessions?open=true&user_id="+s.World.Ada.ID.String(), nil, &sessions)
	if len(sessions.Sessions) != 0 {
		t.Errorf("still open: %v", sessions)
	}
	var list struct{ Jobs []struct{ Name string } }
	s.want(200, operator, "GET", "/admin/jobs", nil, &list)
	s.want(202, operator, "POST", "/admin/jobs/nightly/run", nil, nil)
	s.as(operator, "POST", "/admin/jobs/fly/run", nil).WantError(t, http.StatusNotFound, "NOT_FOUND")
	if len(list.Jobs) != 1 || !slices.Equal(jobs.queued, []string{"nightly"}) {
		t.Errorf("jobs %v, queued %v", list.Jobs, jobs.queued)
	}
	var runs struct{ Runs []struct{ Status string } }
	s.want(200, operator, "GET", "/admin/runs?job=nightly&status=running", nil, &runs)
	if len(runs.Runs) != 1 {
		t.Errorf("runs: %v", runs)
	}
	var audit struct {
		Entries []struct {
			Action     string
			BusinessID *string `json:"business_id"`
			Address    *string
		}
		NextCursor *string `json:"next_cursor"`
	}
	s.want(200, operator, "GET", "/admin/audit?action=createBusiness", nil, &audit)
	if len(audit.Entries) != 1 || audit.Entries[0].BusinessID == nil || audit.Entries[0].Address == nil {
		t.Fatalf("audit: %+v", audit.Entries)
	}
	var actions []string
	for cursor := ""; ; cursor = *audit.NextCursor {
		s.want(200, operator, "GET", "/admin/audit?limit=1&outcome=done&cursor="+cursor, nil, &audit)
		for _, e := range audit.Entries {
			actions = append(actions, e.Action)
		}
		if audit.NextCursor == nil {
			break
		}
	}
	if got := strings.Join(actions, " "); !strings.Contains(got, "adminRunJob adminEndSession adminEndSession") || !strings.Contains(got, "createBusiness") {
		t.Errorf("audit log, newest first: %s", got)
	}
}

func TestAuditOfABusiness(t *testing.T) {
	t.Parallel()
	s := newScene(t, apitest.Options{})
	staff := s.staff()
	cafe := "/businesses/" + s.World.Cafe.ID.String()
	s.want(200, staff["owner"], "PUT", cafe+"/members/"+s.idOf("vic"), map[string]string{"role": "analyst"}, nil)
	var own businessBody
	s.want(201, staff["owner"], "POST", "/businesses", bakery(), &own)
	var audit struct {
		Entries []struct {
			Action, Subject string
			Details         map[string]string
		}
	}
	s.want(200, staff["admin"], "GET", cafe+"/audit", nil, &audit)
	if len(audit.Entries) != 1 || audit.Entries[0].Details["to"] != "analyst" || audit.Entries[0].Subject != s.idOf("vic") {
		t.Errorf("audit of the cafe: %+v", audit.Entries)
	}
	s.as(staff["analyst"], "GET", cafe+"/audit", nil).WantError(t, http.StatusForbidden, "FORBIDDEN")
	s.want(200, staff["owner"], "GET", cafe+"/audit?action=createBusiness", nil, &audit)
	if len(audit.Entries) != 0 {
		t.Errorf("the cafe's audit log holds what was done elsewhere: %+v", audit.Entries)
	}
}

// Who is dismissed is no operator from that moment on, although the session still says so for some seconds.
func TestDismissedOperators(t *testing.T) {
	t.Parallel()
	s := newScene(t, apitest.Options{API: func(c *api.Config) { c.Jobs = &batch{} }})
	for method, paths := range map[string][]string{
		"GET":  {"/admin/users", "/admin/sessions", "/admin/jobs", "/admin/runs", "/admin/audit", "/admin/audit/verify"},
		"POST": {"/admin/signing-keys", "/admin/jobs/nightly/run"},
	} {
		for _, path := range paths {
			s.exec(`update users set is_operator = true where id = $1`, s.World.Nobody.ID)
			s.Clock.Advance(time.Minute)
			operator := s.Login(t, s.World.Nobody)
			if got := s.as(operator, method, path, nil); got.Status > 299 {
				t.Errorf("%s %s by an operator: %d %s", method, path, got.Status, got.Body)
			}
			s.exec(`update users set is_operator = false where id = $1`, s.World.Nobody.ID)
			before := s.value(`select count(*) from signing_keys`)
			s.as(operator, method, path, nil).WantError(t, http.StatusForbidden, "FORBIDDEN")
			if after := s.value(`select count(*) from signing_keys`); after != before {
				t.Errorf("%s %s by one who is dismissed: %s signing keys, were %s", method, path, after, before)
			}
		}
	}
}
